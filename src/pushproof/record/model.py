"""The record of a run, as `pushproof-report.json` holds it.

The JSON Schema in docs/pushproof-report-1.schema.json is made from these classes (`scripts/report_schema.py`); a member that is
added, renamed or removed makes a new version. Instants (`at`, `started`, `ended`) are real seconds since the run began; durations
in AWS time are those times `run.speed`. An instant that is not known is null.

No member holds a secret: what may hold one (environment variables, plan variables, secret values, log lines) is left out when a
record is made, and the rest passes `redaction`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FORMAT = "pushproof-report"
VERSION = 1

Outcome = Literal["passed", "failed", "skipped"]
Command = Literal["drill", "pytest", "mutate", "up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The run: the command, the target and its account, the speed of AWS time, and when it began (ISO 8601, UTC)."""

    id: str
    command: Command
    target: str
    account: str
    region: str
    speed: float
    began: str
    seconds: float
    environment: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The versions of what took part; "" for what did not."""

    pushproof: str
    python: str
    terraform: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict: what is proven in a line, the reason in a paragraph, and the error that ended the run ("" when none did)."""

    passed: bool
    title: str
    why: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the drill, with its real and its AWS seconds, and what it showed."""

    letter: str
    title: str
    started: float
    ended: float
    seconds: float
    aws_seconds: float
    failed: bool
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment of the run's own timeline."""

    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action of a pipeline execution. `external_id` is the build's id or the deployment's."""

    stage: str
    name: str
    provider: str
    status: str
    started: float | None
    ended: float | None
    external_id: str
    summary: str
    error_code: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An execution of a pipeline: the commit that it carried, and its actions in order."""

    pipeline: str
    id: str
    status: str
    trigger: str
    started: float | None
    ended: float | None
    commit: str
    message: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A phase of a build."""

    name: str
    status: str
    started: float | None
    seconds: float | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build with its phases. The log stays where it is: its group and stream."""

    id: str
    project: str
    status: str
    started: float | None
    ended: float | None
    commit: str
    phases: tuple[Phase, ...]
    log_group: str
    log_stream: str
    cache: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The deployment circuit breaker: its status, the failed tasks it counted, and its threshold."""

    status: str
    failures: int
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A service deployment: the revision it brought, its end, and the rollback that followed, if one did."""

    arn: str
    service: str
    status: str
    reason: str
    started: float | None
    ended: float | None
    task_definition: str
    commit: str
    breaker: Breaker | None
    rollback_started: float | None
    rollback_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a task."""

    name: str
    image: str
    digest: str
    exit_code: int | None
    reason: str
    health: str
    log_group: str
    log_stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """A change of a task's status or health."""

    at: float
    status: str
    health: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of a service: its life, its address, and why it stopped."""

    id: str
    arn: str
    service: str
    deployment: str
    task_definition: str
    commit: str
    zone: str
    address: str
    created: float | None
    started: float | None
    stopped: float | None
    status: str
    health: str
    stop_code: str
    stop_reason: str
    states: tuple[TaskState, ...]
    containers: tuple[Container, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """A change of a target's health in its target group; `gone` when it is listed no longer."""

    at: float
    group: str
    address: str
    port: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A service's tasks and healthy targets, from this instant on."""

    at: float
    service: str
    desired: int
    running: int
    pending: int
    healthy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent:
    """An event of a service, in ECS's words."""

    at: float
    service: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service, as it was described last."""

    arn: str
    name: str
    cluster: str
    task_definition: str
    desired: int
    zones: tuple[str, ...]
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """The requests of one second: answers by commit, and those that were no 200."""

    at: float
    answers: dict[str, int]
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """The requests that users' stand-ins sent during a step, second by second."""

    step: str
    sent: int
    failed: int
    commits: dict[str, int]
    seconds: tuple[Second, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that EventBridge carried: its source, its type, and its detail in a line."""

    at: float
    source: str
    type: str
    resources: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A line of the code that a finding is about."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fault that a check found: the resource, its Terraform address, file and line, and the change that fixes it."""

    check: str
    resource: str
    address: str
    file: str
    line: int
    expected: str
    found: str
    why: str
    change: str
    page: str
    excerpt: tuple[SourceLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteTest:
    """A test of a suite: its verdict, and the message of its failure or skip."""

    id: str
    outcome: Outcome
    seconds: float
    message: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A mistake that was made on purpose, and the check that caught it ("" when none did).

    `status`: killed, refused, survived, equivalent, timed out or broken. `message`: of the check, or the reason. `advice`: lines
    that would have caught a survivor.
    """

    name: str
    module: str
    caught: bool
    check: str
    seconds: float
    id: str = ""
    operator: str = ""
    status: str = ""
    path: str = ""
    line: int = 0
    address: str = ""
    message: str = ""
    diff: str = ""
    harm: str = ""
    page: str = ""
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEntry:
    """A route: its destination and its target."""

    destination: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet with the routes that apply to it. `tier`: public, private or isolated."""

    id: str
    name: str
    zone: str
    cidr: str
    tier: str
    route_table: str
    routes: tuple[RouteEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A NAT gateway (with its subnet and zone) or an internet gateway."""

    id: str
    kind: Literal["nat", "internet"]
    subnet: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcEndpoint:
    """A VPC endpoint: its service, its kind, and the subnets it is in."""

    id: str
    service: str
    kind: str
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Reachability of a destination from a subnet's tasks while a zone is lost ("" for none): the way, or the obstacle."""

    subnet: str
    zone: str
    destination: str
    lost: str
    reached: bool
    way: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A VPC in which tasks run, and where they reach what."""

    vpc: str
    cidr: str
    region: str
    subnets: tuple[Subnet, ...]
    gateways: tuple[Gateway, ...]
    endpoints: tuple[VpcEndpoint, ...]
    reach: tuple[Reach, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A statement that a role is granted. `conditions` is the statement's Condition as JSON, "" without one."""

    policy: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: str
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A permission that a role used, or that was refused to it (`message` in AWS's words)."""

    action: str
    resource: str
    count: int
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role: what it is granted, what it used, what was refused, and the granted actions that nothing used.

    `watched` is whether every call of the role was seen; where it was not, nothing can be said to be unused.
    """

    arn: str
    name: str
    services: tuple[str, ...]
    watched: bool
    grants: tuple[Grant, ...]
    used: tuple[Use, ...]
    refused: tuple[Use, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that AWS refused while the run went on."""

    at: float
    call: str
    principal: str
    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Something that was left out or could not be read, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A world or run that stays when the run ends."""

    id: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that a run is known to have done."""

    run: Run
    versions: Versions
    verdict: Verdict
    steps: tuple[Step, ...] = ()
    moments: tuple[Moment, ...] = ()
    executions: tuple[Execution, ...] = ()
    builds: tuple[Build, ...] = ()
    services: tuple[Service, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    tasks: tuple[Task, ...] = ()
    targets: tuple[TargetState, ...] = ()
    counts: tuple[Counts, ...] = ()
    requests: tuple[Requests, ...] = ()
    service_events: tuple[ServiceEvent, ...] = ()
    events: tuple[Event, ...] = ()
    findings: tuple[Finding, ...] = ()
    tests: tuple[SuiteTest, ...] = ()
    mutations: tuple[Mutation, ...] = ()
    networks: tuple[Network, ...] = ()
    roles: tuple[Role, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    kept: tuple[Kept, ...] = ()
    cached_builds: int = 0
    skipped: tuple[Skip, ...] = ()
    commits: dict[str, str] = field(default_factory=dict)
