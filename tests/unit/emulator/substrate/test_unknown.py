"""Requests that the substrate lacks, or fails on, are answered once and by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.request import Request

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.signing import services_signed_as
from pushproof.emulator.world import World

Calling = Callable[[Any], object]

# One operation of every protocol: json, rest-json, rest-xml, query, cbor; named services that pipeline stacks use among them.
UNKNOWN: list[tuple[str, str, Calling]] = [
    ("codestar-notifications", "ListNotificationRules", lambda c: c.list_notification_rules()),
    ("accessanalyzer", "ValidatePolicy", lambda c: c.validate_policy(policyDocument="{}", policyType="IDENTITY_POLICY")),
    ("chatbot", "DescribeSlackChannelConfigurations", lambda c: c.describe_slack_channel_configurations()),
    ("ecr-public", "DescribeRepositories", lambda c: c.describe_repositories()),
    ("codeartifact", "ListDomains", lambda c: c.list_domains()),
    ("cloudsearch", "DescribeDomains", lambda c: c.describe_domains()),
    ("arc-region-switch", "ListPlans", lambda c: c.list_plans()),
    ("payment-cryptography-data", "EncryptData", lambda c: c.encrypt_data(
        KeyIdentifier="alias/keykey", PlainText="ABCD1234", EncryptionAttributes={"Symmetric": {"Mode": "ECB"}})),
]  # fmt: skip


@pytest.fixture(scope="module")
def world() -> Any:
    with World.virtual() as made:
        yield made


@pytest.mark.parametrize(("service", "operation", "call"), UNKNOWN, ids=[f"{s}.{o}" for s, o, _ in UNKNOWN])
def test_a_service_unknown_to_the_substrate_is_a_501_by_name(
    world: World, service: str, operation: str, call: Calling
) -> None:
    """501 names service and operation in the protocol of the request, and no SDK asks again."""
    before = len(world.gateway.calls)
    client = boto3.client(
        service,
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        endpoint_url="http://127.0.0.1:1",
        # The CLI's own: standard retries, three of them.
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    client.meta.events.register("before-send", _through(world))
    with pytest.raises(ClientError) as refused:
        call(client)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert f"{operation} of {service}." in refused.value.response["Error"]["Message"]
    assert len(world.gateway.calls) - before == 1


def test_a_fault_inside_the_substrate_is_no_500(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in the substrate's handler names service, operation and cause, with a status that SDKs do not retry
    (501: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html lists 500, 502, 503, 504)."""
    from moto.ec2.responses.vpcs import VPCs

    def fail(*_: Any) -> None:
        raise KeyError("vpc")

    monkeypatch.setattr(VPCs, "describe_vpcs", fail)
    with pytest.raises(ClientError) as refused:
        world.administrator("ec2").describe_vpcs()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ec2.DescribeVpcs: KeyError('vpc')" in refused.value.response["Error"]["Message"]


def test_a_fault_of_the_plane_is_no_500(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds for a service of ours."""

    def fail(*_: Any) -> None:
        raise KeyError("cluster")

    monkeypatch.setattr(type(world.services["ecs"]), "list_clusters", fail)
    with pytest.raises(ClientError) as refused:
        world.administrator("ecs").list_clusters()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ecs.ListClusters: KeyError('cluster')" in refused.value.response["Error"]["Message"]


def test_an_injected_outage_stays_what_it_is(world: World) -> None:
    """A test that injects AWS's own 503 gets a 503, so that retries can be tried."""

    def outage(context: Any) -> None:
        if context.operation == "ListTopics":
            raise AwsError("ServiceUnavailable", "later", 503)

    world.gateway.faults.append(outage)
    try:
        with pytest.raises(ClientError) as refused:
            world.administrator("sns").list_topics()
    finally:
        world.gateway.faults.remove(outage)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_a_path_the_substrate_has_no_route_for_is_a_501(world: World) -> None:
    """A page "404 Not Found" of the web server below would be taken for a missing resource."""
    request = Request.from_primitives(
        "GET",
        "http://127.0.0.1:1/v2/never/heard",
        {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/backup/aws4_request, Signature=x"},
        b"",
    )
    response = world.gateway.handle(request)
    assert response.status_code == 501
    assert b"GET /v2/never/heard of backup" in response.get_data()


@pytest.mark.parametrize(
    ("signed", "services"),
    [
        ("access-analyzer", ("accessanalyzer",)),
        ("es", ("es", "opensearch")),
        ("airflow", ("mwaa",)),
        ("ec2", ("ec2",)),
        ("nothing-of-the-kind", ()),
    ],
)
def test_signing_names_lead_to_botocore_s(signed: str, services: tuple[str, ...]) -> None:
    """Requests carry signing names; what a user reads is the service's name in botocore and the CLI."""
    assert services_signed_as(signed) == services


def _through(world: World) -> Any:
    from pushproof.emulator.substrate.moto import _bytes, _Raw

    def send(request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        answer = world.gateway.handle(
            Request.from_primitives(request.method, request.url, request.headers, _bytes(request.body))
        )
        return AWSResponse(request.url, answer.status_code, answer.headers, _Raw(answer.get_data()))

    return send
