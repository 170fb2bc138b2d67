"""From an announcement to what a target received: rules, transformers, permissions, retries."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.world import World

ACCOUNT = "123456789012"
RULE_ARN = f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/pipeline"
PATTERN = json.dumps({"source": ["aws.codepipeline"], "detail": {"state": ["STARTED", "FAILED"]}})
TRANSFORMER = {
    "InputPathsMap": {"pipeline": "$.detail.pipeline", "state": "$.detail.state"},
    "InputTemplate": '{"text": "Pipeline <pipeline> changed state to <state>"}',
}


@pytest.fixture
def world() -> Iterator[World]:
    # CloudWatch Logs refuses old entries, so the virtual clock starts now.
    with World(loop=VirtualLoop(VirtualClock(time.time()))) as opened:
        yield opened


def advance(world: World, seconds: float = 0.0) -> None:
    assert isinstance(world.loop, VirtualLoop)
    world.loop.advance(seconds)


def announce(world: World, state: str = "FAILED") -> dict[str, Any]:
    return world.bus.publish(
        "aws.codepipeline",
        "CodePipeline Pipeline Execution State Change",
        {"pipeline": "web", "state": state},
        resources=[f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:web"],
        region="eu-west-1",
    )


def policy(resource: str, action: str, source: str = RULE_ARN) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Inbox:
    """A queue at the end of a rule, and what arrived in it."""

    world: World
    url: str
    arn: str

    def messages(self) -> list[str]:
        sqs = self.world.administrator("sqs")
        return [
            message["Body"]
            for message in sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        ]


def queue(world: World, name: str = "inbox", *, admits: bool = True) -> Inbox:
    sqs = world.administrator("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}"
    if admits:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(arn, "sqs:SendMessage")})
    return Inbox(world, url, arn)


def rule(world: World, arn: str, **target: Any) -> None:
    events = world.administrator("events")
    events.put_rule(Name="pipeline", EventPattern=PATTERN)
    events.put_targets(Rule="pipeline", Targets=[{"Id": "one", "Arn": arn, **target}])


def test_a_matching_event_arrives_whole(world: World) -> None:
    """Without a transformer the target receives the event itself; other states are not delivered."""
    inbox = queue(world)
    rule(world, inbox.arn)
    envelope = announce(world)
    announce(world, "SUCCEEDED")
    advance(world)
    assert [json.loads(body) for body in inbox.messages()] == [envelope]


def test_rules_made_behind_the_gateway_count_too(world: World) -> None:
    """A rule that exists only in the substrate is obeyed, and one made after an event does not see it."""
    inbox = queue(world)
    announce(world)
    advance(world)
    events = world.substrate.client("events", "eu-west-1")
    events.put_rule(Name="pipeline", EventPattern=PATTERN)
    events.put_targets(Rule="pipeline", Targets=[{"Id": "one", "Arn": inbox.arn}])
    second = announce(world)
    advance(world)
    assert [json.loads(body)["id"] for body in inbox.messages()] == [second["id"]]


def test_disabled_rules_and_removed_targets_receive_nothing(world: World) -> None:
    """DisableRule and RemoveTargets take effect with the next event."""
    inbox = queue(world)
    rule(world, inbox.arn)
    events = world.administrator("events")
    events.disable_rule(Name="pipeline")
    announce(world)
    advance(world)
    events.enable_rule(Name="pipeline")
    events.remove_targets(Rule="pipeline", Ids=["one"])
    announce(world)
    advance(world)
    assert inbox.messages() == []


def test_input_transformer_and_constant_input(world: World) -> None:
    """Targets receive what their transformer, their Input or their InputPath makes of the event."""
    inbox = queue(world)
    rule(world, inbox.arn, InputTransformer=TRANSFORMER)
    world.administrator("events").put_targets(
        Rule="pipeline",
        Targets=[
            {"Id": "two", "Arn": inbox.arn, "Input": '{"fixed": 1}'},
            {"Id": "three", "Arn": inbox.arn, "InputPath": "$.detail.state"},
        ],
    )
    announce(world)
    advance(world)
    assert sorted(inbox.messages()) == [
        '"FAILED"',
        '{"fixed": 1}',
        '{"text": "Pipeline web changed state to FAILED"}',
    ]


def test_topic_needs_a_policy_that_admits_eventbridge(world: World) -> None:
    """eb-use-resource-based.html: without sns:Publish for events.amazonaws.com nothing arrives; with it, it does."""
    sns = world.administrator("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    inbox = queue(world)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn, Attributes={"RawMessageDelivery": "true"})
    rule(world, topic, InputTransformer=TRANSFORMER)
    announce(world)
    advance(world)
    assert inbox.messages() == []
    refused = world.bus.deliveries[-1]
    assert (refused.status, refused.error_code) == ("failed", "NO_PERMISSIONS")
    assert "SNS:Publish" in refused.error_message
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy(topic, "sns:Publish", RULE_ARN + "-other")
    )
    announce(world)
    advance(world)
    assert inbox.messages() == []
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(topic, "sns:Publish"))
    announce(world)
    advance(world)
    assert inbox.messages() == ['{"text": "Pipeline web changed state to FAILED"}']


def test_topic_under_the_managed_key_receives_nothing(world: World) -> None:
    """A topic encrypted with alias/aws/sns cannot be published to by EventBridge."""
    sns = world.administrator("sns")
    topic = sns.create_topic(Name="alerts", Attributes={"KmsMasterKeyId": "alias/aws/sns"})["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(topic, "sns:Publish"))
    rule(world, topic)
    announce(world)
    advance(world)
    assert "customer managed key" in world.bus.deliveries[-1].error_message


def test_log_group_receives_events_where_logs_admit_it(world: World) -> None:
    """A log group receives the event under a resource policy of CloudWatch Logs."""
    logs = world.administrator("logs")
    logs.create_log_group(logGroupName="/aws/events/pipeline")
    arn = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/events/pipeline"
    rule(world, arn)
    announce(world)
    advance(world)
    assert world.bus.deliveries[-1].error_code == "NO_PERMISSIONS"
    statement = json.loads(policy(arn + ":*", "logs:PutLogEvents"))
    statement["Statement"][0]["Action"] = ["logs:PutLogEvents", "logs:CreateLogStream"]
    logs.put_resource_policy(policyName="events", policyDocument=json.dumps(statement))
    announce(world)
    advance(world)
    found = logs.filter_log_events(logGroupName="/aws/events/pipeline")["events"]
    assert [json.loads(event["message"])["detail"]["state"] for event in found] == ["FAILED"]


@dataclass
class Webhook:
    """A webhook on this machine: answers with the statuses it was given, then 200."""

    statuses: list[int] = field(default_factory=list)
    calls: list[tuple[dict[str, str], str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            hook.calls.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(hook.statuses.pop(0) if hook.statuses else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hook.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield hook
    server.shutdown()
    server.server_close()
    thread.join()


def api_destination(world: World, webhook: Webhook, *, allowed: bool = True, basic: bool = False) -> None:
    events, iam = world.administrator("events"), world.administrator("iam")
    parameters: dict[str, Any] = (
        {"BasicAuthParameters": {"Username": "me", "Password": "pw"}}
        if basic
        else {"ApiKeyAuthParameters": {"ApiKeyName": "X-Source", "ApiKeyValue": "web"}}
    )
    connection = events.create_connection(
        Name="slack", AuthorizationType="BASIC" if basic else "API_KEY", AuthParameters=parameters
    )["ConnectionArn"]
    destination = events.create_api_destination(
        Name="slack", ConnectionArn=connection, HttpMethod="POST", InvocationEndpoint=webhook.url
    )["ApiDestinationArn"]
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="notify", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    if allowed:
        statement = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": destination}
        iam.put_role_policy(
            RoleName="notify",
            PolicyName="notify",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
    rule(world, destination, RoleArn=role, InputTransformer=TRANSFORMER)


def test_api_destination_posts_with_the_connections_key(world: World, webhook: Webhook) -> None:
    """An API destination is a real POST with the connection's header and the transformed body."""
    api_destination(world, webhook)
    announce(world)
    advance(world)
    ((headers, body),) = webhook.calls
    assert headers["x-source"] == "web"
    assert json.loads(body) == {"text": "Pipeline web changed state to FAILED"}


