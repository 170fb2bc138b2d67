"""The gateway: one port, every service, AWS's own protocols."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.signing import signed

from pushproof.emulator.kernel.context import Call
from pushproof.emulator.kernel.site import Ground, Images
from pushproof.emulator.runtime.equipment import Equipment, scripted_equipment
from pushproof.emulator.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as opened:
        yield opened


def test_a_plane_service_and_the_substrate_answer_on_one_endpoint(world: World) -> None:
    """CodeConnections comes from the plane, EC2 from the substrate, through the same client."""
    arn = world.administrator("codestar-connections").create_connection(ConnectionName="x", ProviderType="GitHub")[
        "ConnectionArn"
    ]
    assert arn.startswith("arn:aws:codestar-connections:eu-west-1:")
    assert world.administrator("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["CidrBlock"] == "10.0.0.0/16"


def test_an_operation_that_is_not_there_is_answered_501_by_name(world: World) -> None:
    """A gap is honest: 501, naming service and operation, and never a plausible empty reply."""
    with pytest.raises(ClientError) as raised:
        world.administrator("codestar-connections").list_repository_links()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ListRepositoryLinks of codestar-connections" in raised.value.response["Error"]["Message"]


def test_parameters_are_checked_against_the_model(world: World) -> None:
    """A request without a required member is refused with the member's name."""
    unchecked = boto3.session.Session().client(
        "codestar-connections",
        region_name="eu-west-1",
        endpoint_url=world.serve(),
        aws_access_key_id=world.keys.administrator.access_key_id,
        aws_secret_access_key=world.keys.administrator.secret_access_key,
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(
        ClientError, match="Value null at 'connectionName' failed to satisfy constraint: Member must not be null"
    ):
        unchecked.create_connection(ProviderType="GitHub")


def test_a_taken_port_is_an_error_not_an_exit(world: World) -> None:
    """The caller gets OSError for a taken port, and decides."""
    world.serve()
    with pytest.raises(OSError, match="in use"):
        world.gateway.serve(["127.0.0.1"], world.port)


def test_finished_calls_are_recorded_and_observed(world: World) -> None:
    """The call log has every call with its status; an observer receives its own operations."""
    seen: list[Call] = []
    world.gateway.observe("sns", seen.append, "CreateTopic")
    client = world.administrator("sns")
    client.create_topic(Name="t")
    client.list_topics()
    assert [call.request["Name"] for call in seen] == ["t"]
    assert [(c.name, c.status, c.mutating) for c in world.gateway.calls] == [
        ("sns:CreateTopic", 200, True),
        ("sns:ListTopics", 200, False),
    ]


def test_every_sdks_spelling_of_a_target_reaches_the_operation(world: World) -> None:
    """SDKs disagree about the prefix of X-Amz-Target; the operation's name decides."""
    endpoint = world.serve()
    for prefix in ("CodeStar_connections_20191201", "com.amazonaws.codestar.connections.CodeStar_connections_20191201"):
        headers = {"X-Amz-Target": f"{prefix}.ListConnections", "Content-Type": "application/x-amz-json-1.0"}
        owner = world.keys.administrator
        headers = signed(owner, "POST", endpoint, "codestar-connections", body="{}", headers=headers)
        answer = requests.post(endpoint, data="{}", headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"Connections": []}


def test_the_log_remembers_failures_longer_than_other_calls(world: World) -> None:
    """Ten thousand calls are kept, and ten thousand failures, which the evidence of a long session shows; neither has headers."""
    sns = world.administrator("sns")
    with pytest.raises(ClientError):
        sns.delete_topic(TopicArn="arn:nonsense")
    sns.list_topics()
    latest = world.log.calls[-1]
    assert (latest.context.headers, latest.response) == ({}, None)
    for _ in range(10_000):
        world.log.record(latest)
    assert {call.name for call in world.log.calls} == {"sns:ListTopics"}
    (failure,) = world.log.failed
    assert (failure.name, failure.error_code, failure.request) == ("sns:DeleteTopic", "InvalidParameter", {})


@pytest.mark.usefixtures("world")
def test_one_world_at_a_time_stands_on_moto() -> None:
    """moto's state belongs to the process: a second world is refused in words."""
    with pytest.raises(RuntimeError, match="another embedded world is open"):
        World.virtual()


def test_a_world_that_cannot_be_made_leaves_room_for_the_next() -> None:
    """Docker Engine may refuse its part: moto is free again, and the world's directory is gone."""
    directories: list[Path] = []

    def refuse(ground: Ground, _: Images) -> Equipment:
        directories.append(ground.directory)
        raise OSError("no address is left")

    with pytest.raises(OSError, match="no address is left"):
        World.virtual(equip=refuse)
    assert not directories[0].exists()
    with World.virtual() as world:
        assert world.administrator("sts").get_caller_identity()["Account"] == world.account_id


def test_a_part_that_fails_to_close_keeps_no_other_part_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure reaches the caller, after everything else is closed; the next world opens."""
    world = World.virtual()
    monkeypatch.setattr(world.services["sns"], "close", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.close()
    assert not world.directory.exists()
    World.virtual().close()


def test_services_are_closed_while_nothing_changes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """No callback of a build or a task runs meanwhile: another thread does not get the world's lock."""
    world, entered = World(equip=scripted_equipment), []

    def close() -> None:
        def enter() -> None:
            if world.loop.lock.acquire(blocking=False):
                entered.append("a callback")
                world.loop.lock.release()

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        entered.append("closed")

    monkeypatch.setattr(world.services["codebuild"], "close", close)
    world.close()
    assert entered == ["closed"]


def test_the_gateway_listens_on_loopback_only(world: World) -> None:
    """No other machine on the network reaches an emulator."""
    assert world.serve().startswith("http://127.0.0.1:")
    server: Any = world.gateway._server
    assert [listener.getsockname()[0] for listener in server._opening.listeners] == ["127.0.0.1"]


def test_a_person_authorises_a_connection_through_the_control_endpoint(world: World) -> None:
    """One POST with the administrator's keys replaces the console's handshake; an unknown connection is named."""
    endpoint = world.serve()
    arn = world.administrator("codestar-connections").create_connection(ConnectionName="x", ProviderType="GitHub")[
        "ConnectionArn"
    ]
    url = f"{endpoint}/_pushproof/connections/authorise"
    owner = world.keys.administrator
    login = (owner.access_key_id, owner.secret_access_key)
    for other in (None, ("pushproof", "pushproof"), (owner.access_key_id, "wrong"), ("wrong", owner.secret_access_key)):
        refused = requests.post(url, params={"arn": arn}, auth=other, timeout=10)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="pushproof"')
        assert requests.get(f"{endpoint}/_pushproof/calls", auth=other, timeout=10).status_code == 401
    assert world.connections.find(arn).status == "PENDING"
    done = requests.post(url, params={"arn": arn}, auth=login, timeout=10).json()
    assert done == {"ConnectionArn": arn, "ConnectionStatus": "AVAILABLE"}
    wrong = requests.post(url, params={"arn": "arn:nope"}, auth=login, timeout=10)
    assert wrong.status_code == 404
    assert "arn:nope" in wrong.json()["error"]


def test_a_listener_hears_calls_and_no_fronts(world: World) -> None:
    """Who listens hears the API's calls with their answers; what a front streams passes by, and nothing after the end."""
    endpoint = world.serve()
    keys = world.keys.administrator
    client = boto3.client(
        "sts",
        region_name=world.region,
        endpoint_url=endpoint,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
    )
    heard: list[tuple[str, int]] = []
    with world.gateway.heard_by(lambda request, _, response: heard.append((request.method, response.status_code))):
        client.get_caller_identity()
        assert requests.get(f"{endpoint}/_pushproof/health", timeout=10).ok
    client.get_caller_identity()
    assert heard == [("POST", 200)]
