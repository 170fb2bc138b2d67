def test_a_bad_revision_rolls_back(service, service_checks):
    checks = service_checks(service, cluster=service["cluster_name"], service=service["service_name"])
    assert not checks.rolls_back_by_itself()
    assert not checks.keeps_its_capacity_while_it_deploys()
    assert not checks.health_checks_agree()
    assert not checks.logs_are_kept()


def test_only_the_load_balancer_gets_in(network):
    assert not network.tasks_get_no_public_address()
    assert not network.tasks_admit_only_the_load_balancer()
    assert not network.nothing_private_is_reachable_from_the_internet()


def test_tasks_reach_aws_without_the_internet(network):
    assert not network.tasks_reach_what_they_need(("ecr.api", "ecr.dkr", "s3", "logs"), require_vpc_endpoints=True)
