"""Names of tasks: Service Connect and service registries in ECS's API, in Cloud Map, and in what a runtime is told.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html; the refusals for a lost namespace and a name
that is taken are recorded (github.com/terraform-aws-modules/terraform-aws-ecs/issues/116, github.com/aws/copilot-cli/issues/4337).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Code = Callable[[Callable[[], Any]], tuple[str, str]]


class Connect:
    """The stack with a namespace, and services that use it."""

    def __init__(self, stack: Any) -> None:
        self.stack, self.ecs = stack, stack.ecs
        self.map = stack.world.administrator("servicediscovery")
        self.map.create_http_namespace(Name="shop")
        self.namespace = self.map.list_namespaces()["Namespaces"][0]["Arn"]
        self.life = stack.world.ecs.life

    def define(self, family: str = "back", **container: Any) -> str:
        port = {"name": "web", "containerPort": 8080, "appProtocol": "http"}
        arn: str = self.ecs.register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "app", "image": "app:v1", "portMappings": [port], **container}],
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def create(self, name: str, connect: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        if connect is not None:
            more["serviceConnectConfiguration"] = connect
        shown: dict[str, Any] = self.ecs.create_service(
            cluster="main",
            serviceName=name,
            taskDefinition=more.pop("definition", None) or self.define(name),
            desiredCount=more.pop("count", 1),
            launchType="FARGATE",
            networkConfiguration=self.stack.network,
            **more,
        )["service"]
        return shown

    def offer(self, discovery: str = "backend", **more: Any) -> dict[str, Any]:
        entry = {"portName": "web", "discoveryName": discovery, "clientAliases": [{"port": 80, "dnsName": discovery}]}
        return {"enabled": True, "namespace": self.namespace, "services": [entry | more]}

    def client(self) -> dict[str, Any]:
        return {"enabled": True, "namespace": self.namespace}

    def known(self, service: str) -> set[str]:
        """Return the names that the running tasks of a service know."""
        instances = [task for task in self.life.tasks() if task.service is not None and task.service.name == service]
        return {endpoint.name for task in instances for endpoint in task.connected.endpoints}

    def settle(self) -> None:
        self.stack.world.loop.advance(300)

    def registered(self, service: str = "backend", namespace: str = "shop") -> list[dict[str, Any]]:
        instances: list[dict[str, Any]] = self.map.discover_instances(
            NamespaceName=namespace, ServiceName=service, HealthStatus="ALL"
        )["Instances"]
        return instances


@pytest.fixture
def connect(stack: Any) -> Connect:
    return Connect(stack)


def test_a_configuration_is_shown_by_deployment(connect: Connect) -> None:
    """DescribeServices shows it with the endpoints in Cloud Map, and DescribeServiceRevisions too."""
    connect.create("back", connect.offer())
    connect.settle()
    (service,) = connect.ecs.describe_services(cluster="main", services=["back"])["services"]
    (deployment,) = service["deployments"]
    assert deployment["serviceConnectConfiguration"] == connect.offer()
    (resource,) = deployment["serviceConnectResources"]
    (listed,) = connect.map.list_services()["Services"]
    assert resource == {"discoveryName": "backend", "discoveryArn": listed["Arn"]}
    assert {"Key": "AmazonECSManaged", "Value": "true"} in connect.map.list_tags_for_resource(
        ResourceARN=listed["Arn"]
    )["Tags"]
    revision = service["currentServiceRevisions"][0]["arn"]
    shown = connect.ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"][0]
    assert shown["serviceConnectConfiguration"] == connect.offer()


def test_the_namespace_of_the_cluster_is_the_default(connect: Connect, code: Code) -> None:
    """A cluster's default is an ARN, also of a name that names none yet; without one a service needs its own."""
    entry = connect.offer()["services"]
    reason, words = code(lambda: connect.create("back", {"enabled": True, "services": entry}))
    assert (reason, "namespace" in words) == ("InvalidParameterException", True)
    connect.ecs.update_cluster(cluster="main", serviceConnectDefaults={"namespace": "fresh"})
    (cluster,) = connect.ecs.describe_clusters(clusters=["main"])["clusters"]
    fresh = next(each["Arn"] for each in connect.map.list_namespaces()["Namespaces"] if each["Name"] == "fresh")
    assert cluster["serviceConnectDefaults"] == {"namespace": fresh}
    connect.create("back", {"enabled": True, "services": entry})
    connect.settle()
    assert len(connect.registered(namespace="fresh")) == 1


def test_refusals(connect: Connect, code: Code) -> None:
    """A lost namespace, a taken name and an unknown port are refused before anything is made."""
    assert code(lambda: connect.create("back", {**connect.offer(), "namespace": "none"})) == (
        "NamespaceNotFoundException",
        "Failed to retrieve namespace for none",
    )
    assert code(lambda: connect.create("back", connect.offer(portName="other")))[0] == "InvalidParameterException"
    assert code(lambda: connect.create("back", serviceRegistries=[{"registryArn": "arn:aws:none"}]))[0] == (
        "InvalidParameterException"
    )
    assert connect.map.list_services()["Services"] == []
    connect.create("back", connect.offer())
    assert code(lambda: connect.create("other", connect.offer())) == (
        "InvalidParameterException",
        f"SC service is already used by {connect.namespace}",
    )
    tls = {"issuerCertificateAuthority": {"awsPcaAuthorityArn": "arn:aws:acm-pca:eu-west-1:1:certificate-authority/a"}}
    assert code(lambda: connect.create("other", connect.offer("other", tls=tls)))[0] == "UnsupportedFeatureException"
    shifting = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1}
    assert (
        code(lambda: connect.create("other", connect.offer("other"), deploymentConfiguration=shifting))[0]
        == "UnsupportedFeatureException"
    )


