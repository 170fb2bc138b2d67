"""The state of moto's services can be written and read."""

from __future__ import annotations

from pathlib import Path

import pytest
from moto import backends

from pushproof.emulator.keeping.places import Place
from pushproof.emulator.keeping.reading import read_into
from pushproof.emulator.keeping.writing import written

PLACE = Place("127.0.0.1:4000", "127.79.160.", Path("/nowhere"))
ACCOUNT = "123456789012"
# Parts of moto's own, which are no services.
NO_SERVICES = {
    "awslambda_simple",
    "batch_simple",
    "core",
    "moto_api",
    "moto_proxy",
    "moto_server",
    "s3bucket_path",
    "utilities",
}


@pytest.mark.parametrize("name", sorted(set(backends.list_of_moto_modules()) - NO_SERVICES))
def test_a_service_is_kept(name: str) -> None:
    """A service of moto's, as a new account has it, is read as it was written."""
    accounts = backends.get_backend(name)
    regions = accounts[ACCOUNT]
    region = next(each for each in ("eu-west-1", "us-east-1", "aws") if each in regions)
    regions[region]
    more = read_into({}, written({}, {"substrate": {name: dict(accounts)}}, PLACE), PLACE)
    assert type(more["substrate"][name][ACCOUNT][region]) is type(regions[region])  # type: ignore[index]
