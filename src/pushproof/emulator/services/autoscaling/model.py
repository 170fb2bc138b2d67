"""Records of Application Auto Scaling. Times are AWS seconds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.literals import PolicyTypeType, ScalableDimensionType, ServiceNamespaceType
    from types_boto3_application_autoscaling.type_defs import (
        AlarmTypeDef,
        PredictiveScalingPolicyConfigurationOutputTypeDef,
        ScalableTargetActionTypeDef,
        StepScalingPolicyConfigurationOutputTypeDef,
        SuspendedStateTypeDef,
        TargetTrackingScalingPolicyConfigurationOutputTypeDef,
    )


# The key of a scalable target: namespace, resource ID, scalable dimension.
Key = tuple["ServiceNamespaceType", str, "ScalableDimensionType"]

# The beginning of a dimension's resource IDs, and the suffix of the service-linked role's name.
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
DIMENSIONS: dict[str, tuple[str, str]] = {
    "ecs:service:DesiredCount": ("service/", "ECSService"),
    "ec2:spot-fleet-request:TargetCapacity": ("spot-fleet-request/", "EC2SpotFleetRequest"),
    "elasticmapreduce:instancegroup:InstanceCount": ("instancegroup/", ""),
    "appstream:fleet:DesiredCapacity": ("fleet/", "AppStreamFleet"),
    "dynamodb:table:ReadCapacityUnits": ("table/", "DynamoDBTable"),
    "dynamodb:table:WriteCapacityUnits": ("table/", "DynamoDBTable"),
    "dynamodb:index:ReadCapacityUnits": ("table/", "DynamoDBTable"),
    "dynamodb:index:WriteCapacityUnits": ("table/", "DynamoDBTable"),
    "rds:cluster:ReadReplicaCount": ("cluster:", "RDSCluster"),
    "sagemaker:variant:DesiredInstanceCount": ("endpoint/", "SageMakerEndpoint"),
    "sagemaker:variant:DesiredProvisionedConcurrency": ("endpoint/", "SageMakerEndpoint"),
    "sagemaker:inference-component:DesiredCopyCount": ("inference-component/", "SageMakerEndpoint"),
    "custom-resource:ResourceType:Property": ("", "CustomResource"),
    "comprehend:document-classifier-endpoint:DesiredInferenceUnits": ("arn:", "ComprehendEndpoint"),
    "comprehend:entity-recognizer-endpoint:DesiredInferenceUnits": ("arn:", "ComprehendEndpoint"),
    "lambda:function:ProvisionedConcurrency": ("function:", "LambdaConcurrency"),
    "cassandra:table:ReadCapacityUnits": ("keyspace/", "CassandraTable"),
    "cassandra:table:WriteCapacityUnits": ("keyspace/", "CassandraTable"),
    "kafka:broker-storage:VolumeSize": ("arn:", "KafkaCluster"),
    "elasticache:cache-cluster:Nodes": ("cache-cluster/", "ElastiCacheRG"),
    "elasticache:replication-group:NodeGroups": ("replication-group/", "ElastiCacheRG"),
    "elasticache:replication-group:Replicas": ("replication-group/", "ElastiCacheRG"),
    "neptune:cluster:ReadReplicaCount": ("cluster:", "NeptuneCluster"),
    "workspaces:workspacespool:DesiredUserSessions": ("workspacespool/", "WorkSpacesPool"),
}

NOT_SUSPENDED: SuspendedStateTypeDef = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}


class Configuration(TypedDict, total=False):
    """The single configuration of a scaling policy, by the API's member."""

    StepScalingPolicyConfiguration: StepScalingPolicyConfigurationOutputTypeDef
    TargetTrackingScalingPolicyConfiguration: TargetTrackingScalingPolicyConfigurationOutputTypeDef
    PredictiveScalingPolicyConfiguration: PredictiveScalingPolicyConfigurationOutputTypeDef


class Schedule(TypedDict, total=False):
    """Members of a scheduled action that a caller sets."""

    Schedule: str
    Timezone: str
    StartTime: datetime
    EndTime: datetime
    ScalableTargetAction: ScalableTargetActionTypeDef


@dataclass(slots=True)
class ScalingPolicy:
    """A scaling policy. https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalingPolicy.html"""

    name: str
    arn: str
    type: PolicyTypeType
    configuration: Configuration
    """The API's member of this type: `StepScalingPolicyConfiguration` or its like."""
    created_at: float
    alarms: list[AlarmTypeDef] = field(default_factory=list)


@dataclass(slots=True)
class ScheduledAction:
    """A scheduled action. https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScheduledAction.html"""

    name: str
    arn: str
    created_at: float
    members: Schedule
    """Schedule, time zone, start, end and capacities, in the API's form."""


@dataclass(slots=True)
class ScalableTarget:
    """A scalable target. https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalableTarget.html"""

    key: Key
    arn: str
    role_arn: str
    minimum: int
    maximum: int
    created_at: float
    suspended: SuspendedStateTypeDef = field(default_factory=lambda: NOT_SUSPENDED.copy())
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, ScalingPolicy] = field(default_factory=dict)
    actions: dict[str, ScheduledAction] = field(default_factory=dict)


@dataclass(slots=True)
class Activity:
    """A scaling activity. https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalingActivity.html"""

    key: Key
    cause: str
    description: str
    message: str
    at: float
    succeeded: bool
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True)
class Region:
    """The records of one account and region."""

    targets: dict[Key, ScalableTarget] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
