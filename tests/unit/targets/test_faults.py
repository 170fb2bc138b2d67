"""The vocabulary of faults on a world that listens: over the wire, through the control endpoint, and as a fixture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import boto3
import pytest
import requests
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from pushproof.engines.faults import FaultError
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.faults import Faults, OverControl
from pushproof.targets.journal import Journal


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTarget]:
    journal = Journal(tmp_path_factory.mktemp("faults") / "state")
    with EmbeddedTarget(EmbeddedSettings(runtime="scripted"), journal=journal) as opened:
        yield opened


def client(world: EmbeddedTarget, service: str, attempts: int = 1) -> BaseClient:
    """A client over the wire, with as many attempts as given."""
    key, secret = world.keys
    session_client: BaseClient = boto3.client(
        service,
        endpoint_url=world.endpoint,
        region_name=world.region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
    )
    return session_client


def test_an_sdk_gets_through_calls_that_are_throttled_at_a_rate(world: EmbeddedTarget) -> None:
    """Some of twenty calls without retries fail with ThrottlingException; every call with them succeeds."""
    faults = world.faults()
    with faults.api_throttled("ecs", 0.3):
        codes = []
        for _ in range(20):
            try:
                client(world, "ecs").list_clusters()
            except ClientError as error:
                codes.append(error.response["Error"]["Code"])
        assert 0 < len(codes) < 20
        assert set(codes) == {"ThrottlingException"}
        patient = client(world, "ecs", attempts=8)
        for _ in range(3):
            patient.list_clusters()


def test_an_answer_is_lost_on_the_wire(world: EmbeddedTarget) -> None:
    """The connection closes without an answer, and the call was carried out: a second CreateRole is refused."""
    iam = client(world, "iam")
    statement = {"Effect": "Allow", "Principal": {"Service": "fis.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with world.faults().api_answers_lost("iam", operations=["CreateRole"], times=1):
        with pytest.raises(ConnectionClosedError):
            iam.create_role(RoleName="lost", AssumeRolePolicyDocument=trust)
        with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName="lost", AssumeRolePolicyDocument=trust)


def test_a_skewed_clock_makes_signatures_old(world: EmbeddedTarget) -> None:
    """Twenty minutes are too much, in each protocol's code; the answer's Date shows AWS's time; ten minutes are borne."""
    faults = world.faults()
    with faults.clock_skewed(-1200):
        with pytest.raises(ClientError, match="Signature expired"):
            client(world, "ecs").list_clusters()
        with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
            client(world, "s3").list_buckets()
    with faults.clock_skewed(1200), pytest.raises(ClientError, match="Signature not yet current"):
        client(world, "ecs").list_clusters()
    with faults.clock_skewed(-600):
        client(world, "ecs").list_clusters()


def test_another_process_has_the_same_vocabulary(world: EmbeddedTarget) -> None:
    """Faults begin, are listed and end through the control endpoint, which needs the administrator's keys."""
    remote = Faults(OverControl(world.endpoint, world.keys))
    with remote.zone_lost("eu-west-1a") as run:
        assert run.record.fault == "zone-lost:eu-west-1a"
        assert [active.id for active in world.world.faults.active] == [run.id]
        with pytest.raises(FaultError, match="eu-west-1a is lost already"):
            remote.named("zone-lost:eu-west-1a")
    assert world.world.faults.active == []
    assert run.record.ended_at is not None
    assert requests.get(f"{world.endpoint}/_pushproof/faults", timeout=10).status_code == 401
    missing = requests.delete(f"{world.endpoint}/_pushproof/faults/fault-99", auth=world.keys, timeout=10)
    assert (missing.status_code, missing.json()["error"]) == (404, "fault-99 is no active fault; active: none")


def test_the_faults_of_a_fork_end_with_the_others(world: EmbeddedTarget) -> None:
    """A module that is no fork has the faults of its world; one in a fork has the fork's, and both end together."""
    here = Faults(OverControl("http://127.0.0.1:1", ("k", "s")))
    assert here.of(SimpleNamespace(control=None)) is here
    fork = SimpleNamespace(control=(world.endpoint, world.keys))
    run = here.of(fork).zone_lost("eu-west-1b")
    assert [active.id for active in world.world.faults.active] == [run.id]
    assert here.of(fork) is here.of(fork)
    here.end()
    assert world.world.faults.active == []


def test_a_world_that_is_gone_has_no_fault_to_end() -> None:
    """The end of a fork before the end of its faults is no error."""
    OverControl("http://127.0.0.1:1", ("k", "s")).end("fault-1")


def test_a_world_that_had_a_fault_has_no_lineage(world: EmbeddedTarget) -> None:
    """A fault changes the world without a call, so that nothing is kept of it."""
    world.derive("before")
    assert world.lineage.reason is None
    world.faults().ecr_throttled().end()
    assert world.lineage.reason == "the world had a fault before"
