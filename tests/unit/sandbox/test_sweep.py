"""The sweep against a world: everything of a run goes, everything else stays."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.world import World
from pushproof.sandbox import naming
from pushproof.sandbox.sweep import KnownRun, Sweep, SweepScope
from pushproof.targets.inventory import inventory

RUN, OTHER = "1a2b3c4d", "5e6f7a8b"
FUTURE = 4_000_000_000.0
DEAD = (KnownRun(RUN, FUTURE, 0.0, ended=True),)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def furnish(aws: Callable[[str], Any], run: str | None, name: str) -> None:
    """One resource of many kinds; tagged as a run's, or untagged (run None), as another team's would be."""
    tags = naming.tags(run, expires_at=FUTURE, owner="somebody") if run else {"team": "other"}
    upper = [{"Key": k, "Value": v} for k, v in tags.items()]
    lower = [{"key": k, "value": v} for k, v in tags.items()]

    def spec(kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": upper}]

    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc"))["Vpc"]["VpcId"]
    subnet, second = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone, TagSpecifications=spec("subnet"))["Subnet"][
            "SubnetId"
        ]
        for cidr, zone in (("10.0.0.0/24", "eu-west-1a"), ("10.0.1.0/24", "eu-west-1b"))
    )
    gateway = ec2.create_internet_gateway(TagSpecifications=spec("internet-gateway"))["InternetGateway"][
        "InternetGatewayId"
    ]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip"))["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, TagSpecifications=spec("natgateway"))
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=spec("route-table"))["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    groups = [
        ec2.create_security_group(
            GroupName=f"{name}-{n}", Description="x", VpcId=vpc, TagSpecifications=spec("security-group")
        )["GroupId"]
        for n in (1, 2)
    ]
    for one, two in (groups, groups[::-1]):
        ec2.authorize_security_group_ingress(
            GroupId=one,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": two}]}],
        )
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.ecr.api", VpcEndpointType="Interface", SubnetIds=[subnet],
        SecurityGroupIds=[groups[0]], TagSpecifications=spec("vpc-endpoint"),
    )  # fmt: skip
    ec2.create_network_interface(SubnetId=subnet, Groups=[groups[0]])
    aws("ecr").create_repository(repositoryName=name, tags=upper)
    s3 = aws("s3")
    s3.create_bucket(Bucket=f"{name}-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=f"{name}-bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=f"{name}-bucket", Key="dev/terraform.tfstate", Body=b"{}")
    s3.put_object(Bucket=f"{name}-bucket", Key="gone", Body=b"one")
    s3.delete_object(Bucket=f"{name}-bucket", Key="gone")
    s3.create_multipart_upload(Bucket=f"{name}-bucket", Key="unfinished")
    aws("logs").create_log_group(logGroupName=f"/ecs/{name}")
    for secret in (f"{name}/one", f"{name}/scheduled"):
        aws("secretsmanager").create_secret(Name=secret, SecretString="x", Tags=upper)
    aws("secretsmanager").delete_secret(SecretId=f"{name}/scheduled", RecoveryWindowInDays=7)
    aws("sns").create_topic(Name=name, Tags=upper)
    aws("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", Tags=upper,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )  # fmt: skip
    aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=upper)
    aws("iam").attach_role_policy(
        RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    )
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    aws("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(policy))
    aws("events").put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.ecs"]}), Tags=upper)
    aws("events").put_targets(Rule=name, Targets=[{"Id": "one", "Arn": f"arn:aws:sns:eu-west-1:123456789012:{name}"}])
    connection = aws("events").create_connection(
        Name=name,
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x", "ApiKeyValue": "x"}},
    )["ConnectionArn"]
    aws("events").create_api_destination(
        Name=name, ConnectionArn=connection, InvocationEndpoint="https://example.com", HttpMethod="POST"
    )
    aws("codestar-connections").create_connection(ProviderType="GitHub", ConnectionName=name, Tags=upper)
    ecs = aws("ecs")
    ecs.create_cluster(clusterName=name, tags=lower)
    definition = {"family": name, "containerDefinitions": [{"name": "app", "image": "example/app", "memory": 64}]}
    ecs.register_task_definition(**definition, tags=lower)
    ecs.register_task_definition(**definition)  # As a pipeline does: without the tags.
    balancer = aws("elbv2").create_load_balancer(
        Name=name, Subnets=[subnet, second], SecurityGroups=[groups[0]], Tags=upper
    )
    arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    aws("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
    )
    group = aws("elbv2").create_target_group(
        Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", Tags=upper
    )
    aws("elbv2").create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}],
    )  # fmt: skip


def snapshot(aws: Callable[[str], Any]) -> set[str]:
    return set(inventory(aws))


@pytest.fixture
def neighbours(aws: Callable[[str], Any]) -> set[str]:
    """Another team's resources and another run's, in the same account."""
    furnish(aws, None, "acme-shop")
    furnish(aws, OTHER, naming.project(OTHER))
    return snapshot(aws)


def test_a_dead_runs_resources_go_and_all_others_stay(
    aws: Callable[[str], Any], neighbours: set[str], sweep: Callable[..., Sweep], account: Any
) -> None:
    """Every kind, in dependency order; the neighbours' resources are the same before and after; states are kept."""
    furnish(aws, RUN, naming.project(RUN))
    assert snapshot(aws) > neighbours
    outcome = sweep(journal=DEAD).remove()
    assert [(str(item), why) for item, why in outcome.left] == []
    assert outcome.clean
    assert snapshot(aws) == neighbours
    assert account.kept == {f"{naming.project(RUN)}-bucket/dev/terraform.tfstate": b"{}"}


