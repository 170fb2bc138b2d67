"""Build projects: what AWS refuses, and what it fills in.

What it fills in matters as much as what it stores: Terraform reads it back and plans a change wherever the two differ.
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Project.html
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.services.codebuild.validation import check_project, invalid

TIMEOUT_MINUTES = 60
QUEUED_TIMEOUT_MINUTES = 480
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_]{1,149}")
_SETTABLE = (
    "description", "source", "secondarySources", "sourceVersion", "secondarySourceVersions", "artifacts",
    "secondaryArtifacts", "cache", "environment", "serviceRole", "timeoutInMinutes", "queuedTimeoutInMinutes",
    "encryptionKey", "tags", "vpcConfig", "logsConfig", "fileSystemLocations", "buildBatchConfig", "autoRetryLimit",
)  # fmt: skip


@dataclass(slots=True)
class Project:
    """A project. `body` holds API_Project's members that a request sets; times are AWS seconds."""

    name: str
    arn: str
    region: str
    created: float
    modified: float
    body: dict[str, Any]
    badge: bool = False
    concurrent_build_limit: int | None = None
    builds: int = 0
    cache_generation: int = 0
    local_cache: bytes | None = field(default=None, repr=False)

    @property
    def environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = self.body["environment"]
        return environment


def check_name(name: str) -> None:
    """Refuse a name for a project. Raises AwsError (InvalidInputException)."""
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Project name {name} is invalid: it must have 2 to 150 characters, begin with a letter or a digit, and hold only "
            "letters, digits, hyphens and underscores"
        )


def create(context: RequestContext, request: dict[str, Any], now: float) -> Project:
    """A project as AWS makes it of a CreateProject request. Raises AwsError (InvalidInputException)."""
    name = request["name"]
    arn = arn_of("codebuild", f"project/{name}", region=context.region, account=context.account_id)
    project = Project(name, arn, context.region, now, now, {})
    update(context, project, request, now)
    return project


def update(context: RequestContext, project: Project, request: dict[str, Any], now: float) -> None:
    """Take over what a request names; what it leaves out stays, but for tags. Raises AwsError (InvalidInputException)."""
    body = copy.deepcopy(project.body)
    # "The replacement set of tags": a request without any replaces them by none.
    body.pop("tags", None)
    body |= {key: copy.deepcopy(request[key]) for key in _SETTABLE if key in request}
    if (
        request.get("environment", {}).get("type", "").endswith("_LAMBDA_CONTAINER")
        and "queuedTimeoutInMinutes" in request
    ):
        raise invalid("Cannot specify queuedTimeoutInMinutes for lambda compute")
    fill_in(context, project.name, body)
    check_project(body)
    limit = request.get("concurrentBuildLimit")
    if limit == 0:
        raise invalid("Invalid concurrentBuildLimit: it must be at least 1")
    if limit is not None:
        project.concurrent_build_limit = None if limit < 0 else limit
    project.badge = request.get("badgeEnabled", project.badge)
    project.body, project.modified = body, now


def fill_in(context: RequestContext, name: str, body: dict[str, Any]) -> None:
    """Put in what a request leaves out."""
    body.setdefault("timeoutInMinutes", TIMEOUT_MINUTES)
    body.setdefault("queuedTimeoutInMinutes", QUEUED_TIMEOUT_MINUTES)
    if not body.get("encryptionKey"):
        body["encryptionKey"] = arn_of("kms", "alias/aws/s3", region=context.region, account=context.account_id)
    body["cache"] = body.get("cache") or {"type": "NO_CACHE"}
    body.setdefault("tags", [])
    for source in (body["source"], *body.get("secondarySources", [])):
        source.setdefault("insecureSsl", False)
    for artifacts in (body["artifacts"], *body.get("secondaryArtifacts", [])):
        _fill_in_artifacts(name, artifacts)
    environment = body["environment"]
    environment.setdefault("privilegedMode", False)
    environment.setdefault("imagePullCredentialsType", "CODEBUILD")
    for variable in environment.setdefault("environmentVariables", []):
        variable.setdefault("type", "PLAINTEXT")
    logs = body.get("logsConfig")
    if logs:
        logs.setdefault("cloudWatchLogs", {"status": "ENABLED"})
        logs.setdefault("s3Logs", {"status": "DISABLED"})
        logs["s3Logs"].setdefault("encryptionDisabled", False)


def _fill_in_artifacts(name: str, artifacts: dict[str, Any]) -> None:
    if artifacts["type"] == "NO_ARTIFACTS":
        return
    artifacts.setdefault("name", name)
    artifacts.setdefault("packaging", "NONE")
    artifacts.setdefault("encryptionDisabled", False)
    if artifacts["type"] == "S3":
        artifacts.setdefault("namespaceType", "NONE")
        artifacts.setdefault("overrideArtifactName", False)


def describe(project: Project, stamp: Any) -> dict[str, Any]:
    """API_Project."""
    shown = {
        "name": project.name,
        "arn": project.arn,
        "created": stamp(project.created),
        "lastModified": stamp(project.modified),
        "badge": {"badgeEnabled": project.badge},
        "projectVisibility": "PRIVATE",
        **copy.deepcopy(project.body),
    }
    if project.concurrent_build_limit is not None:
        shown["concurrentBuildLimit"] = project.concurrent_build_limit
    return shown
