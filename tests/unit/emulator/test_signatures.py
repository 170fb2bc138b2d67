"""Signatures are verified on the wire, against keys that the world issued.

Codes and texts: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html, and recorded:
https://github.com/mhart/kinesalite/blob/master/test/connection.js (JSON),
https://github.com/kubernetes-sigs/aws-iam-authenticator (presigned GetCallerIdentity).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.signing import REGION, signed

from pushproof.emulator.access.keys import new_key
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World
from pushproof.engines import signature as sigv4

TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
    ]
}
SESSION = boto3.session.Session()
UNKNOWN = "The security token included in the request is invalid."
MISMATCH = "The request signature we calculated does not match the signature you provided."


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as opened:
        opened.serve()
        opened.administrator("s3").create_bucket(
            Bucket="shop", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        opened.administrator("s3").put_object(Bucket="shop", Key="a b+c/ü.txt", Body=b"stored")
        iam = opened.administrator("iam")
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.attach_role_policy(RoleName="reader", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        yield opened


@pytest.fixture
def owner(world: World) -> Credentials:
    return world.keys.administrator


@pytest.fixture
def at(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the gateway's clock so many seconds off."""
    assert world.gateway.verifier is not None
    verifier = world.gateway.verifier
    monkeypatch.setattr(verifier, "now", time.time)

    def turn(seconds: float) -> None:
        verifier.now = lambda: time.time() + seconds

    return turn


def client(world: World, service: str, keys: Credentials, **config: Any) -> Any:
    return SESSION.client(
        service, region_name=REGION, endpoint_url=world.endpoint, aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key, aws_session_token=keys.session_token,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **config),
    )  # fmt: skip


# A call of each protocol.
CALLS: dict[str, Callable[[Any], Any]] = {
    "sts": lambda c: c.get_caller_identity(),
    "iam": lambda c: c.list_users(),
    "ec2": lambda c: c.describe_vpcs(),
    "ecs": lambda c: c.list_clusters(),
    "dynamodb": lambda c: c.list_tables(),
    "s3": lambda c: c.list_buckets(),
    "route53": lambda c: c.list_hosted_zones(),
    "efs": lambda c: c.describe_file_systems(),
    "cloudwatch": lambda c: c.list_metrics(),
}


def refusal(call: Callable[[], Any]) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def code_of(answer: requests.Response) -> str:
    """The error code in an answer of any protocol."""
    if answer.text.startswith("{"):
        return str(answer.json()["__type"])
    tree = ElementTree.fromstring(answer.text)
    return next(str(node.text) for node in tree.iter() if node.tag.endswith("Code"))


