"""Requests that AWS refuses to read, in every protocol, whether the plane or the substrate owns the service.

Sources: for JSON the answers that AWS gave to the tests of https://github.com/mhart/kinesalite (connection.js, helpers.js);
for queries https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html; for XML
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MalformedXML);
for CBOR https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.core.request import Request

from pushproof.emulator.world import World


@dataclass(frozen=True)
class Answer:
    """An answer, as a client sees it."""

    status: int
    code: str
    message: str
    text: str


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as opened:
        opened.administrator("ecs").create_cluster(clusterName="c")
        opened.administrator("s3").create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        yield opened


@pytest.fixture(autouse=True)
def _no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on anything that looks like a fault of Pushproof."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def send(
    world: World, service: str, body: bytes, headers: dict[str, str], *, path: str = "/", method: str = "POST"
) -> Answer:
    scope = f"AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=x"
    all_headers = {"Authorization": scope, **headers}
    response = world.gateway.handle(
        Request.from_primitives(
            method, f"http://127.0.0.1{path}", {k: v for k, v in all_headers.items() if v != "-"}, body
        )
    )
    text = response.get_data().decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        code, message = (re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("Code", "Message"))
        return Answer(response.status_code, code[1] if code else "", message[1] if message else "", text)
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        found = {}
    code_text = str(found.get("__type", response.headers.get("x-amzn-errortype", ""))).rpartition("#")[2]
    return Answer(response.status_code, code_text, str(found.get("message", found.get("Message", ""))), text)


def call_json(world: World, target: str, body: bytes, service: str = "", **headers: str) -> Answer:
    prefixes = {
        "ecs": "AmazonEC2ContainerServiceV20141113",
        "logs": "Logs_20140328",
        "ssm": "AmazonSSM",
        "codepipeline": "CodePipeline_20150709",
        "dynamodb": "DynamoDB_20120810",
        "kms": "TrentService",
    }
    name, _, operation = target.partition(".")
    return send(
        world,
        service or name,
        body,
        {"X-Amz-Target": f"{prefixes[name]}.{operation}", "Content-Type": "application/x-amz-json-1.1", **headers},
    )


@pytest.mark.parametrize(
    "target",
    ["ecs.ListClusters", "codepipeline.ListPipelines", "logs.DescribeLogGroups", "ssm.DescribeParameters"],
)
@pytest.mark.parametrize(
    "body",
    [
        b"{[",
        b"{",
        b"",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"\xff\xfe{}",
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"{} {}",
        b"Action=ListClusters",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_json_object_is_refused(world: World, target: str, body: bytes) -> None:
    """An unparsable body gets SerializationException, 400, without a text, as on AWS, whichever part answers its service."""
    before = len(world.gateway.calls)
    answer = call_json(world, target, body)
    assert (answer.status, answer.code, answer.message) == (400, "SerializationException", "")
    assert len(world.gateway.calls) == before + 1
    assert world.gateway.calls[-1].error_code == "SerializationException"


@pytest.mark.parametrize(
    ("target", "body", "words"),
    [
        ("ecs.CreateCluster", '{"clusterName": 1}', "NUMBER_VALUE can not be converted to a String"),
        ("ecs.CreateCluster", '{"clusterName": 1.5}', "DECIMAL_VALUE can not be converted to a String"),
        ("ecs.CreateCluster", '{"clusterName": true}', "TRUE_VALUE can not be converted to a String"),
        ("ecs.CreateCluster", '{"clusterName": []}', "Start of list found where not expected"),
        ("ecs.CreateCluster", '{"clusterName": {}}', "Start of structure or map found where not expected."),
        ("ecs.CreateCluster", '{"settings": "x"}', "Expected list or null"),
        ("ecs.CreateCluster", '{"settings": ["x"]}', "Expected null"),
        ("ecs.CreateCluster", '{"settings": {}}', "Start of structure or map found where not expected."),
        ("ecs.CreateCluster", '{"configuration": []}', "Start of list found where not expected"),
        ("ecs.CreateService", '{"desiredCount": "2"}', "STRING_VALUE can not be converted to an Integer"),
        ("ecs.CreateService", '{"desiredCount": true}', "TRUE_VALUE can not be converted to an Integer"),
        ("ecs.CreateService", '{"desiredCount": 1e999}', "DECIMAL_VALUE can not be converted to an Integer"),
        ("ecs.CreateService", '{"enableECSManagedTags": "yes"}', "'yes' can not be converted to a Boolean"),
        ("ecs.CreateService", '{"enableECSManagedTags": 1}', "NUMBER_VALUE can not be converted to a Boolean"),
        ("codepipeline.PutApprovalResult", '{"result": 3}', "Expected null"),
        ("logs.CreateLogGroup", '{"logGroupName": 5}', "NUMBER_VALUE can not be converted to a String"),
        ("logs.CreateLogGroup", '{"logGroupName": "g", "tags": "x"}', "Expected map or null"),
        ("logs.CreateLogGroup", '{"logGroupName": "g", "tags": []}', "Start of list found where not expected"),
        (
            "logs.CreateLogGroup",
            '{"logGroupName": "g", "tags": {"a": 1}}',
            "NUMBER_VALUE can not be converted to a String",
        ),
        ("logs.PutRetentionPolicy", '{"retentionInDays": "7"}', "STRING_VALUE can not be converted to an Integer"),
        ("ssm.DescribeParameters", '{"Filters": "x"}', "Expected list or null"),
        (
            "kms.Decrypt",
            '{"CiphertextBlob": "23456"}',
            "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5",
        ),
        (
            "kms.Decrypt",
            '{"CiphertextBlob": "=+/="}',
            "'=+/=' can not be converted to a Blob: Invalid Base64 character",
        ),
        ("kms.Decrypt", '{"CiphertextBlob": 3}', "NUMBER_VALUE can not be converted to a Blob"),
        ("ssm.ListCommands", '{"CommandId": "\\ud800"}', "The text has half of a surrogate pair"),
        ("ecs.CreateCluster", '{"clusterName": "\\ud800"}', "The text has half of a surrogate pair"),
        ("ecs.CreateCluster", '{"settings": [null]}', "null found where not expected in a list"),
    ],
)
def test_a_member_of_the_wrong_type_is_refused_in_awss_words(world: World, target: str, body: str, words: str) -> None:
    """SerializationException, 400, before anything is validated or changed."""
    answer = call_json(world, target, body.encode())
    assert (answer.status, answer.code, answer.message) == (400, "SerializationException", words)


@pytest.mark.parametrize("value", ['"yesterday"', "[]", "{}", "true", "1e400", '"2026-99-99T00:00:00Z"'])
def test_a_moment_that_is_none_is_refused(world: World, value: str) -> None:
    """A timestamp is a number of seconds, or a date as ISO 8601 and RFC 822 write it."""
    body = f'{{"roleArn": "arn:aws:iam::123456789012:role/r", "Entries": [{{"Time": {value}}}]}}'
    answer = send(
        world,
        "events",
        body.encode(),
        {"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": "application/x-amz-json-1.1"},
    )
    assert (answer.status, answer.code) == (400, "SerializationException")


def test_null_is_an_absent_member(world: World) -> None:
    """null says nothing, as on AWS; so do members that the model does not know, and whole numbers written with a point."""
    assert call_json(world, "ecs.ListClusters", b'{"nextToken": null, "nonsense": [1]}').status == 200
    assert call_json(world, "ecs.ListClusters", b'{"maxResults": 10.0}').status == 200


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_operation_without_input_needs_no_body(world: World, body: bytes) -> None:
    """https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html: no payload, or an empty object."""
    answer = send(
        world,
        "dynamodb",
        body,
        {"X-Amz-Target": "DynamoDB_20120810.DescribeEndpoints", "Content-Type": "application/x-amz-json-1.0"},
    )
    assert answer.status == 200


@pytest.mark.parametrize("target", ["AmazonEC2ContainerServiceV20141113.Nothing", "Nothing.ListClusters2", "x", "-"])
@pytest.mark.parametrize("service", ["ecs", "logs", "events", "codebuild"])
def test_an_unknown_target_is_an_unknown_operation(world: World, service: str, target: str) -> None:
    """UnknownOperationException, 400, and not what some other protocol would say."""
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    answer = send(world, service, b"{}", headers)
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("service", "body", "status", "code", "words"),
    [
        ("elasticloadbalancing", b"Action=Nothing&Version=2015-12-01", 400, "InvalidAction",
         "Could not find operation Nothing for version 2015-12-01"),
        ("iam", b"Action=Nothing&Version=2010-05-08", 400, "InvalidAction",
         "Could not find operation Nothing for version 2010-05-08"),
        ("iam", b"Action=ListUsers", 400, "InvalidAction", "Could not find operation ListUsers for version NO_VERSION_SPECIFIED"),
        ("elasticloadbalancing", b"Action=DescribeLoadBalancers", 400, "InvalidAction",
         "Could not find operation DescribeLoadBalancers for version NO_VERSION_SPECIFIED"),
        ("sns", b"", 400, "MissingAction", "The request must contain the parameter Action"),
        ("elasticloadbalancing", b"{[", 400, "MissingAction", "The request must contain the parameter Action"),
        ("ec2", b"Action=Nothing&Version=2016-11-15", 400, "InvalidAction",
         "The action Nothing is not valid for this web service."),
        ("ec2", b"Action=DescribeVpcs", 400, "MissingParameter", "The request must contain the parameter Version"),
        ("ec2", b"Version=2016-11-15", 400, "MissingAction", "The request must contain the parameter Action"),
        ("ec2", b"Action=DescribeVpcs&Version=2016-11-15&MaxResults=abc", 400, "InvalidParameterValue",
         "Value (abc) for parameter MaxResults is invalid."),
        ("ec2", b"Action=DescribeVpcs&Version=2016-11-15&DryRun=perhaps", 400, "InvalidParameterValue",
         "Value (perhaps) for parameter DryRun is invalid."),
        ("iam", b"Action=ListUsers&Version=2010-05-08&MaxItems=abc", 400, "MalformedInput",
         "'abc' can not be converted to an Integer"),
        ("iam", b"Action=CreatePolicyVersion&Version=2010-05-08&PolicyArn=a&PolicyDocument=b&SetAsDefault=yes", 400,
         "MalformedInput", "boolean must follow xsd1.1 definition"),
        ("elasticloadbalancing", b"Action=DescribeLoadBalancers&Version=2015-12-01&PageSize=x", 400, "MalformedInput",
         "'x' can not be converted to an Integer"),
        ("elasticloadbalancing", b"Action=CreateLoadBalancer&Version=2015-12-01&Name.member.1=x", 400, "MalformedInput",
         "Start of list found where not expected"),
        ("sns", b"Action=Subscribe&Version=2010-03-31&TopicArn=t&Protocol=sqs&Endpoint.EndpointArn=x", 400, "MalformedInput",
         "Start of list found where not expected"),
        ("sns", b"Action=Publish&Version=2010-03-31&TopicArn=t&Message=m&MessageAttributes.entry.1.Name=a"
         b"&MessageAttributes.entry.1.Value.DataType=Binary&MessageAttributes.entry.1.Value.BinaryValue=%21%21", 400,
         "MalformedInput", "'!!' can not be converted to a Blob"),
        ("iam", b"Action=ListUsers&Version=2010-05-08&PathPrefix=%FF", 404, "MalformedQueryString",
         "The query string contains a syntax error."),
        ("ec2", b"Action=DescribeVpcs&Version=2016-11-15&Filter.1.Name=\xff", 404, "MalformedQueryString",
         "The query string contains a syntax error."),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_read_is_refused(
    world: World, service: str, body: bytes, status: int, code: str, words: str
) -> None:
    """An unreadable form is refused in XML, with AWS's codes for queries, and EC2's own for EC2."""
    answer = send(world, service, body, FORM)
    assert (answer.status, answer.code, answer.message) == (status, code, words)
    assert answer.text.lstrip().startswith(("<?xml", "<ErrorResponse", "<Response"))


@pytest.mark.parametrize(
    "body", [b"<", b"<a>", b"plain", b"\xff\xfe", b"<VersioningConfiguration><Status>", b"{[", b"<a/><b/>"]
)
@pytest.mark.parametrize("query", ["versioning", "lifecycle", "tagging", "encryption"])
def test_xml_that_is_none_is_malformed(world: World, query: str, body: bytes) -> None:
    """S3 says MalformedXML, 400."""
    answer = send(world, "s3", body, {"Content-Type": "application/xml"}, path=f"/bucket?{query}", method="PUT")
    assert (answer.status, answer.code) == (400, "MalformedXML")


def test_a_number_in_xml_is_a_number(world: World) -> None:
    """S3 says MalformedXML to a lifecycle rule of x days."""
    body = (
        b"<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix/></Filter>"
        b"<Expiration><Days>x</Days></Expiration></Rule></LifecycleConfiguration>"
    )
    answer = send(world, "s3", body, {"Content-Type": "application/xml"}, path="/bucket?lifecycle", method="PUT")
    assert (answer.status, answer.code) == (400, "MalformedXML")


@pytest.mark.parametrize("body", [b"{[", b"[]", b"\xff", b"[" * 50_000, b'{"name": 5}', b'{"tags": []}', b"1"])
@pytest.mark.parametrize(("service", "path"), [("eks", "/clusters"), ("batch", "/v1/createcomputeenvironment")])
def test_a_rest_json_body_is_read_as_strictly(world: World, service: str, path: str, body: bytes) -> None:
    """SerializationException, 400, for services that have paths for operations."""
    wrong = body.replace(b"name", b"computeEnvironmentName") if service == "batch" else body
    answer = send(world, service, wrong, {"Content-Type": "application/json"}, path=path)
    assert (answer.status, answer.code) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        (
            {"Authorization": "-", "X-Amz-Target": "Logs_20140328.DescribeLogGroups"},
            "MissingAuthenticationTokenException",
            400,
        ),
        ({"Authorization": "AWS4-HMAC-SHA256 nonsense", "X-Amz-Target": "Logs_20140328.X"}, "IncompleteSignature", 400),
        (
            {"Content-Encoding": "gzip", "X-Amz-Target": "Logs_20140328.DescribeLogGroups"},
            "MalformedHttpRequestException",
            400,
        ),
    ],
)
def test_what_is_wrong_before_the_body_is_said(world: World, headers: dict[str, str], code: str, status: int) -> None:
    """No signature, half a signature, a body that is not compressed as its header says."""
    answer = send(world, "logs", b"{}", {"Content-Type": "application/x-amz-json-1.1", **headers})
    assert (answer.status, answer.code) == (status, code)


def test_an_unsigned_query_is_refused(world: World) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html: MissingAuthenticationToken, 403."""
    answer = send(world, "iam", b"Action=ListUsers&Version=2010-05-08", {**FORM, "Authorization": "-"})
    assert (answer.status, answer.code) == (403, "MissingAuthenticationToken")


