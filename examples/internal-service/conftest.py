import pytest


@pytest.fixture(scope="module")
def service(applied):
    return applied("service", name="ledger", zones=["eu-west-1a", "eu-west-1b"])


@pytest.fixture(scope="module")
def network(service, networking_checks):
    return networking_checks(service, vpc_id=service["vpc_id"])
