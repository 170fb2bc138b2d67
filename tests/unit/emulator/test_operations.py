"""`docs/operations.md` says of each operation what a world does with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.emulator.asking import least, model, send

from pushproof.emulator.coverage import State, coverage, errors
from pushproof.emulator.services import PLANE
from pushproof.emulator.world import World

# In the signature of these stands the name of another service: S3's clients choose it by what the operation is about.
SIGNED = {
    "CreateSession": "s3express",
    "ListDirectoryBuckets": "s3express",
    "WriteGetObjectResponse": "s3-object-lambda",
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as made:
        made.administrator("s3").create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": made.region}
        )
        yield made


@pytest.mark.parametrize("service", PLANE)
def test_methods_of_the_plane_are_what_is_emulated_or_kept(world: World, service: str) -> None:
    """The dispatcher has a method for what is emulated, and for what the service itself keeps, and for nothing else."""
    answering = world.services[service]
    methods = {name for name in model(service).operation_names if answering.handler(name) is not None}
    described = {each.name for each in coverage(service).of(State.EMULATED)} | answering.kept
    assert methods == described


@pytest.mark.parametrize("service", PLANE)
def test_what_is_refused_says_so_and_nothing_else_does(world: World, service: str) -> None:
    """A refused operation is answered 501 with its name, whatever the request holds; no other operation is.

    And what is answered with an error is an error in AWS's form: no page of a web server, and no number for a code.
    """
    wrong = []
    # What is deleted is deleted last, so that the others have something to be about.
    for each in sorted(coverage(service).operations, key=lambda each: each.name.startswith("Delete")):
        shape = model(service).operation_model(each.name).input_shape
        body = least(shape, Bucket="bucket")
        answer = send(world, service, each.name, body, signed=SIGNED.get(each.name, ""))
        if answer.names_a_gap != (each.state is State.REFUSED) or (answer.names_a_gap and each.name not in answer.text):
            wrong.append(f"{each.name} is {each.state}: {answer.status} {answer.text[:200]}")
        elif answer.status >= 400 and answer.text and (not answer.code or answer.code.isdigit()):
            wrong.append(f"{each.name}: {answer.status} {answer.text[:200]}")
    assert wrong == []


def test_listed_errors_are_found_in_the_code_that_raises_them() -> None:
    """An error that the code spells out or puts together counts as raised; one that it never names does not."""
    ecr = {error.code: error for error in errors("ecr")}
    assert ecr["RepositoryNotFoundException"].raised
    # `f"{kind}PolicyNotFoundException"` in its errors.
    assert ecr["LifecyclePolicyNotFoundException"].raised
    assert not ecr["BlockedByOrganizationPolicyException"].raised
    assert ecr["ServerException"].own_fault
