"""Secrets by reference only: no environment block contains a secret, and every reference resolves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.checks.check import Checks, check
from pushproof.checks.finding import Finding
from pushproof.engines.buildspec import parse

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef, TaskDefinitionTypeDef

_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html"
_BUILD_PAGE = "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html"
_BUILDSPEC_PAGE = (
    "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env.secrets-manager"
)
_IMAGE_PAGE = "https://docs.docker.com/build/building/secrets/"
_NAMES = re.compile(
    r"PASSW(OR)?D|PASSPHRASE|SECRET|(^|[_-])TOKEN($|[_-])|API[_-]?KEY|ACCESS[_-]?KEY|PRIVATE[_-]?KEY|CREDENTIAL"
    r"|DATABASE_URL|CONNECTION_STRING|(^|_)DSN$|WEBHOOK",
    re.IGNORECASE,
)
_VALUES = (
    (re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^@\s/]+@"), "a URL with a password in it"),
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\b(ghp|gho|ghr|ghs|ghu|github_pat)_[A-Za-z0-9_]{20,}"), "a GitHub token"),
    (re.compile(r"\bxox[abpr]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/"), "a Slack credential"),
)
# Names that mention a secret without holding one.
_HARMLESS = re.compile(
    r"(_ARN|_NAME|_ID|_PATH|_FILE|_REGION|_LENGTH|_TTL|_SECONDS|_DAYS|_HEADER|_REQUIRED|_ENABLED|_TYPE)$", re.IGNORECASE
)
# Values that are no secret under any name: switches, numbers of one digit, and references.
_PLAIN = re.compile(
    r"(true|false|yes|no|on|off|none|null|\d?|arn:[^:]*:(secretsmanager|ssm|kms|iam):.*)", re.IGNORECASE
)


def looks_secret(name: str, value: str) -> str | None:
    """The reason why a variable looks like a secret; None if it does not."""
    for pattern, what in _VALUES:
        if pattern.search(value):
            return f"its value is {what}"
    if _NAMES.search(name) and not _HARMLESS.search(name) and not _PLAIN.fullmatch(value):
        return "its name says so"
    return None


class SecretsChecks(Checks):
    """Checks of task definitions and build projects."""

    family = "secrets"

    @check
    def secrets_are_passed_by_reference(
        self,
        *,
        task_definition: str | None = None,
        build_project: str | None = None,
        buildspec: str | None = None,
    ) -> Iterator[Finding]:
        """No task definition, PLAINTEXT variable of a build project, or buildspec contains a value that looks like a secret.

        Raises ValueError when none is named, LookupError when there is no such task definition or project.
        """
        if task_definition is None and build_project is None and buildspec is None:
            raise ValueError("name a task_definition, a build_project or a buildspec: there is nothing to look at")
        if buildspec is not None:
            yield from self._buildspec(buildspec)
        yield from self._task(task_definition)
        yield from self._build(build_project)

    def _task(self, name: str | None) -> Iterator[Finding]:
        if name is None:
            return
        definition = self._definition(name)
        for container in definition["containerDefinitions"]:
            for variable in container.get("environment", []):
                reason = looks_secret(variable["name"], variable["value"])
                if reason is not None:
                    yield Finding(
                        resource=definition["taskDefinitionArn"],
                        expected=f"{variable['name']} of container {container['name']} in the `secrets` block, by reference",
                        found=f"a plain environment variable; {reason}",
                        why="Everyone who may describe a task definition reads it: in the console, in CloudTrail, in state.",
                        change="Put the value into Secrets Manager, and give the container secrets ="
                        " [{ name, valueFrom = <ARN> }].",
                        page=_PAGE,
                    )
            for where, written in _elsewhere(container):
                reason = looks_secret("", written)
                if reason is not None:
                    yield Finding(
                        resource=definition["taskDefinitionArn"],
                        expected=f"nothing secret in the {where} of container {container['name']}",
                        found=reason.replace("its value is", "it holds"),
                        why="Everyone who may describe a task definition reads it: in the console, in CloudTrail, in state.",
                        change="Put the value into Secrets Manager, and let the program read it from a variable of the"
                        " `secrets` block.",
                        page=_PAGE,
                    )

    def _build(self, name: str | None) -> Iterator[Finding]:
        if name is None:
            return
        projects = self.aws("codebuild").batch_get_projects(names=[name])["projects"]
        if not projects:
            raise LookupError(f"there is no build project {name}; check the name, the account and the region")
        project = projects[0]
        for variable in project["environment"].get("environmentVariables", []):
            reason = looks_secret(variable["name"], variable["value"])
            if variable.get("type", "PLAINTEXT") == "PLAINTEXT" and reason is not None:
                yield Finding(
                    resource=project["arn"],
                    expected=f"{variable['name']} as SECRETS_MANAGER or PARAMETER_STORE",
                    found=f"PLAINTEXT; {reason}",
                    why="Plain variables of a build project are readable in the console and printed by careless builds.",
                    change='type = "SECRETS_MANAGER" and the secret\'s name as value',
                    page=_BUILD_PAGE,
                )

    def _buildspec(self, text: str) -> Iterator[Finding]:
        spec = parse(text)
        for name, value in spec.env.variables.items():
            reason = looks_secret(name, value)
            if reason is not None:
                yield Finding(
                    resource="buildspec",
                    expected=f"{name} under env: secrets-manager, or parameter-store",
                    found=f"env: variables; {reason}",
                    why="The buildspec is in the repository: whoever may read the code reads it, in every commit that ever had it.",
                    change="env: secrets-manager: { NAME: secret-id:key }",
                    page=_BUILDSPEC_PAGE,
                )
        commands = [c for phase in spec.phases.values() for c in (*phase.commands, *phase.finally_)]
        for command in commands:
            for name in re.findall(r"--build-arg[\s=]+[\"']?(\w+)", command):
                if looks_secret(name, "x") is not None:
                    yield Finding(
                        resource="buildspec",
                        expected=f"{name} as a secret of the build: docker build --secret",
                        found=f"--build-arg {name}",
                        why="Build arguments stay in the image's history: whoever may pull the image reads it.",
                        change=f"docker build --secret id={name.lower()},env={name}, and RUN --mount=type=secret in the"
                        " Dockerfile.",
                        page=_IMAGE_PAGE,
                    )

    @check
    def containers_are_given(self, task_definition: str, *names: str) -> Iterator[Finding]:
        """A container of the task definition receives each of these variables from a secret."""
        definition = self._definition(task_definition)
        passed = {s["name"] for c in definition["containerDefinitions"] for s in c.get("secrets", [])}
        for name in names:
            if name not in passed:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"{name} in the `secrets` block of a container",
                    found=f"secrets {', '.join(sorted(passed)) or 'none'}",
                    why="The application starts without what it works with, and fails with the first request that needs it.",
                    change=f"secrets = [{{ name = {name}, valueFrom = <ARN> }}]",
                    page=_PAGE,
                )

    @check
    def every_reference_resolves(self, task_definition: str) -> Iterator[Finding]:
        """Every `secrets` entry names a secret (or parameter) that exists and has a value."""
        name = task_definition
        definition = self._definition(name)
        for container in definition["containerDefinitions"]:
            for secret in container.get("secrets", []):
                problem = self._unresolved(secret["valueFrom"])
                if problem is not None:
                    yield Finding(
                        resource=definition["taskDefinitionArn"],
                        expected=f"{secret['name']} from {secret['valueFrom']}",
                        found=problem,
                        why="No task of this revision starts: ResourceInitializationError: unable to pull secrets or"
                        " registry auth.",
                        change="Create the secret and put a value into it before the first deployment.",
                        page=_PAGE,
                    )

    def _unresolved(self, reference: str) -> str | None:
        try:
            if ":secretsmanager:" in reference:
                arn = ":".join(reference.split(":")[:7])
                versions = self.aws("secretsmanager").describe_secret(SecretId=arn).get("VersionIdsToStages", {})
                if not any("AWSCURRENT" in stages for stages in versions.values()):
                    return "the secret has no current value"
            else:
                path = reference.rpartition(":parameter")[2] if ":parameter/" in reference else reference
                # In an ARN the name of a parameter without a path has a slash, too, which is not part of it.
                single = ":parameter/" in reference and path.count("/") == 1
                self.aws("ssm").get_parameter(Name=path.removeprefix("/") if single else path)
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return None

    def _definition(self, name: str) -> TaskDefinitionTypeDef:
        ecs = self.aws("ecs")
        try:
            return ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        except ecs.exceptions.ClientException as error:
            raise LookupError(f"there is no task definition {name}: {error.response['Error']['Message']}") from None


def _elsewhere(container: ContainerDefinitionOutputTypeDef) -> Iterator[tuple[str, str]]:
    """Other fields of a container definition that often contain secrets."""
    for part, words in (("command", container.get("command")), ("entryPoint", container.get("entryPoint"))):
        for word in words or ():
            yield part, word
    for label in (container.get("dockerLabels") or {}).values():
        yield "dockerLabels", label
    for option in (container.get("logConfiguration", {}).get("options") or {}).values():
        yield "log options", option
