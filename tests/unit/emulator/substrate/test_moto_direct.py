"""Calls of moto without its server: the answers are those that the server gives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.substrate import moto
from pushproof.emulator.substrate.moto import MotoSubstrate

_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_SCOPE = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=x"
# Service, body, target: one for each protocol and kind of answer.
CALLS = {
    "EC2": ("ec2", "Action=DescribeVpcs&Version=2016-11-15", ""),
    "EC2 with parameters": ("ec2", "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16", ""),
    "an error of EC2": ("ec2", "Action=DescribeVpcs&Version=2016-11-15&VpcId.1=vpc-12345678", ""),
    "the query protocol": ("sns", "Action=CreateTopic&Version=2010-03-31&Name=a%20b%26c", ""),
    "an error of the query protocol": ("iam", "Action=GetRole&Version=2010-05-08&RoleName=none", ""),
    "IAM": ("iam", "Action=ListRoles&Version=2010-05-08", ""),
    "JSON": ("logs", '{"logGroupNamePrefix": "/a"}', "Logs_20140328.DescribeLogGroups"),
    "an error in JSON": ("kms", '{"KeyId": "none"}', "TrentService.DescribeKey"),
    "JSON with text": ("ssm", '{"Name": "/a", "Value": "\\u00fc", "Type": "String"}', "AmazonSSM.PutParameter"),
    "SQS in JSON": ("sqs", '{"QueueName": "a"}', "AmazonSQS.CreateQueue"),
    "DynamoDB": ("dynamodb", "{}", "DynamoDB_20120810.ListTables"),
    "an operation that moto lacks": ("ec2", "Action=DescribeScheduledInstances&Version=2016-11-15", ""),
    "a query in the address": ("sns", "", ""),
}
_RANDOM = re.compile(
    r"(?<=RequestId>)[^<]+|(?<=requestId>)[^<]+|(vpc-cidr-assoc|vpc|rtb|acl|sg|dopt)-[0-9a-f]+|[0-9a-f-]{36}|[0-9A-Za-z]{52}"
)


def ask(substrate: MotoSubstrate, name: str) -> tuple[Any, ...]:
    service, body, target = CALLS[name]
    headers = {
        "Authorization": _SCOPE.format(service),
        "Content-Type": "application/x-amz-json-1.1" if target else _FORM,
        "Host": "127.0.0.1:4566",
        **({"X-Amz-Target": target} if target else {}),
    }
    url = "http://127.0.0.1:4566/"
    if not body:
        url += "?Action=ListTopics&Version=2010-03-31"
        del headers["Content-Type"]
    try:
        response: Response = substrate.handle(Request.from_primitives("POST", url, headers, body.encode()))
    except AwsError as error:
        return error.code, error.message, error.status
    names = {name.lower(): value for name, value in response.headers if not name.lower().startswith("access-control-")}
    for varying in ("x-amzn-requestid", "x-amz-request-id", "date", "x-amz-crc32", "content-length"):
        names.pop(varying, None)
    return response.status_code, names, _RANDOM.sub("…", response.get_data(as_text=True))


@pytest.fixture
def substrate() -> Iterator[MotoSubstrate]:
    opened = MotoSubstrate("123456789012")
    yield opened
    opened.close()


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_is_the_same_with_and_without_the_server(
    name: str, substrate: MotoSubstrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, headers and body are those of moto's own server; one that is not called answers nothing here."""
    calls: list[str] = []
    monkeypatch.setattr(moto, "run_wsgi_app", lambda *_, **__: calls.append(name))
    direct = ask(substrate, name)
    assert calls == []
    monkeypatch.undo()
    substrate.close()
    again = MotoSubstrate("123456789012")
    monkeypatch.setattr(moto, "is_direct", lambda _: False)
    try:
        assert ask(again, name) == direct
    finally:
        again.close()


def test_other_requests_go_through_the_server(substrate: MotoSubstrate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, other methods, and a browser's requests from another origin, whose answers the server marks."""
    calls: list[str] = []
    original = moto.run_wsgi_app

    def counted(app: Any, environ: Any, **options: Any) -> Any:
        calls.append(environ["PATH_INFO"])
        return original(app, environ, **options)

    monkeypatch.setattr(moto, "run_wsgi_app", counted)
    for method, path, service in (("PUT", "/bucket", "s3"), ("GET", "/", "s3"), ("GET", "/bucket/key", "s3")):
        headers = {"Authorization": _SCOPE.format(service), "Host": "127.0.0.1"}
        substrate.handle(Request.from_primitives(method, f"http://127.0.0.1{path}", headers, b""))
    headers = {
        "Authorization": _SCOPE.format("logs"), "Host": "127.0.0.1", "Origin": "http://localhost:3000",
        "X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1",
    }  # fmt: skip
    answered = substrate.handle(Request.from_primitives("POST", "http://127.0.0.1/", headers, json.dumps({}).encode()))
    assert calls == ["/bucket", "/", "/bucket/key", "/"]
    assert "Access-Control-Allow-Origin" in answered.headers
