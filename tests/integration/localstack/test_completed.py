"""The plane's completions work over LocalStack, which it reaches through boto3 only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pushproof.targets.journal import Journal
from pushproof.targets.localstack.target import LocalStackSettings, LocalStackTarget

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStackTarget]:
    settings = LocalStackSettings(runtime="scripted", where="container")
    with LocalStackTarget(settings, journal=Journal(tmp_path_factory.mktemp("state"))) as target:
        yield target


@pytest.fixture
def ec2(world: LocalStackTarget) -> Any:
    return world.client("ec2")


def test_a_gateway_endpoint_routes_the_tables_it_is_given_later(ec2: Any, world: LocalStackTarget) -> None:
    """ModifyVpcEndpoint adds the endpoint's route to a table, and takes it away again."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    service = f"com.amazonaws.{world.region}.s3"
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service)["VpcEndpoint"]["VpcEndpointId"]

    def gateways() -> set[str]:
        routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return {route["GatewayId"] for route in routes}

    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[table])
    assert gateways() == {"local", endpoint}
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
    assert gateways() == {"local"}


def test_rules_between_groups_keep_their_descriptions(ec2: Any) -> None:
    """A description is shown with the rule it was given to, also where the rule names a group."""
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    groups = [
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        for name in ("tasks", "balancer")
    ]
    pair = {"GroupId": groups[1], "Description": "from the load balancer"}
    permission = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [pair]}
    ec2.authorize_security_group_ingress(GroupId=groups[0], IpPermissions=[permission])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [groups[0]]}])[
        "SecurityGroupRules"
    ]
    assert "from the load balancer" in {rule.get("Description") for rule in rules}


def test_a_connection_of_eventbridge_keeps_its_description(world: LocalStackTarget) -> None:
    """The description of a connection is read back, can be changed, and is gone with the connection."""
    events = world.client("events")
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "x", "ApiKeyValue": "y"}}
    events.create_connection(Name="hook", Description="first", AuthorizationType="API_KEY", AuthParameters=key)
    assert events.describe_connection(Name="hook")["Description"] == "first"
    events.update_connection(Name="hook", Description="second")
    assert events.describe_connection(Name="hook")["Description"] == "second"
    events.delete_connection(Name="hook")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_connection(Name="hook")


def test_roles_of_localstack_bind_their_sessions(world: LocalStackTarget) -> None:
    """A session of a role made in LocalStack may do what its policies say, and is refused the rest as AWS refuses it."""
    import json

    iam, arn = world.client("iam"), f"arn:aws:iam::{world.account_id}:role/reader"
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    allow = {"Effect": "Allow", "Action": "sns:ListTopics", "Resource": "*"}
    iam.put_role_policy(
        RoleName="reader",
        PolicyName="topics",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    session = world.world.assume(arn, "ecs-tasks.amazonaws.com")
    assert world.world.client("sns", credentials=session).list_topics()["Topics"] == []
    queues = world.world.client("sqs", credentials=session)
    with pytest.raises(queues.exceptions.ClientError, match="is not authorized to perform"):
        queues.list_queues()


def test_queues_are_addressed_at_the_gateway(world: LocalStackTarget) -> None:
    """A queue's URL leads to the endpoint everything else uses."""
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="notices")["QueueUrl"]
    assert url.startswith(world.endpoint)
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["hello"]