def test_a_compressed_body_is_unpacked(world: World) -> None:
    """SDKs compress long requests of some operations."""
    answer = call_json(world, "ecs.ListClusters", gzip.compress(b'{"maxResults": 5}'), **{"Content-Encoding": "gzip"})
    assert answer.status == 200
    bomb = gzip.compress(b" " * 200_000_000)
    answer = call_json(world, "ecs.ListClusters", bomb, **{"Content-Encoding": "gzip"})
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


def test_an_error_that_echoes_control_characters_is_readable_xml(world: World) -> None:
    """A name with a character that XML cannot carry comes back in an error that clients can parse."""
    answer = send(
        world, "elasticloadbalancing", b"Action=DescribeLoadBalancers&Version=2015-12-01&Names.member.1=%00%0B", FORM
    )
    assert answer.status == 400
    parsed = create_parser("query").parse({"body": answer.text.encode(), "headers": {}, "status_code": 400}, None)
    assert parsed["Error"]["Code"] == "LoadBalancerNotFound"


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Amz-Target": "AmazonSSM.ListCommands"}, {"smithy-protocol": "rpc-v2-cbor"}],
    ids=["query", "json", "cbor"],
)
def test_an_error_that_quotes_what_cannot_be_written_is_written(world: World, headers: dict[str, str]) -> None:
    """A refusal quotes half of a surrogate pair, or a control character, as an escape."""
    scope = "AWS4-HMAC-SHA256 Credential=a/20260101/\ud800\x01/iam/aws4_request"
    answer = send(world, "iam", b"", {"Authorization": scope, **headers})
    assert answer.status in (400, 403)
    assert r"not '\ud800\x01'" in answer.text.replace("\\\\", "\\")