def test_api_destination_with_basic_authorisation(world: World, webhook: Webhook) -> None:
    """BASIC connections send user name and password."""
    api_destination(world, webhook, basic=True)
    announce(world)
    advance(world)
    assert webhook.calls[0][0]["authorization"] == "Basic bWU6cHc="


def test_api_destination_needs_its_roles_permission(world: World, webhook: Webhook) -> None:
    """A role without events:InvokeApiDestination reaches nothing, and says what is missing."""
    api_destination(world, webhook, allowed=False)
    announce(world)
    advance(world)
    assert webhook.calls == []
    assert "events:InvokeApiDestination" in world.bus.deliveries[-1].error_message


def test_failing_webhook_is_tried_again_with_growing_pauses(world: World, webhook: Webhook) -> None:
    """eb-rule-retry-policy.html: 5xx and 429 are retried with exponential back-off, until the target takes the event."""
    webhook.statuses = [500, 503, 429]
    api_destination(world, webhook)
    announce(world)
    counts = []
    for seconds in (0, 1, 2, 4):
        advance(world, seconds)
        counts.append(len(webhook.calls))
    assert counts == [1, 2, 3, 4]
    assert (world.bus.deliveries[-1].status, world.bus.deliveries[-1].attempts) == ("delivered", 4)


