"""The state of moto's services can be written and read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import backends
from moto.awslambda.models import lambda_backends
from moto.awslambda_simple.models import lambda_simple_backends
from moto.batch.models import batch_backends
from moto.batch_simple.models import batch_simple_backends

from pushproof.emulator.keeping.places import Place
from pushproof.emulator.keeping.reading import read_into
from pushproof.emulator.keeping.writing import written
from pushproof.emulator.substrate.moto_backends import backends_in_use, discard_backends, use_backends

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


@pytest.fixture
def emptied() -> Iterator[None]:
    """moto without backends, before and after."""
    discard_backends()
    yield
    discard_backends()


@pytest.mark.usefixtures("emptied")
@pytest.mark.parametrize("name", sorted(set(backends.list_of_moto_modules()) - NO_SERVICES))
def test_a_service_is_kept(name: str) -> None:
    """A service of moto's, as a new account has it, is read as it was written."""
    accounts = backends.get_backend(name)
    regions = accounts[ACCOUNT]
    region = next(each for each in ("eu-west-1", "us-east-1", "aws") if each in regions)
    regions[region]
    more = read_into({}, written({}, {"substrate": {name: dict(accounts)}}, PLACE), PLACE)
    assert type(more["substrate"][name][ACCOUNT][region]) is type(regions[region])  # type: ignore[index]


@pytest.mark.usefixtures("emptied")
@pytest.mark.parametrize(
    "kinds",
    [(lambda_backends, lambda_simple_backends), (batch_backends, batch_simple_backends)],
    ids=["functions", "jobs"],
)
def test_two_kinds_of_a_service_are_kept_apart(kinds: tuple[Any, Any]) -> None:
    """Functions and jobs that need no container are not mistaken for those that do: moto calls both by one name."""
    for kind in kinds:
        kind[ACCOUNT]["eu-west-1"]
    kept = backends_in_use()
    assert len(kept) == 2
    discard_backends()
    use_backends(kept)
    assert [type(kind[ACCOUNT]["eu-west-1"]) for kind in kinds] == [kind.backend for kind in kinds]
