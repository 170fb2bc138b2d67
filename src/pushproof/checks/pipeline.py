"""The pipeline: does a push get from the connection to the service, is it approved where it must be, and is anybody told?"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from pushproof.base.origin import Addresses
from pushproof.checks.check import Checks, Clients, check
from pushproof.checks.finding import Finding
from pushproof.engines import policy
from pushproof.engines.buildspec import Buildspec, Phase, parse
from pushproof.engines.events import compile_pattern

_STRUCTURE = "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html"
_CONNECTIONS = "https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html"
_ECS = "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html"
_EVENTS = "https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html"
_TOPIC = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html"
_SUBSCRIPTION = "https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html"
_DOCKER = "https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker.html"
_BUILDSPEC = "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html"
_CACHE = "https://docs.docker.com/build/cache/backends/inline/"
_MUTABILITY = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"

# NAME=value at the beginning of a command or a line, with what a command substitution or quotes hold together.
_ASSIGNMENT = re.compile(r"""(?m)^\s*(?:export\s+)?([A-Za-z_]\w*)=(\$\([^\n]*\)|"[^"\n]*"|'[^'\n]*'|\S*)""")
_USE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_DEFAULT = re.compile(r"\$\{\w+:?[-=]([^}]*)\}")
_CHANGES = re.compile(r"CODEBUILD_(RESOLVED_SOURCE_VERSION|BUILD_NUMBER|BUILD_ID|START_TIME)|\$\(date|git rev-parse")


