"""Network actions on ECS tasks: the permissions and the preparation that FIS needs for them, and the faults that they are here.

FIS reaches into a task through an SSM agent beside it and the fault injection endpoints of ECS. Neither is emulated: a task only
has to be prepared as FIS demands it. https://docs.aws.amazon.com/fis/latest/userguide/ecs-task-actions.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.faults import Fault, PacketsLost, PortBlackholed, SlowTarget

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef, TaskDefinitionTypeDef

    from pushproof.emulator.kernel.context import Credentials
    from pushproof.emulator.kernel.site import Site

PREFIX = "aws:ecs:task-network-"
_BLACKHOLE, _LATENCY, _LOSS = (f"{PREFIX}{kind}" for kind in ("blackhole-port", "latency", "packet-loss"))
_DOCUMENTS = {
    _BLACKHOLE: "AWSFIS-Run-Network-Blackhole-Port-ECS",
    _LATENCY: "AWSFIS-Run-Network-Latency-ECS",
    _LOSS: "AWSFIS-Run-Network-Packet-Loss-ECS",
}
# https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html, "Permissions" of each action.
_LOOKING = ("ecs:DescribeContainerInstances", "ec2:DescribeInstances", "ec2:DescribeSubnets")
_PERMISSIONS = {_BLACKHOLE: (), _LATENCY: _LOOKING, _LOSS: _LOOKING}
# The page's script reads it; an image of the agent may have any name.
_AGENT = "MANAGED_INSTANCE_ROLE_NAME"
_NOT_MANAGED = (
    "At least one ECS Task is not registered as a SSM managed instance. SSM Agent must be running as a sidecar in the task, and "
    "the task must be registered within Systems Manager as a managed instance."
)


def task_faults(
    site: Site,
    action: str,
    parameters: Mapping[str, str],
    arns: Sequence[str],
    credentials: Credentials,
    *,
    region: str,
) -> list[Fault]:
    """Return the faults of an action on tasks. Raises AwsError and ClientError as FIS fails. Blocks."""
    _require_permissions(site, action, credentials, region)
    ecs = site.client("ecs", region=region, credentials=credentials)
    definitions: set[str] = set()
    for arn in arns:
        for task in ecs.describe_tasks(cluster=arn.split("/")[1], tasks=[arn])["tasks"]:
            definitions.add(task["taskDefinitionArn"])
    for definition in sorted(definitions):
        described = site.client("ecs", region=region).describe_task_definition(taskDefinition=definition)
        _require_prepared(described["taskDefinition"], parameters)
    tasks = tuple(arns)
    if action == _BLACKHOLE:
        port, protocol = int(parameters["port"]), parameters.get("protocol", "tcp")
        return [PortBlackholed(port, parameters["trafficType"], protocol, tasks=tasks)]
    if action == _LATENCY:
        return [SlowTarget(float(parameters.get("delayMilliseconds", "200")), tasks=tasks)]
    return [PacketsLost(int(parameters.get("lossPercent", "7")) / 100, tasks=tasks)]


def _require_permissions(site: Site, action: str, credentials: Credentials, region: str) -> None:
    principal = site.permissions.principal(credentials.access_key_id)
    document = f"arn:aws:ssm:{region}::document/{_DOCUMENTS[action]}"
    instance = f"arn:aws:ssm:{region}:{site.account_id}:managed-instance/mi-00000000000000000"
    for resource in (document, instance):
        site.permissions.require(principal, "ssm:SendCommand", resource, region=region)
    for permission in ("ssm:ListCommands", "ssm:CancelCommand", *_PERMISSIONS[action]):
        site.permissions.require(principal, permission, region=region)


def _require_prepared(definition: TaskDefinitionTypeDef, parameters: Mapping[str, str]) -> None:
    """Raise AwsError for a task definition whose tasks FIS could not disturb. Only the first text is AWS's own."""
    name = definition["taskDefinitionArn"].rpartition("/")[2]
    containers = definition.get("containerDefinitions", [])
    if not any(map(_is_agent, containers)):
        raise AwsError("InvalidTarget", _NOT_MANAGED)
    if definition.get("pidMode") != "task":
        raise AwsError("InvalidTarget", f"The task definition {name} must have pidMode set to task.")
    if not definition.get("enableFaultInjection"):
        raise AwsError("InvalidTarget", f"The task definition {name} must have enableFaultInjection set to true.")
    if parameters.get("useEcsFaultInjectionEndpoints", "false").lower() != "true":
        raise AwsError("InvalidTarget", "Tasks on Fargate need useEcsFaultInjectionEndpoints set to true.")


def _is_agent(container: ContainerDefinitionOutputTypeDef) -> bool:
    if "ssm-agent" in container.get("image", ""):
        return True
    return any(pair.get("name") == _AGENT for pair in container.get("environment", []))
