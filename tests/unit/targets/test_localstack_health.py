"""Detection of a running LocalStack, only from an answer in LocalStack's form."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from pushproof.base.target import TargetUnavailable
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.targets.journal import Journal
from pushproof.targets.localstack.container import licence_refused
from pushproof.targets.localstack.health import Named, health, named_in_environment, standing
from pushproof.targets.localstack.target import DELIVERY, LocalStackSettings, LocalStackTarget


@contextmanager
def answering(page: Callable[[Request], Response]) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, Request.application(page), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def localstack(services: dict[str, str], **more: str) -> Callable[[Request], Response]:
    """Serve a health page in place of LocalStack, and answer every call to a service with the service's name."""

    def page(request: Request) -> Response:
        if request.path == "/_localstack/health":
            return Response(json.dumps({"services": services, "version": "4.14.0", **more}))
        return Response(json.dumps({"clusterArns": ["arn:aws:ecs:eu-west-1:000000000000:cluster/theirs"]}))

    return page


def open_target(tmp_path: Path, url: str, **settings: Any) -> LocalStackTarget:
    return LocalStackTarget(
        LocalStackSettings(world=WorldSettings(), runtime="scripted", where=url, **settings), journal=Journal(tmp_path)
    )


def test_health_counts_what_is_there() -> None:
    """Services that are available or running answer; disabled ones and ones in error do not."""
    with answering(localstack({"s3": "running", "ec2": "available", "dynamodb": "disabled", "sqs": "error"})) as url:
        found = health(url)
    assert found.services == {"s3", "ec2"}
    assert str(found) == "LocalStack 4.14.0"


def test_something_else_is_not_taken_for_localstack() -> None:
    """A server that has no health page of LocalStack's is refused, with its answer."""
    with (
        answering(lambda _request: Response("hello", status=404)) as url,
        pytest.raises(TargetUnavailable, match="answered 404, not as LocalStack does"),
    ):
        health(url)


def test_a_named_one_that_does_not_answer_is_an_error() -> None:
    """A named LocalStack that does not answer is an error with the variable and the remedies."""
    with pytest.raises(TargetUnavailable, match=r"LOCALSTACK_HOST names http://127.0.0.1:9.*localstack.standing up"):
        standing("http://127.0.0.1:9", "LOCALSTACK_HOST")


def test_a_public_address_is_refused_before_it_is_asked() -> None:
    """No health request goes to a public address: it might be AWS's."""
    with pytest.raises(TargetUnavailable, match=r"AWS_ENDPOINT_URL: .*which is no private address"):
        standing("http://192.88.99.1:4566", "AWS_ENDPOINT_URL")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"LOCALSTACK_HOST": "localhost"}, Named("http://localhost:4566", "LOCALSTACK_HOST")),
        ({"LOCALSTACK_HOST": "10.0.0.7:4577"}, Named("http://10.0.0.7:4577", "LOCALSTACK_HOST")),
        (
            {"LOCALSTACK_HOST": "10.0.0.7", "AWS_ENDPOINT_URL": "http://localhost:4599"},
            Named("http://localhost:4599", "AWS_ENDPOINT_URL"),
        ),
    ],
)
def test_the_environment_is_read_as_localstack_client_reads_it(
    environment: dict[str, str], expected: Named | None
) -> None:
    """AWS_ENDPOINT_URL comes before LOCALSTACK_HOST; the default port is 4566."""
    assert named_in_environment(environment) == expected


def test_an_unreadable_host_is_an_error() -> None:
    """A LOCALSTACK_HOST that is no host and port is named."""
    with pytest.raises(TargetUnavailable, match=r"LOCALSTACK_HOST='localhost:http'.*expected host:port"):
        named_in_environment({"LOCALSTACK_HOST": "localhost:http"})


def test_localstack_answers_what_it_has_and_the_plane_the_rest(tmp_path: Path) -> None:
    """The plane answers ecs instead of LocalStack unless `native` is set."""
    with (
        answering(localstack({"ecs": "available", "sts": "available"})) as url,
        open_target(tmp_path, url) as target,
    ):
        assert target.client("ecs").list_clusters()["clusterArns"] == []
        assert [target.answers(name) for name in ("ecs", "sts", "kinesis")] == [
            "plane", "localstack, completed by the plane", "moto",
        ]  # fmt: skip
        assert target.client("dynamodb").list_tables()["TableNames"] == []
        assert target.layers.backfilled == {"dynamodb"}
    assert target.remains() == []


def test_native_hands_over_what_the_plan_has(tmp_path: Path) -> None:
    """Services that LocalStack has are its own with `native`; capabilities of the plane are then missing, with the reason."""
    with (
        answering(localstack({"ecs": "available", "sts": "available"}, edition="pro")) as url,
        open_target(tmp_path, url, native=True, token="ls-token") as target,
    ):
        assert target.client("ecs").list_clusters()["clusterArns"] == [
            "arn:aws:ecs:eu-west-1:000000000000:cluster/theirs"
        ]
        assert target.native == ("ecs",)
        assert "LocalStack's own ecs answers here (--native)" in (target.lacks("containers") or "")
        assert target.lacks("pipeline") is None


@pytest.mark.parametrize(
    ("token", "why"), [(None, "LOCALSTACK_AUTH_TOKEN is not set"), ("ls-token", "its plan has none")]
)
def test_native_without_such_a_plan_is_refused(tmp_path: Path, token: str | None, why: str) -> None:
    """A plan that lacks every delivery service is named as the reason, and what answers them otherwise."""
    with answering(localstack({"sts": "available"})) as url:
        with pytest.raises(TargetUnavailable, match=why) as raised:
            open_target(tmp_path, url, native=True, token=token)
        assert all(service in str(raised.value) for service in DELIVERY[:5])
    assert not Journal(tmp_path).records()


def test_two_worlds_on_one_standing_localstack_have_accounts_of_their_own(tmp_path: Path) -> None:
    """Runs that share a LocalStack do not meet in it."""
    with answering(localstack({"sts": "available"})) as url:
        with open_target(tmp_path, url) as first:
            pass
        with open_target(tmp_path, url) as second:
            assert first.account_id != second.account_id
            assert len(second.account_id) == 12


# As LocalStack 2026.3 prints it.
REFUSAL = """
LocalStack version: 2026.3.1

Localstack returning with exit code 55. Reason:
===============================================
The license activation failed for the following reason:

No credentials were found in the environment. Please make sure to either set the LOCALSTACK_AUTH_TOKEN variable.
"""


@pytest.mark.parametrize(
    ("token", "told"), [(None, "LOCALSTACK_AUTH_TOKEN is not set"), ("ls-x", "LOCALSTACK_AUTH_TOKEN was not accepted")]
)
def test_a_refused_licence_is_told_in_localstacks_words(token: str | None, told: str) -> None:
    """The message says whether a token was given, quotes LocalStack, names the image that needs none, and never the token."""
    message = licence_refused("localstack/localstack-pro:latest", REFUSAL, token)
    assert told in message
    assert "No credentials were found in the environment" in message
    assert "localstack/localstack:4.14.0" in message
    assert "ls-x" not in message
