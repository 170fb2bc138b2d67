"""Events from announcement to target: rules, transformers, permissions, retries."""

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


def admit_topics(world: World, inbox: Inbox) -> None:
    """Let SNS write to a queue: https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html"""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:*",
        "Resource": inbox.arn,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.administrator("sqs").set_queue_attributes(QueueUrl=inbox.url, Attributes={"Policy": document})


def rule(world: World, arn: str, **target: Any) -> None:
    events = world.administrator("events")
    events.put_rule(Name="pipeline", EventPattern=PATTERN)
    events.put_targets(Rule="pipeline", Targets=[{"Id": "one", "Arn": arn, **target}])


def test_a_matching_event_arrives_whole(world: World) -> None:
    """The target receives the event itself if there is no transformer; other states are not delivered."""
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
    admit_topics(world, inbox)
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
    events = logs.filter_log_events(logGroupName="/aws/events/pipeline")["events"]
    assert [json.loads(event["message"])["detail"]["state"] for event in events] == ["FAILED"]


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


def refused(call: Any, **request: Any) -> str:
    """The whole text of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    return f"{caught.value.response['Error']['Code']}: {caught.value.response['Error']['Message']}"


def test_bad_rules_are_refused_when_put(world: World) -> None:
    """PutRule refuses what could never work, and leaves no rule.

    The size and the schedules: https://github.com/badmintoncryer/cdk-preflight (rules/events); the rest recorded by
    https://github.com/localstack/localstack (tests/aws/services/events).
    """
    events = world.administrator("events")
    events.create_event_bus(Name="own")
    good = '{"source": ["aws.ec2"]}'
    put = events.put_rule
    assert 'Reason: "source" must be an object or an array\n at' in refused(
        put, Name="r", EventPattern='{"source": "a"}'
    )
    assert "InvalidEventPatternException" in refused(
        put, Name="r", EventPattern='{"a": [{"anything-but": {"prefix": ""}}]}'
    )
    assert refused(put, Name="r", EventPattern=json.dumps({"source": ["x" * 2100]})) == (
        "ValidationException: Parameter EventPattern for rule r exceeds limit of 2048."
    )
    assert refused(put, Name="r", ScheduleExpression="cron(0 1 * * * *)") == (
        "ValidationException: Parameter ScheduleExpression is not valid."
    )
    assert refused(put, Name="r", ScheduleExpression="rate(5 minutes)", EventBusName="own") == (
        "ValidationException: ScheduleExpression is supported only on the default event bus."
    )
    assert refused(put, Name="r") == (
        "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified."
    )
    assert refused(put, Name="a b" * 30, EventPattern=good) == (
        f"ValidationException: 2 validation errors detected: Value '{'a b' * 30}' at 'name' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+; "
        f"Value '{'a b' * 30}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 64"
    )
    assert refused(put, Name="r", EventPattern=good, EventBusName="none") == (
        "ResourceNotFoundException: Event bus none does not exist."
    )
    assert events.list_rules()["Rules"] == []


def test_bad_targets_are_refused_when_put(world: World) -> None:
    """PutTargets refuses the whole call for one bad target, and leaves none."""
    events = world.administrator("events")
    events.put_rule(Name="good", EventPattern='{"source": ["aws.ec2"]}')
    inbox = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:inbox"

    def put(*targets: dict[str, Any], rule: str = "good") -> str:
        listed = [{"Id": f"t{number}", "Arn": inbox, **target} for number, target in enumerate(targets, 1)]
        return refused(events.put_targets, Rule=rule, Targets=listed)

    pipeline = f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:web"
    assert put({}, {"Arn": pipeline}) == f"ValidationException: RoleArn is required for target {pipeline}."
    template = {"InputPathsMap": {"name": "$.detail"}, "InputTemplate": '"<nmae>"'}
    assert put({"InputTransformer": template}) == (
        "ValidationException: InputTemplate for target t1 contains invalid placeholder nmae."
    )
    assert "Invalid InputTemplate for target t1" in put({"InputTransformer": {"InputTemplate": "no quotes"}})
    assert put({"Id": "!@#$@!#$"}) == (
        "ValidationException: 1 validation error detected: Value '!@#$@!#$' at 'targets.1.member.id' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"
    )
    assert put({}, rule="none") == "ResourceNotFoundException: Rule none does not exist on EventBus default."
    assert put(*[{}] * 6) == ("LimitExceededException: The requested resource exceeds the maximum number allowed.")
    assert events.list_targets_by_rule(Rule="good")["Targets"] == []
    events.put_targets(Rule="good", Targets=[{"Id": str(number), "Arn": inbox} for number in range(5)])
    events.put_targets(Rule="good", Targets=[{"Id": "4", "Arn": inbox, "Input": "1"}])
    assert "LimitExceededException" in put({"Id": "sixth"})
    answer = events.remove_targets(Rule="good", Ids=["4", "none"])
    assert [entry["TargetId"] for entry in answer["FailedEntries"]] == ["none"]
    assert len(events.list_targets_by_rule(Rule="good")["Targets"]) == 4


def test_test_event_pattern(world: World) -> None:
    """TestEventPattern asks the same matcher, of whole events only.

    Recorded: test_plain_string_payload, test_array_event_payload, test_invalid_event_payload, number_comparison_float.
    """
    events = world.administrator("events")
    event = {"source": "a", "id": "1", "account": "1", "time": "x", "region": "x", "detail-type": "t", "n": 300.0}
    assert events.test_event_pattern(EventPattern='{"n": [300]}', Event=json.dumps(event))["Result"]
    for text in ("plain string", '["plain string"]', '{"testEvent": "value"}', "[" * 100_000, '{"id": NaN}'):
        assert refused(events.test_event_pattern, EventPattern='{"n": [300]}', Event=text) == (
            "ValidationException: Parameter Event is not valid."
        )


def test_put_events_refuses_whole_calls(world: World) -> None:
    """More than ten entries, and more than 256 KB, are refused at once; nothing is put.

    Recorded: test_put_events_exceed_limit_ten_entries, test_put_event_with_too_big_detail.
    """
    events = world.administrator("events")
    entry = {"Source": "my.app", "DetailType": "Done", "Detail": "{}"}
    assert "at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10" in refused(
        events.put_events, Entries=[entry] * 11
    )
    big = json.dumps({"payload": ["p" * (256 * 1024 - 17)]})
    assert refused(events.put_events, Entries=[entry | {"Detail": big}]) == (
        "ValidationException: Total size of the entries in the request is over the limit."
    )
    answer = events.put_events(
        Entries=[entry | {"Detail": detail} for detail in ("[]", '"x"', "[" * 99_999, "{'a': 1}")]
    )
    assert {entry["ErrorCode"] for entry in answer["Entries"]} == {"MalformedDetail"}
    assert list(world.bus.history) == []


def test_an_event_for_a_bus_that_is_not_there_goes_nowhere(world: World) -> None:
    """Recorded: test_put_events_nonexistent_event_bus. The other events of the call arrive."""
    inbox = queue(world)
    events = world.administrator("events")
    events.put_rule(Name="pipeline", EventPattern='{"source": ["my.app"]}')
    events.put_targets(Rule="pipeline", Targets=[{"Id": "one", "Arn": inbox.arn}])
    entry = {"Source": "my.app", "DetailType": "Done", "Detail": "{}"}
    answer = events.put_events(Entries=[entry, entry | {"EventBusName": "none"}])
    advance(world)
    assert answer["FailedEntryCount"] == 0
    assert len(inbox.messages()) == 1


def test_a_template_whose_result_is_no_json_delivers_nothing(world: World) -> None:
    """An object between quotes makes the result no JSON. Recorded: test_input_transformer_nested_keys_replacement_not_valid"""
    inbox = queue(world)
    rule(world, inbox.arn, InputTransformer={"InputPathsMap": {"all": "$.detail"}, "InputTemplate": '{"x": "<all>"}'})
    announce(world)
    advance(world)
    assert inbox.messages() == []
    assert (world.bus.deliveries[-1].status, world.bus.deliveries[-1].error_code) == ("failed", "INVALID_JSON")


def role(world: World, name: str, action: str, resource: str) -> str:
    """A role that EventBridge may take, with one permission."""
    iam = world.administrator("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    arn: str = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    return arn


def test_a_queue_is_reached_by_the_targets_role(world: World) -> None:
    """The role's permission decides instead of the queue's own policy if the target has a role."""
    inbox = queue(world, admits=False)
    rule(world, inbox.arn, RoleArn=role(world, "send", "sqs:SendMessage", inbox.arn))
    announce(world)
    advance(world)
    assert len(inbox.messages()) == 1
    world.administrator("iam").delete_role_policy(RoleName="send", PolicyName="p")
    announce(world)
    advance(world)
    assert world.bus.deliveries[-1].error_code == "NO_PERMISSIONS"


@pytest.mark.parametrize("service", ["codebuild", "ecs"])
def test_builds_and_tasks_are_started_by_the_targets_role(world: World, service: str) -> None:
    """A build project gets a build, a cluster gets tasks, in the shapes of their own services.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EcsParameters.html
    """
    arn = f"arn:aws:{service}:eu-west-1:{ACCOUNT}:" + ("project/web" if service == "codebuild" else "cluster/web")
    task = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/web:1"
    further: dict[str, Any] = {"Input": json.dumps({"sourceVersion": "v1", "nonsense": 1, "projectName": "other"})}
    if service == "ecs":
        network = {"awsvpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}}
        further = {
            "Input": json.dumps({"containerOverrides": [{"name": "web", "command": ["x"]}], "nonsense": 1}),
            "EcsParameters": {
                "TaskDefinitionArn": task,
                "LaunchType": "FARGATE",
                "NetworkConfiguration": network,
                "EnableECSManagedTags": True,
            },
        }
    rule(world, arn, RoleArn=role(world, "start", f"{service}:*", "*"), **further)
    announce(world)
    advance(world)
    name = "codebuild:StartBuild" if service == "codebuild" else "ecs:RunTask"
    (call,) = [call for call in world.gateway.calls if call.name == name]
    if service == "codebuild":
        assert call.request == {"projectName": "web", "sourceVersion": "v1"}
    else:
        assert {**call.request, "clientToken": None} == {
            "clientToken": None,
            "cluster": arn,
            "taskDefinition": task,
            "count": 1,
            "startedBy": "events-rule/pipeline",
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}},
            "enableECSManagedTags": True,
            "overrides": {"containerOverrides": [{"name": "web", "command": ["x"]}]},
        }
    # Neither exists here, and the delivery says so.
    assert (world.bus.deliveries[-1].status, world.bus.deliveries[-1].error_code) == ("failed", "RESOURCE_NOT_FOUND")


def test_from_bus_to_bus(world: World) -> None:
    """eb-bus-to-bus.html: the event arrives on the other bus as it was; it is not sent on to a third."""
    events = world.administrator("events")
    inbox = queue(world)
    policy_arn = f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/own/pipeline"
    world.administrator("sqs").set_queue_attributes(
        QueueUrl=inbox.url, Attributes={"Policy": policy(inbox.arn, "sqs:SendMessage", policy_arn)}
    )
    own = events.create_event_bus(Name="own")["EventBusArn"]
    arn = role(world, "forward", "events:PutEvents", own)
    rule(world, own, RoleArn=arn)
    events.put_rule(Name="pipeline", EventPattern=PATTERN, EventBusName="own")
    events.put_targets(
        Rule="pipeline",
        EventBusName="own",
        Targets=[{"Id": "one", "Arn": inbox.arn}, {"Id": "back", "Arn": own, "RoleArn": arn}],
    )
    envelope = announce(world)
    advance(world)
    assert [json.loads(body) for body in inbox.messages()] == [envelope]
    assert [delivery.error_code for delivery in world.bus.deliveries if delivery.status == "failed"] == [
        "NOT_FORWARDED"
    ]


def test_an_archive_counts_what_it_keeps(world: World) -> None:
    """DescribeArchive counts matching events since it was made; replays are a 501 by name; a bad pattern is refused."""
    events = world.administrator("events")
    bus = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/default"
    announce(world)
    advance(world, 1)
    assert "InvalidEventPatternException" in refused(
        events.create_archive, ArchiveName="a", EventSourceArn=bus, EventPattern='{"source": []}'
    )
    events.create_archive(ArchiveName="a", EventSourceArn=bus, EventPattern=PATTERN)
    announce(world)
    announce(world, "SUCCEEDED")
    advance(world)
    answer = events.describe_archive(ArchiveName="a")
    assert answer["EventCount"] == 1
    assert answer["SizeBytes"] > 0
    assert list(world.bus.deliveries) == []
    assert "NotImplemented: Pushproof does not implement the operation StartReplay of events" in refused(
        events.start_replay,
        ReplayName="r",
        EventSourceArn=answer["ArchiveArn"],
        EventStartTime=1,
        EventEndTime=2,
        Destination={"Arn": bus},
    )


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
    rule(world, f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:x", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/x")
    announce(world)
    advance(world)
    assert "does not deliver to targets of states" in world.bus.deliveries[-1].error_message
