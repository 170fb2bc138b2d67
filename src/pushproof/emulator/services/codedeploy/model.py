"""Records of CodeDeploy: applications, deployment groups, configurations, deployments. Times are AWS seconds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.loop import Timer
from pushproof.engines.codedeploy import AppSpec, Deployment, Routing

if TYPE_CHECKING:
    from types_boto3_codedeploy.literals import DeploymentCreatorType, OutdatedInstancesStrategyType
    from types_boto3_codedeploy.type_defs import (
        AlarmConfigurationOutputTypeDef,
        AutoRollbackConfigurationOutputTypeDef,
        BlueGreenDeploymentConfigurationTypeDef,
        ECSServiceTypeDef,
        ECSTaskSetTypeDef,
        LoadBalancerInfoOutputTypeDef,
        RevisionLocationTypeDef,
        TargetGroupPairInfoOutputTypeDef,
        TriggerConfigOutputTypeDef,
    )


def _new_id() -> str:
    return str(uuid.uuid4())


@dataclass(slots=True)
class Application:
    """An application of the compute platform ECS."""

    name: str
    created_at: float
    id: str = field(default_factory=_new_id)
    groups: dict[str, DeploymentGroup] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """Configuration of a deployment group, which each of its deployments takes with it."""

    role_arn: str
    config_name: str
    service: ECSServiceTypeDef
    balancer: LoadBalancerInfoOutputTypeDef
    blue_green: BlueGreenDeploymentConfigurationTypeDef
    alarms: AlarmConfigurationOutputTypeDef | None = None
    rollback: AutoRollbackConfigurationOutputTypeDef | None = None
    triggers: tuple[TriggerConfigOutputTypeDef, ...] = ()
    outdated: OutdatedInstancesStrategyType = "UPDATE"
    termination_hook: bool = False

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the two target groups."""
        return tuple(group.get("name", "") for group in self._pair.get("targetGroups", ()))

    @property
    def production(self) -> str:
        """The ARN of the production listener."""
        return (self._pair.get("prodTrafficRoute", {}).get("listenerArns") or [""])[0]

    @property
    def test(self) -> str:
        """The ARN of the test listener; empty without one."""
        return (self._pair.get("testTrafficRoute", {}).get("listenerArns") or [""])[0]

    @property
    def _pair(self) -> TargetGroupPairInfoOutputTypeDef:
        pairs = self.balancer.get("targetGroupPairInfoList", [])
        return pairs[0] if pairs else {}


@dataclass(slots=True)
class DeploymentGroup:
    """A deployment group: the ECS service, its listeners and target groups, and how deployments go."""

    application: str
    name: str
    options: Options
    id: str = field(default_factory=_new_id)
    revision: RevisionLocationTypeDef | None = None
    succeeded: str = ""
    attempted: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class DeploymentConfig:
    """A deployment configuration of the account."""

    name: str
    routing: Routing
    created_at: float
    id: str = field(default_factory=_new_id)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Record:
    """A deployment: its request, and the state of its course.

    `blue` and `green` are the ARNs of the target groups of the original and of the replacement task set, once they are known.
    """

    application: str
    group: str
    region: str
    options: Options
    revision: RevisionLocationTypeDef
    state: Deployment
    description: str = ""
    creator: DeploymentCreatorType = "user"
    previous: RevisionLocationTypeDef | None = None
    override_alarms: AlarmConfigurationOutputTypeDef | None = None
    rollback_message: str = ""
    appspec: AppSpec | None = None
    blue: str = ""
    green: str = ""
    seen: dict[str, ECSTaskSetTypeDef] = field(default_factory=dict)
    timer: Timer | None = None

    @property
    def id(self) -> str:
        return self.state.id

    @property
    def target_id(self) -> str:
        """The id of the deployment's only target."""
        service = self.options.service
        return f"{service.get('clusterName', 'default')}:{service.get('serviceName', '')}"


@dataclass(slots=True)
class Region:
    """The records of one account and region."""

    account_id: str
    name: str
    applications: dict[str, Application] = field(default_factory=dict)
    configs: dict[str, DeploymentConfig] = field(default_factory=dict)
    deployments: dict[str, Record] = field(default_factory=dict)

    def arn(self, resource: str) -> str:
        return arn_of("codedeploy", resource, region=self.name, account=self.account_id)

    def group(self, record: Record) -> DeploymentGroup | None:
        """Return the group of a deployment, if it still exists."""
        application = self.applications.get(record.application)
        return application.groups.get(record.group) if application else None
