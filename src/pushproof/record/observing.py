"""Observations of a run: AWS's own answers, read again and again while the run goes on.

Nothing here decides or leaves out; `assembling` makes a record of what was read. Answers stay in this process: they hold more than
a record may.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.aws.network import describe_network
from pushproof.record.redaction import secret_values

log = logging.getLogger(__name__)

Client = Callable[[str], Any]
Answer = dict[str, Any]

_PAGE = 100
_GONE = re.compile(r"NotFound|NoSuchEntity|DoesNotExist|NotActive")
_EXECUTIONS = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """The services (cluster and name) and pipelines that a run is about."""

    services: tuple[tuple[str, str], ...] = ()
    pipelines: tuple[str, ...] = ()


@dataclass(slots=True)
class Observations:
    """The answers that were read, by what they are about. Instants are seconds since the epoch, as answers show them.

    `task_states`, `target_states` and `counts` are histories: an entry is added when something differs from the last answer.
    `unread` names what could not be read, with the reason.
    """

    services: dict[str, Answer] = field(default_factory=dict)
    service_deployments: dict[str, Answer] = field(default_factory=dict)
    service_revisions: dict[str, Answer] = field(default_factory=dict)
    tasks: dict[str, Answer] = field(default_factory=dict)
    task_states: list[Answer] = field(default_factory=list)
    target_states: list[Answer] = field(default_factory=list)
    counts: list[Answer] = field(default_factory=list)
    service_events: dict[str, Answer] = field(default_factory=dict)
    task_definitions: dict[str, Answer] = field(default_factory=dict)
    pipelines: dict[str, Answer] = field(default_factory=dict)
    executions: dict[str, Answer] = field(default_factory=dict)
    actions: dict[str, Answer] = field(default_factory=dict)
    projects: dict[str, Answer] = field(default_factory=dict)
    builds: dict[str, Answer] = field(default_factory=dict)
    images: dict[str, Answer] = field(default_factory=dict)
    vpcs: dict[str, Answer] = field(default_factory=dict)
    roles: dict[str, Answer] = field(default_factory=dict)
    uses: list[Answer] = field(default_factory=list)
    calls: list[Answer] = field(default_factory=list)
    events: list[Answer] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


class Watch:
    """Reads a run's services often, and everything else when it is asked to.

    A context manager; a thread samples the services while it is open. `inside` reads what only a world in this process has.
    """

    def __init__(
        self,
        client: Client,
        scope: Callable[[], Scope | None],
        *,
        interval: float = 1.0,
        inside: Callable[[], Mapping[str, list[Answer]]] | None = None,
    ) -> None:
        """`scope` returns None as long as there is nothing to look at; `interval` is in real seconds."""
        self.observations = Observations()
        # Making a client takes longer than most calls.
        self._client = cache(client)
        self._scope = scope
        self._interval = interval
        self._inside = inside
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._last: dict[tuple[str, ...], tuple[Any, ...]] = {}
        self._thread = threading.Thread(target=self._run, name="pushproof-watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self.sample()
            # Never more than a fifth of the time: what is watched must not be slowed down by it.
            self._stop.wait(max(self._interval, 4 * (time.monotonic() - began)))

    def sample(self) -> None:
        """Read services, tasks and targets now."""
        scope = self._scope()
        if scope is None:
            return
        with self._guard:
            for cluster, service in scope.services:
                with self._reading(f"service {service}"):
                    self._read_service(cluster, service)

    def survey(self) -> None:
        """Read everything now; what is gone meanwhile stays as it was read last."""
        self.sample()
        scope = self._scope()
        with self._guard:
            if self._inside is not None:
                for name, entries in self._inside().items():
                    getattr(self.observations, name)[:] = plain(entries)
            if scope is None:
                return
            for pipeline in scope.pipelines:
                with self._reading(f"pipeline {pipeline}"):
                    self._read_pipeline(pipeline)
            for what, read in (
                ("builds", self._read_builds), ("deployments", self._read_deployments), ("images", self._read_images),
                ("roles", self._read_roles), ("network", self._read_network),
            ):  # fmt: skip
                with self._reading(what):
                    read()

    def _reading(self, what: str) -> _Reading:
        return _Reading(what, self.observations.unread)

    # Services.

    def _read_service(self, cluster: str, name: str) -> None:
        seen = self.observations
        ecs = self._client("ecs")
        described = ecs.describe_services(cluster=cluster, services=[name])["services"]
        now = time.time()
        for service in map(plain, described):
            if service.get("status") == "INACTIVE":
                continue
            arn = service["serviceArn"]
            for event in service.pop("events", ()):
                seen.service_events.setdefault(event["id"], {**event, "service": arn})
            seen.services[arn] = service
            tasks = list(self._tasks(ecs, cluster, name))
            self._read_definitions(ecs, {service["taskDefinition"], *(task["taskDefinitionArn"] for task in tasks)})
            for task in tasks:
                seen.tasks[task["taskArn"]] = {**task, "service": arn}
                state = (task["lastStatus"], task.get("healthStatus", "UNKNOWN"))
                self._note(seen.task_states, ("task", task["taskArn"]), state,
                           {"at": now, "task": task["taskArn"], "status": state[0], "health": state[1]})  # fmt: skip
            healthy = 0
            for balancer in service.get("loadBalancers", ()):
                if group := balancer.get("targetGroupArn"):
                    healthy += self._read_targets(group, now)
            counts = (service["desiredCount"], service["runningCount"], service["pendingCount"], healthy)
            self._note(seen.counts, ("counts", arn), counts, {
                "at": now, "service": arn, "desired": counts[0], "running": counts[1], "pending": counts[2], "healthy": healthy,
            })  # fmt: skip

    def _tasks(self, ecs: Any, cluster: str, service: str) -> Iterator[Answer]:
        for status in ("RUNNING", "STOPPED"):
            arns = [
                arn
                for page in ecs.get_paginator("list_tasks").paginate(
                    cluster=cluster, serviceName=service, desiredStatus=status
                )
                for arn in page["taskArns"]
            ]
            for some in _portions(arns, _PAGE):
                yield from map(plain, ecs.describe_tasks(cluster=cluster, tasks=some)["tasks"])

    def _read_definitions(self, ecs: Any, arns: Iterable[str]) -> None:
        for arn in arns:
            if arn not in self.observations.task_definitions:
                answer = ecs.describe_task_definition(taskDefinition=arn)
                self.observations.task_definitions[arn] = plain(answer["taskDefinition"])

    def _read_targets(self, group: str, now: float) -> int:
        seen = self.observations
        described = self._client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        present = set()
        for target in described:
            address, port, health = target["Target"]["Id"], target["Target"]["Port"], target["TargetHealth"]
            present.add(("target", group, address, str(port)))
            self._note(seen.target_states, ("target", group, address, str(port)),
                       (health["State"], health.get("Reason", "")),
                       {"at": now, "group": group, "address": address, "port": port, "state": health["State"],
                        "reason": health.get("Description", health.get("Reason", ""))})  # fmt: skip
        for key in [key for key in self._last if key[:2] == ("target", group) and key not in present]:
            entry = {"at": now, "group": group, "address": key[2], "port": int(key[3]), "state": "gone", "reason": ""}
            self._note(seen.target_states, key, ("gone",), entry)
        return sum(target["TargetHealth"]["State"] == "healthy" for target in described)

    def _note(self, history: list[Answer], key: tuple[str, ...], state: tuple[Any, ...], entry: Answer) -> None:
        if self._last.get(key) != state:
            self._last[key] = state
            history.append(entry)

    def _read_deployments(self) -> None:
        ecs = self._client("ecs")
        for service in list(self.observations.services.values()):
            with self._reading(f"deployments of {service['serviceName']}"):
                arns = [
                    entry["serviceDeploymentArn"]
                    for entry in ecs.list_service_deployments(
                        cluster=service["clusterArn"], service=service["serviceArn"]
                    )["serviceDeployments"]
                ]
                for some in _portions(arns, 20):
                    answer = ecs.describe_service_deployments(serviceDeploymentArns=some)["serviceDeployments"]
                    for deployment in map(plain, answer):
                        self.observations.service_deployments[deployment["serviceDeploymentArn"]] = deployment
                        self._read_revision(ecs, deployment.get("targetServiceRevision", {}).get("arn", ""))

    def _read_revision(self, ecs: Any, arn: str) -> None:
        seen = self.observations.service_revisions
        if arn and arn not in seen:
            for revision in ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"]:
                seen[arn] = plain(revision)

    # Delivery.

    def _read_pipeline(self, name: str) -> None:
        seen, pipelines = self.observations, self._client("codepipeline")
        seen.pipelines[name] = plain(pipelines.get_pipeline(name=name)["pipeline"])
        listed = pipelines.list_pipeline_executions(pipelineName=name, maxResults=_EXECUTIONS)
        for execution in map(plain, listed["pipelineExecutionSummaries"]):
            seen.executions[execution["pipelineExecutionId"]] = {**execution, "pipeline": name}
        actions = pipelines.list_action_executions(pipelineName=name, maxResults=_EXECUTIONS)["actionExecutionDetails"]
        for action in map(plain, actions):
            seen.actions[action["actionExecutionId"]] = {**action, "pipeline": name}

    def _read_builds(self) -> None:
        seen, codebuild = self.observations, self._client("codebuild")
        names = {
            action["configuration"]["ProjectName"]
            for pipeline in seen.pipelines.values()
            for stage in pipeline["stages"]
            for action in stage["actions"]
            if action["actionTypeId"]["provider"] == "CodeBuild"
        }
        for project in map(plain, codebuild.batch_get_projects(names=sorted(names))["projects"] if names else ()):
            seen.projects[project["name"]] = project
            ids = codebuild.list_builds_for_project(projectName=project["name"])["ids"][:_EXECUTIONS]
            for build in map(plain, codebuild.batch_get_builds(ids=ids)["builds"] if ids else ()):
                seen.builds[build["id"]] = build

    def _read_images(self) -> None:
        ecr = self._client("ecr")
        for name in sorted(set(self._repositories())):
            for page in ecr.get_paginator("describe_images").paginate(repositoryName=name):
                for image in map(plain, page["imageDetails"]):
                    self.observations.images[image["imageDigest"]] = image

    def _repositories(self) -> Iterator[str]:
        for definition in self.observations.task_definitions.values():
            for container in definition["containerDefinitions"]:
                host, _, rest = container["image"].split("@")[0].partition("/")
                # A host has a dot or a port; what has neither is an image of Docker Hub.
                if rest and ("." in host or ":" in host):
                    yield rest.partition(":")[0]

    # Roles and the network.

    def _read_roles(self) -> None:
        seen, iam = self.observations, self._client("iam")
        for arn in sorted(self._role_arns()):
            with self._reading(f"role {arn.rsplit('/', 1)[-1]}"):
                name = arn.rsplit("/", 1)[-1]
                role = iam.get_role(RoleName=name)["Role"]
                policies = []
                for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
                    for policy in page["PolicyNames"]:
                        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                        policies.append({"name": policy, "managed": False, "document": document})
                for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
                    for attached in page["AttachedPolicies"]:
                        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
                        answer = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
                        policies.append({
                            "name": attached["PolicyArn"], "managed": True, "document": answer["PolicyVersion"]["Document"],
                        })  # fmt: skip
                trust = role["AssumeRolePolicyDocument"]
                seen.roles[role["Arn"]] = {"arn": role["Arn"], "name": name, "trust": trust, "policies": policies}

    def _role_arns(self) -> set[str]:
        seen = self.observations
        arns = {use["role_arn"] for use in seen.uses}
        for pipeline in seen.pipelines.values():
            arns.add(pipeline["roleArn"])
            arns |= {action.get("roleArn", "") for stage in pipeline["stages"] for action in stage["actions"]}
        arns |= {project.get("serviceRole", "") for project in seen.projects.values()}
        for definition in seen.task_definitions.values():
            arns |= {definition.get("taskRoleArn", ""), definition.get("executionRoleArn", "")}
        return {arn for arn in arns if ":role/" in arn and "/aws-service-role/" not in arn}

    def _read_network(self) -> None:
        seen, ec2 = self.observations, self._client("ec2")
        subnets = sorted({
            subnet
            for service in seen.services.values()
            for subnet in ((service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}).get("subnets", ())
        })  # fmt: skip
        if not subnets:
            return
        for vpc in sorted({subnet["VpcId"] for subnet in ec2.describe_subnets(SubnetIds=subnets)["Subnets"]}):
            seen.vpcs[vpc] = {"region": ec2.meta.region_name, "described": plain(describe_network(ec2, vpc))}


class _Reading:
    """A part of a survey: what AWS refuses, or what does not answer, is noted and not raised."""

    def __init__(self, what: str, unread: dict[str, str]) -> None:
        self._what, self._unread = what, unread

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if error is None:
            self._unread.pop(self._what, None)
            return False
        if isinstance(error, ClientError) and _GONE.search(str(error.response.get("Error", {}).get("Code", ""))):
            # It is not there yet, or no longer: what was read before stays.
            return True
        if isinstance(error, (ClientError, BotoCoreError, OSError)):
            self._unread[self._what] = str(error)
            return True
        if isinstance(error, (KeyError, TypeError, ValueError, IndexError)):
            # An answer of another shape is no reason to end a run that only is looked at.
            log.exception("%s cannot be read", self._what)
            self._unread[self._what] = f"{type(error).__name__}: {error}"
            return True
        return False


def discover(client: Client) -> Scope:
    """Return every service and pipeline of an account: for one that belongs to the run as a whole."""
    ecs, services = client("ecs"), []
    for page in ecs.get_paginator("list_clusters").paginate():
        for cluster in page["clusterArns"]:
            for listed in ecs.get_paginator("list_services").paginate(cluster=cluster):
                services += [(cluster, arn) for arn in listed["serviceArns"]]
    pipelines = [
        pipeline["name"]
        for page in client("codepipeline").get_paginator("list_pipelines").paginate()
        for pipeline in page["pipelines"]
    ]
    return Scope(tuple(services), tuple(pipelines))


def read_secrets(client: Client) -> Iterator[str]:
    """Yield the values of an account's secrets, so that none gets into a record. For emulated accounts only."""
    secretsmanager = client("secretsmanager")
    try:
        for page in secretsmanager.get_paginator("list_secrets").paginate():
            for secret in page["SecretList"]:
                # One that has no value yet, or has none any more.
                with contextlib.suppress(ClientError):
                    text = secretsmanager.get_secret_value(SecretId=secret["ARN"]).get("SecretString", "")
                    yield from secret_values(text)
    except (ClientError, BotoCoreError) as error:
        log.debug("secrets cannot be read: %s", error)


def plain(value: Any) -> Any:
    """Return an answer as JSON has it: instants as seconds since the epoch, no metadata, no bytes."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return value


def _portions(arns: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(arns), size):
        yield arns[start : start + size]
