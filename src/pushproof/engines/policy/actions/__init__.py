"""Tables of the IAM permissions that API operations need, and on which resources.

>>> from pushproof.engines.policy.actions import Scope, requirement
>>> here = Scope("eu-west-1", "123456789012")
>>> requirement("s3", "HeadObject", {"Bucket": "photos", "Key": "cat.jpg"}, here).permissions[0].action
's3:GetObject'

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

from pushproof.engines.policy.actions import containers, delivery, foundation, functions, messaging, storage
from pushproof.engines.policy.actions.model import Parameters, Permission, Requirement, Scope, Table

TABLES: dict[str, Table] = {
    "acm": foundation.ACM,
    "application-autoscaling": containers.APPLICATION_AUTOSCALING,
    "cloudwatch": messaging.CLOUDWATCH,
    "codebuild": delivery.CODEBUILD,
    "codeconnections": delivery.CODECONNECTIONS,
    "codedeploy": delivery.CODEDEPLOY,
    "codepipeline": delivery.CODEPIPELINE,
    "codestar-connections": delivery.CODESTAR_CONNECTIONS,
    "dynamodb": storage.DYNAMODB,
    "ec2": foundation.EC2,
    "ecr": containers.ECR,
    "ecs": containers.ECS,
    "elbv2": containers.ELBV2,
    "events": messaging.EVENTS,
    "iam": foundation.IAM,
    "kms": storage.KMS,
    "lambda": functions.LAMBDA,
    "logs": messaging.LOGS,
    "resourcegroupstaggingapi": messaging.TAGGING,
    "s3": storage.S3,
    "scheduler": delivery.SCHEDULER,
    "secretsmanager": storage.SECRETSMANAGER,
    "sns": messaging.SNS,
    "sqs": messaging.SQS,
    "ssm": storage.SSM,
    "sts": foundation.STS,
}
"""By botocore's service name."""


def requirement(service: str, operation: str, parameters: Parameters, scope: Scope) -> Requirement:
    """The permissions an operation needs; each of them must be allowed.

    An operation that no table knows needs ``<service>:<operation>`` on ``*`` and is flagged (``mapped`` is False).

    Args:
        service: botocore's service name. operation: AWS's operation name.
        parameters: the request, under botocore's member names.
        scope: region, account and partition for ARNs.
    """
    table = TABLES.get(service)
    if table is None:
        return Requirement((Permission(f"{service}:{operation}"),), mapped=False)
    return table.requirement(operation, parameters, scope)


__all__ = ["TABLES", "Parameters", "Permission", "Requirement", "Scope", "Table", "requirement"]
