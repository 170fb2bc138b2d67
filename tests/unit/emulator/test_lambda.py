"""Lambda: functions as callables, refusals of code and roles, invocations by events, and worlds without Docker."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.kernel.functions import FunctionJob, FunctionOutcome
from pushproof.emulator.world import World

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as world:
        iam = world.administrator("iam")
        iam.create_role(RoleName="shop", AssumeRolePolicyDocument=json.dumps(TRUST))
        yield world


def zipped(text: str = "def handler(event, context): return 1") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", text)
    return content.getvalue()


def create(world: World, **changes: Any) -> str:
    request: dict[str, Any] = {
        "FunctionName": "shop",
        "Runtime": "python3.12",
        "Role": f"arn:aws:iam::{world.account_id}:role/shop",
        "Handler": "app.handler",
        "Code": {"ZipFile": zipped()},
        **changes,
    }
    arn: str = world.administrator("lambda").create_function(**request)["FunctionArn"]
    return arn


def refusal(world: World, **changes: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        create(world, **changes)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_registered_callable_answers_invoke(world: World) -> None:
    """A callable takes the place of a function's code; its exceptions are FunctionErrors."""
    create(world)

    def double(event: Mapping[str, object]) -> object:
        number = event["number"]
        assert isinstance(number, int)
        return 2 * number

    world.functions.register("shop", double)
    client = world.administrator("lambda")
    answer = client.invoke(FunctionName="shop", Payload=b'{"number": 21}')
    assert (answer["StatusCode"], answer["Payload"].read(), answer["ExecutedVersion"]) == (200, b"42", "$LATEST")
    answer = client.invoke(FunctionName="shop", Payload=b"{}")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorType"] == "KeyError"
    assert client.invoke(FunctionName="shop", InvocationType="DryRun")["StatusCode"] == 204


def test_without_docker_uploaded_code_is_refused_by_name(world: World) -> None:
    """Code of strangers never runs in this process: the answer is 501 and names the remedy."""
    create(world)
    with pytest.raises(ClientError) as caught:
        world.administrator("lambda").invoke(FunctionName="shop")
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert "world.functions.register('shop', function)" in caught.value.response["Error"]["Message"]


def test_refusals_of_code_and_roles(world: World) -> None:
    """Code and roles that Lambda refuses are refused in its words, and leave no function."""
    assert refusal(world, Code={"ZipFile": b"no zip"}) == (
        "InvalidParameterValueException",
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )
    assert refusal(world, Code={}) == (
        "InvalidParameterValueException",
        "Please provide a source for function code.",
    )
    code, message = refusal(world, Code={"S3Bucket": "nowhere", "S3Key": "a.zip"})
    assert (code, message) == (
        "InvalidParameterValueException",
        "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist",
    )
    stranger = world.administrator("iam").create_role(
        RoleName="stranger", AssumeRolePolicyDocument=json.dumps(TRUST).replace("lambda", "ecs")
    )
    assert refusal(world, Role=stranger["Role"]["Arn"]) == (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )
    assert world.administrator("lambda").list_functions()["Functions"] == []


def test_payloads_that_lambda_refuses(world: World) -> None:
    """A payload that is no JSON, and a function that there is not, are refused."""
    create(world)
    client = world.administrator("lambda")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke(FunctionName="shop", Payload=b"{")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nobody")


def test_a_failed_event_is_tried_twice_more(world: World) -> None:
    """An asynchronous invocation that fails is repeated after one and after two minutes, and no more."""
    create(world)
    calls: list[float] = []

    def fail(_: Mapping[str, object]) -> object:
        calls.append(world.clock.now())
        raise ValueError("no")

    world.functions.register("shop", fail)
    answer = world.administrator("lambda").invoke(FunctionName="shop", InvocationType="Event", Payload=b"{}")
    assert answer["StatusCode"] == 202
    world.loop.advance(3600)
    assert [round(at - calls[0]) for at in calls] == [0, 60, 180]