def test_refused_request_is_not_tried_again(world: World, webhook: Webhook) -> None:
    """A 400 is final, and goes to the dead-letter queue where there is one."""
    webhook.statuses = [400]
    api_destination(world, webhook)
    dead = queue(world, "dead")
    events = world.administrator("events")
    (target,) = events.list_targets_by_rule(Rule="pipeline")["Targets"]
    events.put_targets(Rule="pipeline", Targets=[{**target, "DeadLetterConfig": {"Arn": dead.arn}}])
    announce(world)
    advance(world, 3600)
    assert len(webhook.calls) == 1
    assert world.bus.deliveries[-1].status == "dead-lettered"
    assert json.loads(dead.messages()[0])["detail"]["state"] == "FAILED"


def test_retries_end_with_the_targets_policy(world: World, webhook: Webhook) -> None:
    """MaximumRetryAttempts limits the retries."""
    webhook.statuses = [500] * 10
    api_destination(world, webhook)
    events = world.administrator("events")
    (target,) = events.list_targets_by_rule(Rule="pipeline")["Targets"]
    events.put_targets(
        Rule="pipeline",
        Targets=[{**target, "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}}],
    )
    announce(world)
    advance(world, 600)
    assert len(webhook.calls) == 3
    assert world.bus.deliveries[-1].status == "failed"


def test_put_events_reaches_rules(world: World) -> None:
    """PutEvents: own events are matched and delivered; bad entries are answered one by one."""
    inbox = queue(world)
    events = world.administrator("events")
    events.put_rule(Name="pipeline", EventPattern='{"source": ["my.app"]}')
    events.put_targets(Rule="pipeline", Targets=[{"Id": "one", "Arn": inbox.arn}])
    answer = events.put_events(
        Entries=[
            {"Source": "my.app", "DetailType": "Done", "Detail": '{"n": 1}'},
            {"Source": "my.app", "DetailType": "Done", "Detail": "nope"},
            {"Source": "aws.ec2", "DetailType": "Done", "Detail": "{}"},
        ]
    )
    advance(world)
    assert answer["FailedEntryCount"] == 2
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None,
        "MalformedDetail",
        "NotAuthorizedForSourceException",
    ]
    assert [json.loads(body)["detail"] for body in inbox.messages()] == [{"n": 1}]


def test_bad_patterns_and_templates_are_refused_when_put(world: World) -> None:
    """PutRule and PutTargets refuse what could never work, with the place of the fault."""
    events = world.administrator("events")
    with pytest.raises(ClientError, match=r"InvalidEventPatternException.*must be an object or an array"):
        events.put_rule(Name="bad", EventPattern='{"source": "aws.ec2"}')
    events.put_rule(Name="good", EventPattern='{"source": ["aws.ec2"]}')
    with pytest.raises(ClientError, match="Invalid InputTemplate for target one"):
        events.put_targets(
            Rule="good",
            Targets=[{"Id": "one", "Arn": RULE_ARN, "InputTransformer": {"InputTemplate": "no quotes"}}],
        )
    event = {"source": "aws.ec2", "id": "1", "account": "1", "time": "x", "region": "x", "resources": [], "detail": {}}
    assert events.test_event_pattern(EventPattern='{"source": ["aws.ec2"]}', Event=json.dumps(event))["Result"]


def test_objects_are_announced_where_the_bucket_says_so(world: World) -> None:
    """ev-events.html: Object Created is published for buckets with EventBridge notifications, and for no others."""
    s3 = world.administrator("s3")
    for bucket in ("quiet", "loud"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(Bucket="loud", NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket="loud")
    s3.put_object(Bucket="quiet", Key="a", Body=b"x")
    s3.put_object(Bucket="loud", Key="src.zip", Body=b"xy")
    advance(world)
    (event,) = [event.envelope for event in world.bus.history]
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["detail"]["bucket"] == {"name": "loud"}
    assert (event["detail"]["object"]["key"], event["detail"]["object"]["size"]) == ("src.zip", 2)


def test_targets_that_are_not_reached_say_so(world: World) -> None:
    """A target of another service is an honest failure that names it."""
    rule(world, f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:x")
    announce(world)
    advance(world)
    assert "does not deliver to targets of lambda" in world.bus.deliveries[-1].error_message
