"""Which permissions operations need. Pages: https://docs.aws.amazon.com/service-authorization/latest/reference/"""

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
    """RegisterTaskDefinition has no resource, passes both roles to ECS tasks, and tags under its own permission."""
    task, execution = "arn:aws:iam::123456789012:role/task", "arn:aws:iam::123456789012:role/execution"
    answer = requirement(
        "ecs", "RegisterTaskDefinition",
        {"family": "f", "taskRoleArn": task, "executionRoleArn": execution, "tags": [{"key": "a", "value": "b"}]}, HERE,
    ).permissions  # fmt: skip
    assert [(p.action, p.resource) for p in answer] == [
        ("ecs:RegisterTaskDefinition", "*"),
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
    """What no table knows needs the action of its name on everything, and says that this is a guess."""
    answer = requirement("glue", "GetJob", {"JobName": "j"}, HERE)
    assert (answer.permissions[0].action, answer.permissions[0].resource, answer.mapped) == ("glue:GetJob", "*", False)


def test_decrypt_is_decided_on_the_key_in_the_ciphertext() -> None:
    """Decrypt without a key id acts on the key that the ciphertext names, and on * where that is opaque."""
    key = "6f2b7c1e-0000-4000-8000-0123456789ab"
    assert needs("kms", "Decrypt", CiphertextBlob=key.encode() + b"xyz") == [f"kms:Decrypt arn:aws:kms:{AT}:key/{key}"]
    assert needs("kms", "Decrypt", CiphertextBlob=b"opaque") == ["kms:Decrypt *"]


def test_resources_the_request_does_not_determine_are_looked_up() -> None:
    """A secret by name gets its real ARN from whoever knows it."""
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