def test_eventbridge_invokes_functions_that_admit_it(world: World) -> None:
    """A rule reaches a function if the function's policy admits EventBridge, and not before."""
    arn = create(world)
    events: list[Mapping[str, object]] = []
    world.functions.register("shop", lambda event: events.append(event))
    client = world.administrator("events")
    client.put_rule(Name="own", EventPattern=json.dumps({"source": ["own"]}))
    client.put_targets(Rule="own", Targets=[{"Id": "1", "Arn": arn, "RetryPolicy": {"MaximumRetryAttempts": 0}}])
    entry = {"Source": "own", "DetailType": "t", "Detail": '{"a": 1}'}
    client.put_events(Entries=[entry])
    world.loop.advance(10)
    assert events == []
    assert world.bus.deliveries[-1].error_code == "NO_PERMISSIONS"
    world.administrator("lambda").add_permission(
        FunctionName="shop", StatementId="events", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    client.put_events(Entries=[entry])
    world.loop.advance(10)
    assert [event["detail"] for event in events] == [{"a": 1}]


def test_invoke_needs_the_permission_on_the_function(world: World) -> None:
    """A role without lambda:InvokeFunction on a function cannot invoke it."""
    arn = create(world)
    world.functions.register("shop", lambda _: 1)
    iam = world.administrator("iam")
    role = iam.create_role(
        RoleName="caller", AssumeRolePolicyDocument=json.dumps(TRUST).replace("lambda", "codebuild")
    )["Role"]["Arn"]
    client = world.client("lambda", credentials=world.assume(role, "codebuild.amazonaws.com"))
    with pytest.raises(ClientError, match="lambda:InvokeFunction on resource: " + arn):
        client.invoke(FunctionName="shop")
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}],
    }
    iam.put_role_policy(RoleName="caller", PolicyName="own", PolicyDocument=json.dumps(policy))
    assert client.invoke(FunctionName="shop")["Payload"].read() == b"1"


class Recording:
    """A runtime that remembers the jobs it was given."""

    def __init__(self) -> None:
        self.jobs: list[FunctionJob] = []

    def refusal(self, job: FunctionJob) -> str:
        return ""

    def run(self, job: FunctionJob) -> FunctionOutcome:
        self.jobs.append(job)
        return FunctionOutcome(b"1")

    def close(self) -> None:
        pass


def test_of_the_internet_a_function_in_a_vpc_reaches_what_its_subnet_leads_to(world: World) -> None:
    """A function without a NAT gateway reaches nothing; one outside of any VPC reaches everything."""
    service: Any = world.services["lambda"]
    runtime = service.invocations._runtime = Recording()
    ec2 = world.administrator("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    create(world, FunctionName="inside", VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]})
    create(world, FunctionName="outside")
    for name in ("inside", "outside"):
        world.administrator("lambda").invoke(FunctionName=name)
    assert [job.outwards for job in runtime.jobs] == [(), None]


def test_calls_of_a_function_in_a_vpc_need_a_way_to_the_api(world: World) -> None:
    """Its code's calls end without an endpoint or a NAT gateway; its log is written nevertheless, from outside of the VPC."""
    service: Any = world.services["lambda"]
    runtime = service.invocations._runtime = Recording()
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    world.administrator("iam").put_role_policy(RoleName="shop", PolicyName="log", PolicyDocument=json.dumps(allowed))
    ec2 = world.administrator("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    create(world, FunctionName="inside", VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]})
    create(world, FunctionName="outside")
    for name in ("inside", "outside"):
        world.administrator("lambda").invoke(FunctionName=name)
    inside, outside = (job.credentials.access_key_id for job in runtime.jobs)
    refusal = world.paths.call_refusal(inside, "ssm", world.region)
    assert refusal is not None
    assert subnet in refusal
    assert world.paths.call_refusal(outside, "ssm", world.region) is None
    ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{world.region}.ssm", VpcEndpointType="Interface",
        SubnetIds=[subnet], SecurityGroupIds=[open_group(ec2, vpc)], PrivateDnsEnabled=True,
    )  # fmt: skip
    assert world.paths.call_refusal(inside, "ssm", world.region) is None
    streams = world.administrator("logs").describe_log_streams(logGroupName="/aws/lambda/inside")["logStreams"]
    assert len(streams) == 1


def open_group(ec2: Any, vpc: str) -> str:
    """Return a security group that admits HTTPS."""
    group: str = ec2.create_security_group(GroupName="open", Description="open", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return group