@pytest.mark.parametrize("service", CALLS)
def test_the_worlds_own_keys_are_good(world: World, owner: Credentials, service: str) -> None:
    """The administrator's pair, random in every world, is let in by every protocol."""
    assert CALLS[service](client(world, service, owner))["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert (owner.access_key_id[:4], len(owner.access_key_id), len(owner.secret_access_key)) == ("AKIA", 20, 40)


UNKNOWN_KEYS = {
    "sts": ("InvalidClientTokenId", UNKNOWN, 403),
    "iam": ("InvalidClientTokenId", UNKNOWN, 403),
    "ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
    "ecs": ("UnrecognizedClientException", UNKNOWN, 400),
    "dynamodb": ("UnrecognizedClientException", UNKNOWN, 400),
    "s3": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
    "route53": ("InvalidClientTokenId", UNKNOWN, 403),
    "efs": ("UnrecognizedClientException", UNKNOWN, 403),
    "cloudwatch": ("UnrecognizedClientException", UNKNOWN, 400),
}


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("name", ["pushproof", "test", "123456789012", "AKIAIOSFODNN7EXAMPLE", "PLANE"])
def test_keys_that_nobody_issued_are_refused(world: World, service: str, name: str) -> None:
    """Any key that this world did not issue is refused, other emulators' keys included, in each service's words."""
    if name == "PLANE":
        name = world._clients._plane.access_key_id
    call = CALLS[service]
    assert refusal(lambda: call(client(world, service, Credentials(name, "plane")))) == UNKNOWN_KEYS[service]
    assert world.gateway.calls[-1].context.principal.kind == "anonymous"


WRONG_SECRETS = {
    **dict.fromkeys(("sts", "iam", "route53"), ("SignatureDoesNotMatch", 403)),
    **dict.fromkeys(("ecs", "dynamodb", "cloudwatch"), ("InvalidSignatureException", 400)),
    "ec2": ("AuthFailure", 401), "s3": ("SignatureDoesNotMatch", 403), "efs": ("InvalidSignatureException", 403),
}  # fmt: skip


@pytest.mark.parametrize("service", CALLS)
def test_a_wrong_secret_is_refused(world: World, owner: Credentials, service: str) -> None:
    """A key without its secret is worth nothing."""
    wrong = dataclasses.replace(owner, secret_access_key=owner.secret_access_key[:-1] + "x" * 2)
    code, message, status = refusal(lambda: CALLS[service](client(world, service, wrong)))
    assert (code, status) == WRONG_SECRETS[service]
    assert service == "ec2" or message.startswith(MISMATCH)


ECS = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.CreateCluster", "Content-Type": "application/x-amz-json-1.1"}


def tampered() -> dict[str, tuple[str, dict[str, Any]]]:
    """Requests that are not the one that was signed: service, and what is sent instead."""
    return {
        "another body": ("ecs", {"body": '{"clusterName": "theirs"}'}),
        "another operation": ("ecs", {"headers": {"X-Amz-Target": ECS["X-Amz-Target"].replace("Create", "Delete")}}),
        "another time": (
            "ecs",
            {"headers": {"X-Amz-Date": f"{datetime.now(UTC) + timedelta(seconds=90):%Y%m%dT%H%M%SZ}"}},
        ),
        "another method": ("s3", {"method": "DELETE"}),
        "another path": ("s3", {"path": "/shop/other"}),
        "a query": ("s3", {"path": "/shop/made?acl"}),
        "another object": ("s3", {"body": "theirs"}),
        "another copy source": ("s3", {"headers": {"x-amz-copy-source": "shop/secret"}}),
        "another region": ("ecs", {"replace": (REGION, "us-east-1")}),
        "another service": ("ecs", {"replace": ("/ecs/", "/s3/")}),
        "another signature": ("ecs", {"replace": ("Signature=", "Signature=0")}),
        "capital headers": ("ecs", {"replace": ("SignedHeaders=content-type", "SignedHeaders=Content-Type")}),
        "no host": ("ecs", {"replace": ("host;", "")}),
    }


@pytest.mark.parametrize("how", tampered())
def test_what_was_not_signed_is_not_done(world: World, owner: Credentials, how: str) -> None:
    """A signed request that was changed is refused, and nothing is done."""
    service, changes = tampered()[how]
    method, path, body, headers = (
        ("POST", "/", '{"clusterName": "mine"}', ECS) if service == "ecs" else ("PUT", "/shop/made", "mine", {})
    )
    made = signed(owner, method, f"{world.endpoint}{path}", service, body=body, headers=headers)
    made |= changes.get("headers", {})
    if "replace" in changes:
        made["Authorization"] = made["Authorization"].replace(*changes["replace"], 1)
    answer = requests.request(
        changes.get("method", method), f"{world.endpoint}{changes.get('path', path)}", headers=made,
        data=changes.get("body", body), timeout=30,
    )  # fmt: skip
    assert answer.status_code in (400, 403), answer.text
    assert code_of(answer) in (
        "InvalidSignatureException", "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch", "AccessDenied", "InvalidRequest"
    )  # fmt: skip
    assert world.administrator("ecs").list_clusters()["clusterArns"] == []
    assert [o["Key"] for o in world.administrator("s3").list_objects_v2(Bucket="shop")["Contents"]] == ["a b+c/ü.txt"]


@pytest.mark.parametrize(
    ("service", "seconds", "code", "words"),
    [
        ("sts", 901, "SignatureDoesNotMatch", "Signature expired: {then} is now earlier than "),
        ("sts", -901, "SignatureDoesNotMatch", "Signature not yet current: {then} is still later than "),
        ("ecs", 901, "InvalidSignatureException", "Signature expired: {then} is now earlier than "),
        ("ecs", -901, "InvalidSignatureException", "Signature not yet current: {then} is still later than "),
        (
            "s3",
            901,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        (
            "s3",
            -901,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        ("ec2", 901, "RequestExpired", "Request has expired."),
    ],
)
def test_an_old_signature_is_refused(
    world: World, owner: Credentials, at: Callable[[float], None], service: str, seconds: float, code: str, words: str
) -> None:
    """A request is good for fifteen minutes before and after the gateway's clock, and replayed later it is not."""
    called = CALLS[service]
    at(880 if seconds > 0 else -880)
    called(client(world, service, owner))
    at(seconds)
    found, message, _ = refusal(lambda: called(client(world, service, owner)))
    before, _, after = words.partition("{then}")
    assert found == code
    assert message.startswith(before)
    assert after in message


def assumed(world: World, owner: Credentials) -> Credentials:
    sts = client(world, "sts", owner)
    keys = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/reader", RoleSessionName="one")["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


EXPIRED = {
    "sts": ("ExpiredToken", "The security token included in the request is expired", 403),
    "ecs": ("ExpiredTokenException", "The security token included in the request is expired", 400),
    "s3": ("ExpiredToken", "The provided token has expired.", 400),
    "ec2": ("RequestExpired", "Request has expired.", 400),
}


@pytest.mark.parametrize("service", EXPIRED)
def test_a_session_ends(world: World, owner: Credentials, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    """A role's session is admitted until it ends; then the service answers that it has expired."""
    session = assumed(world, owner)
    CALLS[service](client(world, service, session))
    assert world.gateway.calls[-1].context.principal.arn == "arn:aws:sts::123456789012:assumed-role/reader/one"
    issued = world.keys.find(session.access_key_id)
    assert issued is not None
    assert 3590 < issued.expires_at - time.time() <= 3600
    monkeypatch.setitem(
        world.keys._sessions, session.access_key_id, dataclasses.replace(issued, expires_at=time.time() - 1)
    )
    assert refusal(lambda: CALLS[service](client(world, service, session))) == EXPIRED[service]


@pytest.mark.parametrize(("service", "code", "bare"), [
    ("sts", "InvalidClientTokenId", "InvalidClientTokenId"),
    ("ecs", "UnrecognizedClientException", "UnrecognizedClientException"),
    ("s3", "InvalidToken", "InvalidAccessKeyId"),
    ("ec2", "AuthFailure", "AuthFailure"),
])  # fmt: skip
def test_a_sessions_token_belongs_to_its_key(
    world: World, owner: Credentials, service: str, code: str, bare: str
) -> None:
    """A session's key without its token or with another's, and a long-lived key with a token, are refused."""
    session, other = assumed(world, owner), assumed(world, owner)
    call = CALLS[service]
    assert refusal(lambda: call(client(world, service, dataclasses.replace(session, session_token=None))))[0] == bare
    mixed = dataclasses.replace(session, session_token=other.session_token)
    assert refusal(lambda: call(client(world, service, mixed)))[0] == code
    assert refusal(lambda: call(client(world, service, dataclasses.replace(owner, session_token="x"))))[0] == code


def test_a_users_keys_are_good_while_they_are_active(world: World, owner: Credentials) -> None:
    """CreateAccessKey's pair is the user's; deactivated or deleted, it is invalid at once."""
    iam = client(world, "iam", owner)
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = client(world, "sts", Credentials(made["AccessKeyId"], made["SecretAccessKey"]))
    assert ann.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/ann"
    key = {"UserName": "ann", "AccessKeyId": made["AccessKeyId"]}
    iam.update_access_key(**key, Status="Inactive")
    assert refusal(ann.get_caller_identity)[0] == "InvalidClientTokenId"
    iam.update_access_key(**key, Status="Active")
    assert ann.get_caller_identity()["Arn"].endswith("ann")
    iam.delete_access_key(**key)
    assert refusal(ann.get_caller_identity)[0] == "InvalidClientTokenId"


def test_temporary_keys_of_a_user_are_its_own(world: World, owner: Credentials) -> None:
    """GetSessionToken's keys are random, and identify the caller; federated and web identities are refused."""
    sts = client(world, "sts", owner)
    one, other = (sts.get_session_token()["Credentials"] for _ in range(2))
    assert one["AccessKeyId"] != other["AccessKeyId"]
    keys = Credentials(one["AccessKeyId"], one["SecretAccessKey"], one["SessionToken"])
    assert client(world, "sts", keys).get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"
    assert refusal(lambda: sts.get_federation_token(Name="ann"))[0] == "NotImplemented"
    role = {"RoleArn": "arn:aws:iam::123456789012:role/reader", "RoleSessionName": "one"}
    assert (
        refusal(lambda: sts.assume_role_with_web_identity(**role, WebIdentityToken="eyJ0"))[0] == "InvalidIdentityToken"
    )


AWKWARD = [
    "plain",
    "a b",
    "a+b",
    "a%2Fb",
    "ü",
    "a//b",
    "a/./b",
    "a/../b",
    "~-._",
    "a=b&c",
    "(x)!*'",
    "@:,;$",
    "a/",
    "%",
]


@pytest.mark.parametrize("key", AWKWARD)
def test_every_key_of_s3_is_signed_as_it_is(world: World, owner: Credentials, key: str) -> None:
    """S3's paths are neither normalised nor encoded twice: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
    s3 = client(world, "s3", owner)
    s3.put_object(Bucket="shop", Key=key, Body=b"x", Metadata={"a_b": "spaced   out", "c": "d"})
    try:
        answer = s3.get_object(Bucket="shop", Key=key)
        assert answer["Body"].read() == b"x"
        # A client that tidies a path away asks for another one.
        if "/." not in key:
            for version in ("s3", "s3v4"):
                signer = client(world, "s3", owner, signature_version=version)
                url = signer.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": key})
                assert requests.get(url, timeout=30).content == b"x", version
    finally:
        s3.delete_object(Bucket="shop", Key=key)


def test_a_presigned_url_is_good_for_what_it_says(
    world: World, owner: Credentials, at: Callable[[float], None]
) -> None:
    """GET and PUT without headers; another key, method or expiry is refused, and so is one whose time is over."""
    s3 = client(world, "s3", owner, signature_version="s3v4")
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "shop", "Key": "up"}, ExpiresIn=60)
    assert requests.put(put, data=b"anything", timeout=30).status_code == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "up"}, ExpiresIn=60)
    assert requests.get(get, timeout=30).content == b"anything"
    for other in (get.replace("/up?", "/other?"), get.replace("Expires=60", "Expires=600"), f"{get}&acl"):
        answer = requests.get(other, timeout=30)
        assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch")
    assert requests.delete(get, timeout=30).status_code == 403
    answer = requests.get(get.replace("Expires=60", "Expires=604801"), timeout=30)
    assert (answer.status_code, code_of(answer)) == (400, "AuthorizationQueryParametersError")
    at(61)
    answer = requests.get(get, timeout=30)
    assert (answer.status_code, code_of(answer)) == (403, "AccessDenied")
    assert "Request has expired" in answer.text
    at(0)
    session = assumed(world, owner)
    url = client(world, "s3", session).generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "up"})
    assert requests.get(url, timeout=30).content == b"anything"
    s3.delete_object(Bucket="shop", Key="up")


def test_a_presigned_url_of_the_second_version(world: World, owner: Credentials, at: Callable[[float], None]) -> None:
    """A presigned URL of boto3's default kind is good for its method, path, sub-resource and time only."""
    s3 = client(world, "s3", owner, signature_version="s3")
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "shop", "Key": "second"}, ExpiresIn=60)
    assert requests.put(put, data=b"anything", timeout=30).status_code == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "second"}, ExpiresIn=60)
    assert "AWSAccessKeyId=" in get
    assert requests.get(get, timeout=30).content == b"anything"
    expires = get.rpartition("=")[2]
    others = (
        get.replace("/second", "/other"),
        get.replace(expires, f"{int(expires) + 9}"),
        f"{get}&acl",
        f"{get}&attributes",
    )
    for other in others:
        answer = requests.get(other, timeout=30)
        assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch"), other
    assert requests.delete(get, timeout=30).status_code == 403
    session = assumed(world, owner)
    for keys in (owner, session):
        signer = client(world, "s3", keys, signature_version="s3")
        url = signer.generate_presigned_url("list_objects_v2", Params={"Bucket": "shop", "Prefix": "a b"})
        assert "<KeyCount>1" in requests.get(url, timeout=30).text
    stranger = client(world, "s3", Credentials("AKIAIOSFODNN7EXAMPLE", "x"), signature_version="s3")
    answer = requests.get(
        stranger.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "second"}), timeout=30
    )
    assert (answer.status_code, code_of(answer)) == (403, "InvalidAccessKeyId")
    at(61)
    answer = requests.get(get, timeout=30)
    assert (answer.status_code, code_of(answer)) == (403, "AccessDenied")
    world.administrator("s3").delete_object(Bucket="shop", Key="second")


