"""The delivery path of a push: source, pipeline, build, image repository, service, and the way that requests take to it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Source:
    """The source action of a pipeline.

    `kind`: its provider in AWS's word (CodeStarSourceConnection, S3, CodeCommit, GitHub, ECR). `repository`: owner/name;
    `connection_arn` for connections; `bucket` and `key` for S3. Whatever the kind does not have is "".
    """

    kind: str = ""
    stage: str = ""
    repository: str = ""
    branch: str = ""
    connection_arn: str = ""
    bucket: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """The CodeBuild project that makes what is deployed; empty where the pipeline builds nothing.

    `buildspec`: the path of its file in the repository; "" when the buildspec is written in the project, as `inline` says.
    """

    project: str = ""
    stage: str = ""
    log_group: str = ""
    buildspec: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Entrance:
    """The way of a request to the service; `dns_name` is "" for a service without a load balancer.

    `host` and `paths` satisfy the listener's rule; the paths are those to try, best first. `codes`: the statuses that the target
    group takes for healthy, as its matcher writes them. `passes_connections`: a Network Load Balancer, through which a connection
    that is kept open ends with its target.
    """

    dns_name: str = ""
    port: int = 443
    tls: bool = True
    host: str = ""
    paths: tuple[str, ...] = ()
    certificate_arn: str = ""
    codes: str = "200"
    passes_connections: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """The container that a push replaces.

    `port`: its container port, 0 without one. `architecture`: AWS's cpuArchitecture. `patience`: the longest that a health check
    waits for an answer, in seconds; 0 without a health check. `connection_suffices`: nothing but the load balancer's TCP check asks
    the container. `entry_point`, `command`: the task definition's own, in place of the image's.
    """

    name: str = ""
    port: int = 0
    architecture: str = "X86_64"
    patience: int = 0
    connection_suffices: bool = False
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Breaker:
    """The service's deployment circuit breaker, and its alarms: `rollback` is whether a failed deployment is rolled back."""

    enabled: bool = False
    rollback: bool = False
    alarms: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """The strategy of the service's deployments in the drill's word ("rolling", "canary", …), and whether hooks test a revision.

    `steps`: the steps of the traffic in words, where the account tells them and not the drill's settings.
    """

    strategy: str = "rolling"
    hooks: bool = False
    steps: str = ""


@dataclass(frozen=True, slots=True)
class CodeDeployGroup:
    """The deployment group of CodeDeploy that deploys a service; empty where ECS deploys itself.

    `listener`: the ARN of its production listener; `target_groups`: the ARNs of the two that it moves traffic between.
    `configuration`: the name of its deployment configuration.
    """

    application: str = ""
    name: str = ""
    listener: str = ""
    target_groups: tuple[str, ...] = ()
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery path of one pipeline into one service, as the account's API and Terraform's state show it.

    `image_definitions`: the file that the deploy action reads. `secrets`: ARNs of the secrets and parameters that tasks need.
    `topic_arn`: the topic that the pipeline's notifications go to. `before_stage`: the stage that runs something of the new
    revision between the build and the deployment, such as a database migration; "" without one. `road`: "github" where a workflow
    deploys in a pipeline's place; `workflow` is its file then, stages are its steps, and `pipeline` is "".
    """

    pipeline: str
    deploy_stage: str
    cluster: str
    service: str
    repository: str = ""
    image_definitions: str = "imagedefinitions.json"
    source: Source = field(default_factory=Source)
    build: Build = field(default_factory=Build)
    entrance: Entrance = field(default_factory=Entrance)
    container: Container = field(default_factory=Container)
    breaker: Breaker = field(default_factory=Breaker)
    guard: Guard = field(default_factory=Guard)
    codedeploy: CodeDeployGroup = field(default_factory=CodeDeployGroup)
    secrets: tuple[str, ...] = ()
    topic_arn: str = ""
    before_stage: str = ""
    workflow: str = ""
    road: str = "pipeline"

    def outputs(self) -> dict[str, str]:
        """Return the names that targets go by: the topic, the source's bucket, and the pipeline."""
        named = {
            "pipeline_name": self.pipeline,
            "topic_arn": self.topic_arn,
            "source_bucket_name": self.source.bucket,
            "source_object_key": self.source.key,
            "connection_arn": self.source.connection_arn,
        }
        return {name: value for name, value in named.items() if value}
