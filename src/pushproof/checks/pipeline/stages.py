"""Stages: the path from a push through every gate to the service."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import partial

from botocore.exceptions import ClientError

from pushproof.checks.buckets import bucket_findings
from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.pipeline.described import DescribedPipeline

_STRUCTURE = "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html"
_CONNECTIONS = "https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html"
_SOURCE = "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html"
_MODES = "https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html#how-it-works-stages-mode"
_APPROVAL_ACTION = "https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-action-add.html"
_VARIABLES = "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html"
_ECS = "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html"
_OUTPUT_VARIABLE = re.compile(r"#\{(\w[\w@-]*)\.")


class StageChecks(DescribedPipeline):
    """Checks of stages, sources and artifacts."""

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
        """A person approves between Build and Deploy, receives a notification, and sees the change to approve."""
        actions = list(self._actions())
        fault = partial(Finding, resource=self._arn(), page=_APPROVAL_ACTION)
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
                yield fault(
                    expected=f"{key} in the approval's configuration",
                    found="not set",
                    why=f"Without it {meaning}, and the approval expires after seven days.",
                    change=f"configuration = {{ {key} = … }}",
                )
        link = configuration.get("ExternalEntityLink", "")
        identifiers = [source.get("configuration", {}).get("FullRepositoryId") for source in self._sources()]
        repositories = [repository for repository in identifiers if repository]
        if link and repositories and not any(repository in link for repository in repositories):
            yield fault(
                expected=f"a link to what changed in {' or '.join(repositories)}",
                found=link,
                why="Whoever approves looks at something else than what is deployed.",
                change="Make the link from the same variable as FullRepositoryId.",
            )
        if (topic := configuration.get("NotificationArn")) and (problem := self._unknown_topic(topic)):
            yield fault(
                expected=f"a topic {topic}",
                found=problem,
                why="The request for approval is published nowhere: the action fails.",
                change="NotificationArn = aws_sns_topic.….arn",
            )

    def _unknown_topic(self, arn: str) -> str | None:
        try:
            self.aws("sns").get_topic_attributes(TopicArn=arn)
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return None

    @check
    def its_connection_is_usable(self, *, provider: str | None = None) -> Iterator[Finding]:
        """The pipeline's connection is AVAILABLE, that is authorised by a person, and of this provider (such as GitHub), if any."""
        arns = [arn for _, action in self._actions() if (arn := action.get("configuration", {}).get("ConnectionArn"))]
        for arn in self._some(arns, "a source action with a connection", page=_CONNECTIONS):
            # The same connections under two names; the one in the ARN always answers.
            old = arn.split(":")[2] == "codestar-connections"
            connections = self.aws("codestar-connections") if old else self.aws("codeconnections")
            connection = connections.get_connection(ConnectionArn=arn)["Connection"]
            if provider is not None and connection.get("ProviderType") != provider:
                yield Finding(
                    resource=arn,
                    expected=f"a connection to {provider}",
                    found=f"a connection to {connection.get('ProviderType')}",
                    why="The repository is looked for with another host, which does not have it.",
                    change=f'provider_type = "{provider}"',
                    page=_CONNECTIONS,
                )
            status = connection["ConnectionStatus"]
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
        """Every input artifact, and every variable that a configuration names, is an earlier action's output."""
        made: set[str] = set()
        namespaces: set[str] = {"codepipeline", "variables"}
        for stage, action in self._actions():
            for key, value in action.get("configuration", {}).items():
                for namespace in dict.fromkeys(_OUTPUT_VARIABLE.findall(value)):
                    if namespace not in namespaces:
                        yield Finding(
                            resource=self._arn(),
                            expected=f"an action before {action['name']} with the namespace {namespace}",
                            found=f"{key} names #{{{namespace}.…}}, and earlier namespaces are"
                            f" {', '.join(sorted(namespaces - {'codepipeline', 'variables'})) or 'none'}",
                            why="The action fails: the variable has no value. For an approval, nobody is asked.",
                            change=f'namespace = "{namespace}" in the action that makes the variables.',
                            page=_VARIABLES,
                        )
            namespaces |= {action["namespace"]} if action.get("namespace") else set()
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
        # A pipeline across regions has an artifact store in each region.
        stores = [described["artifactStore"]] if "artifactStore" in described else described["artifactStores"].values()
        for bucket in dict.fromkeys(store["location"] for store in stores):
            yield from bucket_findings(self.aws("s3"), bucket)

    @check
    def starts_on_a_push(self, *, repository: str | None = None, branch: str | None = None) -> Iterator[Finding]:
        """A push starts the pipeline automatically: a push to this repository and branch, if named."""
        described = self._describe()
        for action in self._some(self._sources(), "a source action", page=_SOURCE):
            configuration, provider = action.get("configuration", {}), action["actionTypeId"]["provider"]
            if provider != "CodeStarSourceConnection":
                continue
            if configuration.get("DetectChanges", "true") == "false" and not described.get("triggers"):
                yield Finding(
                    resource=self._arn(),
                    expected='DetectChanges "true", or a trigger',
                    found='DetectChanges "false" and no trigger',
                    why="Nothing happens on a push: what is merged waits until somebody starts the pipeline by hand.",
                    change='DetectChanges = "true"',
                    page=_SOURCE,
                )
            for key, expected in (("FullRepositoryId", repository), ("BranchName", branch)):
                if expected is not None and configuration.get(key) != expected:
                    yield Finding(
                        resource=self._arn(),
                        expected=f"{key} {expected}",
                        found=f"{key} {configuration.get(key)}",
                        why="What is deployed is not what was meant to be: work in progress in production, or nothing new in"
                        " development.",
                        change=f"{key} = {expected}",
                        page=_SOURCE,
                    )

    @check
    def deploys_to(self, cluster: str, service: str) -> Iterator[Finding]:
        """The ECS deploy action deploys to this service."""
        for action in self._some(self._by("ECS"), "an ECS deploy action", page=_ECS):
            configuration = action["configuration"]
            destination = configuration.get("ClusterName"), configuration.get("ServiceName")
            if destination != (cluster, service):
                yield Finding(
                    resource=self._arn(),
                    expected=f"service {service} of cluster {cluster}",
                    found=f"service {destination[1]} of cluster {destination[0]}",
                    why="The image is rolled out to another service, or the action fails for want of it.",
                    change="Give the action ClusterName and ServiceName of the service.",
                    page=_ECS,
                )

    @check
    def newer_commits_overtake(self) -> Iterator[Finding]:
        """A newer commit overtakes an older one that waits, and two never roll out at once: execution mode SUPERSEDED."""
        mode = self._describe().get("executionMode", "SUPERSEDED")
        if mode != "SUPERSEDED":
            yield Finding(
                resource=self._arn(),
                expected="executionMode SUPERSEDED",
                found=f"executionMode {mode}",
                why="Two executions change one service at once, and the older commit can come last."
                if mode == "PARALLEL"
                else "Each commit waits until all before it have been approved and rolled out.",
                change='execution_mode = "SUPERSEDED"',
                page=_MODES,
            )

    @check
    def deployments_are_given_time(self, *, at_least: int = 10) -> Iterator[Finding]:
        """The deploy action waits at least these minutes for the rollout."""
        for action in self._some(self._by("ECS"), "an ECS deploy action", page=_ECS):
            minutes = int(action["configuration"].get("DeploymentTimeout", "60"))
            if minutes < at_least:
                yield Finding(
                    resource=self._arn(),
                    expected=f"a DeploymentTimeout of at least {at_least} minutes",
                    found=f"{minutes} minutes",
                    why="The action fails while tasks still start and drain: the pipeline says Failed, and the new revision goes on"
                    " being rolled out.",
                    change='DeploymentTimeout = "30"',
                    page=_ECS,
                )
