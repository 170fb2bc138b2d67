"""Faults of moto that a stack meets."""

from __future__ import annotations

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