def test_tasks_know_the_endpoints_of_their_deployment(connect: Connect) -> None:
    """Neither a later endpoint nor a replacement changes that, and the next deployment does."""
    connect.create("front", connect.client())
    connect.settle()
    connect.create("back", connect.offer())
    connect.settle()
    assert (connect.known("front"), connect.known("back")) == (set(), {"backend"})
    before = connect.ecs.list_tasks(cluster="main", serviceName="front")["taskArns"]
    connect.ecs.stop_task(cluster="main", task=before[0])
    connect.settle()
    assert connect.ecs.list_tasks(cluster="main", serviceName="front")["taskArns"] != before
    assert connect.known("front") == set()
    connect.ecs.update_service(cluster="main", service="front", forceNewDeployment=True)
    connect.settle()
    assert connect.known("front") == {"backend"}


def test_the_endpoints_end_with_their_service(connect: Connect) -> None:
    """Its tasks are deregistered as they stop, and a namespace can be deleted after the service."""
    connect.create("back", connect.offer(), count=2)
    connect.settle()
    instances = connect.registered()
    assert [each["Attributes"]["AWS_INSTANCE_PORT"] for each in instances] == ["8080", "8080"]
    assert {each["Attributes"]["ECS_SERVICE_NAME"] for each in instances} == {"back"}
    connect.ecs.update_service(cluster="main", service="back", desiredCount=0)
    connect.settle()
    assert connect.registered() == []
    connect.ecs.delete_service(cluster="main", service="back")
    connect.settle()
    connect.map.delete_namespace(Id=connect.namespace.rpartition("/")[2])


def test_a_service_moves_to_another_namespace(connect: Connect) -> None:
    """New tasks are registered there, the old ones leave the former, and both entries end with the service."""
    connect.create("back", connect.offer())
    connect.settle()
    connect.map.create_http_namespace(Name="annex")
    annex = next(each["Arn"] for each in connect.map.list_namespaces()["Namespaces"] if each["Name"] == "annex")
    moved = {**connect.offer(), "namespace": annex}
    connect.ecs.update_service(cluster="main", service="back", serviceConnectConfiguration=moved)
    connect.settle()
    assert (len(connect.registered()), len(connect.registered(namespace="annex"))) == (0, 1)
    # The same namespace by its name is no other one.
    named = {**moved, "namespace": "annex"}
    connect.ecs.update_service(cluster="main", service="back", serviceConnectConfiguration=named)
    connect.settle()
    assert len(connect.registered(namespace="annex")) == 1
    assert len(connect.map.list_services()["Services"]) == 2
    connect.ecs.delete_service(cluster="main", service="back", force=True)
    connect.settle()
    assert connect.map.list_services()["Services"] == []


def test_a_client_outlives_its_namespace(connect: Connect) -> None:
    """A namespace without endpoints can be deleted; deployments of its clients go on, and know no name."""
    connect.create("front", connect.client())
    connect.settle()
    connect.map.delete_namespace(Id=connect.namespace.rpartition("/")[2])
    (task,) = connect.ecs.list_tasks(cluster="main", serviceName="front")["taskArns"]
    connect.ecs.stop_task(cluster="main", task=task)
    connect.settle()
    assert connect.ecs.list_tasks(cluster="main", serviceName="front")["taskArns"] not in ([], [task])
    assert connect.known("front") == set()


def test_a_changed_configuration_is_a_deployment(connect: Connect) -> None:
    """New settings replace the tasks; the same settings do not."""
    connect.create("back", connect.offer())
    connect.settle()
    update = {"cluster": "main", "service": "back"}
    same = connect.ecs.update_service(**update, serviceConnectConfiguration=connect.offer())["service"]
    assert len(same["deployments"]) == 1
    alias = [{"port": 81, "dnsName": "backend"}]
    changed = connect.ecs.update_service(**update, serviceConnectConfiguration=connect.offer(clientAliases=alias))
    assert len(changed["service"]["deployments"]) == 2
    connect.settle()
    off = connect.ecs.update_service(**update, serviceConnectConfiguration={"enabled": False})["service"]
    assert len(off["deployments"]) == 2
    connect.settle()
    assert connect.registered() == []


def test_a_registry_shows_the_health_of_tasks(connect: Connect) -> None:
    """A task whose containers are checked becomes healthy in Cloud Map when it is, and has a name in its VPC."""
    connect.map.create_private_dns_namespace(Name="internal.test", Vpc=connect.stack.vpc)
    space = next(each["Id"] for each in connect.map.list_namespaces()["Namespaces"] if each["Type"] == "DNS_PRIVATE")
    registry = connect.map.create_service(
        Name="api",
        NamespaceId=space,
        DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}]},
        HealthCheckCustomConfig={"FailureThreshold": 1},
    )["Service"]["Arn"]
    check = {"command": ["CMD", "true"], "interval": 30, "startPeriod": 60}
    connect.create("back", definition=connect.define(healthCheck=check), serviceRegistries=[{"registryArn": registry}])
    seen = []
    for _ in range(60):
        connect.stack.world.loop.advance(2)
        instances = connect.registered("api", "internal.test")
        seen += [each["HealthStatus"] for each in instances if each["HealthStatus"] not in seen]
    assert seen == ["UNHEALTHY", "HEALTHY"]
    (task,) = connect.life.tasks()
    (name,) = connect.stack.world.ecs.life._names.around(task, [task]).names
    assert (name.name, name.addresses) == ("api.internal.test", ((task.interface.private_ip, task.address),))