def test_sts_by_a_presigned_url(world: World, owner: Credentials, at: Callable[[float], None]) -> None:
    """A presigned GetCallerIdentity identifies its signer, as clusters use it, for fifteen minutes."""
    url = client(world, "sts", owner).generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    assert "123456789012" in requests.get(url, timeout=30).text
    assert requests.get(url.replace("GetCallerIdentity", "GetSessionToken"), timeout=30).status_code == 403
    at(901)
    answer = requests.get(url, timeout=30)
    assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch")
    assert "Signature expired: " in answer.text


def chunked(
    keys: Credentials, url: str, parts: list[bytes], trailer: dict[str, str] | None = None
) -> tuple[dict[str, str], bytes]:
    """An upload in signed chunks, as https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html describes it."""
    kind = sigv4.STREAMING_TRAILER if trailer else sigv4.STREAMING
    headers = {
        "x-amz-content-sha256": kind, "x-amz-decoded-content-length": str(sum(map(len, parts))), "Content-Encoding": "aws-chunked",
        **({"x-amz-trailer": ",".join(trailer)} if trailer else {}),
    }  # fmt: skip
    now = datetime.now(UTC)
    stamp, scope = f"{now:%Y%m%dT%H%M%SZ}", sigv4.Scope(f"{now:%Y%m%d}", REGION, "s3")
    host, _, path = url.partition("://")[2].partition("/")
    raw = {"host": [host], "x-amz-date": [stamp], **{name.lower(): [value] for name, value in headers.items()}}
    names = sorted(raw)
    key = sigv4.signing_key(keys.secret_access_key, scope)
    canonical = sigv4.canonical_request(sigv4.Message("PUT", f"/{path}", "", raw), names, kind, "s3")
    before = sigv4.sign(key, sigv4.string_to_sign(canonical, stamp, scope))
    headers["x-amz-date"] = stamp
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope},SignedHeaders={';'.join(names)},Signature={before}"
    )
    body = b""
    for part in [*parts, b""]:
        text = (
            f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{before}\n{sigv4.EMPTY}\n{hashlib.sha256(part).hexdigest()}"
        )
        before = sigv4.sign(key, text)
        body += f"{len(part):x};chunk-signature={before}\r\n".encode() + part + (b"\r\n" if part else b"")
    if trailer:
        lines = "".join(f"{name}:{value}\n" for name, value in trailer.items())
        hashed = hashlib.sha256(lines.encode()).hexdigest()
        last = sigv4.sign(key, f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{scope}\n{before}\n{hashed}")
        body += lines.replace("\n", "\r\n").encode() + f"x-amz-trailer-signature:{last}\r\n".encode()
    return headers, body + b"\r\n"


@pytest.mark.parametrize("trailer", [None, {"x-amz-checksum-crc32": "sOO8/Q=="}], ids=["payload", "trailer"])
def test_every_chunk_of_a_streamed_body_is_verified(
    world: World, owner: Credentials, trailer: dict[str, str] | None
) -> None:
    """Signed chunks are stored; with one changed, left out, put elsewhere or added, or another trailer, nothing is."""
    url = f"{world.endpoint}/shop/streamed"
    parts = [b"a" * 70_000, b"b" * 65_536, b"tail"]
    headers, body = chunked(owner, url, parts, trailer)
    first, second = body.index(b"\r\n") + 2, body.index(b"\r\n10000;") + 2
    changed = {
        "a byte": body.replace(b"tail", b"tale"),
        "a chunk left out": body[:second] + body[body.index(b"\r\n4;") + 2 :],
        "the end cut off": body[: body.index(b"\r\n0;") + 2],
        "a signature": body.replace(b"chunk-signature=", b"chunk-signature=0", 1),
        "no signature": body[:5] + body[first - 2 :],
    }
    if trailer:
        changed["another checksum"] = body.replace(b"sOO8/Q==", b"sOO8/w==")
    for how, other in changed.items():
        answer = requests.put(url, data=other, headers=headers, timeout=30)
        assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch"), how
    if trailer is None:
        assert requests.put(url, data=body, headers=headers, timeout=30).status_code == 200
        s3 = client(world, "s3", owner)
        assert s3.get_object(Bucket="shop", Key="streamed")["Body"].read() == b"".join(parts)
        s3.delete_object(Bucket="shop", Key="streamed")
    else:
        # The chunks are in order; that the checksum is not the content's is another matter.
        answer = requests.put(url, data=body, headers=headers, timeout=30)
        assert "SignatureDoesNotMatch" not in answer.text
        world.administrator("s3").delete_object(Bucket="shop", Key="streamed")


LIST_USERS = "Action=ListUsers&Version=2010-05-08"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
POOL = {"X-Amz-Target": "AWSCognitoIdentityProviderService.DeleteUserPool"}
NO_SIGNATURE = {"Authorization": "X Credential=a/20260101/eu-west-1/s3/aws4_request"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code"),
    [
        ("POST", "/", FORM, LIST_USERS, 403, "MissingAuthenticationToken"),
        ("POST", "/", ECS, "{}", 400, "MissingAuthenticationTokenException"),
        ("GET", "/shop/a%20b%2Bc/%C3%BC.txt", {}, "", 403, "AccessDenied"),
        ("GET", "/", {}, "", 403, "AccessDenied"),
        ("PUT", "/made", {}, "", 403, "AccessDenied"),
        ("PUT", "/shop/made", {}, "x", 403, "AccessDenied"),
        ("POST", "/shop", {"Content-Type": "multipart/form-data; boundary=b"}, "--b--", 403, "AccessDenied"),
        ("GET", "/2015-02-01/file-systems", {}, "", 403, "AccessDenied"),
        ("POST", "/", POOL, '{"UserPoolId": "x"}', 400, "MissingAuthenticationTokenException"),
        ("GET", "/?X-Amz-Credential=a/b", {}, "", 403, "AccessDenied"),
        ("GET", "/shop", {"Authorization": "AWS AKIAIOSFODNN7EXAMPLE:c2ln"}, "", 403, "AccessDenied"),
        ("GET", "/shop", {"Authorization": "Bearer x"}, "", 403, "AccessDenied"),
        ("GET", "/shop", NO_SIGNATURE, "", 400, "AuthorizationQueryParametersError"),
    ],
)  # fmt: skip
def test_nobody_is_not_the_administrator(
    world: World, method: str, path: str, headers: dict[str, str], body: str, status: int, code: str
) -> None:
    """A request without a valid signature is refused in the service's words."""
    answer = requests.request(method, f"{world.endpoint}{path}", headers=headers, data=body, timeout=30)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert len(world.administrator("s3").list_buckets()["Buckets"]) == 1


def test_a_signature_lends_its_key_to_no_other_service(world: World, owner: Credentials) -> None:
    """One request, two credentials: a presigned URL of S3 does not carry a header that names IAM."""
    url = client(world, "s3", assumed(world, owner)).generate_presigned_url(
        "list_objects_v2", Params={"Bucket": "shop"}
    )
    assert requests.get(url, timeout=30).status_code == 200
    header = f"X Credential={owner.access_key_id}/20260101/{REGION}/iam/aws4_request"
    assert requests.get(url, headers={"Authorization": header}, timeout=30).status_code in (400, 403)
    header = f"AWS4-HMAC-SHA256 {header[2:]}, SignedHeaders=host, Signature=0"
    answer = requests.get(url, headers={"Authorization": header}, timeout=30)
    assert answer.status_code in (400, 403)


CLAIM = "Credential={key}/{scope}"
REST = "SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("authorization", "more", "words"),
    [
        (
            f"AWS4-HMAC-SHA256 {CLAIM}",
            {},
            "requires 'Signature' parameter. Authorization header requires 'SignedHeaders'",
        ),
        (f"AWS4-HMAC-SHA512 {CLAIM}, {REST}", {}, "Unsupported AWS 'algorithm'"),
        (f"AWS4-HMAC-SHA256 {CLAIM}, {REST}", {"X-Amz-Date": "today"}, "Date must be in ISO-8601"),
    ],
)
def test_what_a_signature_lacks_is_named(
    world: World, owner: Credentials, authorization: str, more: dict[str, str], words: str
) -> None:
    """IncompleteSignature says which part."""
    scope = f"{datetime.now(UTC):%Y%m%d}/{REGION}/ecs/aws4_request"
    stamp = {"X-Amz-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"}
    headers = {**stamp, "Authorization": authorization.format(key=owner.access_key_id, scope=scope), **more}
    answer = requests.post(world.endpoint, data="{}", headers={**ECS, **headers}, timeout=30)
    assert (answer.status_code, answer.json()["__type"]) == (400, "IncompleteSignatureException")
    assert words in answer.json()["message"]