def test_a_value_that_a_model_forbids_is_no_fault_of_ours(world: World) -> None:
    """A call that is looked up before it is answered is checked against the model first."""
    answer = call_json(world, "kms.Encrypt", b'{"KeyId": "", "Plaintext": "YQ=="}')
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert "keyId" in answer.message


# CBOR


def speak_cbor(
    world: World, service: str, operation: str, parameters: dict[str, Any], body: bytes | None = None
) -> Any:
    """A call as newer SDKs make it; botocore's own writer and reader are the judges."""
    model = botocore.session.get_session().get_service_model(service)
    operation_model = model.operation_model(operation)
    request = create_serializer("smithy-rpc-v2-cbor").serialize_to_request(parameters, operation_model)
    scope = f"AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/{model.signing_name}/aws4_request, SignedHeaders=h, Signature=x"
    response = world.gateway.handle(
        Request.from_primitives(
            "POST",
            f"http://127.0.0.1{request['url_path']}",
            {**request["headers"], "Authorization": scope},
            request["body"] if body is None else body,
        )
    )
    assert response.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert response.headers["Content-Type"] == "application/cbor"
    answer = {"body": response.get_data(), "headers": dict(response.headers), "status_code": response.status_code}
    return create_parser("smithy-rpc-v2-cbor").parse(answer, operation_model.output_shape)


