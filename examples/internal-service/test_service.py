import json

from pushproof import Permission, resources


def test_a_bad_revision_rolls_back(service, service_checks):
    checks = service_checks(service, cluster=service["cluster_name"], service=service["service_name"])
    assert checks.rolls_back_by_itself()
    assert checks.keeps_its_capacity_while_it_deploys()
    assert checks.health_checks_agree()
    assert checks.health_is_decided_in_time()
    assert checks.logs_are_kept()


def test_tasks_run_on_fargate(service):
    (shown,) = resources(service, "aws_ecs_service")
    assert shown["launch_type"] == "FARGATE"


def test_only_the_load_balancer_gets_in(network):
    assert network.tasks_have_only_private_addresses()
    assert network.tasks_admit_only_the_load_balancer()
    assert network.private_subnets_are_private()
    assert network.endpoints_admit_only_the_vpc()
    assert network.load_balancers_admit_only_their_listeners()


def test_zones_have_room_for_a_deployment(network):
    assert network.subnets_have_room()


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
    (web,) = json.loads(definition["container_definitions"])
    assert web["portMappings"][0]["containerPort"] == 3000
    assert (web["healthCheck"]["interval"], web["healthCheck"]["timeout"]) == (30, 5)


def test_terraform_leaves_alone_what_a_deployment_changes(service, state_checks, aws):
    ecs, names = aws("ecs"), {"cluster": service["cluster_name"], "service": service["service_name"]}
    (running,) = ecs.describe_services(cluster=names["cluster"], services=[names["service"]])["services"]
    revision = ecs.describe_task_definition(taskDefinition=running["taskDefinition"])["taskDefinition"]
    settings = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    deployed = ecs.register_task_definition(**{name: value for name, value in revision.items() if name in settings})
    ecs.update_service(**names, taskDefinition=deployed["taskDefinition"]["taskDefinitionArn"], desiredCount=3)
    assert state_checks(service).plan_is_empty(service)


def test_the_environment_can_be_taken_down(service):
    (repository,) = resources(service, "aws_ecr_repository")
    assert repository["force_delete"]