class PipelineChecks(Checks):
    """Checks of one pipeline, by name."""

    family = "pipeline"

    def __init__(self, aws: Clients, *, pipeline: str, addresses: Addresses | None = None) -> None:
        super().__init__(aws, addresses=addresses)
        self.pipeline = pipeline

    @check
    def goes_through(self, *categories: str) -> Iterator[Finding]:
        """The stages' actions are of these categories, in this order: `goes_through("Source", "Build", "Deploy")`."""
        present = [action["actionTypeId"]["category"] for _, action in self._actions()]
        ordered = [category for category, _ in itertools.groupby(present)]
        if ordered != list(categories):
            yield Finding(
                resource=self._arn(),
                expected=" → ".join(categories),
                found=" → ".join(ordered) or "no stages",
                why="What is deployed has not been through every gate, or not before it was deployed.",
                change=f"Write the stages as {', '.join(categories)}, each with an action of that category.",
                page=_STRUCTURE,
            )

    @check
    def asks_before_it_deploys(self) -> Iterator[Finding]:
        """A person approves between Build and Deploy, is told that there is something to approve, and can see what."""
        actions = list(self._actions())
        categories = [action["actionTypeId"]["category"] for _, action in actions]
        if "Approval" not in categories or "Deploy" not in categories[categories.index("Approval") :]:
            yield Finding(
                resource=self._arn(),
                expected="an Approval action before Deploy",
                found=" → ".join(category for category, _ in itertools.groupby(categories)),
                why="Whatever is merged is in production minutes later, at any hour.",
                change="Add a stage with a Manual approval action before the Deploy stage.",
                page="https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals.html",
            )
            return
        configuration = actions[categories.index("Approval")][1].get("configuration", {})
        for key, meaning in (
            ("NotificationArn", "nobody is told"),
            ("ExternalEntityLink", "nobody sees what is approved"),
        ):
            if not configuration.get(key):
                yield Finding(
                    resource=self._arn(),
                    expected=f"{key} in the approval's configuration",
                    found="not set",
                    why=f"Without it {meaning}, and the approval expires after seven days.",
                    change=f"configuration = {{ {key} = … }}",
                    page="https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-action-add.html",
                )

    @check
    def its_connection_is_usable(self) -> Iterator[Finding]:
        """The connection it starts from is AVAILABLE: authorised by a person."""
        arns = [arn for _, action in self._actions() if (arn := action.get("configuration", {}).get("ConnectionArn"))]
        for arn in self._some(arns, "a source action with a connection", page=_CONNECTIONS):
            # The same connections under two names; the one in the ARN always answers.
            connections = self.aws(arn.split(":")[2])
            status = connections.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"]
            if status != "AVAILABLE":
                yield Finding(
                    resource=arn,
                    expected="AVAILABLE",
                    found=f"{status}, because nobody has completed the handshake with the source host"
                    if status == "PENDING"
                    else status,
                    why="Every execution fails at Source, with an error that speaks of permissions.",
                    change="Open Developer Tools → Connections in the console and complete the handshake; no API can.",
                    page=_CONNECTIONS,
                )

    @check
    def artifacts_flow(self) -> Iterator[Finding]:
        """Every input artifact is an earlier action's output."""
        made: set[str] = set()
        for stage, action in self._actions():
            for artifact in action.get("inputArtifacts", []):
                if artifact["name"] not in made:
                    yield Finding(
                        resource=self._arn(),
                        expected=f"an action before {stage} that makes {artifact['name']}",
                        found=f"earlier actions make {', '.join(sorted(made)) or 'nothing'}",
                        why="The action has nothing to work on.",
                        change="Name the artifact as the action that makes it does.",
                        page=_STRUCTURE,
                    )
            made |= {artifact["name"] for artifact in action.get("outputArtifacts", [])}

    @check
    def artifacts_are_private(self) -> Iterator[Finding]:
        """The artifacts bucket is versioned, encrypted and closed to the public."""
        described = self._describe()
        # A pipeline across regions has a store in each of them.
        stores = [described["artifactStore"]] if "artifactStore" in described else described["artifactStores"].values()
        for bucket in dict.fromkeys(store["location"] for store in stores):
            yield from bucket_findings(self.aws("s3"), bucket)

    # Builds.

    @check
    def builds_can_use_docker(self) -> Iterator[Finding]:
        """The build project runs privileged: without it there is no Docker daemon."""
        for project in self._some(self._projects(), "a CodeBuild action", page=_DOCKER):
            if not project["environment"].get("privilegedMode"):
                yield Finding(
                    resource=project["arn"],
                    expected="privilegedMode",
                    found="off",
                    why="docker build fails: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
                    change="environment { privileged_mode = true }",
                    page=_DOCKER,
                )

    @check
    def build_makes_what_deploy_reads(self, buildspec: str, *, container: str) -> Iterator[Finding]:
        """The buildspec's artifact holds the file that the deploy action reads, and the file names the service's container."""
        spec = parse(buildspec)
        text = buildspec
        deploys = [action for _, action in self._actions() if action["actionTypeId"]["provider"] == "ECS"]
        for action in self._some(deploys, "an ECS deploy action", page=_ECS):
            wanted = action["configuration"].get("FileName", "imagedefinitions.json")
            files = spec.artifacts.files if spec.artifacts is not None else ()
            if not any(fnmatchcase(wanted, glob.removeprefix("**/")) for glob in files):
                yield Finding(
                    resource=self._arn(),
                    expected=f"{wanted} among the buildspec's artifacts",
                    found=f"artifacts {', '.join(files) or 'none'}",
                    why="The deploy action fails: the image definitions file is not in its input artifact.",
                    change=f"artifacts: files: [{wanted}]",
                    page=_ECS,
                )
            commands = "\n".join(c for phase in spec.phases.values() for c in phase.commands)
            if wanted not in commands:
                yield Finding(
                    resource=self._arn(),
                    expected=f"a command that writes {wanted}",
                    found="no command speaks of it",
                    why="The artifact is empty.",
                    change=f'printf \'[{{"name":"%s","imageUri":"%s"}}]\' "$CONTAINER_NAME" "$IMAGE" > {wanted}',
                    page=_ECS,
                )
            if not self._names_the_container(spec, text, container):
                yield Finding(
                    resource=self._arn(),
                    expected=f"the container's name {container}, in the buildspec or in a variable of the build project",
                    found="no variable that the buildspec uses has this value, and the buildspec does not say it itself",
                    why="The deploy action fails: the file names a container that the task definition does not have.",
                    change="Give the build project CONTAINER_NAME.",
                    page=_ECS,
                )

    def _names_the_container(self, spec: Buildspec, text: str, container: str) -> bool:
        given = dict(spec.env.variables)
        for project in self._projects():
            given |= {v["name"]: v["value"] for v in project["environment"].get("environmentVariables", [])}
        used = any(value == container and re.search(rf"\$\{{?{name}\b", text) for name, value in given.items())
        return used or re.search(rf"name\W{{1,8}}{re.escape(container)}\b", text) is not None

    @check
    def builds_use_the_layer_cache(self, buildspec: str) -> Iterator[Finding]:
        """The cache image is pulled before the build, the build uses it, and it is pushed for the next one."""
        spec = parse(buildspec)
        commands = [c for phase in spec.phases.values() for c in (*phase.commands, *phase.finally_)]
        builds = [n for n, c in enumerate(commands) if re.search(r"\bdocker\s+(buildx\s+)?build\b", c)]
        if not builds:
            self._nothing("a docker build in the buildspec", page=_CACHE)
        sources = {ref for n in builds for ref in re.findall(r"--cache-from[\s=]+(\S+)", commands[n])}
        images = {_bare(ref) for ref in sources if "type=" not in ref}
        pulled = {_bare(ref) for c in commands[: builds[0]] for ref in _references(c, "pull")}
        pushed = {_bare(ref) for c in commands[builds[0] :] for ref in _references(c, "push")}
        text = "\n".join(commands)
        problems = []
        if not sources:
            problems.append("no build has --cache-from")
        if images and not images & pulled:
            problems.append(f"{', '.join(sorted(images))} is not pulled before the first build")
        if images and not images & pushed:
            problems.append(f"{', '.join(sorted(images))} is never pushed: there is nothing to pull the next time")
        if sources and not images and "--cache-to" not in text:
            problems.append("no build has --cache-to: there is no cache the next time")
        if images and "BUILDKIT_INLINE_CACHE=1" not in text and spec.env.variables.get("DOCKER_BUILDKIT") != "0":
            problems.append("BuildKit is not told to leave cache metadata in the image, and finds none there")
        for problem in problems:
            yield Finding(
                resource=self._arn(),
                expected="docker pull of the cache image (|| true, for the first build), then docker build --cache-from",
                found=problem,
                why="A build machine starts empty: every build makes every layer anew, which takes 15 minutes instead of 4.",
                change="Pull the cache image in pre_build, build with --cache-from and BUILDKIT_INLINE_CACHE=1, push it in"
                " post_build.",
                page=_CACHE,
            )

    @check
    def pushes_only_after_a_successful_build(self, buildspec: str) -> Iterator[Finding]:
        """`post_build` runs after a failed build too: what pushes there looks at CODEBUILD_BUILD_SUCCEEDING."""
        spec = parse(buildspec)
        post = spec.phases.get(Phase.POST_BUILD)
        commands = (*post.commands, *post.finally_) if post is not None else ()
        pushing = next((n for n, c in enumerate(commands) if _references(c, "push")), None)
        # What guards must come before, or in the same command.
        guarded = pushing is not None and any("CODEBUILD_BUILD_SUCCEEDING" in c for c in commands[: pushing + 1])
        if pushing is not None and not guarded:
            yield Finding(
                resource=self._arn(),
                expected="a guard on CODEBUILD_BUILD_SUCCEEDING before docker push in post_build",
                found="docker push without a guard",
                why="post_build runs although build failed: an untested image is pushed.",
                change='[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] || exit 1',
                page=_BUILDSPEC,
            )

    @check
    def releases_have_tags_of_their_own(self, buildspec: str, *, repository: str) -> Iterator[Finding]:
        """Every tag pushed to `repository` changes with the commit or the build: no :latest, and no default that guesses.

        Shell variables that the buildspec sets are followed to what CodeBuild supplies.
        """
        spec = parse(buildspec)
        commands = [c for phase in spec.phases.values() for c in (*phase.commands, *phase.finally_)]
        known: dict[str, str] = dict(spec.env.variables)
        for project in self._projects():
            known |= {v["name"]: v["value"] for v in project["environment"].get("environmentVariables", [])}
        for command in commands:
            known |= dict(_ASSIGNMENT.findall(command))
        pushed = [ref for command in commands for ref in _references(command, "push")]
        releases = [(ref, full) for ref in pushed if _repository(full := _expanded(ref, known)) == repository]
        if not releases:
            self._nothing(f"a docker push to {repository} in the buildspec", page=_MUTABILITY)
        for reference, full in releases:
            tag = full.rpartition(":")[2] if ":" in full.rpartition("/")[2] else "latest"
            default = _DEFAULT.search(full)
            if default is None and _CHANGES.search(tag):
                continue
            yield Finding(
                resource=self._arn(),
                expected="a tag that changes with the commit, such as $ENVIRONMENT-$COMMIT",
                found=f"docker push {reference}, whose tag may be {default[1]}"
                if default
                else f"docker push {reference}, whose tag is {tag} every time",
                why="The first build succeeds. The second one fails with ImageTagAlreadyExistsException, because the repository"
                " is immutable; were it mutable, nobody could tell what runs.",
                change="Push releases under the commit only, and the layer cache to a repository of its own.",
                page=_MUTABILITY,
            )

    @check
    def buildspec_is_up_to_date(self, buildspec: str) -> Iterator[Finding]:
        """Every section of the buildspec has an effect: nothing that CodeBuild ignores or no longer needs."""
        spec = parse(buildspec)
        said = [(f"line {notice.line}: {notice.key}", notice.message) for notice in spec.notices]
        said += [
            (
                f"line {phase.line}: runtime-versions: docker",
                "Docker has been part of the build image since standard:3.0.",
            )
            for phase in spec.phases.values()
            if "docker" in phase.runtime_versions
        ]
        for where, message in said:
            yield Finding(
                resource=self._arn(),
                expected="a buildspec of which every line has an effect",
                found=where,
                why=message,
                change="Leave it out.",
                page=_BUILDSPEC,
            )

    # Notifications.

    @check
    def somebody_is_notified(self, *states: str) -> Iterator[Finding]:
        """For each state (STARTED, SUCCEEDED, FAILED unless named), a rule matches and has a target that may be reached."""
        states = states or ("STARTED", "SUCCEEDED", "FAILED")
        events = self.aws("events")
        pages = events.get_paginator("list_rules").paginate()
        rules = [
            rule
            for page in pages
            for rule in page["Rules"]
            if rule.get("State") == "ENABLED" and rule.get("EventPattern")
        ]
        topics: dict[str, str] = {}
        for state in states:
            matching = [rule for rule in rules if compile_pattern(rule["EventPattern"]).matches(self._event(state))]
            targets = [
                (rule, t) for rule in matching for t in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            ]
            topics |= {target["Arn"]: rule["Arn"] for rule, target in targets if ":sns:" in target["Arn"]}
            if not targets:
                yield Finding(
                    resource=self._arn(),
                    expected=f"a rule with a target that matches {state}",
                    found=f"{', '.join(rule['Name'] for rule in matching)} matches and has no target"
                    if matching
                    else f"none of the {len(rules)} enabled rules matches it",
                    why="The pipeline stops and nobody knows.",
                    change="Add aws_cloudwatch_event_rule for CodePipeline Pipeline Execution State Change, and a target.",
                    page=_EVENTS,
                )
            elif all(":sns:" in target["Arn"] and not self._subscriptions(target["Arn"]) for _, target in targets):
                yield Finding(
                    resource=targets[0][1]["Arn"],
                    expected=f"a subscriber, or a target besides topics, for {state}",
                    found="topics that nobody is subscribed to",
                    why="The message is published, and nobody reads it.",
                    change="Subscribe an address to the topic, or add a target that reaches people.",
                    page=_EVENTS,
                )
        for topic, rule in topics.items():
            yield from self._topic(topic, rule)

    def _subscriptions(self, topic: str) -> list[dict[str, Any]]:
        pages = self.aws("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        return [subscription for page in pages for subscription in page["Subscriptions"]]

    def _topic(self, topic: str, rule: str) -> Iterator[Finding]:
        sns = self.aws("sns")
        attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        if not _lets_events_publish(attributes.get("Policy"), topic, rule):
            yield Finding(
                resource=topic,
                expected="a topic policy that lets events.amazonaws.com publish",
                found=f"no statement that lets the rule {rule.rpartition('/')[2]} publish",
                why="EventBridge is refused, silently: the apply succeeds and no message ever arrives.",
                change=f"Add aws_sns_topic_policy: Principal events.amazonaws.com, sns:Publish, ArnEquals aws:SourceArn {rule}.",
                page=_TOPIC,
            )
        if attributes.get("KmsMasterKeyId", "").endswith("alias/aws/sns"):
            yield Finding(
                resource=topic,
                expected="no encryption, or a key of your own whose policy admits events.amazonaws.com",
                found="encryption with alias/aws/sns",
                why="EventBridge may not use the key that AWS manages for SNS: messages vanish without a trace.",
                change="Leave kms_master_key_id out, or name a customer-managed key.",
                page=_TOPIC,
            )
        for subscription in self._subscriptions(topic):
            if "hooks.slack.com" in subscription["Endpoint"] or (
                subscription["Protocol"] in ("http", "https") and "/services/T" in subscription["Endpoint"]
            ):
                yield Finding(
                    resource=topic,
                    expected="Slack reached by an API destination, Amazon Q Developer or a function",
                    found=f"an SNS {subscription['Protocol']} subscription of a Slack webhook",
                    why="A webhook cannot confirm a subscription and rejects what SNS sends: it stays"
                    " PendingConfirmation for ever.",
                    change="Use aws_cloudwatch_event_api_destination with an input transformer.",
                    page=_SUBSCRIPTION,
                )

    def _event(self, state: str) -> dict[str, Any]:
        arn = self._arn()
        return {
            "version": "0",
            "id": "00000000-0000-0000-0000-000000000000",
            "detail-type": "CodePipeline Pipeline Execution State Change",
            "source": "aws.codepipeline",
            "account": arn.split(":")[4],
            "time": "2026-01-01T00:00:00Z",
            "region": arn.split(":")[3],
            "resources": [arn],
            "detail": {"pipeline": self.pipeline, "execution-id": "0", "state": state, "version": 1},
        }

    # What is asked.

    def _describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self._get()["pipeline"]
        return found

    def _arn(self) -> str:
        arn: str = self._get()["metadata"]["pipelineArn"]
        return arn

    def _get(self) -> dict[str, Any]:
        pipelines = self.aws("codepipeline")
        try:
            answer: dict[str, Any] = pipelines.get_pipeline(name=self.pipeline)
        except pipelines.exceptions.PipelineNotFoundException:
            raise LookupError(
                f"there is no pipeline {self.pipeline}; check the name, the account and the region"
            ) from None
        return answer

    def _subject(self) -> str:
        return self._arn()

    def _actions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for stage in self._describe()["stages"]:
            for action in sorted(stage["actions"], key=lambda action: action.get("runOrder", 1)):
                yield stage["name"], action

    def _projects(self) -> Iterator[dict[str, Any]]:
        for _, action in self._actions():
            if action["actionTypeId"]["provider"] == "CodeBuild":
                names = [action["configuration"]["ProjectName"]]
                yield from self.aws("codebuild").batch_get_projects(names=names)["projects"]


def _lets_events_publish(text: str | None, topic: str, rule: str) -> bool:
    """Whether a topic's policy lets EventBridge publish for this rule, as the policy engine reads it."""
    if not text:
        return False
    account = topic.split(":")[4]
    asked = policy.request(
        policy.service_principal("events.amazonaws.com"),
        "sns:Publish",
        topic,
        {"aws:SourceArn": rule, "aws:SourceAccount": account},
        resource_account=account,
    )
    resource = policy.parse(text, policy.Kind.RESOURCE, name=topic)
    return policy.decide(asked, policy.Policies(resource=resource, resource_decides=True)).allowed


def _bare(reference: str) -> str:
    return reference.strip("\"'")


def _references(command: str, verb: str) -> list[str]:
    """What a command's `docker push` or `docker pull` names, as written."""
    return re.findall(rf"\bdocker\s+(?:image\s+)?{verb}\s+(?:-\S+\s+)*([^\s;&|]+)", command)


def _expanded(reference: str, known: dict[str, str]) -> str:
    """A reference with the variables that are known replaced, again and again; others stay as they are."""
    text = _bare(reference)
    for _ in range(8):
        text = _USE.sub(lambda m: _bare(known.get(m[1] or m[2], m[0])), text)
    return text


def _repository(reference: str) -> str:
    """The repository of a reference: what stands between the registry and the tag."""
    name = reference.partition("/")[2] or reference
    return re.sub(r":[^/]*$", "", name)


def bucket_findings(s3: Any, bucket: str) -> Iterator[Finding]:
    """What is wrong with a bucket that must be versioned, encrypted and private."""
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        yield Finding(
            resource=bucket,
            expected="versioning Enabled",
            found="off",
            why="What was overwritten or deleted cannot be had back.",
            change="Add aws_s3_bucket_versioning.",
            page="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
        )
    try:
        s3.get_bucket_encryption(Bucket=bucket)
    except ClientError:
        yield Finding(
            resource=bucket,
            expected="default encryption",
            found="none said",
            why="Nobody has decided with which key.",
            change="Add aws_s3_bucket_server_side_encryption_configuration.",
            page="https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html",
        )
    try:
        blocks = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError:
        blocks = {}
    names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    open_ones = [name for name in names if not blocks.get(name)]
    if open_ones:
        yield Finding(
            resource=bucket,
            expected="all four public access blocks",
            found=f"without {', '.join(open_ones)}",
            why="One wrong policy or ACL and what is in it is on the internet.",
            change="Add aws_s3_bucket_public_access_block with all four true.",
            page="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
        )
