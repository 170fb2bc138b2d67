import json

from pushproof import Permission, resources


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
    assert network.load_balancers_admit_only_their_listeners()


def test_tasks_reach_aws_without_the_internet(network):
    assert network.tasks_reach_what_they_need(("ecr.api", "ecr.dkr", "s3", "logs"), require_vpc_endpoints=True)
    assert network.endpoints_are_reachable_on_443(("ecr.api", "ecr.dkr", "logs"))


def test_groups_let_out_what_is_needed_and_no_more(network):
    assert network.load_balancers_send_only_to_their_targets()
    assert network.tasks_call_out_on(443)


def test_ecs_alone_assumes_the_execution_role(service, iam_checks):
    iam = iam_checks(service)
    assert iam.can_be_assumed_only_by("ledger-execution", "ecs-tasks.amazonaws.com")
    assert iam.allows("ledger-execution", [Permission("ecr:GetAuthorizationToken", "*")])
    assert iam.denies(
        "ledger-execution", [Permission("iam:CreateUser", "*"), Permission("s3:GetObject", "arn:aws:s3:::any/key")]
    )


def test_ecs_notices_a_task_that_hangs(service):
    # The load balancer's check covers the port; the container's covers tasks that are not behind it yet.
    (definition,) = resources(service, "aws_ecs_task_definition")
    assert all("healthCheck" in container for container in json.loads(definition["container_definitions"]))
