"""The sweep removes a run's resources, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.sandbox.naming import EXPIRES_TAG, RUN_TAG, expiry, project, run_of_name, tags
from pushproof.sandbox.sweep import KnownRun, Resource, Selection, SweepScope, choose

NOW = 1_800_000_000.0
RUN, OTHER = "1a2b3c4d", "99999999"


def tagged(kind: str, id: str, run: str = RUN, *, expires: float = NOW - 60, **more: object) -> Resource:
    return Resource(kind, id, tags=tags(run, expires_at=expires, owner="somebody"), **more)  # type: ignore[arg-type]


def taken(selection: Selection) -> set[str]:
    return {found.id for found, _ in selection.removable}


def test_tags_tell_first() -> None:
    """Resources with the tag of an expired run go, whatever their names."""
    assert taken(choose([tagged("ec2 vpc", "vpc-1", name="main")], [], SweepScope(), now=NOW)) == {"vpc-1"}


def test_what_is_nobodys_stays() -> None:
    """Untagged, with names of other people's making: not even listed as kept."""
    others = [
        Resource("s3 bucket", n, name=n)
        for n in ("pushproof-logs", "my-pushproof-1a2b3c4d", "pushproof-1A2B3C4D", "acme")
    ]
    selection = choose([*others, tagged("ec2 vpc", "vpc-1")], [], SweepScope(), now=NOW)
    assert taken(selection) == {"vpc-1"}
    assert selection.kept == ()


def test_a_name_tells_where_a_tag_is_missing() -> None:
    """An untagged resource whose name carries the id goes with its run's tagged ones."""
    found = [tagged("ec2 vpc", "vpc-1"), Resource("logs log-group", "g", name=f"/ecs/{project(RUN)}-dev")]
    assert taken(choose(found, [], SweepScope(), now=NOW)) == {"vpc-1", "g"}


def test_a_name_alone_costs_nothing_its_life() -> None:
    """A run that appears in neither tags nor a journal is listed, and removed only if it is named."""
    lonely = [Resource("s3 bucket", "b", name=f"{project(RUN)}-dev")]
    assert choose(lonely, [], SweepScope(), now=NOW).removable == ()
    assert "--run" in choose(lonely, [], SweepScope(), now=NOW).kept[0].why
    assert taken(choose(lonely, [], SweepScope(run=RUN), now=NOW)) == {"b"}


def test_a_tag_of_another_run_outweighs_the_name() -> None:
    """Named after one run, tagged by another: it is the other's."""
    mixed = tagged("s3 bucket", "b", OTHER, name=f"{project(RUN)}-dev", expires=NOW + 60)
    assert choose([mixed, tagged("ec2 vpc", "vpc-1")], [], SweepScope(run=RUN), now=NOW).kept[0].run == OTHER


def test_a_run_that_may_still_go_on_elsewhere_stays() -> None:
    """A run that is not expired and not in this machine's journal stays, unless it is named."""
    young = [tagged("ec2 vpc", "vpc-1", expires=NOW + 60)]
    assert choose(young, [], SweepScope(), now=NOW).removable == ()
    assert taken(choose(young, [], SweepScope(run=RUN), now=NOW)) == {"vpc-1"}


def test_a_run_whose_process_died_here_goes_at_once() -> None:
    """The journal shows that the process ended: no need to wait for the expiry, unless only expired runs are in scope."""
    young, died = [tagged("ec2 vpc", "vpc-1", expires=NOW + 60)], [KnownRun(RUN, NOW + 60, NOW - 60, ended=True)]
    assert taken(choose(young, died, SweepScope(), now=NOW)) == {"vpc-1"}
    assert choose(young, died, SweepScope(expired_only=True), now=NOW).removable == ()


def test_a_run_that_lives_here_is_never_taken() -> None:
    """A run whose process lives here stays, even if it is named or over its time."""
    old, lives = [tagged("ec2 vpc", "vpc-1")], [KnownRun(RUN, NOW - 60, NOW - 90, ended=False)]
    assert choose(old, lives, SweepScope(), now=NOW).removable == ()
    assert choose(old, lives, SweepScope(run=RUN), now=NOW).removable == ()


def test_network_interfaces_go_with_their_vpc_and_other_peoples_subnets_do_not() -> None:
    """Resources that AWS puts into a run's VPC are the run's; those that people put there are theirs."""
    found = [
        tagged("ec2 vpc", "vpc-1"),
        Resource("ec2 network-interface", "eni-1", part_of=("ec2 vpc", "vpc-1")),
        Resource("ec2 subnet", "subnet-1", part_of=("ec2 vpc", "vpc-1")),
    ]
    assert taken(choose(found, [], SweepScope(), now=NOW)) == {"vpc-1", "eni-1"}


@pytest.mark.parametrize(("created", "goes"), [(NOW - 50, True), (NOW - 500, False), (None, False)])
def test_the_journal_tells_last_and_only_of_what_is_no_older_than_the_run(created: float | None, goes: bool) -> None:
    """An apply that failed because a name was taken must not cost the one who took it his resource."""
    announced = KnownRun(RUN, NOW + 60, NOW - 60, ended=True, announced=frozenset({("s3 bucket", "acme-artifacts")}))
    bucket = Resource("s3 bucket", "acme-artifacts", name="acme-artifacts", created_at=created)
    assert bool(choose([bucket], [announced], SweepScope(), now=NOW).removable) is goes


def test_the_latest_expiry_counts() -> None:
    """A run that prolonged itself lives until the later time."""
    found = [tagged("ec2 vpc", "a", expires=NOW - 60), tagged("ec2 vpc", "b", expires=NOW + 60)]
    assert choose(found, [], SweepScope(expired_only=True), now=NOW).removable == ()


def test_a_broken_expiry_is_no_expiry() -> None:
    """A tag that is no time expires nothing."""
    found = Resource("ec2 vpc", "vpc-1", tags={RUN_TAG: RUN, EXPIRES_TAG: "tomorrow"})
    assert choose([found], [], SweepScope(expired_only=True), now=NOW).removable == ()


@given(st.text(max_size=40))
def test_names_that_are_not_ours_name_no_run(name: str) -> None:
    """A name contains a run's id only after `pushproof-`, at the beginning of a part of the name."""
    run = run_of_name(name)
    assert run is None or project(run) in name


@given(st.text(max_size=300), st.integers(0, 4_000_000_000))
def test_tags_are_what_aws_takes_and_come_back(owner: str, at: int) -> None:
    """Values have at most 256 of AWS's characters; the expiry reads as it was written."""
    made = tags(RUN, expires_at=at, owner=owner)
    assert all(len(value) <= 256 for value in made.values())
    assert expiry(made) == at
