import json

from pushproof import resources


def test_a_bad_revision_rolls_back(service, service_checks):
    checks = service_checks(service, cluster=service["cluster_name"], service=service["service_name"])
    assert checks.rolls_back_by_itself()
    assert checks.keeps_its_capacity_while_it_deploys()
    assert checks.health_checks_agree()
    assert checks.logs_are_kept()


def test_only_the_load_balancer_gets_in(network):
    assert network.tasks_have_only_private_addresses()
    assert network.tasks_admit_only_the_load_balancer()
    assert network.private_subnets_are_private()
    assert network.endpoints_admit_only_the_vpc()


def test_tasks_reach_aws_without_the_internet(network):
    assert network.tasks_reach_what_they_need(("ecr.api", "ecr.dkr", "s3", "logs"), require_vpc_endpoints=True)


def test_ecs_notices_a_task_that_hangs(service):
    # The load balancer's check covers the port; the container's covers tasks that are not behind it yet.
    (definition,) = resources(service, "aws_ecs_task_definition")
    assert all("healthCheck" in container for container in json.loads(definition["container_definitions"]))
