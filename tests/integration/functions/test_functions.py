"""Functions whose uploaded code runs in containers: answers, errors, logs, roles, time-outs, load balancers, images."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from pushproof.emulator.kernel.functions import FunctionError
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.docker.host import DockerHost, DockerUnavailable
from pushproof.emulator.runtime.docker.imagemaking import build
from pushproof.emulator.runtime.docker.images import ensure_function_image
from pushproof.emulator.runtime.equipment import docker_equipment
from pushproof.emulator.world import World

pytestmark = pytest.mark.docker

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"},
    ],
}
PROGRAM = """
import logging, os, sys, time, urllib.request

log = logging.getLogger()
log.setLevel(logging.INFO)

def handler(event, context):
    log.info("event %s", event["do"])
    return globals()[event["do"]](event, context)

def greet(event, context):
    print("to standard output")
    return {"name": context.function_name, "stage": os.environ["STAGE"], "left": context.get_remaining_time_in_millis() > 0}

def fail(event, context):
    raise ValueError("no such order")

def hang(event, context):
    time.sleep(600)

def leave(event, context):
    os._exit(3)

def unserialisable(event, context):
    return {1, 2}

def read(event, context):
    import boto3
    return boto3.client("ssm").get_parameter(Name="/shop/colour")["Parameter"]["Value"]

def delete(event, context):
    import boto3
    boto3.client("ssm").delete_parameter(Name="/shop/colour")

def fetch(event, context):
    with urllib.request.urlopen(event["url"], timeout=20) as answer:
        return answer.read().decode()

def privileges(event, context):
    with open("/proc/self/status") as status:
        capabilities = next(line.split()[1] for line in status if line.startswith("CapEff"))
    return {"user": os.getuid(), "capabilities": int(capabilities, 16)}
"""


def zipped(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return content.getvalue()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    try:
        host = DockerHost("functions")
    except DockerUnavailable as error:
        pytest.skip(str(error))
    with World(WorldSettings(speed=10.0), world_id=host.world_id, equip=docker_equipment(host)) as world:
        world.serve(host.bridge_address)
        iam = world.administrator("iam")
        iam.create_role(RoleName="shop", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="shop", PolicyName="own", PolicyDocument=json.dumps(ALLOWED))
        create(world, "shop", zipped(app=PROGRAM))
        world.administrator("ssm").put_parameter(Name="/shop/colour", Value="green", Type="String")
        yield world


def create(world: World, name: str, content: bytes, handler: str = "app.handler", **more: Any) -> None:
    world.administrator("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=f"arn:aws:iam::{world.account_id}:role/shop",
        Handler=handler,
        Code={"ZipFile": content},
        Environment={"Variables": {"STAGE": "test"}},
        **more,
    )


def invoke(world: World, do: str, name: str = "shop", **more: Any) -> tuple[Any, str, str]:
    answer = world.administrator("lambda").invoke(
        FunctionName=name, Payload=json.dumps({"do": do, **more}).encode(), LogType="Tail"
    )
    log = base64.b64decode(answer["LogResult"]).decode()
    return json.loads(answer["Payload"].read()), answer.get("FunctionError", ""), log


def test_code_of_a_zip_answers_and_logs(world: World) -> None:
    """The handler receives the event, its environment and a context; what it prints and logs is in CloudWatch Logs."""
    answer, error, log = invoke(world, "greet")
    assert (answer, error) == ({"name": "shop", "stage": "test", "left": True}, "")
    assert "to standard output" in log
    logs = world.administrator("logs")
    (stream,) = logs.describe_log_streams(logGroupName="/aws/lambda/shop", orderBy="LastEventTime", descending=True)[
        "logStreams"
    ][:1]
    assert "/[$LATEST]" in stream["logStreamName"]
    events = logs.get_log_events(logGroupName="/aws/lambda/shop", logStreamName=stream["logStreamName"])["events"]
    messages = [event["message"] for event in events]
    assert messages[0].startswith("START RequestId: ")
    assert any(message.startswith("[INFO]\t") and message.endswith("event greet") for message in messages)
    assert messages[-1].startswith("REPORT RequestId: ")


def test_errors_are_worded_as_lambda_words_them(world: World) -> None:
    """An exception, an exit, an answer that is no JSON and missing code are FunctionErrors with Lambda's errorType."""
    answer, error, log = invoke(world, "fail")
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "no such order")
    assert "in fail" in answer["stackTrace"][-1]
    assert "[ERROR] ValueError: no such order" in log
    answer, error, _ = invoke(world, "leave")
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert answer["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    answer, _, _ = invoke(world, "unserialisable")
    assert answer["errorType"] == "Runtime.MarshalError"
    create(world, "absent", zipped(other="x = 1"))
    answer, _, _ = invoke(world, "greet", "absent")
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert answer["errorMessage"] == "Unable to import module 'app': No module named 'app'"
    create(world, "nameless", zipped(app="x = 1"))
    answer, _, _ = invoke(world, "greet", "nameless")
    assert answer["errorMessage"] == "Handler 'handler' missing on module 'app'"


def test_code_that_hangs_times_out(world: World) -> None:
    """A function ends at its time-out, with Lambda's words."""
    create(world, "slow", zipped(app=PROGRAM), Timeout=2)
    answer, error, _ = invoke(world, "hang", "slow")
    assert (error, answer["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert answer["errorMessage"].endswith("Error: Task timed out after 2.00 seconds")


def test_code_has_the_rights_of_its_role_and_no_others(world: World) -> None:
    """boto3 works unconfigured with the role's permissions; the process itself has no capability and no root."""
    assert invoke(world, "read")[0] == "green"
    answer, _, _ = invoke(world, "delete")
    assert answer["errorType"] == "AccessDeniedException"
    assert "ssm:DeleteParameter" in answer["errorMessage"]
    assert invoke(world, "privileges")[0] == {"user": 993, "capabilities": 0}


def test_code_reaches_load_balancers(world: World) -> None:
    """A load balancer's name leads a function to the same listener as everyone else."""
    elbv2, ec2 = world.administrator("elbv2"), world.administrator("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
    balancer = elbv2.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]
    fixed = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "from the listener"}
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=8080,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}],
    )
    assert invoke(world, "fetch", url=f"http://{balancer['DNSName']}:8080/")[0] == "from the listener"


