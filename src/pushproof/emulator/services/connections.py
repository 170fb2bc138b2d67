"""CodeConnections, under its old and its new name.

A connection created by an API, the CLI or Terraform starts as PENDING; only a person's handshake in the console makes it AVAILABLE.
Source: https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html and
https://docs.aws.amazon.com/codestar-connections/latest/APIReference/API_Connection.html
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pushproof.aws.arns import arn_of, region_of
from pushproof.aws.tags import Rule, broken_rule, pascal_tags, tag_map, tag_pairs
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import PascalMore, PascalPaged, pascal_page
from pushproof.emulator.services import Service

if TYPE_CHECKING:
    from types_boto3_codeconnections.literals import ConnectionStatusType, ProviderTypeType
    from types_boto3_codeconnections.type_defs import (
        ConnectionTypeDef,
        HostTypeDef,
        TagTypeDef,
        VpcConfigurationOutputTypeDef,
    )

    from pushproof.emulator.kernel.shapes.codeconnections import (
        CreateConnectionAnswer,
        CreateConnectionRequest,
        CreateHostAnswer,
        CreateHostRequest,
        DeleteConnectionAnswer,
        DeleteConnectionRequest,
        DeleteHostAnswer,
        DeleteHostRequest,
        GetConnectionAnswer,
        GetConnectionRequest,
        GetHostAnswer,
        GetHostRequest,
        ListConnectionsAnswer,
        ListConnectionsRequest,
        ListHostsAnswer,
        ListHostsRequest,
        ListTagsForResourceAnswer,
        ListTagsForResourceRequest,
        TagResourceAnswer,
        TagResourceRequest,
        UntagResourceAnswer,
        UntagResourceRequest,
    )
    from pushproof.emulator.kernel.site import Site

# : Providers that customers install themselves, and that are reached through a host.
_INSTALLED = ("GitHubEnterpriseServer", "GitLabSelfManaged")
_MOST_TAGS = 200
_Shown = TypeVar("_Shown")


@dataclass(slots=True)
class Connection:
    """A connection; `status` is PENDING, AVAILABLE or ERROR."""

    arn: str
    name: str
    provider_type: ProviderTypeType | None
    account_id: str
    status: ConnectionStatusType = "PENDING"
    host_arn: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def describe(self) -> ConnectionTypeDef:
        """Return the connection as the API shows it."""
        shown: ConnectionTypeDef = {
            "ConnectionName": self.name,
            "ConnectionArn": self.arn,
            "OwnerAccountId": self.account_id,
            "ConnectionStatus": self.status,
        }
        if self.provider_type is not None:
            shown["ProviderType"] = self.provider_type
        if self.host_arn is not None:
            shown["HostArn"] = self.host_arn
        return shown


@dataclass(slots=True)
class Host:
    """A host for an installed provider (GitHub Enterprise Server, GitLab self-managed)."""

    arn: str
    name: str
    provider_type: ProviderTypeType
    endpoint: str
    status: str = "PENDING"
    vpc: VpcConfigurationOutputTypeDef | None = None
    tags: dict[str, str] = field(default_factory=dict)


class ConnectionsService(Service):
    """Connections and hosts. Both service names see the same ones; ARNs keep the prefix of their creation."""

    def __init__(self, site: Site, name: str, *, other: ConnectionsService | None = None) -> None:
        """Set up. `other` is the same service under its other name."""
        super().__init__(site, name)
        self.connections: dict[str, Connection] = other.connections if other else {}
        self.hosts: dict[str, Host] = other.hosts if other else {}

    # Calls from other parts of the plane.

    def find(self, arn: str) -> Connection | None:
        """Return a connection by either spelling of its ARN."""
        identity = _identity(arn)
        return next((c for c in self.connections.values() if _identity(c.arn) == identity), None)

    def authorise(self, arn: str) -> Connection:
        """Complete a connection's handshake, as a person does in the console. Raises AwsError if there is no such connection."""
        connection = self._connection(arn)
        connection.status = "AVAILABLE"
        return connection

    # The API.

    def create_connection(self, context: RequestContext, request: CreateConnectionRequest) -> CreateConnectionAnswer:
        name = request["ConnectionName"]
        provider, host = request.get("ProviderType"), request.get("HostArn")
        if provider is None and host is None:
            raise AwsError("ValidationException", "Either ProviderType or HostArn must be given.")
        if provider is not None and host is not None:
            raise AwsError("ValidationException", "ProviderType and HostArn cannot be given together.")
        if provider in _INSTALLED:
            raise AwsError("ValidationException", f"A connection to {provider} needs the HostArn of its host.")
        if host is not None:
            self._host(context, host)
        tags = _take_tags({}, request.get("Tags", []))
        arn = arn_of(self.name, f"connection/{uuid.uuid4()}", region=context.region, account=context.account_id)
        provider = provider or (self.hosts[host].provider_type if host else None)
        connection = Connection(arn, name, provider, context.account_id, host_arn=host)
        connection.tags.update(tags)
        self.connections[arn] = connection
        return {"ConnectionArn": arn, "Tags": pascal_tags(connection.tags)}

    def get_connection(self, context: RequestContext, request: GetConnectionRequest) -> GetConnectionAnswer:
        return {"Connection": self._connection(request["ConnectionArn"], context).describe()}

    def list_connections(self, context: RequestContext, request: ListConnectionsRequest) -> ListConnectionsAnswer:
        chosen = [
            c.describe()
            for c in self.connections.values()
            if f":{context.region}:" in c.arn
            and request.get("ProviderTypeFilter") in (None, c.provider_type)
            and request.get("HostArnFilter") in (None, c.host_arn)
        ]
        page, more = _page(chosen, request)
        return {"Connections": page, **more}

    def delete_connection(self, context: RequestContext, request: DeleteConnectionRequest) -> DeleteConnectionAnswer:
        del self.connections[self._connection(request["ConnectionArn"], context).arn]
        return {}

    def create_host(self, context: RequestContext, request: CreateHostRequest) -> CreateHostAnswer:
        if request["ProviderType"] not in _INSTALLED:
            raise AwsError(
                "ValidationException",
                f"A host is of a provider that is installed, {' or '.join(_INSTALLED)}: "
                f"{request['ProviderType']} is not.",
            )
        tags = _take_tags({}, request.get("Tags", []))
        arn = arn_of(
            self.name,
            f"host/{request['Name']}/{uuid.uuid4().hex[:8]}",
            region=context.region,
            account=context.account_id,
        )
        host = Host(
            arn,
            request["Name"],
            request["ProviderType"],
            request["ProviderEndpoint"],
            vpc=request.get("VpcConfiguration"),
        )
        host.tags.update(tags)
        self.hosts[arn] = host
        return {"HostArn": arn, "Tags": pascal_tags(host.tags)}

    def get_host(self, context: RequestContext, request: GetHostRequest) -> GetHostAnswer:
        host = self._host(context, request["HostArn"])
        shown: GetHostAnswer = {
            "Name": host.name,
            "Status": host.status,
            "ProviderType": host.provider_type,
            "ProviderEndpoint": host.endpoint,
        }
        if host.vpc:
            shown["VpcConfiguration"] = host.vpc
        return shown

    def list_hosts(self, context: RequestContext, request: ListHostsRequest) -> ListHostsAnswer:
        hosts: list[HostTypeDef] = [
            {
                "Name": host.name,
                "HostArn": host.arn,
                "ProviderType": host.provider_type,
                "ProviderEndpoint": host.endpoint,
                "Status": host.status,
            }
            for host in self.hosts.values()
            if f":{context.region}:" in host.arn
        ]
        page, more = _page(hosts, request)
        return {"Hosts": page, **more}

    def delete_host(self, context: RequestContext, request: DeleteHostRequest) -> DeleteHostAnswer:
        host = self._host(context, request["HostArn"])
        if any(c.host_arn == host.arn for c in self.connections.values()):
            raise AwsError("ResourceUnavailableException", "The host has connections; delete them first.")
        del self.hosts[host.arn]
        return {}

    def list_tags_for_resource(
        self, context: RequestContext, request: ListTagsForResourceRequest
    ) -> ListTagsForResourceAnswer:
        return {"Tags": pascal_tags(self._tagged(context, request["ResourceArn"]).tags)}

    def tag_resource(self, context: RequestContext, request: TagResourceRequest) -> TagResourceAnswer:
        _take_tags(self._tagged(context, request["ResourceArn"]).tags, request["Tags"])
        return {}

    def untag_resource(self, context: RequestContext, request: UntagResourceRequest) -> UntagResourceAnswer:
        tags = self._tagged(context, request["ResourceArn"]).tags
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _connection(self, arn: str, context: RequestContext | None = None) -> Connection:
        connection = self.find(arn)
        if connection is None or (context is not None and region_of(connection.arn) != context.region):
            raise AwsError("ResourceNotFoundException", f"Connection {arn} not found")
        return connection

    def _host(self, context: RequestContext, arn: str) -> Host:
        if arn not in self.hosts or region_of(arn) != context.region:
            raise AwsError("ResourceNotFoundException", f"Host {arn} not found")
        return self.hosts[arn]

    def _tagged(self, context: RequestContext, arn: str) -> Connection | Host:
        return self._host(context, arn) if ":host/" in arn else self._connection(arn, context)


def _identity(arn: str) -> str:
    """Return an ARN without its service prefix: both prefixes name the same connection."""
    return re.sub(r"^arn:([^:]+):(codestar-connections|codeconnections):", r"arn:\1:connections:", arn)


def _take_tags(tags: dict[str, str], added: list[TagTypeDef]) -> dict[str, str]:
    """Add a request's tags to a resource's, or refuse them all. Return the resource's. Raises AwsError."""
    broken = broken_rule(tag_pairs(added), present=tags, most=_MOST_TAGS)
    if broken is not None:
        code = "LimitExceededException" if broken.rule is Rule.NUMBER else "ValidationException"
        raise AwsError(code, broken.text)
    tags.update(tag_map(added))
    return tags


def _page(items: list[_Shown], request: PascalPaged) -> tuple[list[_Shown], PascalMore]:
    refusal = AwsError("ValidationException", f"The next token {request.get('NextToken')} is not valid.")
    return pascal_page(items, request, refusal, size=request.get("MaxResults"))
