"""Permissions that operations need. Pages: https://docs.aws.amazon.com/service-authorization/latest/reference/"""

# ruff: noqa: E501 (tables read better in wide rows)
from __future__ import annotations

from typing import Any

import pytest

from pushproof.engines.policy.actions import Scope, requirement

HERE = Scope("eu-west-1", "123456789012")
AT = "eu-west-1:123456789012"


def needs(service: str, operation: str, /, **parameters: Any) -> list[str]:
    return [f"{p.action} {p.resource}" for p in requirement(service, operation, parameters, HERE).permissions]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("s3", "GetObject", {"Bucket": "b", "Key": "k/x"}, ["s3:GetObject arn:aws:s3:::b/k/x"]),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, ["s3:GetObject arn:aws:s3:::b/k"]),
        ("s3", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "v"}, ["s3:GetObjectVersion arn:aws:s3:::b/k"]),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, ["s3:ListBucket arn:aws:s3:::b"]),
        ("s3", "ListBuckets", {}, ["s3:ListAllMyBuckets *"]),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "ACL": "private"}, ["s3:PutObject arn:aws:s3:::b/k", "s3:PutObjectAcl arn:aws:s3:::b/k"]),
        ("s3", "CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "a/j"}, ["s3:PutObject arn:aws:s3:::b/k", "s3:GetObject arn:aws:s3:::a/j"]),
        ("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "1"}, {"Key": "2"}]}}, ["s3:DeleteObject arn:aws:s3:::b/1", "s3:DeleteObject arn:aws:s3:::b/2"]),
        ("s3", "GetBucketEncryption", {"Bucket": "b"}, ["s3:GetEncryptionConfiguration arn:aws:s3:::b"]),
        ("ecs", "UpdateService", {"cluster": "c", "service": "s"}, [f"ecs:UpdateService arn:aws:ecs:{AT}:service/c/s"]),
        ("ecs", "DescribeServices", {"services": ["s"]}, [f"ecs:DescribeServices arn:aws:ecs:{AT}:service/default/s"]),
        ("ecr", "GetAuthorizationToken", {}, ["ecr:GetAuthorizationToken *"]),
        ("ecr", "PutImage", {"repositoryName": "a/b"}, [f"ecr:PutImage arn:aws:ecr:{AT}:repository/a/b"]),
        ("codebuild", "StartBuild", {"projectName": "p"}, [f"codebuild:StartBuild arn:aws:codebuild:{AT}:project/p"]),
        ("codebuild", "BatchGetBuilds", {"ids": ["p:1-2"]}, [f"codebuild:BatchGetBuilds arn:aws:codebuild:{AT}:project/p"]),
        ("codebuild", "CreateProject", {"name": "p", "serviceRole": "arn:aws:iam::1:role/b"}, [f"codebuild:CreateProject arn:aws:codebuild:{AT}:project/p", "iam:PassRole arn:aws:iam::1:role/b"]),
        ("codepipeline", "PutApprovalResult", {"pipelineName": "p", "stageName": "s", "actionName": "a"}, [f"codepipeline:PutApprovalResult arn:aws:codepipeline:{AT}:p/s/a"]),
        ("codeconnections", "GetConnection", {"ConnectionArn": "arn:c"}, ["codeconnections:GetConnection arn:c"]),
        ("logs", "PutLogEvents", {"logGroupName": "/g", "logStreamName": "s"}, [f"logs:PutLogEvents arn:aws:logs:{AT}:log-group:/g:log-stream:s"]),
        ("logs", "CreateLogGroup", {"logGroupName": "/g"}, [f"logs:CreateLogGroup arn:aws:logs:{AT}:log-group:/g:log-stream:"]),
        ("secretsmanager", "GetSecretValue", {"SecretId": "arn:s"}, ["secretsmanager:GetSecretValue arn:s"]),
        ("kms", "Encrypt", {"KeyId": "1-2"}, [f"kms:Encrypt arn:aws:kms:{AT}:key/1-2"]),
        ("sns", "Publish", {"TopicArn": "arn:t"}, ["sns:Publish arn:t"]),
        ("sqs", "SendMessageBatch", {"QueueUrl": "http://x/123456789012/q"}, [f"sqs:SendMessage arn:aws:sqs:{AT}:q"]),
        ("events", "PutTargets", {"Rule": "r", "Targets": [{"Arn": "arn:x", "RoleArn": "arn:aws:iam::1:role/e"}]}, [f"events:PutTargets arn:aws:events:{AT}:rule/r", "iam:PassRole arn:aws:iam::1:role/e"]),
        ("iam", "GetRole", {"RoleName": "r"}, ["iam:GetRole arn:aws:iam::123456789012:role/r"]),
        ("iam", "CreateRole", {"RoleName": "r", "Path": "/x/"}, ["iam:CreateRole arn:aws:iam::123456789012:role/x/r"]),
        ("sts", "GetCallerIdentity", {}, []),
        ("sts", "AssumeRole", {"RoleArn": "arn:r"}, ["sts:AssumeRole arn:r"]),
        ("ec2", "DescribeVpcs", {}, ["ec2:DescribeVpcs *"]),
        ("ec2", "CreateSubnet", {"VpcId": "vpc-1"}, [f"ec2:CreateSubnet arn:aws:ec2:{AT}:subnet/*", f"ec2:CreateSubnet arn:aws:ec2:{AT}:vpc/vpc-1"]),
        ("ec2", "CreateVpc", {"TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "k", "Value": "v"}]}]}, [f"ec2:CreateVpc arn:aws:ec2:{AT}:vpc/*", f"ec2:CreateTags arn:aws:ec2:{AT}:vpc/*"]),
        ("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": "sg-1"}, [f"ec2:AuthorizeSecurityGroupIngress arn:aws:ec2:{AT}:security-group-rule/*", f"ec2:AuthorizeSecurityGroupIngress arn:aws:ec2:{AT}:security-group/sg-1"]),
        ("ssm", "GetParameters", {"Names": ["/a/b"]}, [f"ssm:GetParameters arn:aws:ssm:{AT}:parameter/a/b"]),
        ("elbv2", "DescribeTargetHealth", {"TargetGroupArn": "arn:g"}, ["elasticloadbalancing:DescribeTargetHealth *"]),
    ],
)  # fmt: skip
def test_operation(service: str, operation: str, parameters: dict[str, Any], expected: list[str]) -> None:
    """An operation needs the action and the resource of the service's reference page."""
    assert needs(service, operation, **parameters) == expected
    assert requirement(service, operation, parameters, HERE).mapped


def test_registering_a_task_definition_passes_both_roles() -> None:
    """RegisterTaskDefinition acts on any revision of the family, passes both roles to ECS tasks, and tags under its own permission."""
    task, execution = "arn:aws:iam::123456789012:role/task", "arn:aws:iam::123456789012:role/execution"
    answer = requirement(
        "ecs", "RegisterTaskDefinition",
        {"family": "f", "taskRoleArn": task, "executionRoleArn": execution, "tags": [{"key": "a", "value": "b"}]}, HERE,
    ).permissions  # fmt: skip
    assert [(p.action, p.resource) for p in answer] == [
        ("ecs:RegisterTaskDefinition", f"arn:aws:ecs:{AT}:task-definition/f:*"),
        ("iam:PassRole", task),
        ("iam:PassRole", execution),
        ("ecs:TagResource", f"arn:aws:ecs:{AT}:task-definition/f:*"),
    ]
    assert answer[1].context == {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    assert answer[3].context["ecs:CreateAction"] == "RegisterTaskDefinition"


def test_pipeline_passes_its_role_and_its_connection() -> None:
    """CreatePipeline passes the role, and the connection under the prefix of the connection's ARN."""
    connection = f"arn:aws:codestar-connections:{AT}:connection/1"
    declared = {
        "name": "p",
        "roleArn": "arn:aws:iam::1:role/p",
        "stages": [{"actions": [{"configuration": {"ConnectionArn": connection}}]}],
    }
    answer = needs("codepipeline", "CreatePipeline", pipeline=declared)
    assert answer == [
        f"codepipeline:CreatePipeline arn:aws:codepipeline:{AT}:p",
        "iam:PassRole arn:aws:iam::1:role/p",
        f"codestar-connections:PassConnection {connection}",
    ]


def test_unknown_operations_are_flagged() -> None:
    """An operation outside the tables needs the action of its name on everything, and is marked as a guess."""
    answer = requirement("glue", "GetJob", {"JobName": "j"}, HERE)
    assert (answer.permissions[0].action, answer.permissions[0].resource, answer.mapped) == ("glue:GetJob", "*", False)


def test_decrypt_is_decided_on_the_key_in_the_ciphertext() -> None:
    """Decrypt without a key id acts on the key that the ciphertext names, and on * where that is opaque."""
    key = "6f2b7c1e-0000-4000-8000-0123456789ab"
    assert needs("kms", "Decrypt", CiphertextBlob=key.encode() + b"xyz") == [f"kms:Decrypt arn:aws:kms:{AT}:key/{key}"]
    assert needs("kms", "Decrypt", CiphertextBlob=b"opaque") == ["kms:Decrypt *"]


def test_resources_the_request_does_not_determine_are_looked_up() -> None:
    """A secret by name gets its real ARN from a look-up."""
    known = {f"arn:aws:secretsmanager:{AT}:secret:db": f"arn:aws:secretsmanager:{AT}:secret:db-AbCdEf"}
    scope = Scope("eu-west-1", "123456789012", find=known.get)
    answer = requirement("secretsmanager", "GetSecretValue", {"SecretId": "db"}, scope)
    assert answer.permissions[0].resource.endswith(":secret:db-AbCdEf")


def test_tags_of_a_request_go_with_what_it_creates() -> None:
    """A new subnet carries the request's tags; the VPC that it is put into carries its own.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": "run", "Value": "1"}]}]
    needed = requirement("ec2", "CreateSubnet", {"VpcId": "vpc-1", "TagSpecifications": tags}, HERE).permissions
    assert [(p.action, p.resource.rsplit(":", 1)[-1], p.context.get("aws:RequestTag/run")) for p in needed] == [
        ("ec2:CreateSubnet", "subnet/*", "1"),
        ("ec2:CreateSubnet", "vpc/vpc-1", None),
        ("ec2:CreateTags", "subnet/*", "1"),
    ]
    assert needed[-1].context["ec2:CreateAction"] == "CreateSubnet"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "tagging", "key"),
    [
        # ECS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html; the others' API pages say the same.
        ("ecs", "CreateService", {"serviceName": "s", "tags": [{"key": "a", "value": "b"}]}, f"ecs:TagResource arn:aws:ecs:{AT}:service/default/s", "ecs:CreateAction"),
        ("ecs", "RunTask", {"taskDefinition": "f", "tags": [{"key": "a", "value": "b"}]}, f"ecs:TagResource arn:aws:ecs:{AT}:task/default/*", "ecs:CreateAction"),
        ("ecs", "StartTask", {"taskDefinition": "f", "tags": [{"key": "a", "value": "b"}]}, f"ecs:TagResource arn:aws:ecs:{AT}:task/default/*", "ecs:CreateAction"),
        ("elbv2", "CreateTargetGroup", {"Name": "g", "Tags": [{"Key": "a", "Value": "b"}]}, f"elasticloadbalancing:AddTags arn:aws:elasticloadbalancing:{AT}:targetgroup/g/*", "elasticloadbalancing:CreateAction"),
        ("ecr", "CreateRepository", {"repositoryName": "app", "tags": [{"Key": "a", "Value": "b"}]}, f"ecr:TagResource arn:aws:ecr:{AT}:repository/app", "ecr:CreateAction"),
        ("kms", "CreateKey", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, "kms:TagResource *", "kms:CreateAction"),
        ("iam", "CreateRole", {"RoleName": "r", "Tags": [{"Key": "a", "Value": "b"}]}, "iam:TagRole arn:aws:iam::123456789012:role/r", "iam:CreateAction"),
        ("sqs", "CreateQueue", {"QueueName": "q", "tags": {"a": "b"}}, f"sqs:TagQueue arn:aws:sqs:{AT}:q", "sqs:CreateAction"),
        ("sns", "CreateTopic", {"Name": "t", "Tags": [{"Key": "a", "Value": "b"}]}, f"sns:TagResource arn:aws:sns:{AT}:t", "sns:CreateAction"),
        ("logs", "CreateLogGroup", {"logGroupName": "g", "tags": {"a": "b"}}, f"logs:TagResource arn:aws:logs:{AT}:log-group:g:log-stream:", "logs:CreateAction"),
    ],
)  # fmt: skip
def test_tags_at_creation_are_a_permission_of_their_own(
    service: str, operation: str, parameters: dict[str, Any], tagging: str, key: str
) -> None:
    """Creating with tags needs permission to tag; creating without tags does not."""
    last = requirement(service, operation, parameters, HERE).permissions[-1]
    assert f"{last.action} {last.resource}" == tagging
    assert (last.context[key], last.context["aws:RequestTag/a"]) == (operation, "b")
    bare = {name: value for name, value in parameters.items() if name.lower() != "tags"}
    assert not any("Tag" in p.action for p in requirement(service, operation, bare, HERE).permissions)


ROLE = "arn:aws:iam::123456789012:role/x"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "passed_to"),
    [
        ("ecs", "RegisterTaskDefinition", {"family": "f", "executionRoleArn": ROLE}, "ecs-tasks.amazonaws.com"),
        ("ecs", "RunTask", {"taskDefinition": "f", "overrides": {"taskRoleArn": ROLE}}, "ecs-tasks.amazonaws.com"),
        ("ecs", "CreateService", {"serviceName": "s", "loadBalancers": [{"advancedConfiguration": {"roleArn": ROLE}}]}, "ecs.amazonaws.com"),
        ("ecs", "UpdateService", {"service": "s", "deploymentConfiguration": {"lifecycleHooks": [{"roleArn": ROLE}]}}, "ecs.amazonaws.com"),
        ("ecs", "UpdateService", {"service": "s", "volumeConfigurations": [{"managedEBSVolume": {"roleArn": ROLE}}]}, "ecs.amazonaws.com"),
        ("codebuild", "UpdateProject", {"name": "p", "serviceRole": ROLE}, "codebuild.amazonaws.com"),
        ("codebuild", "StartBuild", {"projectName": "p", "serviceRoleOverride": ROLE}, "codebuild.amazonaws.com"),
        ("codebuild", "CreateProject", {"name": "p", "buildBatchConfig": {"serviceRole": ROLE}}, "codebuild.amazonaws.com"),
        ("codepipeline", "UpdatePipeline", {"pipeline": {"name": "p", "roleArn": ROLE}}, "codepipeline.amazonaws.com"),
        ("events", "PutRule", {"Name": "r", "RoleArn": ROLE}, "events.amazonaws.com"),
        ("events", "PutTargets", {"Rule": "r", "Targets": [{"Arn": "arn:x", "RoleArn": ROLE}]}, "events.amazonaws.com"),
        ("scheduler", "CreateSchedule", {"Name": "s", "Target": {"RoleArn": ROLE}}, "scheduler.amazonaws.com"),
        ("logs", "PutSubscriptionFilter", {"logGroupName": "g", "roleArn": ROLE}, "logs.amazonaws.com"),
        ("ec2", "CreateFlowLogs", {"ResourceIds": ["vpc-1"], "DeliverLogsPermissionArn": ROLE}, "vpc-flow-logs.amazonaws.com"),
        ("application-autoscaling", "RegisterScalableTarget", {"RoleARN": ROLE}, "application-autoscaling.amazonaws.com"),
        ("s3", "PutBucketReplication", {"Bucket": "b", "ReplicationConfiguration": {"Role": ROLE}}, "s3.amazonaws.com"),
        ("sns", "SetTopicAttributes", {"TopicArn": "arn:t", "AttributeName": "HTTPSuccessFeedbackRoleArn", "AttributeValue": ROLE}, "sns.amazonaws.com"),
    ],
)  # fmt: skip
def test_whoever_hands_a_role_over_must_be_allowed_to(
    service: str, operation: str, parameters: dict[str, Any], passed_to: str
) -> None:
    """Every operation that gives a role to a service needs iam:PassRole on it, for that service.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    passed = [p for p in requirement(service, operation, parameters, HERE).permissions if p.action == "iam:PassRole"]
    assert [(p.resource, p.context["iam:PassedToService"]) for p in passed] == [(ROLE, passed_to)]


def test_an_instance_profile_passes_the_role_behind_it() -> None:
    """RunInstances with a profile needs iam:PassRole on the profile's role."""
    known = {"arn:aws:iam::123456789012:instance-profile-role/p": ROLE}
    scope = Scope("eu-west-1", "123456789012", find=known.get)
    answer = requirement("ec2", "RunInstances", {"IamInstanceProfile": {"Name": "p"}}, scope).permissions
    assert ("iam:PassRole", ROLE) in [(p.action, p.resource) for p in answer]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "keys"),
    [
        ("ecs", "UpdateService", {"cluster": "c", "service": "s"}, {"ecs:cluster": f"arn:aws:ecs:{AT}:cluster/c", "ecs:service": f"arn:aws:ecs:{AT}:service/c/s"}),
        ("ecs", "RunTask", {"taskDefinition": "f:1", "cluster": "arn:aws:ecs:eu-west-1:1:cluster/c", "enableExecuteCommand": True}, {"ecs:cluster": "arn:aws:ecs:eu-west-1:1:cluster/c", "ecs:task-definition": f"arn:aws:ecs:{AT}:task-definition/f:1", "ecs:enable-execute-command": "true"}),
        ("ecs", "CreateService", {"serviceName": "s", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}}, {"ecs:subnet": ("subnet-1",), "ecs:auto-assign-public-ip": "true"}),
        ("ecs", "RegisterTaskDefinition", {"family": "f", "cpu": "256", "containerDefinitions": [{"privileged": True}]}, {"ecs:task-cpu": "256", "ecs:privileged": "true"}),
        ("codebuild", "UpdateProject", {"name": "p", "vpcConfig": {"subnets": ["a", "b"]}, "environment": {"privilegedMode": True}}, {"codebuild:vpcConfig.subnets": ("a", "b"), "codebuild:environment.privilegedMode": ("true",)}),
        ("elbv2", "CreateLoadBalancer", {"Name": "l", "Scheme": "internal"}, {"elasticloadbalancing:Scheme": "internal"}),
        ("application-autoscaling", "RegisterScalableTarget", {"ServiceNamespace": "ecs"}, {"application-autoscaling:service-namespace": "ecs"}),
    ],
)  # fmt: skip
def test_condition_keys_of_operations(
    service: str, operation: str, parameters: dict[str, Any], keys: dict[str, Any]
) -> None:
    """The keys that a service's reference page lists for an operation come from its parameters."""
    context = requirement(service, operation, parameters, HERE).permissions[0].context
    assert {key: context.get(key) for key in keys} == keys
