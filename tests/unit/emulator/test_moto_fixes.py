"""Faults of moto that a stack meets."""

from __future__ import annotations

import pytest

from pushproof.aws.databases import parameter_family
from pushproof.emulator.substrate.moto_backends import backends_in_use
from pushproof.emulator.world import World


def test_a_versioned_bucket_with_delete_markers_can_be_emptied() -> None:
    """Deleting every version and marker empties the bucket, as `force_destroy` does it."""
    with World.virtual() as world:
        s3, bucket = world.administrator("s3"), "bucket-with-locks"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for _ in range(2):
            s3.put_object(Bucket=bucket, Key="lock", Body=b"")
            s3.delete_object(Bucket=bucket, Key="lock")
        for kind in ("Versions", "DeleteMarkers"):
            listed = s3.list_object_versions(Bucket=bucket).get(kind, [])
            if listed:
                objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in listed]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
        s3.delete_bucket(Bucket=bucket)
        assert s3.list_buckets()["Buckets"] == []


def test_a_vpc_endpoint_changes_when_it_is_modified() -> None:
    """ModifyVpcEndpoint turns private DNS off, and takes and gives a gateway endpoint's routes."""
    with World.virtual() as world:
        ec2 = world.administrator("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        gateway, interface = (
            ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{world.region}.{name}", **options)[
                "VpcEndpoint"
            ]["VpcEndpointId"]
            for name, options in (
                ("s3", {"VpcEndpointType": "Gateway", "RouteTableIds": [table]}),
                ("ecr.api", {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True}),
            )
        )

        def gateways() -> set[str | None]:
            routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
            return {route.get("GatewayId") for route in routes}

        assert gateway in gateways()
        ec2.modify_vpc_endpoint(VpcEndpointId=gateway, RemoveRouteTableIds=[table])
        assert gateway not in gateways()
        ec2.modify_vpc_endpoint(VpcEndpointId=gateway, AddRouteTableIds=[table])
        assert gateway in gateways()
        ec2.modify_vpc_endpoint(VpcEndpointId=interface, PrivateDnsEnabled=False)
        described = ec2.describe_vpc_endpoints(VpcEndpointIds=[interface])["VpcEndpoints"][0]
        assert described["PrivateDnsEnabled"] is False


@pytest.mark.parametrize(
    ("engine", "version", "family"),
    [
        ("mysql", "5.7", "mysql5.7"),
        ("mysql", "8.0.35", "mysql8.0"),
        ("mariadb", "10.11.6", "mariadb10.11"),
        ("postgres", "16.1", "postgres16"),
        ("postgres", "9.6.24", "postgres9.6"),
        ("aurora-postgresql", "15.4", "aurora-postgresql15"),
        ("aurora-mysql", "8.0.mysql_aurora.3.05.2", "aurora-mysql8.0"),
        ("oracle-ee", "19.0.0.0.ru-2024-01.rur-2024-01.r1", "oracle-ee-19"),
        ("sqlserver-se", "15.00.4345.5.v1", "sqlserver-se-15.0"),
    ],
)
def test_the_family_of_an_engines_parameters(engine: str, version: str, family: str) -> None:
    """Families are those that CreateDBParameterGroup lists."""
    assert parameter_family(engine, version) == family


def test_a_database_has_the_default_parameter_group_of_its_family() -> None:
    """A configuration that names `default.mysql5.7` finds nothing to change."""
    with World.virtual() as world:
        rds = world.administrator("rds")
        made = rds.create_db_instance(
            DBInstanceIdentifier="db", Engine="mysql", EngineVersion="5.7", DBInstanceClass="db.m5.large",
            AllocatedStorage=5, MasterUsername="root", MasterUserPassword="ThrowAway0123456789",
            DBParameterGroupName="default.mysql5.7",
        )["DBInstance"]  # fmt: skip
        assert made["DBParameterGroups"][0]["DBParameterGroupName"] == "default.mysql5.7"


def test_a_list_of_endpoint_services_leaves_no_state_of_the_services_in_it() -> None:
    """DescribeVpcEndpointServices shows ECR's endpoint, and a world kept after it holds nothing of SageMaker or CloudFormation."""
    with World.virtual() as world:
        services = world.administrator("ec2").describe_vpc_endpoint_services()["ServiceNames"]
        assert f"com.amazonaws.{world.region}.ecr.dkr" in services
        assert not {"cloudformation", "firehose", "sagemaker"} & backends_in_use().keys()
