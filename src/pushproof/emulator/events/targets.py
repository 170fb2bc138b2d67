"""Delivery from EventBridge to each kind of target, with the permissions it needs.

Everything here blocks and runs off the world's lock. For Lambda, SNS, SQS and CloudWatch Logs the resource's own policy decides
whether events.amazonaws.com is admitted; SNS and SQS use the target's role instead, if it has one. API destinations, buses,
pipelines, build projects and ECS clusters are always reached with the target's role.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html , .../eb-targets.html ,
.../eb-api-destinations.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import requests
from botocore.exceptions import ClientError

from pushproof.aws.arns import region_of
from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.policy import Effect, Policies, PolicyError, decide, parse, request, service_principal
from pushproof.engines.policy.document import Kind

if TYPE_CHECKING:
    from types_boto3_events.type_defs import DescribeConnectionResponseTypeDef, TargetOutputTypeDef
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_sqs.type_defs import SendMessageRequestTypeDef

    from pushproof.emulator.kernel.context import Credentials
    from pushproof.emulator.kernel.site import Envelope, Ground, Permissions

PRINCIPAL = "events.amazonaws.com"

#: The beginning of `startedBy` of tasks, by who runs them.
_STARTERS = {PRINCIPAL: "events-rule", "scheduler.amazonaws.com": "chronos-schedule"}

#: "HTTP status codes 401, 407, 409, 429 and 5xx" are tried again.
RETRIED_STATUSES = frozenset({401, 407, 409, 429})

#: "API destination: the maximum client execution timeout is 5 seconds."
API_DESTINATION_TIMEOUT = 5.0

# : Headers that the caller of an API destination cannot set.
_OWN_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding"})


class DeliveryError(Exception):
    """A target did not accept the event. `code` is EventBridge's ERROR_CODE, if it has one."""

    def __init__(self, code: str, message: str, *, retriable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retriable = retriable


class Forward(Protocol):
    """Puts an event from one bus on another."""

    def __call__(self, envelope: Envelope, *, region: str, bus: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Courier:
    """The means of delivery: the ground, decisions about permissions, the way to other buses, and who assumes targets' roles."""

    ground: Ground
    permissions: Permissions
    forward: Forward
    principal: str = PRINCIPAL


def deliver(
    courier: Courier,
    *,
    target: TargetOutputTypeDef,
    payload: str,
    event: Envelope,
    rule_arn: str,
    forwarded: bool = False,
) -> None:
    """Send one payload to one target. `forwarded`: the event came over another bus. Raises DeliveryError."""
    arn = str(target["Arn"])
    parts = arn.split(":", 5)
    service, resource = parts[2], parts[5]
    senders: dict[str, Callable[[Courier, TargetOutputTypeDef, str, str], None]] = {
        "sns": _to_topic,
        "sqs": _to_queue,
        "logs": _to_log_group,
        "codepipeline": _to_pipeline,
        "codebuild": _to_build_project,
        "ecs": _to_cluster,
        "lambda": _to_function,
    }
    try:
        if service == "events" and resource.startswith("api-destination/"):
            _to_api_destination(courier, target, payload, rule_arn)
        elif service == "events" and resource.startswith("event-bus/"):
            if forwarded:
                # Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
                raise DeliveryError("NOT_FORWARDED", "An event that came over another bus is not sent on to a third.")
            _to_bus(courier, target, event, rule_arn)
        elif service in senders:
            senders[service](courier, target, payload, rule_arn)
        else:
            raise DeliveryError("NOT_IMPLEMENTED", f"Pushproof does not deliver to targets of {service} ({arn})")
    except ClientError as error:
        raise _from_client(error) from error
    except AwsError as error:
        raise DeliveryError("NO_PERMISSIONS", error.message) from error


def _from_client(error: ClientError) -> DeliveryError:
    code = str(error.response["Error"].get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if "NotFound" in code or "NonExistent" in code:
        return DeliveryError("RESOURCE_NOT_FOUND", str(error))
    if "AccessDenied" in code or code == "AuthorizationError" or status == 403:
        return DeliveryError("NO_PERMISSIONS", str(error))
    return DeliveryError("SDK_CLIENT_ERROR", str(error), retriable=status >= 500 or "Throttl" in code)


def _admit(courier: Courier, action: str, resource: str, rule_arn: str) -> None:
    """Raise AwsError unless the resource's own policy admits EventBridge on behalf of this rule."""
    courier.permissions.require_service(PRINCIPAL, action, resource, source_arn=rule_arn, region=region_of(resource))


def _to_topic(courier: Courier, target: TargetOutputTypeDef, payload: str, rule_arn: str) -> None:
    arn = target["Arn"]
    if target.get("RoleArn"):
        region, credentials = _as_role(courier, target, rule_arn)
        courier.ground.client("sns", region=region, credentials=credentials).publish(TopicArn=arn, Message=payload)
        return
    sns = courier.ground.substrate.client("sns", region_of(arn))
    key = sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("KmsMasterKeyId", "")
    _admit(courier, "sns:Publish", arn, rule_arn)
    if key.endswith("alias/aws/sns"):
        raise DeliveryError(
            "NO_PERMISSIONS",
            f"{arn} is encrypted with the AWS managed key {key}, whose policy does not admit {PRINCIPAL}. "
            "Encrypt it with a customer managed key that does.",
        )
    courier.ground.client("sns", region=region_of(arn)).publish(TopicArn=arn, Message=payload)


def _to_function(courier: Courier, target: TargetOutputTypeDef, payload: str, rule_arn: str) -> None:
    """Invoke a function asynchronously: what it answers, or whether it fails, is its own affair."""
    arn = target["Arn"]
    region = region_of(arn)
    courier.ground.substrate.client("lambda", region).get_function_configuration(FunctionName=arn)
    if target.get("RoleArn"):
        _, credentials = _as_role(courier, target, rule_arn)
        client = courier.ground.client("lambda", region=region, credentials=credentials)
        client.invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode())
        return
    _admit(courier, "lambda:InvokeFunction", arn, rule_arn)
    courier.ground.client("lambda", region=region).invoke(
        FunctionName=arn, InvocationType="Event", Payload=payload.encode()
    )


def _to_queue(courier: Courier, target: TargetOutputTypeDef, payload: str, rule_arn: str) -> None:
    arn = target["Arn"]
    sqs = courier.ground.substrate.client("sqs", region_of(arn))
    url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    if target.get("RoleArn"):
        region, credentials = _as_role(courier, target, rule_arn)
        sqs = courier.ground.client("sqs", region=region, credentials=credentials)
    else:
        _admit(courier, "sqs:SendMessage", arn, rule_arn)
    message: SendMessageRequestTypeDef = {"QueueUrl": url, "MessageBody": payload}
    group = target.get("SqsParameters", {}).get("MessageGroupId")
    if group:
        message["MessageGroupId"] = group
    sqs.send_message(**message)


def _to_log_group(courier: Courier, target: TargetOutputTypeDef, payload: str, rule_arn: str) -> None:
    arn = target["Arn"].removesuffix(":*")
    group = arn.split(":log-group:", 1)[1]
    logs = courier.ground.substrate.client("logs", region_of(arn))
    stream = rule_arn.rsplit("/", 1)[1]
    _check_log_policies(courier, logs, f"{arn}:log-stream:{stream}", rule_arn)
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
    if all(candidate["logStreamName"] != stream for candidate in streams):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    at = int(courier.ground.clock.stamp(courier.ground.clock.now()).timestamp() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": at, "message": payload}])


def _check_log_policies(courier: Courier, logs: CloudWatchLogsClient, resource: str, rule_arn: str) -> None:
    """Check CloudWatch Logs' resource policies, which it keeps by account and region, not by log group."""
    if not courier.ground.settings.enforce_iam:
        return
    try:
        policies = [
            parse(policy["policyDocument"], Kind.RESOURCE, name=policy["policyName"])
            for policy in logs.describe_resource_policies().get("resourcePolicies", [])
        ]
    except PolicyError as error:
        raise DeliveryError(
            "NO_PERMISSIONS", f"A resource policy of CloudWatch Logs cannot be read: {error}"
        ) from error
    context = {"aws:SourceArn": rule_arn, "aws:SourceAccount": courier.ground.account_id}
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        question = request(
            service_principal(PRINCIPAL), action, resource, context, resource_account=courier.ground.account_id
        )
        decisions = [decide(question, Policies(resource=policy, resource_decides=True)) for policy in policies]
        denied = any(decision.effect is Effect.EXPLICIT_DENY for decision in decisions)
        if denied or not any(decision.allowed for decision in decisions):
            raise DeliveryError(
                "NO_PERMISSIONS",
                f"{PRINCIPAL} is not authorized to perform: {action} on resource: {resource}. "
                f"A resource policy of CloudWatch Logs must name the principal {PRINCIPAL}.",
            )


# Targets that need a role.


def _role_of(target: TargetOutputTypeDef) -> str:
    role = target.get("RoleArn")
    if not role:
        raise DeliveryError("NO_PERMISSIONS", f"The target {target['Arn']} has no RoleArn, which it needs")
    return str(role)


def _as_role(courier: Courier, target: TargetOutputTypeDef, rule_arn: str) -> tuple[str, Credentials]:
    """Return the target's region and its role's credentials, for a client with the role's permissions."""
    credentials = courier.permissions.assume(_role_of(target), courier.principal, "EventBridge", source_arn=rule_arn)
    return target["Arn"].split(":")[3], credentials


def _require(courier: Courier, target: TargetOutputTypeDef, action: str, rule_arn: str) -> None:
    """Raise AwsError unless the target's role may perform an action on the target that is no API call here."""
    credentials = courier.permissions.assume(_role_of(target), courier.principal, "EventBridge", source_arn=rule_arn)
    caller = courier.permissions.principal(credentials.access_key_id)
    courier.permissions.require(caller, action, target["Arn"], region=str(target["Arn"]).split(":")[3])


def _to_bus(courier: Courier, target: TargetOutputTypeDef, event: Envelope, rule_arn: str) -> None:
    """Put the event on another bus, unchanged. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html"""
    arn = str(target["Arn"])
    region, bus = region_of(arn), arn.split("/", 1)[1]
    courier.ground.substrate.client("events", region).describe_event_bus(Name=bus)
    _require(courier, target, "events:PutEvents", rule_arn)
    courier.forward(event, region=region, bus=bus)


def _to_pipeline(courier: Courier, target: TargetOutputTypeDef, payload: str, rule_arn: str) -> None:
    """Start a pipeline; an input transformer may name variables and source revisions.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECR.html (source overrides)
    """
    name = target["Arn"].rsplit(":", 1)[1]
    region, credentials = _as_role(courier, target, rule_arn)
    client = courier.ground.client("codepipeline", region=region, credentials=credentials)
    # Any other input, a text among them, starts the pipeline all the same.
    parameters = _object(payload) if payload.lstrip().startswith("{") else {}
    overrides = {member: parameters[member] for member in ("variables", "sourceRevisions") if member in parameters}
    client.start_pipeline_execution(name=name, **overrides)


def _to_build_project(courier: Courier, target: TargetOutputTypeDef, payload: str, rule_arn: str) -> None:
    """Start a build; the input overrides the project: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html"""
    region, credentials = _as_role(courier, target, rule_arn)
    client = courier.ground.client("codebuild", region=region, credentials=credentials)
    shape = client.meta.service_model.operation_model("StartBuild").input_shape
    members = getattr(shape, "members", {})
    parameters = _object(payload)
    overrides = {name: value for name, value in parameters.items() if name in members and name != "projectName"}
    client.start_build(projectName=target["Arn"].rsplit("/", 1)[1], **overrides)


def _to_cluster(courier: Courier, target: TargetOutputTypeDef, payload: str, rule_arn: str) -> None:
    """Run a task. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/tasks-scheduled-eventbridge-scheduler.html"""
    parameters: dict[str, Any] = {**target["EcsParameters"]}
    content = _object(payload)
    members = ("containerOverrides", "cpu", "memory", "executionRoleArn", "taskRoleArn", "ephemeralStorage")
    overrides = {name: content[name] for name in members if name in content}
    request: dict[str, Any] = {
        "cluster": target["Arn"],
        "taskDefinition": parameters.pop("TaskDefinitionArn"),
        "count": parameters.pop("TaskCount", 1),
        "startedBy": f"{_STARTERS[courier.principal]}/{rule_arn.rsplit('/', 1)[1]}"[:128],
        **{_lower(name): _lowered(value) for name, value in parameters.items()},
    }
    if overrides:
        request["overrides"] = overrides
    region, credentials = _as_role(courier, target, rule_arn)
    answer = courier.ground.client("ecs", region=region, credentials=credentials).run_task(**request)
    for failure in answer.get("failures") or ():
        raise DeliveryError("SDK_CLIENT_ERROR", f"{failure.get('arn', target['Arn'])}: {failure.get('reason')}")


def _object(payload: str) -> dict[str, Any]:
    content = json.loads(payload)
    return content if isinstance(content, dict) else {}


def _lower(name: str) -> str:
    return {"EnableECSManagedTags": "enableECSManagedTags"}.get(name, name[0].lower() + name[1:])


def _lowered(value: Any) -> Any:
    """Convert EventBridge's spelling of ECS's parameters to ECS's own."""
    if isinstance(value, dict):
        return {_lower(name): _lowered(member) for name, member in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def _to_api_destination(courier: Courier, target: TargetOutputTypeDef, payload: str, rule_arn: str) -> None:
    arn = target["Arn"]
    region = region_of(arn)
    events = courier.ground.substrate.client("events", region)
    destination = events.describe_api_destination(Name=arn.split("/")[1])
    connection = events.describe_connection(Name=destination["ConnectionArn"].split("/")[1])
    # This is no API operation, and so never passes the gateway.
    _require(courier, target, "events:InvokeApiDestination", rule_arn)
    headers, query, body = _authorised(courier, region, connection, payload)
    own = target.get("HttpParameters") or {}
    headers = {
        k: v for k, v in {**headers, **(own.get("HeaderParameters") or {})}.items() if k.lower() not in _OWN_HEADERS
    }
    query = {**query, **(own.get("QueryStringParameters") or {})}
    url = str(destination["InvocationEndpoint"])
    for value in own.get("PathParameterValues") or ():
        url = url.replace("*", quote(str(value), safe=""), 1)
    _call(destination["HttpMethod"], url, headers, query, body)


def _authorised(
    courier: Courier, region: str, connection: DescribeConnectionResponseTypeDef, payload: str
) -> tuple[dict[str, str], dict[str, str], str]:
    """Return headers, query and body with the connection's authorisation."""
    secrets = courier.ground.substrate.client("secretsmanager", region)
    secret = json.loads(secrets.get_secret_value(SecretId=connection["SecretArn"])["SecretString"])
    headers: dict[str, str] = {"Content-Type": "application/json; charset=utf-8"}
    kind = connection["AuthorizationType"]
    if kind == "API_KEY":
        headers[secret["api_key_name"]] = secret["api_key_value"]
    elif kind == "BASIC":
        pair = f"{secret['username']}:{secret['password']}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    else:
        raise DeliveryError("NOT_IMPLEMENTED", f"Pushproof does not authorise API destinations by {kind}")
    extra = (connection.get("AuthParameters") or {}).get("InvocationHttpParameters") or {}
    headers |= {item["Key"]: item["Value"] for item in extra.get("HeaderParameters") or ()}
    query = {item["Key"]: item["Value"] for item in extra.get("QueryStringParameters") or ()}
    body = payload
    members = {item["Key"]: item["Value"] for item in extra.get("BodyParameters") or ()}
    if members:
        document = json.loads(payload)
        if isinstance(document, dict):
            body = json.dumps({**document, **members})
    return headers, query, body


def _call(method: str, url: str, headers: dict[str, str], query: dict[str, str], body: str) -> None:
    headers = {"User-Agent": "Amazon/EventBridge/ApiDestinations", **headers}
    with requests.Session() as session:
        # The webhook's replacement is on this machine; a proxy of the environment does not apply.
        session.trust_env = False
        try:
            answer = session.request(
                method, url, headers=headers, params=query, data=body.encode(), timeout=API_DESTINATION_TIMEOUT
            )
        except requests.RequestException as error:
            raise DeliveryError("SDK_CLIENT_ERROR", f"{method} {url} failed: {error}", retriable=True) from error
    if answer.status_code >= 400:
        raise DeliveryError(
            "SDK_CLIENT_ERROR",
            f"{method} {url} answered {answer.status_code}: {answer.text[:200]}",
            retriable=answer.status_code >= 500 or answer.status_code in RETRIED_STATUSES,
        )
