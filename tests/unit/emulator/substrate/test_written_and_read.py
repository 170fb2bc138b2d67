"""Configurations are read back as they were written: every member of a request that the description has too, by botocore's shapes.

A case sends as many members as it can. What the two shapes share and no case sends is listed by name, so that a new member of the
API is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
import jmespath
import pytest
from botocore import xform_name
from tests.unit.emulator.refusals.scene import Scene

from pushproof.emulator.world import World

Sent = dict[str, Any]
_TAGS = [{"Key": "Name", "Value": "x"}, {"Key": "empty", "Value": ""}]


@dataclass(frozen=True)
class Case:
    """A creation, and how it is described.

    `sent` makes the request; `describe` names the operation that shows the result, `asked` makes its parameters from what was sent
    and answered, `at` is where the description is in the answer. `aside` are members that both shapes have, and that are
    something else in each or belong to what is not emulated.
    """

    service: str
    operation: str
    sent: Callable[[Scene], Sent]
    describe: str
    asked: Callable[[Sent, Sent], Sent]
    at: str
    aside: frozenset[str] = frozenset()


def tagged(kind: str) -> list[Sent]:
    return [{"ResourceType": kind, "Tags": _TAGS}]


def by(parameter: str, path: str) -> Callable[[Sent, Sent], Sent]:
    """The parameters of a description: the id that the creation answered, in a list."""
    return lambda _, answer: {parameter: [jmespath.search(path, answer)]}


CASES = (
    Case("ec2", "CreateVpc", lambda _: {"CidrBlock": "10.4.0.0/16", "InstanceTenancy": "default",
                                        "TagSpecifications": tagged("vpc")},
         "DescribeVpcs", by("VpcIds", "Vpc.VpcId"), "Vpcs[0]"),
    Case("ec2", "CreateSubnet", lambda a: {"VpcId": a.vpc, "CidrBlock": "10.0.9.0/24", "AvailabilityZone": "eu-west-1b",
                                           "TagSpecifications": tagged("subnet")},
         "DescribeSubnets", by("SubnetIds", "Subnet.SubnetId"), "Subnets[0]",
         aside=frozenset({"AvailabilityZoneId", "Ipv6Native", "OutpostArn"})),
    Case("ec2", "CreateRouteTable", lambda a: {"VpcId": a.vpc, "TagSpecifications": tagged("route-table")},
         "DescribeRouteTables", by("RouteTableIds", "RouteTable.RouteTableId"), "RouteTables[0]"),
    Case("ec2", "CreateInternetGateway", lambda _: {"TagSpecifications": tagged("internet-gateway")},
         "DescribeInternetGateways", by("InternetGatewayIds", "InternetGateway.InternetGatewayId"),
         "InternetGateways[0]"),
    Case("ec2", "CreateNatGateway",
         lambda a: {"SubnetId": a.subnet if a.gateway else "", "AllocationId": a.new_address(),
                    "ConnectivityType": "public", "TagSpecifications": tagged("natgateway")},
         "DescribeNatGateways", by("NatGatewayIds", "NatGateway.NatGatewayId"), "NatGateways[0]",
         aside=frozenset({"AvailabilityMode", "VpcId"})),
    Case("ec2", "AllocateAddress", lambda _: {"Domain": "vpc", "TagSpecifications": tagged("elastic-ip")},
         "DescribeAddresses", by("AllocationIds", "AllocationId"), "Addresses[0]",
         aside=frozenset({"NetworkBorderGroup", "PublicIpv4Pool", "CustomerOwnedIpv4Pool"})),
    Case("ec2", "CreateSecurityGroup",
         lambda a: {"VpcId": a.vpc, "GroupName": "web", "Description": "of the web",
                    "TagSpecifications": tagged("security-group")},
         "DescribeSecurityGroups", by("GroupIds", "GroupId"), "SecurityGroups[0]"),
    Case("ec2", "CreateNetworkInterface",
         lambda a: {"SubnetId": a.subnet, "Description": "an interface", "PrivateIpAddress": "10.0.1.77",
                    "TagSpecifications": tagged("network-interface")},
         "DescribeNetworkInterfaces", by("NetworkInterfaceIds", "NetworkInterface.NetworkInterfaceId"),
         "NetworkInterfaces[0]",
         aside=frozenset({"InterfaceType", "Groups", "PrivateIpAddresses", "Ipv6Addresses", "Ipv4Prefixes", "Ipv6Prefixes",
                          "Operator"})),
    Case("ec2", "CreateVpcEndpoint",
         lambda a: {"VpcId": a.vpc, "ServiceName": a.service("sqs"), "VpcEndpointType": "Interface",
                    "SubnetIds": [a.subnet], "PrivateDnsEnabled": True, "IpAddressType": "ipv4",
                    "PolicyDocument": '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
                    "DnsOptions": {"DnsRecordIpType": "ipv4"}, "TagSpecifications": tagged("vpc-endpoint")},
         "DescribeVpcEndpoints", by("VpcEndpointIds", "VpcEndpoint.VpcEndpointId"), "VpcEndpoints[0]",
         aside=frozenset({"RouteTableIds", "ResourceConfigurationArn", "ServiceNetworkArn", "ServiceRegion"})),
    Case("ec2", "CreateNetworkAcl", lambda a: {"VpcId": a.vpc, "TagSpecifications": tagged("network-acl")},
         "DescribeNetworkAcls", by("NetworkAclIds", "NetworkAcl.NetworkAclId"), "NetworkAcls[0]"),
    Case("ec2", "CreateCustomerGateway",
         lambda _: {"BgpAsn": 65010, "IpAddress": "192.0.2.9", "Type": "ipsec.1", "DeviceName": "some",
                    "TagSpecifications": tagged("customer-gateway")},
         "DescribeCustomerGateways", by("CustomerGatewayIds", "CustomerGateway.CustomerGatewayId"),
         "CustomerGateways[0]", aside=frozenset({"CertificateArn", "BgpAsnExtended", "BgpAsn"})),
    Case("ec2", "CreateVpnGateway",
         lambda _: {"Type": "ipsec.1", "AmazonSideAsn": 64999, "TagSpecifications": tagged("vpn-gateway")},
         "DescribeVpnGateways", by("VpnGatewayIds", "VpnGateway.VpnGatewayId"), "VpnGateways[0]",
         aside=frozenset({"AvailabilityZone"})),
    Case("ec2", "CreateEgressOnlyInternetGateway",
         lambda a: {"VpcId": a.vpc, "TagSpecifications": tagged("egress-only-internet-gateway")},
         "DescribeEgressOnlyInternetGateways",
         by("EgressOnlyInternetGatewayIds", "EgressOnlyInternetGateway.EgressOnlyInternetGatewayId"),
         "EgressOnlyInternetGateways[0]"),
    Case("ec2", "CreateManagedPrefixList",
         lambda a: {"PrefixListName": a.name("list"), "MaxEntries": 5, "AddressFamily": "IPv4",
                    "TagSpecifications": tagged("prefix-list")},
         "DescribeManagedPrefixLists", by("PrefixListIds", "PrefixList.PrefixListId"), "PrefixLists[0]"),
    Case("ec2", "CreateFlowLogs",
         lambda a: {"ResourceIds": [a.vpc], "ResourceType": "VPC", "TrafficType": "REJECT",
                    "LogDestinationType": "cloud-watch-logs", "LogGroupName": a.log_group,
                    "DeliverLogsPermissionArn": a.role, "MaxAggregationInterval": 60,
                    "LogFormat": "${version} ${srcaddr}", "TagSpecifications": tagged("vpc-flow-log")},
         "DescribeFlowLogs", lambda _, answer: {"FlowLogIds": answer["FlowLogIds"]}, "FlowLogs[0]",
         aside=frozenset({"LogDestination", "DeliverCrossAccountRole", "DestinationOptions",
                          "TagFieldSpecifications"})),
    Case("logs", "CreateLogGroup",
         lambda a: {"logGroupName": a.name("/w"), "kmsKeyId": f"arn:aws:kms:{a.region}:{a.account}:key/{a.key}",
                    "logGroupClass": "INFREQUENT_ACCESS"},
         "DescribeLogGroups", lambda sent, _: {"logGroupNamePrefix": sent["logGroupName"]}, "logGroups[0]",
         aside=frozenset({"deletionProtectionEnabled"})),
    Case("logs", "PutMetricFilter",
         lambda a: {"logGroupName": a.log_group, "filterName": "f", "filterPattern": "ERROR",
                    "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1",
                                               "defaultValue": 0.0, "unit": "Count"}]},
         "DescribeMetricFilters", lambda sent, _: {"logGroupName": sent["logGroupName"]}, "metricFilters[0]",
         aside=frozenset({"applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions"})),
    Case("kms", "CreateKey",
         lambda _: {"Description": "of mine", "KeyUsage": "SIGN_VERIFY", "KeySpec": "RSA_2048", "Origin": "AWS_KMS",
                    "MultiRegion": False},
         "DescribeKey", lambda _, answer: {"KeyId": answer["KeyMetadata"]["KeyId"]}, "KeyMetadata",
         aside=frozenset({"CustomerMasterKeySpec", "CustomKeyStoreId", "XksKeyId"})),
    Case("secretsmanager", "CreateSecret",
         lambda a: {"Name": a.name("secret"), "Description": "of mine", "KmsKeyId": a.key, "SecretString": "s",
                    "Tags": _TAGS},
         "DescribeSecret", lambda _, answer: {"SecretId": answer["ARN"]}, "@", aside=frozenset({"Type"})),
    Case("ssm", "PutParameter",
         lambda a: {"Name": a.name("/written"), "Description": "of mine", "Value": "v", "Type": "String",
                    "AllowedPattern": "^v$", "Tier": "Standard", "DataType": "text"},
         "DescribeParameters",
         lambda sent, _: {"ParameterFilters": [{"Key": "Name", "Values": [sent["Name"]]}]}, "Parameters[0]",
         aside=frozenset({"KeyId", "Policies"})),
    Case("dynamodb", "CreateTable",
         lambda a: {"TableName": a.name("table"),
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
                    "ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 3},
                    "DeletionProtectionEnabled": True},
         "DescribeTable", lambda sent, _: {"TableName": sent["TableName"]}, "Table",
         aside=frozenset({"GlobalSecondaryIndexes", "LocalSecondaryIndexes", "OnDemandThroughput", "WarmThroughput",
                          "GlobalTableSettingsReplicationMode", "VectorIndexes"})),
    Case("cloudwatch", "PutMetricAlarm",
         lambda a: {"AlarmName": a.name("alarm"), "AlarmDescription": "of mine", "ActionsEnabled": False,
                    "OKActions": [a.topic], "AlarmActions": [a.topic], "InsufficientDataActions": [a.topic],
                    "MetricName": "m", "Namespace": "n", "Statistic": "Sum",
                    "Dimensions": [{"Name": "d", "Value": "v"}], "Period": 60, "Unit": "Count",
                    "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 4.5,
                    "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "breaching"},
         "DescribeAlarms", lambda sent, _: {"AlarmNames": [sent["AlarmName"]]}, "MetricAlarms[0]",
         aside=frozenset({"ExtendedStatistic", "EvaluateLowSampleCountPercentile", "Metrics", "ThresholdMetricId",
                          "EvaluationCriteria", "EvaluationInterval", "EvaluationWindow",
                          "ActionConfiguration", "WarmUpConfiguration"})),
    Case("sns", "CreateTopic",
         lambda a: {"Name": a.name("topic"), "Attributes": {"DisplayName": "mine", "KmsMasterKeyId": a.key}},
         "GetTopicAttributes", lambda _, answer: {"TopicArn": answer["TopicArn"]}, "@"),
    Case("sqs", "CreateQueue",
         lambda a: {"QueueName": a.name("queue"),
                    "Attributes": {"VisibilityTimeout": "45", "MessageRetentionPeriod": "86400", "DelaySeconds": "5",
                                   "ReceiveMessageWaitTimeSeconds": "10", "MaximumMessageSize": "2048",
                                   "SqsManagedSseEnabled": "true"}},
         "GetQueueAttributes", lambda _, answer: {"QueueUrl": answer["QueueUrl"], "AttributeNames": ["All"]}, "@"),
    Case("events", "PutRule",
         lambda a: {"Name": a.name("rule"), "Description": "of mine", "State": "DISABLED",
                    "EventPattern": json.dumps({"source": ["aws.ecs"]}), "EventBusName": "default"},
         "DescribeRule", lambda sent, _: {"Name": sent["Name"]}, "@",
         aside=frozenset({"ScheduleExpression", "RoleArn"})),
)  # fmt: skip


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as made:
        yield made


IDS = [f"{case.service}.{case.operation}" for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_was_written_is_read_back(world: World, case: Case) -> None:
    """The description has every member that was sent and that it can show, tags included, with the value that was sent."""
    scene = Scene(world)
    client = getattr(scene, case.service)
    sent = case.sent(scene)
    answer = getattr(client, xform_name(case.operation))(**sent)
    described = jmespath.search(case.at, getattr(client, xform_name(case.describe))(**case.asked(sent, answer)))
    expected = {name: sent[name] for name in sent.keys() & members(case) - case.aside}
    assert {name: subset(described.get(name), value) for name, value in expected.items()} == expected
    if "TagSpecifications" in sent:
        tags = described.get("Tags", described.get("TagSet"))
        assert sorted(tags, key=lambda tag: str(tag["Key"])) == _TAGS


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_case_sends_what_can_be_read(world: World, case: Case) -> None:
    """No member that request and description share is left out, unless the case names it."""
    assert members(case) - case.sent(Scene(world)).keys() - case.aside == set()


def members(case: Case) -> set[str]:
    """The members that the request and what describes its result have in common."""
    model = botocore.session.get_session().get_service_model(case.service)
    shape = model.operation_model(case.describe).output_shape
    if case.at != "@":
        name, _, rest = case.at.partition("[")
        shape = shape.members[name]
        shape = shape.member if rest else shape
    request = model.operation_model(case.operation).input_shape
    return set(request.members) & set(shape.members) - {"DryRun", "ClientToken"}


def subset(described: Any, sent: Any) -> Any:
    """Return the part of a description that was sent: members that AWS adds are left out."""
    if isinstance(sent, dict) and isinstance(described, dict):
        return {name: subset(described.get(name), value) for name, value in sent.items()}
    if isinstance(sent, list) and isinstance(described, list) and len(sent) == len(described):
        return [subset(one, other) for one, other in zip(described, sent, strict=True)]
    return described