def test_cbor_is_spoken_with_plane_and_substrate(world: World) -> None:
    """A service that speaks CBOR answers it in CBOR: results with moments, errors with their codes."""
    role = world.administrator("iam").create_role(
        RoleName="builds",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            }
        ),
    )["Role"]["Arn"]
    project = {
        "name": "pp",
        "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}"},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        "serviceRole": role,
    }
    made = speak_cbor(world, "codebuild", "CreateProject", project)
    assert made["project"]["name"] == "pp"
    plain = world.administrator("codebuild").batch_get_projects(names=["pp"])["projects"][0]
    assert made["project"]["created"] == plain["created"]
    assert speak_cbor(world, "codebuild", "ListProjects", {})["projects"] == ["pp"]
    missing = speak_cbor(world, "codebuild", "StartBuild", {"projectName": "none"})
    assert missing["Error"]["Code"] == "ResourceNotFoundException"
    assert missing["ResponseMetadata"]["HTTPStatusCode"] == 400
    speak_cbor(
        world, "cloudwatch", "PutMetricData", {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.5}]}
    )
    assert speak_cbor(world, "cloudwatch", "ListMetrics", {"Namespace": "n"})["Metrics"][0]["MetricName"] == "m"


NO_CBOR = [b"\xff", b"{}", b"\xa1", b"\x80", b"\x01", b"\xbf", b"\x9b" + b"\xff" * 8, b"\xa0\xa0", b"\x9f" * 50_000]