@pytest.mark.usefixtures("neighbours")
def test_looking_changes_nothing(world: World, aws: Callable[[str], Any], sweep: Callable[..., Sweep]) -> None:
    """A dry run lists what would go and makes reading calls only."""
    furnish(aws, RUN, naming.project(RUN))
    before = snapshot(aws)
    world.gateway.calls.clear()
    outcome = sweep(journal=DEAD).look()
    assert len(outcome.selection.removable) > 25
    assert {run for _, run in outcome.selection.removable} == {RUN}
    assert all(
        call.context.operation.startswith(("Describe", "List", "Get", "BatchGet")) for call in world.gateway.calls
    )
    assert snapshot(aws) == before


def test_a_second_sweep_finds_nothing(aws: Callable[[str], Any], sweep: Callable[..., Sweep]) -> None:
    """Once is enough."""
    furnish(aws, RUN, naming.project(RUN))
    sweep(journal=DEAD).remove()
    again = sweep(journal=DEAD).remove()
    assert again.removed == []
    assert again.clean


def test_faults_at_every_tenth_write_do_not_keep_the_sweep_from_zero(
    world: World, aws: Callable[[str], Any], neighbours: set[str], sweep: Callable[..., Sweep]
) -> None:
    """Throttled and failed calls that the client gave up on are made again in the next round, until nothing is left."""
    furnish(aws, RUN, naming.project(RUN))
    written = 0

    def fault(context: RequestContext) -> None:
        nonlocal written
        written += context.operation.startswith(("Delete", "Remove", "Detach", "Release", "Revoke", "Disassociate"))
        if written % 10 == 9:
            written += 1
            throttled = AwsError("ThrottlingException", "Rate exceeded", 429)
            raise throttled if written % 20 else AwsError("InternalFailure", "again", 500)

    world.gateway.faults.append(fault)
    outcome = sweep(journal=DEAD).remove()
    world.gateway.faults.clear()
    assert outcome.clean
    assert outcome.rounds > 2
    assert snapshot(aws) == neighbours


def test_what_refuses_is_told_with_the_reason(
    world: World, aws: Callable[[str], Any], sweep: Callable[..., Sweep]
) -> None:
    """The sweep names what is left and why after its patience, and does not raise."""
    furnish(aws, RUN, naming.project(RUN))

    def fault(context: RequestContext) -> None:
        if context.operation == "DeleteTopic":
            raise AwsError("AuthorizationError", "not allowed to delete topics", 403)

    world.gateway.faults.append(fault)
    time = iter(range(0, 100_000, 100))
    outcome = sweep(journal=DEAD, patience=300, now=lambda: float(next(time))).remove()
    assert [item.kind for item, _ in outcome.left] == ["sns topic"]
    assert "not allowed to delete topics" in outcome.left[0][1]
    assert not outcome.clean


def test_a_kind_that_cannot_be_listed_is_told(world: World, sweep: Callable[..., Sweep]) -> None:
    """A kind that could not be listed is not the same as a kind without resources."""

    def fault(context: RequestContext) -> None:
        if context.operation == "ListTopics":
            raise AwsError("AuthorizationError", "not allowed to list topics", 403)

    world.gateway.faults.append(fault)
    time = iter(range(0, 100_000, 100))
    outcome = sweep(journal=DEAD, patience=300, now=lambda: float(next(time))).remove()
    assert [kind for kind, _ in outcome.unlisted] == ["sns topic"]
    assert not outcome.clean


def test_a_run_is_swept_by_its_id(aws: Callable[[str], Any], neighbours: set[str], sweep: Callable[..., Sweep]) -> None:
    """A named run goes, although no journal has it and its time is not over."""
    furnish(aws, RUN, naming.project(RUN))
    assert sweep(scope=SweepScope(run=RUN)).remove().clean
    assert snapshot(aws) == neighbours


def test_the_default_vpc_is_never_touched(aws: Callable[[str], Any], sweep: Callable[..., Sweep]) -> None:
    """The default VPC stays, even with a run's tag."""
    default = next(v["VpcId"] for v in aws("ec2").describe_vpcs()["Vpcs"] if v["IsDefault"])
    aws("ec2").create_tags(Resources=[default], Tags=[{"Key": naming.RUN_TAG, "Value": RUN}])
    sweep(journal=DEAD).remove()
    assert default in {v["VpcId"] for v in aws("ec2").describe_vpcs()["Vpcs"]}


def test_an_unknown_kind_is_told(aws: Callable[[str], Any], sweep: Callable[..., Sweep]) -> None:
    """A resource with a run's tag and of an unknown kind is named, not passed over."""
    aws("ssm").put_parameter(Name="/stray", Value="x", Type="String", Tags=[{"Key": naming.RUN_TAG, "Value": RUN}])
    outcome = sweep(journal=DEAD).remove()
    assert [arn.rpartition(":")[2] for arn in outcome.unknown] == ["parameter/stray"]
    assert not outcome.clean


def test_archives_have_the_buildspec_at_their_root(tmp_path: Any) -> None:
    """The uploaded source is the checkout without git's own files."""
    from pushproof.sandbox.source import archive

    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref")
    (tmp_path / "buildspec.yml").write_text("version: 0.2")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.py").write_text("a")
    assert zipfile.ZipFile(io.BytesIO(archive(tmp_path))).namelist() == ["app/a.py", "buildspec.yml"]
