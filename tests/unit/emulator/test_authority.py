"""Calls are decided by the policies that are really attached, and refused in AWS's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World

ACCOUNT, REGION = "123456789012", "eu-west-1"
PIPELINE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/run-1"


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual(WorldSettings(account_id=ACCOUNT, region=REGION)) as made:
        yield made


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(principal: dict[str, Any], **more: Any) -> str:
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more})


def make_role(world: World, *statements: dict[str, Any], name: str = "pipeline", **more: Any) -> str:
    iam = world.administrator("iam")
    more.setdefault("AssumeRolePolicyDocument", trust({"Service": "codepipeline.amazonaws.com"}))
    arn: str = iam.create_role(RoleName=name, **more)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=document(*statements))
    return arn


def session(world: World, *statements: dict[str, Any], **more: Any) -> Credentials:
    """Credentials that CodePipeline gets for a role with these permissions."""
    return world.assume(make_role(world, *statements, **more), "codepipeline.amazonaws.com", "run-1")


def error(caught: Any) -> tuple[str, str, int]:
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_refusal_is_worded_as_aws_words_it(world: World) -> None:
    """The refusal names the principal, the action, the resource, and the missing permission."""
    client = world.client("codestar-connections", credentials=session(world))
    with pytest.raises(ClientError) as caught:
        client.list_connections()
    assert error(caught) == (
        "AccessDeniedException",
        f"User: {SESSION} is not authorized to perform: codestar-connections:ListConnections on resource: "
        "arn:aws:codestar-connections:eu-west-1:123456789012:connection/* "
        "because no identity-based policy allows the codestar-connections:ListConnections action",
        400,
    )


def test_each_service_has_its_own_code(world: World) -> None:
    """EC2, S3, SNS and IAM refuse under the codes their clients know."""
    keys = session(world)
    for service, call, code in (
        ("ec2", lambda c: c.describe_vpcs(), "UnauthorizedOperation"),
        ("s3", lambda c: c.list_buckets(), "AccessDenied"),
        ("sns", lambda c: c.list_topics(), "AuthorizationError"),
        ("iam", lambda c: c.list_roles(), "AccessDenied"),
    ):
        with pytest.raises(ClientError) as caught:
            call(world.client(service, credentials=keys))
        assert error(caught)[0] == code
        assert error(caught)[2] == 403


def test_explicit_deny_is_told_apart(world: World) -> None:
    """The refusal of an explicit deny states it."""
    keys = session(world, allow("s3:*"), {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"})
    world.administrator("s3").create_bucket(Bucket="bkt", CreateBucketConfiguration={"LocationConstraint": REGION})
    client = world.client("s3", credentials=keys)
    client.put_object(Bucket="bkt", Key="k", Body=b"x")
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket="bkt", Key="k")
    assert error(caught)[1] == (
        f'User: {SESSION} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::bkt/k" '
        "with an explicit deny in an identity-based policy"
    )


def test_permissions_are_scoped_to_resources(world: World) -> None:
    """A role with permission on one bucket reaches that bucket alone."""
    admin = world.administrator("s3")
    for name in ("mine", "theirs"):
        admin.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        admin.put_object(Bucket=name, Key="k", Body=b"x")
    client = world.client("s3", credentials=session(world, allow("s3:GetObject", "arn:aws:s3:::mine/*")))
    assert client.get_object(Bucket="mine", Key="k")["Body"].read() == b"x"
    client.head_object(Bucket="mine", Key="k")
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket="theirs", Key="k")
    assert error(caught)[0] == "AccessDenied"
    with pytest.raises(ClientError):
        client.list_objects_v2(Bucket="mine")


def test_change_of_policy_takes_effect_at_once(world: World) -> None:
    """A policy that a write attaches or detaches counts from the next call."""
    client = world.client("ec2", credentials=session(world))
    with pytest.raises(ClientError):
        client.describe_vpcs()
    iam = world.administrator("iam")
    iam.put_role_policy(RoleName="pipeline", PolicyName="p", PolicyDocument=document(allow("ec2:DescribeVpcs")))
    assert client.describe_vpcs()["Vpcs"]
    iam.delete_role_policy(RoleName="pipeline", PolicyName="p")
    with pytest.raises(ClientError):
        client.describe_vpcs()


def test_managed_policies_and_boundary(world: World) -> None:
    """AWS-managed policies count, and a boundary caps what they give."""
    keys = session(world)
    iam, logs = world.administrator("iam"), world.client("logs", credentials=keys)
    world.administrator("logs").create_log_group(logGroupName="/ecs/app")
    iam.attach_role_policy(
        RoleName="pipeline", PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    )
    logs.create_log_stream(logGroupName="/ecs/app", logStreamName="one")
    cap = iam.create_policy(PolicyName="cap", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="pipeline", PermissionsBoundary=cap)
    with pytest.raises(ClientError) as caught:
        logs.create_log_stream(logGroupName="/ecs/app", logStreamName="two")
    assert error(caught)[1].endswith("because no permissions boundary allows the logs:CreateLogStream action")


def test_administrator_is_held_by_explicit_denies_of_resources_only(world: World) -> None:
    """The administrator may do anything but what a resource's policy denies, and may still mend that policy."""
    s3 = world.administrator("s3")
    s3.create_bucket(Bucket="bkt", CreateBucketConfiguration={"LocationConstraint": REGION})
    lock = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::bkt", "arn:aws:s3:::bkt/*"],
    }
    s3.put_bucket_policy(Bucket="bkt", Policy=document(lock))
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="bkt", Key="k", Body=b"")
    assert "with an explicit deny in a resource-based policy" in error(caught)[1]
    s3.delete_bucket_policy(Bucket="bkt")
    s3.put_object(Bucket="bkt", Key="k", Body=b"")


def test_resource_policy_lets_a_role_in(world: World) -> None:
    """A queue's policy that names the role is enough in the same account."""
    sqs = world.administrator("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    client = world.client("sqs", credentials=session(world))
    with pytest.raises(ClientError):
        client.send_message(QueueUrl=url, MessageBody="x")
    policy = document(allow("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", Principal={"AWS": PIPELINE}))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    client.send_message(QueueUrl=url, MessageBody="x")


def test_services_are_trusted_by_name_and_source(world: World) -> None:
    """A role goes only to the service it trusts, acting for the source that it trusts."""
    project = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/app"
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {"aws:SourceArn": project}}
    trusting = trust({"Service": "codebuild.amazonaws.com"}, Condition=condition)
    role = make_role(world, name="build", AssumeRolePolicyDocument=trusting)
    credentials = world.assume(role, "codebuild.amazonaws.com", "AWSCodeBuild-1", source_arn=project)
    who = world.client("sts", credentials=credentials).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/build/AWSCodeBuild-1"
    for service, source in (("codebuild.amazonaws.com", project + "2"), ("ecs-tasks.amazonaws.com", project)):
        with pytest.raises(AwsError, match="because no role trust policy allows the sts:AssumeRole action") as caught:
            world.assume(role, service, "s", source_arn=source)
        assert caught.value.code == "AccessDenied"
    with pytest.raises(AwsError):
        world.assume(f"arn:aws:iam::{ACCOUNT}:role/absent", "codebuild.amazonaws.com", "s")


def test_roles_are_taken_through_sts_by_whom_they_trust(world: World) -> None:
    """AssumeRole asks the trust policy, and session policies narrow what the session may do."""
    root = f"arn:aws:iam::{ACCOUNT}:root"
    make_role(world, allow("ec2:*"), AssumeRolePolicyDocument=trust({"AWS": root}))
    make_role(world, name="closed")
    sts = world.administrator("sts")
    with pytest.raises(ClientError) as caught:
        sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/closed", RoleSessionName="me")
    assert error(caught)[0] == "AccessDenied"
    answer = sts.assume_role(RoleArn=PIPELINE, RoleSessionName="me", Policy=document(allow("ec2:DescribeVpcs")))
    keys = answer["Credentials"]
    ec2 = world.client(
        "ec2", credentials=Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    )
    assert ec2.describe_vpcs()["Vpcs"]
    with pytest.raises(ClientError) as caught:
        ec2.describe_subnets()
    assert "because no session policy allows the ec2:DescribeSubnets action" in error(caught)[1]


def test_users_have_the_policies_of_their_groups(world: World) -> None:
    """An IAM user's key is known, and the user's groups count."""
    iam = world.administrator("iam")
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=document(allow("ec2:DescribeVpcs")))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ec2 = world.client("ec2", credentials=Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
    with pytest.raises(ClientError, match="user/ann is not authorized"):
        ec2.describe_vpcs()
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    assert ec2.describe_vpcs()["Vpcs"]


def test_passing_a_role_needs_permission_for_that_service(world: World) -> None:
    """Handing a role to a service needs iam:PassRole on the role, under the condition on the service."""
    target = make_role(world, name="target")
    only = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    keys = session(world, allow("events:*"), allow("iam:PassRole", target, Condition=only))
    client = world.client("events", credentials=keys)
    client.put_rule(Name="r", ScheduleExpression="rate(1 hour)")
    with pytest.raises(ClientError) as caught:
        client.put_targets(
            Rule="r", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", "RoleArn": target}]
        )
    assert f"is not authorized to perform: iam:PassRole on resource: {target}" in error(caught)[1]


def test_what_has_no_name_is_told_apart_by_its_tags(world: World) -> None:
    """A VPC and its route table's association are the role's to change when they carry the tag, and not otherwise."""
    ec2 = world.administrator("ec2")
    own, other = (ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2))
    tables, bindings = [], []
    for vpc in (own, other):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        tables.append(ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"])
        bound = ec2.associate_route_table(RouteTableId=tables[-1], SubnetId=subnet)
        bindings.append(bound["AssociationId"])
    ec2.create_tags(Resources=[own, tables[0]], Tags=[{"Key": "run", "Value": "1"}])
    tagged = {"Null": {"aws:ResourceTag/run": "false"}}
    allowed = allow(["ec2:ModifyVpcAttribute", "ec2:DisassociateRouteTable"], Condition=tagged)
    client = world.client("ec2", credentials=session(world, allowed))
    client.modify_vpc_attribute(VpcId=own, EnableDnsHostnames={"Value": True})
    client.disassociate_route_table(AssociationId=bindings[0])
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        client.modify_vpc_attribute(VpcId=other, EnableDnsHostnames={"Value": True})
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        client.disassociate_route_table(AssociationId=bindings[1])


def test_a_condition_on_an_id_is_about_the_resource_of_that_id(world: World) -> None:
    """EC2 sends a resource's id under a key of its type; what is gone, or of another type, has no such key.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html (resource types)
    """
    ec2 = world.administrator("ec2")
    own, other = (ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2))
    only = allow("ec2:ModifyVpcAttribute", Condition={"StringEquals": {"ec2:VpcID": own}})
    # Ending an association that is none any more needs no address; ending one that is, does.
    gone = allow("ec2:DisassociateAddress", Condition={"Null": {"ec2:AllocationId": "true"}})
    client = world.client("ec2", credentials=session(world, only, gone))
    client.modify_vpc_attribute(VpcId=own, EnableDnsHostnames={"Value": True})
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        client.modify_vpc_attribute(VpcId=other, EnableDnsHostnames={"Value": True})
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    subnet = ec2.create_subnet(VpcId=own, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    association = ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        client.disassociate_address(AssociationId=association)
    ec2.disassociate_address(AssociationId=association)
    with pytest.raises(ClientError, match=r"InvalidAssociationID\.NotFound"):
        client.disassociate_address(AssociationId=association)


def test_secret_by_name_is_decided_on_its_arn(world: World) -> None:
    """A secret by name is the resource with the six characters; a customer's key also needs kms:Decrypt."""
    admin = world.administrator("secretsmanager")
    admin.create_secret(Name="app/dev/url", SecretString="x")
    keys = session(
        world, allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app/dev/*")
    )
    client = world.client("secretsmanager", credentials=keys)
    assert client.get_secret_value(SecretId="app/dev/url")["SecretString"] == "x"
    key = world.administrator("kms").create_key()["KeyMetadata"]["Arn"]
    admin.create_secret(Name="app/dev/sealed", SecretString="y", KmsKeyId=key)
    with pytest.raises(ClientError, match="Access to KMS is not allowed"):
        client.get_secret_value(SecretId="app/dev/sealed")
    more = document(
        allow("secretsmanager:*"),
        allow(
            "kms:Decrypt", key, Condition={"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
        ),
    )
    world.administrator("iam").put_role_policy(RoleName="pipeline", PolicyName="more", PolicyDocument=more)
    assert client.get_secret_value(SecretId="app/dev/sealed")["SecretString"] == "y"


def test_actions_that_are_no_api_call_are_decided_too(world: World) -> None:
    """UseConnection is decided for a session, under the prefix of the connection's ARN."""
    arn = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/1"
    credentials = session(world, allow("codestar-connections:UseConnection", arn))
    principal = world.authority.principal(credentials.access_key_id)
    decision = world.authority.decide(principal, "codeconnections:UseConnection", arn)
    assert not decision.allowed
    with pytest.raises(AwsError, match="codeconnections:UseConnection"):
        world.authority.require(principal, "codeconnections:UseConnection", arn)
    assert world.authority.decide(principal, "codestar-connections:UseConnection", arn).allowed


def test_services_need_the_resource_policy(world: World) -> None:
    """EventBridge may publish to a topic only if the topic's policy allows it, for that rule."""
    sns = world.administrator("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/done"
    with pytest.raises(AwsError, match="because no resource-based policy allows"):
        world.authority.require_service("events.amazonaws.com", "sns:Publish", topic, source_arn=rule)
    permitting = allow(
        "sns:Publish",
        topic,
        Principal={"Service": "events.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": rule}},
    )
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document(permitting))
    world.authority.require_service("events.amazonaws.com", "sns:Publish", topic, source_arn=rule)


def test_enforcement_can_be_turned_off() -> None:
    """Every role may do everything with enforce_iam off."""
    with World.virtual(WorldSettings(account_id=ACCOUNT, region=REGION, enforce_iam=False)) as open_world:
        assert open_world.client("ec2", credentials=session(open_world)).describe_vpcs()["Vpcs"]


def test_simulation_of_a_principal(world: World) -> None:
    """SimulatePrincipalPolicy answers from the policies attached, with context and boundary."""
    arn = make_role(
        world,
        allow("s3:GetObject", "arn:aws:s3:::bkt/*"),
        allow("iam:PassRole", "*", Condition={"StringEquals": {"iam:PassedToService": "x"}}),
    )
    iam = world.administrator("iam")
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:GetObject", "s3:PutObject"], ResourceArns=["arn:aws:s3:::bkt/k"]
    )
    decisions = {r["EvalActionName"]: r["EvalDecision"] for r in answer["EvaluationResults"]}
    assert decisions == {"s3:GetObject": "allowed", "s3:PutObject": "implicitDeny"}
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == "role_pipeline_work"
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyType"] == "role"
    (passing,) = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:PassRole"])["EvaluationResults"]
    assert (passing["EvalDecision"], passing["MissingContextValues"]) == ("implicitDeny", ["iam:PassedToService"])
    entries = [{"ContextKeyName": "iam:PassedToService", "ContextKeyValues": ["x"], "ContextKeyType": "string"}]
    (given,) = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:PassRole"], ContextEntries=entries)[
        "EvaluationResults"
    ]
    assert given["EvalDecision"] == "allowed"
    with pytest.raises(ClientError) as caught:
        iam.simulate_principal_policy(PolicySourceArn=arn + "x", ActionNames=["s3:GetObject"])
    assert error(caught)[0] == "NoSuchEntity"


def test_simulation_of_documents(world: World) -> None:
    """SimulateCustomPolicy answers for documents that are attached nowhere, page by page."""
    iam = world.administrator("iam")
    text = document(allow("ec2:*"), {"Effect": "Deny", "Action": "ec2:StopInstances", "Resource": "*"})
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[text],
        ActionNames=["ec2:StartInstances", "ec2:StopInstances", "s3:GetObject"],
        PaginationConfig={"PageSize": 2},
    )
    decisions = [result["EvalDecision"] for page in pages for result in page["EvaluationResults"]]
    assert decisions == ["allowed", "explicitDeny", "implicitDeny"]
    with pytest.raises(ClientError) as caught:
        iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=["s3:GetObject"])
    assert error(caught)[0] == "InvalidInput"
