"""EventBridge's own API, where the substrate would decide otherwise than EventBridge: what is valid, and PutEvents.

Rules and targets themselves stay in the substrate. Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services import Service
from pushproof.engines.events import (
    InvalidEventPattern,
    InvalidInputTransformer,
    compile_pattern,
    compile_transformer,
)

if TYPE_CHECKING:
    from pushproof.emulator.world import World


class EventsService(Service):
    """Checks patterns and transformers before the substrate stores them; puts events on the world's bus."""

    overlay: ClassVar[bool] = True

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        # By region and name: LocalStack keeps no description of a connection, and Terraform would write it again on every plan.
        self._descriptions: dict[tuple[str, str], str | None] = {}

    def create_connection(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        if (context.region, request["Name"]) in self._descriptions:
            # moto would put the new one in its place, and leave the old one's secret behind for good.
            raise AwsError("ResourceAlreadyExistsException", f"Connection {request['Name']} already exists.")
        answer = self._pass_on(context, "create_connection", request)
        self._descriptions[context.region, request["Name"]] = request.get("Description")
        return answer

    def update_connection(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._pass_on(context, "update_connection", request)
        self._descriptions[context.region, request["Name"]] = request.get("Description")
        return answer

    def describe_connection(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._pass_on(context, "describe_connection", request)
        description = self._descriptions.get((context.region, request["Name"]))
        return {"Description": description, **answer} if description else answer

    def delete_connection(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._pass_on(context, "delete_connection", request)
        self._descriptions.pop((context.region, request["Name"]), None)
        return answer

    def put_rule(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("EventPattern"):
            _compiled(request["EventPattern"])
        return self._pass_on(context, "put_rule", request)

    def put_targets(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        for target in request["Targets"]:
            transformer = target.get("InputTransformer")
            if transformer is None:
                continue
            try:
                compile_transformer(transformer.get("InputPathsMap") or {}, transformer["InputTemplate"])
            except InvalidInputTransformer as error:
                raise AwsError("ValidationException", error.answer(target["Id"])) from error
        return self._pass_on(context, "put_targets", request)

    def test_event_pattern(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        try:
            event = json.loads(request["Event"])
        except ValueError as error:
            raise AwsError("ValidationException", f"Parameter Event is not valid JSON: {error}") from error
        if not isinstance(event, dict):
            raise AwsError("ValidationException", "Parameter Event is not valid. Reason: it is not an object.")
        return {"Result": _compiled(request["EventPattern"]).matches(event)}

    def put_events(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        entries = request["Entries"]
        if len(entries) > 10:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value of length {len(entries)} at 'entries' failed to satisfy constraint: "
                "Member must have length less than or equal to 10",
            )
        answers = [self._put(context, entry) for entry in entries]
        return {"FailedEntryCount": sum(1 for answer in answers if "ErrorCode" in answer), "Entries": answers}

    def _put(self, context: RequestContext, entry: dict[str, Any]) -> dict[str, Any]:
        for member in ("Source", "DetailType", "Detail"):
            if not entry.get(member):
                reason = f"Parameter {member} is not valid. Reason: {member} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
        if entry["Source"].startswith("aws."):
            reason = "Source 'aws.*' is reserved for AWS services"
            return {
                "ErrorCode": "NotAuthorizedForSourceException",
                "ErrorMessage": f"Not authorized for the source. {reason}",
            }
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        at = entry.get("Time") or self.world.clock.stamp(self.world.clock.now())
        envelope = self.world.bus.put(
            entry["Source"],
            entry["DetailType"],
            detail,
            resources=list(entry.get("Resources") or ()),
            region=context.region,
            time=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            bus=entry.get("EventBusName", "default").rsplit("/", 1)[-1],
        )
        return {"EventId": envelope["id"]}

    def _pass_on(self, context: RequestContext, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        client = self.world.substrate.client("events", context.region)
        try:
            answer: dict[str, Any] = getattr(client, operation)(**request)
        except ClientError as error:
            detail = error.response["Error"]
            raise AwsError(detail["Code"], detail["Message"]) from error
        answer.pop("ResponseMetadata", None)
        return answer


def _compiled(pattern: str) -> Any:
    try:
        return compile_pattern(pattern)
    except InvalidEventPattern as error:
        raise AwsError("InvalidEventPatternException", error.message) from error
