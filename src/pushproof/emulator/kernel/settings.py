"""Settings of a world. Whatever AWS leaves open is a named setting, here or in the engine that uses it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pushproof.engines.buildspec import TransitionSettings
from pushproof.engines.codedeploy import CodeDeploySettings
from pushproof.engines.deployment import DeploymentSettings
from pushproof.engines.lifecycle import LifecycleSettings
from pushproof.engines.pipeline import Settings as PipelineEngineSettings
from pushproof.engines.reachability import Circumstances


@dataclass(frozen=True, slots=True)
class EcsSettings:
    """Durations of a task's life that AWS does not document, in seconds of AWS time."""

    provisioning_seconds: float = 8.0
    """From StartTask to PENDING: a network interface is created and attached."""

    activating_seconds: float = 2.0
    """From the containers' start to RUNNING."""

    deprovisioning_seconds: float = 2.0
    """From the containers' end to STOPPED: the network interface is detached and deleted."""

    stopped_task_seconds: float = 3600.0
    """The seconds for which DescribeTasks still shows a STOPPED task (documented: "at least one hour")."""

    inactive_service_seconds: float = 3600.0
    """The seconds for which DescribeServices still shows an INACTIVE service."""

    log_flush_seconds: float = 2.0
    """The seconds between two transfers of container output to CloudWatch Logs."""

    unchecked_containers_are_unknown: bool = False
    """An essential container without a health check keeps the task's health UNKNOWN, though others are HEALTHY."""


@dataclass(frozen=True, slots=True)
class EcrSettings:
    """Settings of ECR that differ from AWS's defaults, or that AWS leaves open. Durations are AWS seconds.

    `lifecycle_interval`: the time between applications of lifecycle policies (AWS promises "within 24 hours"); None: only on
    request.
    `token_lifetime`: of GetAuthorizationToken; at least as many real seconds.
    `preview_duration`, `scan_duration`: the time for which they stay IN_PROGRESS.
    `immutable_accepts_same_digest`: whether pushing the very same image again under an immutable tag succeeds.
    """

    lifecycle_interval: float | None = 86_400.0
    token_lifetime: float = 12 * 3_600.0
    preview_duration: float = 5.0
    scan_duration: float = 30.0
    immutable_accepts_same_digest: bool = False
    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)


@dataclass(frozen=True, slots=True)
class CodeBuildSettings:
    """Settings of CodeBuild. Times are AWS seconds unless stated otherwise.

    `queue_seconds`: the time for which a build is QUEUED although there is room. `concurrent_builds`: the number of builds that run
    at
    once in a region (the quota for a new account's small Linux builds is low); others stay QUEUED. `shortest_build_limit`: *real*
    seconds that a build with real commands may take, however fast the clock runs down its time limit: compilers do not run faster
    with the clock. `transitions`: details of phases that AWS does not document.
    """

    queue_seconds: float = 1.0
    concurrent_builds: int = 15
    shortest_build_limit: float = 600.0
    transitions: TransitionSettings = field(default_factory=TransitionSettings)


@dataclass(frozen=True, slots=True)
class CodePipelineSettings:
    """Settings of CodePipeline, and the emulator's polling intervals.

    engine: the settings of the pipeline engine, among them what the ECS action does after a rollback.
    alarm_poll_seconds: the time between two looks of a CloudWatchAlarm rule at its alarm, in AWS seconds.
    ecs_poll_seconds: the time between two looks of the ECS deploy action at its service, in AWS seconds.
    detect_over_pending: whether a push to a watched branch starts an execution although the connection was never authorised
    (it fails at Source, as the first execution of a new pipeline does). False: the push starts nothing.
    """

    engine: PipelineEngineSettings = field(default_factory=PipelineEngineSettings)
    ecs_poll_seconds: float = 15.0
    alarm_poll_seconds: float = 15.0
    detect_over_pending: bool = True


@dataclass(frozen=True, slots=True)
class CloudWatchSettings:
    """Settings of alarms that AWS leaves open.

    spare_points: the data points that an evaluation looks back beyond the evaluation periods; AWS's examples show two, and its text
    says that the number varies.
    """

    spare_points: int = 2


@dataclass(frozen=True, slots=True)
class FaultSettings:
    """Settings of faults that AWS leaves open. Durations are AWS seconds.

    seed: decides which calls a rate concerns: the same seed and the same calls have the same faults.
    node_seconds: the time for which clients still go to a load balancer's node in a zone that is lost (the time to live of its DNS
    records is 60 seconds).
    silent_seconds: the time for which a connection to a lost node stays without an answer before it ends: Linux gives up connecting
    after 127 seconds (net.ipv4.tcp_syn_retries). At least five real seconds, at any speed, since clients' own time-outs are real.
    lost_task_seconds: the time after which ECS stops a task in a zone that is lost where no health check shows it.
    """

    seed: int = 0
    node_seconds: float = 60.0
    silent_seconds: float = 127.0
    lost_task_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Names and pages that may reach the world besides its own.

    hosts: names (with all below them) that a request's `Host` may be. origins: web pages, as `Origin` names them, that may call.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Bounds on what callers may make a world hold. What exceeds one is refused, with the name of the limit.

    Bytes: `call_bytes` of an API call's body (also unpacked), `form_bytes` of one that is a form (EC2, IAM, SNS and the other query
    APIs, whose calls are short), `object_bytes` of an object's, a layer's and a git push's,
    `header_bytes` of a request's headers, `archive_bytes` that a source or artifact may unpack to, `layer_bytes` that one layer
    of a task's image may unpack to, `disk_bytes` of all layers in the registry.
    Counts: `connections` open at a time, `containers` of the world, those of its own networks included.
    """

    call_bytes: int = 128 * 1024**2
    form_bytes: int = 4 * 1024**2
    object_bytes: int = 16 * 1024**3
    header_bytes: int = 128 * 1024
    archive_bytes: int = 4 * 1024**3
    layer_bytes: int = 32 * 1024**3
    disk_bytes: int = 64 * 1024**3
    connections: int = 512
    containers: int = 500


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Settings of a world. `speed`: how many times as fast as on AWS time passes; `port` 0 takes the first free one."""

    account_id: str = "123456789012"
    region: str = "eu-west-1"
    speed: float = 30.0
    port: int = 0
    # Whether any access key is accepted without verifying signatures: whoever reaches the port is then the administrator.
    open: bool = False
    # Whether IAM policies bind roles; the account's administrator is never restricted.
    enforce_iam: bool = True
    # Whether image pulls, secrets and logs need a network path in the configured VPC.
    enforce_network: bool = True
    deployment: DeploymentSettings = field(default_factory=DeploymentSettings)
    ecs: EcsSettings = field(default_factory=EcsSettings)
    ecr: EcrSettings = field(default_factory=EcrSettings)
    codebuild: CodeBuildSettings = field(default_factory=CodeBuildSettings)
    codedeploy: CodeDeploySettings = field(default_factory=CodeDeploySettings)
    codepipeline: CodePipelineSettings = field(default_factory=CodePipelineSettings)
    cloudwatch: CloudWatchSettings = field(default_factory=CloudWatchSettings)
    faults: FaultSettings = field(default_factory=FaultSettings)
    # Initial circumstances, such as zones that are down.
    circumstances: Circumstances = field(default_factory=Circumstances)
    doors: DoorSettings = field(default_factory=DoorSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    # TCP ports of this machine that tasks, builds and functions may connect to; all others but the world's own are closed to them.
    host_ports: frozenset[int] = frozenset()
    # Whether projects with `privileged_mode` get privileged containers; False: their builds are refused.
    privileged: bool = True
