def test_applications_keep_their_egress_when_a_zone_fails(network, networking_checks):
    checks = networking_checks(network, vpc_id=network["vpc_id"], private_subnet_ids=network["application_subnet_ids"])
    assert not checks.every_private_subnet_leaves_by_its_own_zone()


def test_data_is_out_of_reach(network, networking_checks):
    checks = networking_checks(network, vpc_id=network["vpc_id"], private_subnet_ids=network["data_subnet_ids"])
    assert not checks.nothing_private_is_reachable_from_the_internet()
    assert not checks.no_subnet_falls_back_to_the_main_table()


def test_terraform_has_nothing_left_to_do(network, state_checks):
    assert not state_checks(network).nothing_is_left_to_do(network)
