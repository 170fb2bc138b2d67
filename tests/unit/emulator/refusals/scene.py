"""Resources that must exist before AWS can refuse a call: created on first use, anew for each row."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any

from pushproof.emulator.world import World

_NUMBERS = itertools.count(1)
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")


class Scene:
    """Clients of the account's administrator by service name, and resources by what they are."""

    account = "123456789012"
    region = "eu-west-1"

    def __init__(self, world: World) -> None:
        self.world = world

    def __getattr__(self, service: str) -> Any:
        return self.world.administrator(service.replace("_", "-"))

    @staticmethod
    def name(prefix: str = "thing") -> str:
        """A name that nothing else has."""
        return f"{prefix}-{next(_NUMBERS)}"

    # EC2.

    @functools.cached_property
    def vpc(self) -> str:
        """10.0.0.0/16, with both DNS attributes."""
        return self.new_vpc()

    @functools.cached_property
    def other_vpc(self) -> str:
        """10.99.0.0/16."""
        return self.new_vpc("10.99.0.0/16")

    def new_vpc(self, cidr: str = "10.0.0.0/16", *, hostnames: bool = True) -> str:
        vpc: str = self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        if hostnames:
            self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        return vpc

    @functools.cached_property
    def subnet(self) -> str:
        """10.0.1.0/24 of `vpc`, in the first zone."""
        return self.new_subnet("10.0.1.0/24")

    @functools.cached_property
    def other_subnet(self) -> str:
        """A subnet of `other_vpc`."""
        return self.new_subnet("10.99.1.0/24", vpc=self.other_vpc)

    def new_subnet(self, cidr: str, *, vpc: str = "", zone: int = 0) -> str:
        answer = self.ec2.create_subnet(VpcId=vpc or self.vpc, CidrBlock=cidr, AvailabilityZone=ZONES[zone])
        return str(answer["Subnet"]["SubnetId"])

    @functools.cached_property
    def group(self) -> str:
        """A security group of `vpc`."""
        return self.new_group()

    @functools.cached_property
    def other_group(self) -> str:
        """A security group of `other_vpc`."""
        return self.new_group(self.other_vpc)

    def new_group(self, vpc: str = "") -> str:
        answer = self.ec2.create_security_group(GroupName=self.name("group"), Description="d", VpcId=vpc or self.vpc)
        return str(answer["GroupId"])

    def default_group(self) -> str:
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "group-name", "Values": ["default"]}]
        return str(self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"])

    @functools.cached_property
    def table(self) -> str:
        """A route table of `vpc`, associated with nothing."""
        return self.new_table()

    def new_table(self, vpc: str = "") -> str:
        return str(self.ec2.create_route_table(VpcId=vpc or self.vpc)["RouteTable"]["RouteTableId"])

    def main_table(self) -> dict[str, Any]:
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "association.main", "Values": ["true"]}]
        table: dict[str, Any] = self.ec2.describe_route_tables(Filters=filters)["RouteTables"][0]
        return table

    @functools.cached_property
    def gateway(self) -> str:
        """An internet gateway, attached to `vpc`."""
        return self.new_gateway(self.vpc)

    def new_gateway(self, vpc: str = "") -> str:
        gateway: str = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        if vpc:
            self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        return gateway

    def new_address(self) -> str:
        return str(self.ec2.allocate_address(Domain="vpc")["AllocationId"])

    def new_nat(self) -> str:
        assert self.gateway
        answer = self.ec2.create_nat_gateway(SubnetId=self.subnet, AllocationId=self.new_address())
        return str(answer["NatGateway"]["NatGatewayId"])

    def new_interface(self, **more: Any) -> str:
        answer = self.ec2.create_network_interface(**{"SubnetId": self.subnet, **more})
        return str(answer["NetworkInterface"]["NetworkInterfaceId"])

    def network_acl(self) -> str:
        return str(self.ec2.create_network_acl(VpcId=self.vpc)["NetworkAcl"]["NetworkAclId"])

    def endpoint(self, service: str = "sqs", **more: Any) -> str:
        sent = {"VpcId": self.vpc, "ServiceName": self.service(service), "VpcEndpointType": "Interface"}
        answer = self.ec2.create_vpc_endpoint(**{**sent, "SubnetIds": [self.subnet], **more})
        return str(answer["VpcEndpoint"]["VpcEndpointId"])

    def gateway_endpoint(self, **more: Any) -> str:
        sent = {"VpcId": self.vpc, "ServiceName": self.service("s3"), "VpcEndpointType": "Gateway"}
        return str(self.ec2.create_vpc_endpoint(**{**sent, **more})["VpcEndpoint"]["VpcEndpointId"])

    def service(self, name: str) -> str:
        return f"com.amazonaws.{self.region}.{name}"

    # The rest.

    @functools.cached_property
    def bucket(self) -> str:
        return self.new_bucket()

    def new_bucket(self) -> str:
        bucket = self.name("bucket")
        self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.region})
        return bucket

    @functools.cached_property
    def role(self) -> str:
        """The ARN of a role that the services of the stack may take."""
        services = ["ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com", "s3.amazonaws.com", "ec2.amazonaws.com"]
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return str(self.iam.create_role(RoleName=self.name("role"), AssumeRolePolicyDocument=document)["Role"]["Arn"])

    @functools.cached_property
    def key(self) -> str:
        """The id of a KMS key."""
        return str(self.kms.create_key()["KeyMetadata"]["KeyId"])

    @functools.cached_property
    def log_group(self) -> str:
        name = self.name("/log/group")
        self.logs.create_log_group(logGroupName=name)
        return name

    @functools.cached_property
    def secret(self) -> str:
        return str(self.secretsmanager.create_secret(Name=self.name("secret"), SecretString="s")["ARN"])

    @functools.cached_property
    def topic(self) -> str:
        return str(self.sns.create_topic(Name=self.name("topic"))["TopicArn"])

    @functools.cached_property
    def queue(self) -> str:
        return str(self.sqs.create_queue(QueueName=self.name("queue"))["QueueUrl"])

    @functools.cached_property
    def parameter(self) -> str:
        name = self.name("/a/parameter")
        self.ssm.put_parameter(Name=name, Value="v", Type="String")
        return name

    @functools.cached_property
    def table_name(self) -> str:
        """The name of a DynamoDB table with the hash key `id`."""
        name = self.name("table")
        self.dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name