@pytest.mark.parametrize("body", [*NO_CBOR, b"\xa1\x61\xff\x01"])
def test_cbor_that_is_none_is_refused(world: World, body: bytes) -> None:
    """SerializationException, 400, in CBOR."""
    answer = speak_cbor(world, "codebuild", "ListProjects", {}, body)
    assert answer["Error"]["Code"] == "SerializationException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


# Whatever comes

FORMS = [
    ("elasticloadbalancing", "CreateLoadBalancer", "2015-12-01"),
    ("sns", "CreateTopic", "2010-03-31"),
    ("ec2", "CreateVpc", "2016-11-15"),
]


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    body=st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    service=st.sampled_from(
        ["ecs.CreateService", "logs.PutLogEvents", "codepipeline.CreatePipeline", "ssm.PutParameter"]
    ),
)
def test_no_body_is_a_fault_of_ours(world: World, body: bytes, service: str) -> None:
    """Any bytes at all are answered with a 4xx or a 200, never with what says that we failed."""
    assert call_json(world, service, body).status < 500


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    data=st.dictionaries(
        st.sampled_from(
            ["Name", "Subnets.member.1", "Tags", "Type", "PageSize", "Tags.member.1.Key", "x", "Version.1"]
        ),
        st.text(max_size=6),
        max_size=5,
    ),
    call=st.sampled_from(FORMS),
)
def test_no_form_is_a_fault_of_ours(world: World, data: dict[str, str], call: tuple[str, str, str]) -> None:
    """The same for forms."""
    from urllib.parse import urlencode

    service, action, version = call
    form = urlencode({"Action": action, "Version": version, **data}).encode()
    assert send(world, service, form, FORM).status < 500