def test_new_code_and_code_from_a_bucket_run(world: World) -> None:
    """UpdateFunctionCode replaces what runs; a published version keeps its own code."""
    client, s3 = world.administrator("lambda"), world.administrator("s3")
    create(world, "versions", zipped(app="def handler(event, context): return 1"))
    client.publish_version(FunctionName="versions")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": world.region})
    s3.put_object(Bucket="code", Key="new.zip", Body=zipped(app="def handler(event, context): return 2"))
    client.update_function_code(FunctionName="versions", S3Bucket="code", S3Key="new.zip")
    assert invoke(world, "", "versions")[0] == 2
    assert invoke(world, "", "versions:1")[0] == 1


def test_other_services_reach_uploaded_code(world: World) -> None:
    """Hooks and events call the uploaded code; a failure is an exception with Lambda's errorType."""
    arn = f"arn:aws:lambda:{world.region}:{world.account_id}:function:shop"
    answer = world.functions.invoke(arn, {"do": "greet"})
    assert isinstance(answer, dict)
    assert answer["name"] == "shop"
    with pytest.raises(FunctionError, match="ValueError: no such order"):
        world.functions.invoke(arn, {"do": "fail"})


def test_functions_from_images_run(world: World) -> None:
    """An image with a runtime of its own speaks Lambda's runtime API."""
    from pushproof.emulator.runtime.docker.host import connect

    base = ensure_function_image()
    engine = connect()
    dockerfile = (
        f"FROM {base}\nENV _HANDLER=app.handler\n"
        "RUN printf 'def handler(event, context):\\n    return context.function_name\\n' > /var/task/app.py\n"
    )
    try:
        build(engine, "pushproof-test/function:1", {"Dockerfile": dockerfile.encode()}, None, {})
        world.administrator("lambda").create_function(
            FunctionName="image",
            PackageType="Image",
            Role=f"arn:aws:iam::{world.account_id}:role/shop",
            Code={"ImageUri": "pushproof-test/function:1"},
        )
        assert invoke(world, "", "image")[0] == "image"
    finally:
        engine.images.remove("pushproof-test/function:1", force=True)
        engine.close()
