"""The pipeline: does a push get from the connection to the service, is it approved where it must be, and is anybody told?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from pushproof.checks.finding import Addresses, Finding, Findings
from pushproof.checks.vocabulary import Clients, Vocabulary
from pushproof.engines.buildspec import Buildspec, parse
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


class PipelineChecks(Vocabulary):
    """Asks about one pipeline by name."""

    def __init__(self, aws: Clients, *, pipeline: str, addresses: Addresses | None = None) -> None:
        super().__init__(aws, addresses=addresses)
        self.pipeline = pipeline

    def goes_through(self, *categories: str) -> Findings:
        """The stages' actions are of these categories, in this order: `goes_through("Source", "Build", "Deploy")`."""
        found = [action["actionTypeId"]["category"] for _, action in self._actions()]
        ordered = list(dict.fromkeys(found))
        wrong = ordered != list(categories)
        findings = [
            Finding(
                "pipeline.goes_through",
                self._arn(),
                " → ".join(categories),
                " → ".join(ordered) or "no stages",
                "What is deployed has not been through every gate.",
                "Put the stages in this order.",
                page=_STRUCTURE,
            )
        ]
        return self._found("pipeline.goes_through", findings if wrong else [])

    def asks_before_it_deploys(self) -> Findings:
        """A person approves between Build and Deploy, is told that there is something to approve, and can see what."""
        return self._found("pipeline.asks_before_it_deploys", self._approval())

    def _approval(self) -> Iterator[Finding]:
        check = "pipeline.asks_before_it_deploys"
        actions = list(self._actions())
        categories = [action["actionTypeId"]["category"] for _, action in actions]
        if "Approval" not in categories or "Deploy" not in categories[categories.index("Approval") :]:
            yield Finding(
                check,
                self._arn(),
                "an Approval action before Deploy",
                " → ".join(dict.fromkeys(categories)),
                "Whatever is merged is in production minutes later, at any hour.",
                "Add a stage with a Manual approval action before the Deploy stage.",
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
                    check,
                    self._arn(),
                    f"{key} in the approval's configuration",
                    "not set",
                    f"Without it {meaning}, and the approval expires after seven days.",
                    f"configuration = {{ {key} = … }}",
                    page="https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-action-add.html",
                )

    def its_connection_is_usable(self) -> Findings:
        """The connection it starts from is AVAILABLE: authorised by a person."""
        return self._found("pipeline.its_connection_is_usable", self._connection())

    def _connection(self) -> Iterator[Finding]:
        for _, action in self._actions():
            arn = action.get("configuration", {}).get("ConnectionArn")
            if arn is None:
                continue
            status = self.aws("codestar-connections").get_connection(ConnectionArn=arn)["Connection"][
                "ConnectionStatus"
            ]
            if status != "AVAILABLE":
                yield Finding(
                    "pipeline.its_connection_is_usable",
                    arn,
                    "AVAILABLE",
                    status,
                    "Every execution fails at Source, with an error that speaks of permissions.",
                    "Open Developer Tools → Connections in the console and complete the handshake; no API can.",
                    page=_CONNECTIONS,
                )

    def artifacts_flow(self) -> Findings:
        """Every input artifact is an earlier action's output."""
        return self._found("pipeline.artifacts_flow", self._artifacts())

    def _artifacts(self) -> Iterator[Finding]:
        made: set[str] = set()
        for stage, action in self._actions():
            for artifact in action.get("inputArtifacts", []):
                if artifact["name"] not in made:
                    yield Finding(
                        "pipeline.artifacts_flow",
                        self._arn(),
                        f"an action before {stage} that makes {artifact['name']}",
                        f"earlier actions make {', '.join(sorted(made)) or 'nothing'}",
                        "The action has nothing to work on.",
                        "Name the artifact as the action that makes it does.",
                        page=_STRUCTURE,
                    )
            made |= {artifact["name"] for artifact in action.get("outputArtifacts", [])}

    def artifacts_are_private(self) -> Findings:
        """The artifacts bucket is versioned, encrypted and closed to the public."""
        bucket = self._describe()["artifactStore"]["location"]
        return self._found(
            "pipeline.artifacts_are_private", bucket_findings(self.aws("s3"), bucket, "pipeline.artifacts_are_private")
        )

    # Builds.

    def builds_can_use_docker(self) -> Findings:
        """The build project runs privileged: without it there is no Docker daemon."""
        return self._found("pipeline.builds_can_use_docker", self._privileged())

    def _privileged(self) -> Iterator[Finding]:
        for project in self._projects():
            if not project["environment"].get("privilegedMode"):
                yield Finding(
                    "pipeline.builds_can_use_docker",
                    project["arn"],
                    "privilegedMode",
                    "off",
                    "docker build fails: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
                    "environment { privileged_mode = true }",
                    page=_DOCKER,
                )

    def build_makes_what_deploy_reads(self, buildspec: str, *, container: str) -> Findings:
        """The buildspec's artifact holds the file that the deploy action reads, and the file names the service's container."""
        return self._found(
            "pipeline.build_makes_what_deploy_reads", self._definitions(parse(buildspec), buildspec, container)
        )

    def _definitions(self, spec: Buildspec, text: str, container: str) -> Iterator[Finding]:
        check = "pipeline.build_makes_what_deploy_reads"
        for _, action in self._actions():
            if action["actionTypeId"]["provider"] != "ECS":
                continue
            wanted = action["configuration"].get("FileName", "imagedefinitions.json")
            files = spec.artifacts.files if spec.artifacts is not None else ()
            if wanted not in files and not any(glob in ("**/*", "*", "*.json") for glob in files):
                yield Finding(
                    check,
                    self._arn(),
                    f"{wanted} among the buildspec's artifacts",
                    f"artifacts {list(files) or 'none'}",
                    "The deploy action fails: the image definitions file is not in its input artifact.",
                    f"artifacts: files: [{wanted}]",
                    page=_ECS,
                )
            commands = "\n".join(c for phase in spec.phases.values() for c in phase.commands)
            if wanted not in commands:
                yield Finding(
                    check,
                    self._arn(),
                    f"a command that writes {wanted}",
                    "no command speaks of it",
                    "The artifact is empty.",
                    f'printf \'[{{"name":"%s","imageUri":"%s"}}]\' "$CONTAINER_NAME" "$IMAGE" > {wanted}',
                    page=_ECS,
                )
            if container not in text and not self._variable_is(container):
                yield Finding(
                    check,
                    self._arn(),
                    f"the container's name {container}, in the buildspec or in a variable of the build project",
                    "neither has it",
                    "The deploy action fails: the file names a container that the task definition does not have.",
                    "Give the build project CONTAINER_NAME.",
                    page=_ECS,
                )

    def _variable_is(self, value: str) -> bool:
        return any(
            variable["value"] == value
            for project in self._projects()
            for variable in project["environment"].get("environmentVariables", [])
        )

    def builds_use_the_layer_cache(self, buildspec: str) -> Findings:
        """The cache image is pulled before the build, the build uses it, and it is pushed for the next one."""
        return self._found("pipeline.builds_use_the_layer_cache", self._cached(parse(buildspec)))

    def _cached(self, spec: Buildspec) -> Iterator[Finding]:
        commands = [c for phase in spec.phases.values() for c in phase.commands]
        builds = [n for n, c in enumerate(commands) if re.search(r"\bdocker\s+(buildx\s+)?build\b", c)]
        pulls = [n for n, c in enumerate(commands) if re.search(r"\bdocker\s+pull\b", c)]
        problems = []
        if builds and not any("--cache-from" in commands[n] for n in builds):
            problems.append("no build has --cache-from")
        if builds and not any("type=registry" in commands[n] for n in builds) and not any(p < builds[0] for p in pulls):
            problems.append("nothing is pulled before the first build")
        for problem in problems:
            yield Finding(
                "pipeline.builds_use_the_layer_cache",
                self._arn(),
                "docker pull of the cache image (|| true, for the first build), then docker build --cache-from",
                problem,
                "A build machine starts empty: every build makes every layer anew, which takes 15 minutes instead of 4.",
                "Pull the cache image in pre_build and name it with --cache-from.",
                page=_CACHE,
            )

    def a_failed_build_pushes_nothing(self, buildspec: str) -> Findings:
        """`post_build` runs after a failed build too: what pushes there looks at CODEBUILD_BUILD_SUCCEEDING."""
        spec = parse(buildspec)
        post = next((p.commands for name, p in spec.phases.items() if name.value.lower() == "post_build"), ())
        pushes = any("docker push" in command for command in post)
        guarded = any("CODEBUILD_BUILD_SUCCEEDING" in command for command in post)
        findings = [
            Finding(
                "pipeline.a_failed_build_pushes_nothing",
                self._arn(),
                "a guard on CODEBUILD_BUILD_SUCCEEDING before docker push in post_build",
                "docker push without a guard",
                "post_build runs although build failed: an untested image is pushed.",
                '[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] || exit 1',
                page=_BUILDSPEC,
            )
        ]
        return self._found("pipeline.a_failed_build_pushes_nothing", findings if pushes and not guarded else [])

    # Notifications.

    def somebody_is_told(self, *states: str) -> Findings:
        """For each state (STARTED, SUCCEEDED, FAILED unless named), a rule matches and has a target that may be reached."""
        return self._found("pipeline.somebody_is_told", self._told(states or ("STARTED", "SUCCEEDED", "FAILED")))

    def _told(self, states: tuple[str, ...]) -> Iterator[Finding]:
        check, events = "pipeline.somebody_is_told", self.aws("events")
        rules = [
            rule for rule in events.list_rules()["Rules"] if rule.get("State") == "ENABLED" and rule.get("EventPattern")
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
                    check,
                    self._arn(),
                    f"a rule with a target that matches {state}",
                    f"{len(matching)} matching rules, no target",
                    "The pipeline stops and nobody knows.",
                    "Add aws_cloudwatch_event_rule for CodePipeline Pipeline Execution State Change, and a target.",
                    page=_EVENTS,
                )
        for topic, rule in topics.items():
            yield from self._topic(check, topic, rule)

    def _topic(self, check: str, topic: str, rule: str) -> Iterator[Finding]:
        sns = self.aws("sns")
        policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"].get("Policy") or "{}")
        if not any(_lets_events_publish(statement) for statement in policy.get("Statement", [])):
            yield Finding(
                check,
                topic,
                "a topic policy that lets events.amazonaws.com publish",
                "no such statement",
                "EventBridge is refused, silently: the apply succeeds and no message ever arrives.",
                f"Add aws_sns_topic_policy: Principal events.amazonaws.com, sns:Publish, ArnEquals aws:SourceArn {rule}.",
                page=_TOPIC,
            )
        for subscription in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
            if "hooks.slack.com" in subscription["Endpoint"] or (
                subscription["Protocol"] in ("http", "https") and "/services/T" in subscription["Endpoint"]
            ):
                yield Finding(
                    check,
                    topic,
                    "Slack reached by an API destination, Amazon Q Developer or a function",
                    f"an SNS {subscription['Protocol']} subscription of a Slack webhook",
                    "A webhook cannot confirm a subscription and rejects what SNS sends: it stays PendingConfirmation for ever.",
                    "Use aws_cloudwatch_event_api_destination with an input transformer.",
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
        found: dict[str, Any] = self.aws("codepipeline").get_pipeline(name=self.pipeline)["pipeline"]
        return found

    def _arn(self) -> str:
        arn: str = self.aws("codepipeline").get_pipeline(name=self.pipeline)["metadata"]["pipelineArn"]
        return arn

    def _actions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for stage in self._describe()["stages"]:
            for action in stage["actions"]:
                yield stage["name"], action

    def _projects(self) -> Iterator[dict[str, Any]]:
        for _, action in self._actions():
            if action["actionTypeId"]["provider"] == "CodeBuild":
                names = [action["configuration"]["ProjectName"]]
                yield from self.aws("codebuild").batch_get_projects(names=names)["projects"]


def _lets_events_publish(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = principal.get("Service", []) if isinstance(principal, dict) else principal
    named = services if isinstance(services, list) else [services]
    actions = statement.get("Action", [])
    allowed = actions if isinstance(actions, list) else [actions]
    return (
        statement.get("Effect") == "Allow"
        and bool({"events.amazonaws.com", "*"} & set(named))
        and any(action.lower() in ("sns:publish", "sns:*", "*") for action in allowed)
    )


def bucket_findings(s3: Any, bucket: str, check: str) -> Iterator[Finding]:
    """What is wrong with a bucket that must be versioned, encrypted and private."""
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        yield Finding(
            check,
            bucket,
            "versioning Enabled",
            "off",
            "What was overwritten or deleted cannot be had back.",
            "Add aws_s3_bucket_versioning.",
            page="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
        )
    try:
        s3.get_bucket_encryption(Bucket=bucket)
    except ClientError:
        yield Finding(
            check,
            bucket,
            "default encryption",
            "none said",
            "Nobody has decided with which key.",
            "Add aws_s3_bucket_server_side_encryption_configuration.",
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
            check,
            bucket,
            "all four public access blocks",
            f"without {', '.join(open_ones)}",
            "One wrong policy or ACL and what is in it is on the internet.",
            "Add aws_s3_bucket_public_access_block with all four true.",
            page="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
        )
