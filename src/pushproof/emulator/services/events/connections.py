"""Connections and API destinations: the refusals of CreateConnection and CreateApiDestination.

Sources: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateConnection.html , API_CreateApiDestination.html;
texts measured by https://github.com/badmintoncryer/cdk-preflight (rules/events) and recorded by
https://github.com/localstack/localstack (tests/aws/services/events).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pushproof.aws.arns import region_of
from pushproof.base.addresses import is_local
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.events.base import EventsBase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushproof.emulator.kernel.shapes.events import (
        CreateApiDestinationAnswer,
        CreateApiDestinationRequest,
        CreateConnectionAnswer,
        CreateConnectionRequest,
        DeleteConnectionAnswer,
        DeleteConnectionRequest,
        DescribeConnectionAnswer,
        DescribeConnectionRequest,
        UpdateApiDestinationAnswer,
        UpdateApiDestinationRequest,
        UpdateConnectionAnswer,
        UpdateConnectionRequest,
    )
    from pushproof.emulator.kernel.site import Site

_PARAMETERS = {
    "BASIC": ("BasicAuthParameters", ("Username", "Password")),
    "API_KEY": ("ApiKeyAuthParameters", ("ApiKeyName", "ApiKeyValue")),
    "OAUTH_CLIENT_CREDENTIALS": ("OAuthParameters", ("ClientParameters", "AuthorizationEndpoint", "HttpMethod")),
}


class Connections(EventsBase):
    """Operations of connections and API destinations."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        # By region and name: LocalStack keeps no description of a connection, and Terraform would write it again on every plan.
        self._descriptions: dict[tuple[str, str], str | None] = {}

    def create_connection(self, context: RequestContext, request: CreateConnectionRequest) -> CreateConnectionAnswer:
        _check_authorisation(request, complete=True)
        if (context.region, request["Name"]) in self._descriptions:
            # moto would replace the connection of that name, and leave the old one's secret behind for good.
            raise AwsError("ResourceAlreadyExistsException", f"Connection {request['Name']} already exists.")
        answer: CreateConnectionAnswer = self.pass_on(context, "create_connection", request)
        self._descriptions[context.region, request["Name"]] = request.get("Description")
        return answer

    def update_connection(self, context: RequestContext, request: UpdateConnectionRequest) -> UpdateConnectionAnswer:
        _check_authorisation(request, complete=False)
        answer: UpdateConnectionAnswer = self.pass_on(context, "update_connection", request)
        self._descriptions[context.region, request["Name"]] = request.get("Description")
        return answer

    def describe_connection(
        self, context: RequestContext, request: DescribeConnectionRequest
    ) -> DescribeConnectionAnswer:
        answer: DescribeConnectionAnswer = self._known(context, "describe_connection", request)
        description = self._descriptions.get((context.region, request["Name"]))
        if description:
            answer.setdefault("Description", description)
        return answer

    def delete_connection(self, context: RequestContext, request: DeleteConnectionRequest) -> DeleteConnectionAnswer:
        answer: DeleteConnectionAnswer = self._known(context, "delete_connection", request)
        self._descriptions.pop((context.region, request["Name"]), None)
        return answer

    def _known(self, context: RequestContext, operation: str, request: Mapping[str, object]) -> Any:
        try:
            return self.pass_on(context, operation, request)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            what = "describe" if operation == "describe_connection" else "delete"
            message = f"Failed to {what} the connection(s). Connection '{request['Name']}' does not exist."
            raise AwsError(error.code, message) from error

    def create_api_destination(
        self, context: RequestContext, request: CreateApiDestinationRequest
    ) -> CreateApiDestinationAnswer:
        name = request["Name"]
        self._check_destination(context, request)
        try:
            self.pass_on(context, "describe_api_destination", {"Name": name})
        except AwsError:
            answer: CreateApiDestinationAnswer = self.pass_on(context, "create_api_destination", request)
            return answer
        # moto would replace the destination of that name.
        raise AwsError("ResourceAlreadyExistsException", f"An api-destination '{name}' already exists.")

    def update_api_destination(
        self, context: RequestContext, request: UpdateApiDestinationRequest
    ) -> UpdateApiDestinationAnswer:
        self._check_destination(context, request)
        answer: UpdateApiDestinationAnswer = self.pass_on(context, "update_api_destination", request)
        return answer

    def _check_destination(
        self, context: RequestContext, request: CreateApiDestinationRequest | UpdateApiDestinationRequest
    ) -> None:
        endpoint, arn = request.get("InvocationEndpoint"), request.get("ConnectionArn")
        if endpoint is not None and not _may_be_called(endpoint):
            raise AwsError(
                "ValidationException",
                f"Parameter InvocationEndpoint is not valid. Reason: Endpoint '{endpoint}' is not valid.",
            )
        if arn is None:
            return
        if region_of(arn) != context.region:
            raise AwsError("ValidationException", f"Invalid ARN: '{arn}'")
        name = arn.split("/")[1]
        connection: DescribeConnectionAnswer = self._known(context, "describe_connection", {"Name": name})
        if connection["ConnectionArn"] != arn:
            raise AwsError(
                "ResourceNotFoundException",
                f"Failed to describe the connection(s). Connection '{name}' does not exist.",
            )


def _check_authorisation(request: CreateConnectionRequest | UpdateConnectionRequest, *, complete: bool) -> None:
    kind, parameters = request.get("AuthorizationType"), request.get("AuthParameters", {})
    if kind is None or (not complete and "AuthParameters" not in request):
        return
    block, members = _PARAMETERS[kind]
    blocks: dict[str, Mapping[str, object] | None] = {
        "BasicAuthParameters": parameters.get("BasicAuthParameters"),
        "ApiKeyAuthParameters": parameters.get("ApiKeyAuthParameters"),
        "OAuthParameters": parameters.get("OAuthParameters"),
    }
    credentials = blocks[block]
    if credentials is None or (complete and not all(credentials.get(member) for member in members)):
        raise AwsError("ValidationException", f"Parameter {block} is not valid. Reason: Missing required field(s).")
    endpoint = credentials.get("AuthorizationEndpoint")
    if endpoint is not None and not str(endpoint).startswith("https://"):
        raise AwsError(
            "ValidationException",
            f"Parameter AuthorizationEndpoint is not valid. Reason: Endpoint '{endpoint}' is not valid.",
        )


def _may_be_called(endpoint: str) -> bool:
    """Return whether an endpoint may be called: by HTTPS, as on AWS; by plain HTTP on this machine only."""
    parts = urlsplit(endpoint)
    return parts.scheme == "https" or (parts.scheme == "http" and is_local(parts.hostname or ""))
