"""AWS Cloud Map: namespaces, services, instances.

Sources: https://docs.aws.amazon.com/cloud-map/latest/api/Welcome.html and the texts of its answers in
https://github.com/hashicorp/terraform-provider-aws/issues
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World


class Map:
    """A world, its client for Cloud Map, and a VPC."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.map: Any = world.administrator("servicediscovery")
        self.vpc = world.administrator("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]

    def namespace(self, kind: str = "http", name: str = "shop", **more: Any) -> str:
        """Create a namespace and return its id."""
        if kind == "private_dns":
            more.setdefault("Vpc", self.vpc)
        made = getattr(self.map, f"create_{kind}_namespace")(Name=name, **more)
        operation = self.map.get_operation(OperationId=made["OperationId"])["Operation"]
        assert operation["Status"] == "SUCCESS", operation
        return str(operation["Targets"]["NAMESPACE"])

    def service(self, namespace: str, name: str = "api", **more: Any) -> str:
        return str(self.map.create_service(Name=name, NamespaceId=namespace, **more)["Service"]["Id"])

    def refused(self, operation: str, **request: Any) -> str:
        with pytest.raises(ClientError) as caught:
            getattr(self.map, operation)(**request)
        return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def cloud() -> Iterator[Map]:
    with World.virtual() as world:
        yield Map(world)


A = {"DnsRecords": [{"Type": "A", "TTL": 10}]}


def test_a_namespace_for_http(cloud: Map) -> None:
    """It is read back by id and by name, in lists with filters too, until it is deleted."""
    made = cloud.namespace(Description="ours", Tags=[{"Key": "a", "Value": "b"}])
    shown = cloud.map.get_namespace(Id=made)["Namespace"]
    assert (shown["Name"], shown["Type"], shown["Description"]) == ("shop", "HTTP", "ours")
    assert shown["Properties"]["HttpProperties"] == {"HttpName": "shop"}
    assert cloud.map.list_tags_for_resource(ResourceARN=shown["Arn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    cloud.namespace("private_dns", "internal.test")
    only = cloud.map.list_namespaces(Filters=[{"Name": "TYPE", "Values": ["HTTP"]}])["Namespaces"]
    assert [each["Id"] for each in only] == [made]
    cloud.map.update_http_namespace(Id=made, Namespace={"Description": "theirs"})
    assert cloud.map.get_namespace(Id=made)["Namespace"]["Description"] == "theirs"
    cloud.map.delete_namespace(Id=made)
    assert cloud.refused("get_namespace", Id=made) == "NamespaceNotFound"


def test_a_namespace_for_dns_has_a_hosted_zone(cloud: Map) -> None:
    """The zone has the namespace's name, belongs to its VPC, and goes with it."""
    made = cloud.namespace("private_dns", "internal.test")
    route53 = cloud.world.administrator("route53")
    zone = cloud.map.get_namespace(Id=made)["Namespace"]["Properties"]["DnsProperties"]["HostedZoneId"]
    shown = route53.get_hosted_zone(Id=zone)
    assert (shown["HostedZone"]["Name"], shown["HostedZone"]["Config"]["PrivateZone"]) == ("internal.test.", True)
    assert [vpc["VPCId"] for vpc in shown["VPCs"]] == [cloud.vpc]
    cloud.map.delete_namespace(Id=made)
    assert route53.list_hosted_zones()["HostedZones"] == []


def test_an_unknown_vpc_fails_the_operation(cloud: Map) -> None:
    """The call is answered, and the operation says why there is no namespace."""
    made = cloud.map.create_private_dns_namespace(Name="internal.test", Vpc="vpc-0123456789abcdef0")
    operation = cloud.map.get_operation(OperationId=made["OperationId"])["Operation"]
    assert (operation["Status"], operation["ErrorCode"]) == ("FAIL", "CANNOT_CREATE_HOSTED_ZONE")
    assert cloud.map.list_namespaces()["Namespaces"] == []


def test_names_are_taken_once(cloud: Map) -> None:
    """A second namespace, and a second service of one, are refused; private names are each VPC's own."""
    space = cloud.namespace()
    assert cloud.refused("create_http_namespace", Name="shop") == "NamespaceAlreadyExists"
    cloud.service(space)
    assert cloud.refused("create_service", Name="API", NamespaceId=space) == "ServiceAlreadyExists"
    cloud.namespace("private_dns", "internal.test")
    other = cloud.world.administrator("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    second = cloud.namespace("private_dns", "internal.test", Vpc=other)
    http_name = cloud.map.get_namespace(Id=second)["Namespace"]["Properties"]["HttpProperties"]["HttpName"]
    assert http_name == f"internal.test-{second.removeprefix('ns-')}"


def test_what_is_in_use_stays(cloud: Map) -> None:
    """A namespace with services and a service with instances are not deleted."""
    space = cloud.namespace()
    service = cloud.service(space)
    cloud.map.register_instance(ServiceId=service, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": "10.0.0.4"})
    assert cloud.refused("delete_service", Id=service) == "ResourceInUse"
    assert cloud.refused("delete_namespace", Id=space) == "ResourceInUse"
    cloud.map.deregister_instance(ServiceId=service, InstanceId="one")
    cloud.map.delete_service(Id=service)
    cloud.map.delete_namespace(Id=space)
    assert cloud.refused("delete_service", Id=service) == "ServiceNotFound"


def test_services_that_cannot_be(cloud: Map) -> None:
    """DNS settings belong to namespaces for DNS, which need them; one health check at a time."""
    space, dns = cloud.namespace(), cloud.namespace("private_dns", "internal.test")
    for request in (
        {"NamespaceId": space, "DnsConfig": A},
        {"NamespaceId": dns},
        {"NamespaceId": dns, "DnsConfig": A, "HealthCheckConfig": {"Type": "HTTP"}},
        {},
    ):
        assert cloud.refused("create_service", Name="api", **request) == "InvalidInput", request
    assert cloud.refused("create_service", Name="api", NamespaceId="ns-none") == "NamespaceNotFound"
    cloud.service(dns, Type="HTTP")


def test_a_service_for_dns_is_read_back(cloud: Map) -> None:
    """Records, routing policy and health check are what Terraform's provider compares after the next plan."""
    dns = cloud.namespace("private_dns", "internal.test")
    service = cloud.service(dns, DnsConfig=A, HealthCheckCustomConfig={"FailureThreshold": 1}, Description="ours")
    shown = cloud.map.get_service(Id=service)["Service"]
    assert shown["DnsConfig"] == {"NamespaceId": dns, "RoutingPolicy": "MULTIVALUE", **A}
    assert (shown["Type"], shown["HealthCheckCustomConfig"], shown["Description"]) == (
        "DNS_HTTP",
        {"FailureThreshold": 1},
        "ours",
    )
    cloud.map.update_service(Id=service, Service={"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 60}]}})
    assert cloud.map.get_service(Id=service)["Service"]["DnsConfig"]["DnsRecords"] == [{"Type": "A", "TTL": 60}]


def test_instances_are_discovered_by_health_and_attributes(cloud: Map) -> None:
    """Healthy ones first; all of them if none is; with required attributes, and with wished ones where there are any."""
    dns = cloud.namespace("private_dns", "internal.test")
    service = cloud.service(dns, DnsConfig=A, HealthCheckCustomConfig={})
    for name, zone in (("one", "a"), ("two", "b")):
        attributes = {"AWS_INSTANCE_IPV4": f"10.0.0.{len(name)}", "zone": zone}
        cloud.map.register_instance(ServiceId=service, InstanceId=name, Attributes=attributes)

    def answers(**more: Any) -> list[str]:
        answer = cloud.map.discover_instances(NamespaceName="internal.test", ServiceName="api", **more)
        return [each["InstanceId"] for each in answer["Instances"]]

    assert answers() == ["one", "two"]
    assert answers(QueryParameters={"zone": "b"}) == ["two"]
    assert answers(OptionalParameters={"zone": "b"}) == ["two"]
    assert answers(OptionalParameters={"zone": "c"}) == ["one", "two"]
    health = {"ServiceId": service, "Status": "UNHEALTHY"}
    cloud.map.update_instance_custom_health_status(InstanceId="one", **health)
    assert (answers(), answers(HealthStatus="UNHEALTHY")) == (["two"], ["one"])
    cloud.map.update_instance_custom_health_status(InstanceId="two", **health)
    assert (answers(), answers(HealthStatus="HEALTHY")) == (["one", "two"], [])
    status = cloud.map.get_instances_health_status(ServiceId=service)["Status"]
    assert status == {"one": "UNHEALTHY", "two": "UNHEALTHY"}


def test_instances_that_cannot_be(cloud: Map) -> None:
    """A service with A records needs addresses; custom health needs a service that takes it."""
    dns = cloud.namespace("private_dns", "internal.test")
    service = cloud.service(dns, DnsConfig=A)
    assert (
        cloud.refused("register_instance", ServiceId=service, InstanceId="one", Attributes={"a": "b"}) == "InvalidInput"
    )
    cloud.map.register_instance(ServiceId=service, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": "10.0.0.4"})
    health = {"ServiceId": service, "InstanceId": "one", "Status": "UNHEALTHY"}
    assert cloud.refused("update_instance_custom_health_status", **health) == "CustomHealthNotFound"
    assert cloud.refused("get_instance", ServiceId=service, InstanceId="two") == "InstanceNotFound"


def test_names_resolve_where_their_namespace_is(cloud: Map) -> None:
    """Private names in their own VPC alone; healthy instances, eight at most, one where the policy is WEIGHTED."""
    dns = cloud.namespace("private_dns", "internal.test")
    many = cloud.service(dns, "many", DnsConfig=A)
    one = cloud.service(dns, "one", DnsConfig={**A, "RoutingPolicy": "WEIGHTED"})
    cloud.service(dns, "none", DnsConfig=A)
    for number in range(9):
        attributes = {"AWS_INSTANCE_IPV4": f"10.0.0.{number}"}
        for service in (many, one):
            cloud.map.register_instance(ServiceId=service, InstanceId=f"i-{number}", Attributes=attributes)
    names: Any = cloud.world.services["servicediscovery"]
    answers = {each.name: (len(each.addresses), each.most) for each in names.addresses(cloud.world.region, cloud.vpc)}
    assert answers == {"many.internal.test": (9, 8), "one.internal.test": (9, 1)}
    assert names.addresses(cloud.world.region, "vpc-other") == ()