def test_what_the_public_may_read_it_reads(world: World, owner: Credentials) -> None:
    """A bucket's policy and an object's access control list admit unsigned readers, to what they name and to nothing else."""
    s3 = client(world, "s3", owner)
    s3.create_bucket(
        Bucket="site", CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectOwnership="BucketOwnerPreferred"
    )
    s3.delete_public_access_block(Bucket="site")
    for key in ("open/index.html", "closed/index.html"):
        s3.put_object(Bucket="site", Key=key, Body=b"page")
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/open/*"}
    s3.put_bucket_policy(Bucket="site", Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    s3.put_object(Bucket="site", Key="listed.html", Body=b"page", ACL="public-read")
    read = {
        key: requests.get(f"{world.endpoint}/site/{key}", timeout=30).status_code
        for key in ("open/index.html", "closed/index.html", "listed.html", "")
    }
    assert read == {"open/index.html": 200, "closed/index.html": 403, "listed.html": 200, "": 403}
    assert requests.put(f"{world.endpoint}/site/open/index.html", data="x", timeout=30).status_code == 403
    for key in ("open/index.html", "closed/index.html", "listed.html"):
        s3.delete_object(Bucket="site", Key=key)
    s3.delete_bucket(Bucket="site")


def test_the_substrates_own_endpoints_are_no_ones(world: World, owner: Credentials) -> None:
    """Paths that reset the substrate or hand out its own keys are not answered, signed or not."""
    for method, path in (
        ("POST", "/moto-api/reset"),
        ("GET", "/moto-api/data.json"),
        ("GET", "/latest/meta-data/iam/security-credentials/default-role"),
    ):
        assert requests.request(method, f"{world.endpoint}{path}", timeout=30).status_code in (403, 501)
    url = f"{world.endpoint}/moto-api/reset"
    made = signed(owner, "POST", url, "s3")
    assert requests.post(url, headers=made, timeout=30).status_code == 501
    assert len(world.administrator("s3").list_buckets()["Buckets"]) == 1


def test_paths_and_queries_are_signed_as_aws_signs_them(world: World, owner: Credentials) -> None:
    """ARNs in paths, repeated and empty query parameters, long header values: signed by the SDK, verified here."""
    efs, ecr = client(world, "efs", owner), client(world, "resource-groups", owner)
    code, _, _ = refusal(
        lambda: efs.list_tags_for_resource(
            ResourceId="arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0123456789abcdef0"
        )
    )
    assert "Signature" not in code
    code, _, _ = refusal(lambda: ecr.get_tags(Arn="arn:aws:resource-groups:eu-west-1:123456789012:group/a b"))
    assert "Signature" not in code
    s3 = client(world, "s3", owner)
    s3.list_objects_v2(Bucket="shop", Prefix="a b+ü/&=%", Delimiter="/", StartAfter="~*'()")
    s3.put_bucket_tagging(Bucket="shop", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    url = f"{world.endpoint}/shop?list-type=2&prefix={quote('a b')}&prefix=&x"
    assert requests.get(url, headers=signed(owner, "GET", url, "s3"), timeout=30).status_code == 200


def test_another_worlds_keys_are_others() -> None:
    """The pair is random."""
    assert new_key("AKIA") != new_key("AKIA")
    assert len({new_key("AKIA").secret_access_key for _ in range(100)}) == 100


@pytest.mark.parametrize("service", CALLS)
def test_a_scope_names_a_region(world: World, owner: Credentials, service: str) -> None:
    """A credential's scope with what no region is named is refused in the service's words, and nothing behind it is asked."""
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={owner.access_key_id}/20260101/eu-we,st-1/{service}/aws4_request"
    }
    answer = requests.get(world.endpoint, headers=headers, timeout=10)
    code, status = ("AuthorizationHeaderMalformed", 400) if service == "s3" else WRONG_SECRETS[service]
    assert code in answer.text
    assert answer.status_code in (status, 403)


def test_any_key_is_good_in_an_open_world() -> None:
    """An open world verifies no signature, and every caller is the administrator; foreign pages stay out."""
    import subprocess
    import sys

    # A process of its own: one world at a time stands on the substrate.
    script = (
        "import boto3, requests\n"
        "from pushproof.emulator.kernel.settings import WorldSettings\n"
        "from pushproof.emulator.world import World\n"
        "with World.virtual(WorldSettings(open=True)) as world:\n"
        "    url = world.serve()\n"
        "    keys = {'aws_access_key_id': 'test', 'aws_secret_access_key': 'test'}\n"
        "    sts = boto3.client('sts', region_name='eu-west-1', endpoint_url=url, **keys)\n"
        "    print(sts.get_caller_identity()['Arn'], requests.get(url + '/_pushproof/calls').status_code,\n"
        "          requests.get(url + '/_pushproof/health', headers={'Origin': 'http://evil.example.com'}).status_code,\n"
        "          world.keys.administrator.access_key_id)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["arn:aws:iam::123456789012:root", "200", "403", "pushproof"], done.stderr
    assert WorldSettings().open is False
