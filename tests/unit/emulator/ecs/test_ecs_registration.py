"""RegisterTaskDefinition refuses what AWS refuses, in its words, and accepts the rest.

Texts: recorded answers of the service (github.com/badmintoncryer/cdk-preflight, rules/ecs) and of reports that quote it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pushproof.emulator.services.ecs.registration import problems
from pushproof.emulator.services.ecs.sizes import cpu_units, mebibytes

Refused = Callable[[Callable[[], Any]], tuple[str, str]]
ROLE = "arn:aws:iam::123456789012:role/execution"
APP: dict[str, Any] = {"name": "app", "image": "app:v1"}
AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"},
}
FARGATE: dict[str, Any] = {
    "family": "x",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": ROLE,
    "containerDefinitions": [APP],
}
EC2: dict[str, Any] = {"family": "x", "containerDefinitions": [{**APP, "memory": 64}]}


def first(base: dict[str, Any], **change: Any) -> str | None:
    """The first problem of a registration; `app` changes its container."""
    container = change.pop("app", {})
    request = {**base, **change}
    if container:
        request["containerDefinitions"] = [{**base["containerDefinitions"][0], **container}]
    return next(iter(problems(request)), None)


def efs(**members: Any) -> list[dict[str, Any]]:
    return [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1", **members}}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"family": "a b"}, "Family should only contain letters, numbers, hyphens and underscores."),
        ({"containerDefinitions": []}, "Container list cannot be empty."),
        ({"app": {"name": ""}}, "Container.name should not be null or empty."),
        ({"app": {"image": ""}}, "Container.image should not be null or empty."),
        ({"app": {"image": "$IMAGE"}}, "Container.image contains invalid characters."),
        ({"app": {"name": "a.b"}}, "Container.name contains invalid characters."),
        ({"containerDefinitions": [APP, APP]}, "Container names must be unique within a task definition."),
        ({"app": {"essential": False}}, "Task definition doesn't have any essential container"),
        (
            {"app": {"portMappings": [{"containerPort": 80, "hostPort": 81}]}},
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            {"app": {"portMappings": [{"containerPortRange": "1-2", "containerPort": 1}]}},
            "cannot specify both single port and port range",
        ),
        (
            {"app": {"portMappings": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]}},
            "port mapping name is already used",
        ),
        ({"app": {"links": ["db"]}}, "Links are not supported when networkMode=awsvpc"),
        ({"app": {"hostname": "a"}}, "hostname is not supported on container when networkMode=awsvpc"),
        ({"app": {"dnsServers": ["1.1.1.1"]}}, "DNS servers are not supported on container when networkMode=awsvpc"),
        (
            {"app": {"extraHosts": [{"hostname": "a", "ipAddress": "1.1.1.1"}]}},
            "Extra hosts are not supported on container when networkMode=awsvpc",
        ),
        (
            {"app": {"disableNetworking": True}},
            "Disable Networking is not supported on container when networkMode=awsvpc",
        ),
        ({"app": {"privileged": True}}, "Fargate requires that the 'privileged' setting be 'false'."),
        (
            {"app": {"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}}}},
            "NET_ADMIN is not allowed on Fargate.",
        ),
        (
            {"app": {"linuxParameters": {"sharedMemorySize": 64}}},
            "Fargate compatible task definitions do not support sharedMemorySize",
        ),
        (
            {"app": {"linuxParameters": {"maxSwap": 64}}},
            "Fargate compatible task definitions do not support maxSwap",
        ),
        (
            {"app": {"linuxParameters": {"devices": [{"hostPath": "/dev/a"}]}}},
            "Fargate compatible task definitions do not support devices",
        ),
        (
            {"app": {"dockerSecurityOptions": ["label:a"]}},
            "Fargate compatible task definitions do not support dockerSecurityOptions",
        ),
        (
            {"app": {"resourceRequirements": [{"type": "GPU", "value": "1"}]}},
            "Tasks using the Fargate launch type do not support GPU resource requirements",
        ),
        (
            {"app": {"logConfiguration": {"logDriver": "json-file"}}},
            "json-file is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]",
        ),
        (
            {"app": {"logConfiguration": {"logDriver": "awslogs", "options": {}}}},
            "Log driver awslogs requires options: awslogs-group",
        ),
        (
            {"app": {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}}},
            "Fargate requires log configuration options to include awslogs-stream-prefix",
        ),
        (
            {"app": {"logConfiguration": {"logDriver": "awsfirelens"}}},
            "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be",
        ),
        (
            {"app": {"logConfiguration": AWSLOGS}, "executionRoleArn": None},
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (
            {"app": {"image": "1.dkr.ecr.eu-west-1.amazonaws.com/a:b"}, "executionRoleArn": None},
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        (
            {"app": {"secrets": [{"name": "A", "valueFrom": "p"}]}, "executionRoleArn": None},
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ),
        (
            {"app": {"secrets": [{"name": "A", "valueFrom": "p"}], "environment": [{"name": "A", "value": "b"}]}},
            "The secret name must be unique and not shared with any new or existing environment variables set on the "
            "container, such as 'A'.",
        ),
        (
            {"app": {"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/k"}] * 11}},
            "The maximum number of environment files was exceeded. Specify ten or less and try again",
        ),
        ({"app": {"environmentFiles": [{"type": "s3", "value": "s3://b/k"}]}}, "Invalid arn syntax"),
        (
            {"app": {"ulimits": [{"name": "nofile", "softLimit": 2, "hardLimit": 1}]}},
            "Soft limit exceeds hard limit for ulimit nofile",
        ),
        (
            {"app": {"restartPolicy": {"enabled": True, "restartAttemptPeriod": 59}}},
            "the 'restartAttemptPeriod' setting for container 'app' must be between 60 and 1800",
        ),
        ({"app": {"healthCheck": {"command": ["CMD", "true"], "interval": 4}}}, "healthCheck.interval"),
        ({"app": {"memory": 1024}}, "The 'memory' setting for container 'app' is greater than for the task"),
        (
            {"app": {"memory": 64, "memoryReservation": 65}},
            "'memory' must be greater than or equal to 'memoryReservation'",
        ),
        (
            {"app": {"cpu": 512}},
            "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value",
        ),
        ({"app": {"mountPoints": [{"sourceVolume": "none"}]}}, "Unknown volume 'none'"),
        (
            {"app": {"dependsOn": [{"containerName": "none", "condition": "START"}]}},
            "Cannot depend on container none because it does not exist",
        ),
        ({"cpu": None}, "Fargate requires that 'cpu' be defined at the task level."),
        ({"memory": None, "app": {"memory": 64}}, "Fargate requires that 'memory' be defined at the task level."),
        ({"cpu": "many"}, "Invalid 'cpu' setting for task"),
        ({"memory": "4096"}, "No Fargate configuration exists for given values: 256 CPU, 4096 memory."),
        ({"networkMode": "bridge"}, "Fargate only supports network mode ‘awsvpc’."),
        ({"networkMode": "lan"}, "lan is not a valid network mode. Must be one of [bridge, host, awsvpc, none]"),
        ({"ipcMode": "task"}, "Fargate compatible task definitions do not support ipcMode"),
        (
            {"pidMode": "host"},
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
        ),
        (
            {"placementConstraints": [{"type": "memberOf", "expression": "a"}]},
            "Fargate compatible task definitions do not support constraints",
        ),
        (
            {"volumes": [{"name": "v", "host": {"sourcePath": "/x"}}]},
            "Fargate compatible task definitions do not support sourcePath",
        ),
        (
            {"volumes": [{"name": "v", "dockerVolumeConfiguration": {"scope": "task"}}]},
            "Fargate compatible task definitions do not support dockerVolumeConfiguration",
        ),
        (
            {
                "volumes": efs(
                    transitEncryption="ENABLED", rootDirectory="/x", authorizationConfig={"accessPointId": "a"}
                )
            },
            'When using an EFS access point, the root directory must either be set to "/" or be omitted',
        ),
        (
            {"volumes": efs(authorizationConfig={"iam": "ENABLED"})},
            "EFS IAM authorization requires TransitEncryption to be enabled",
        ),
        ({"volumes": efs(transitEncryptionPort=1)}, "TransitEncryptionPort requires that TransitEncryption is enabled"),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, "EphemeralStorage size should be at least 21"),
        ({"ephemeralStorage": {"sizeInGiB": 201}}, "EphemeralStorage size should be at most 200"),
        ({"inferenceAccelerators": [{"deviceName": "a", "deviceType": "b"}]}, "Unsupported field"),
        (
            {"cpu": "512", "memory": "1024", "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}},
            "No Fargate configuration exists for given values",
        ),
    ],
)
def test_refused_on_fargate(change: dict[str, Any], words: str) -> None:
    """Each mistake is the first problem of a definition that is sound otherwise."""
    assert words in (first(FARGATE, **change) or "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"app": {"memory": None}},
            "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.",
        ),
        (
            {"networkMode": "host", "app": {"portMappings": [{"containerPort": 80, "hostPort": 81}]}},
            "When networkMode=host, the host ports and container ports in port mappings must match.",
        ),
        (
            {"requiresCompatibilities": ["EC2"], "ephemeralStorage": {"sizeInGiB": 30}},
            "Tasks using the EC2 launch type do not support EphemeralStorage",
        ),
        (
            {"proxyConfiguration": {"containerName": "app"}},
            "APPMESH proxy configuration is only supported in networkMode=awsvpc",
        ),
    ],
)
def test_refused_on_instances(change: dict[str, Any], words: str) -> None:
    """Definitions that do not name Fargate are refused for these reasons."""
    assert words in (first(EC2, **change) or "")


@pytest.mark.parametrize(
    ("base", "change"),
    [
        (FARGATE, {}),
        (FARGATE, {"cpu": ".25 vCPU", "memory": "0.5 GB"}),
        (FARGATE, {"cpu": "1 vcpu", "memory": "2GB"}),
        (FARGATE, {"pidMode": "task", "ephemeralStorage": {"sizeInGiB": 21}}),
        (FARGATE, {"app": {"portMappings": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 81}]}}),
        (FARGATE, {"app": {"linuxParameters": {"initProcessEnabled": True, "capabilities": {"add": ["SYS_PTRACE"]}}}}),
        (FARGATE, {"app": {"logConfiguration": AWSLOGS, "stopTimeout": 120, "privileged": False}}),
        (FARGATE, {"volumes": [{"name": "v"}], "app": {"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}}),
        (FARGATE, {"app": {"image": "r/a@sha256:" + "0" * 64}}),
        (EC2, {}),
        (EC2, {"app": {"memory": None, "memoryReservation": 64}}),
        (
            EC2,
            {"app": {"portMappings": [{"containerPort": 80, "hostPort": 8080}], "links": ["db"], "privileged": True}},
        ),
        (EC2, {"memory": "512", "app": {"memory": None}}),
    ],
)
def test_taken(base: dict[str, Any], change: dict[str, Any]) -> None:
    """Definitions that AWS accepts have no problem."""
    assert first(base, **change) is None


def test_sizes() -> None:
    """Units and MiB, or vCPU and GB, in any spelling; anything else is no size."""
    assert [cpu_units(size) for size in ("256", ".25 vCPU", "1 VCPU", "2vcpu")] == [256, 256, 1024, 2048]
    assert [mebibytes(size) for size in ("512", "0.5 GB", "1gb", "30 GB")] == [512, 512, 1024, 30720]
    assert [cpu_units(size) for size in ("", None, "0", "-1", "x", "1 GB", "1.5")] == [None] * 7


def test_refused_through_the_api_and_nothing_is_registered(stack: Any, code: Refused) -> None:
    """A refusal is a ClientException and makes neither a revision nor a family."""
    answer = code(
        lambda: stack.ecs.register_task_definition(family="refused", containerDefinitions=[{"name": "a", "image": "b"}])
    )
    assert answer == (
        "ClientException",
        "Invalid setting for container 'a'. At least one of 'memory' or 'memoryReservation' must be specified.",
    )
    assert stack.ecs.list_task_definition_families()["families"] == []


def test_sizes_come_back_as_units(stack: Any) -> None:
    """`.25 vCPU` and `0.5 GB` are described as 256 and 512; Fargate is a compatibility where it could run."""
    made = stack.ecs.register_task_definition(**{**FARGATE, "cpu": ".25 vCPU", "memory": "0.5 GB"})["taskDefinition"]
    assert (made["cpu"], made["memory"], made["compatibilities"]) == ("256", "512", ["EC2", "FARGATE"])
    made = stack.ecs.register_task_definition(**EC2, networkMode="awsvpc")["taskDefinition"]
    assert made["compatibilities"] == ["EC2"]
