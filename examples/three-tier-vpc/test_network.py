import re
from pathlib import Path

from pushproof import resources


def test_applications_keep_their_egress_when_a_zone_fails(network, networking_checks):
    checks = networking_checks(network, vpc_id=network["vpc_id"], private_subnet_ids=network["application_subnet_ids"])
    assert checks.every_private_subnet_leaves_by_its_own_zone()


def test_data_is_out_of_reach(network, networking_checks):
    checks = networking_checks(network, vpc_id=network["vpc_id"], private_subnet_ids=network["data_subnet_ids"])
    assert checks.private_subnets_are_private()
    assert checks.every_subnet_has_an_explicit_route_table()


def test_there_is_room_to_grow(network, networking_checks):
    checks = networking_checks(network, vpc_id=network["vpc_id"])
    assert checks.subnets_have_room(at_least=1000)


def test_names_of_endpoints_will_resolve(network):
    # Interface endpoints answer to AWS's own names only where the VPC hands out names.
    (vpc,) = resources(network, "aws_vpc")
    assert vpc["enable_dns_hostnames"]
    assert vpc["enable_dns_support"]


def test_addresses_wait_for_the_way_out():
    # No reference leads from an Elastic IP to the internet gateway, which may have to exist first.
    text = (Path(__file__).parent / "network/main.tf").read_text()
    addresses = re.findall(r'^resource "aws_eip" .*?^}', text, re.MULTILINE | re.DOTALL)
    assert addresses
    assert all("depends_on = [aws_internet_gateway.main]" in address for address in addresses)


def test_terraform_has_nothing_left_to_do(network, state_checks):
    assert state_checks(network).plan_is_empty(network)
