"""Namespaces: creation, updates, descriptions, deletion; and the operations that say how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of
from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.names import NamespaceRecord

from .base import CloudMapBase, filtered, find_namespace, invalid, new_id, page
from .model import Directory, Namespace

if TYPE_CHECKING:
    from types_boto3_servicediscovery.literals import NamespaceTypeType
    from types_boto3_servicediscovery.type_defs import (
        PrivateDnsNamespaceChangeTypeDef,
        PublicDnsNamespaceChangeTypeDef,
        TagTypeDef,
    )

    from pushproof.emulator.kernel.shapes.servicediscovery import (
        CreateHttpNamespaceAnswer,
        CreateHttpNamespaceRequest,
        CreatePrivateDnsNamespaceAnswer,
        CreatePrivateDnsNamespaceRequest,
        CreatePublicDnsNamespaceAnswer,
        CreatePublicDnsNamespaceRequest,
        DeleteNamespaceAnswer,
        DeleteNamespaceRequest,
        GetNamespaceAnswer,
        GetNamespaceRequest,
        GetOperationAnswer,
        GetOperationRequest,
        ListNamespacesAnswer,
        ListNamespacesRequest,
        ListOperationsAnswer,
        ListOperationsRequest,
        UpdateHttpNamespaceAnswer,
        UpdateHttpNamespaceRequest,
        UpdatePrivateDnsNamespaceAnswer,
        UpdatePrivateDnsNamespaceRequest,
        UpdatePublicDnsNamespaceAnswer,
        UpdatePublicDnsNamespaceRequest,
    )


class NamespaceOperations(CloudMapBase):
    """https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-namespaces.html"""

    def create_http_namespace(
        self, context: RequestContext, request: CreateHttpNamespaceRequest
    ) -> CreateHttpNamespaceAnswer:
        return {"OperationId": self._create(context, "HTTP", request)}

    def create_private_dns_namespace(
        self, context: RequestContext, request: CreatePrivateDnsNamespaceRequest
    ) -> CreatePrivateDnsNamespaceAnswer:
        return {"OperationId": self._create(context, "DNS_PRIVATE", request, vpc_id=request["Vpc"], ttl=_ttl(request))}

    def create_public_dns_namespace(
        self, context: RequestContext, request: CreatePublicDnsNamespaceRequest
    ) -> CreatePublicDnsNamespaceAnswer:
        return {"OperationId": self._create(context, "DNS_PUBLIC", request, ttl=_ttl(request))}

    def get_namespace(self, context: RequestContext, request: GetNamespaceRequest) -> GetNamespaceAnswer:
        directory = self.directory_of(context)
        namespace = find_namespace(directory, request["Id"])
        services = len(directory.services_of(namespace))
        return {"Namespace": namespace.describe(self.site.clock, context.account_id, services)}

    def list_namespaces(self, context: RequestContext, request: ListNamespacesRequest) -> ListNamespacesAnswer:
        chosen = filtered(
            self.directory_of(context).namespaces.values(),
            request.get("Filters", []),
            {
                "NAME": lambda namespace: namespace.name,
                "TYPE": lambda namespace: namespace.type,
                "HTTP_NAME": lambda namespace: namespace.http_name,
                "RESOURCE_OWNER": lambda _: "SELF",
            },
        )
        shown, more = page(chosen, request)
        return {"Namespaces": [each.summary(self.site.clock, context.account_id) for each in shown], **more}

    def delete_namespace(self, context: RequestContext, request: DeleteNamespaceRequest) -> DeleteNamespaceAnswer:
        directory = self.directory_of(context)
        namespace = find_namespace(directory, request["Id"])
        if directory.services_of(namespace):
            raise AwsError("ResourceInUse", "The namespace has services; delete the services before the namespace.")
        del directory.namespaces[namespace.id]
        if namespace.hosted_zone_id:
            self.site.substrate.client("route53", context.region).delete_hosted_zone(Id=namespace.hosted_zone_id)
        self.changed()
        return {"OperationId": self.done(directory, "DELETE_NAMESPACE", "NAMESPACE", namespace.id).id}

    def update_http_namespace(
        self, context: RequestContext, request: UpdateHttpNamespaceRequest
    ) -> UpdateHttpNamespaceAnswer:
        return {"OperationId": self._update(context, request["Id"], request["Namespace"]["Description"], None)}

    def update_private_dns_namespace(
        self, context: RequestContext, request: UpdatePrivateDnsNamespaceRequest
    ) -> UpdatePrivateDnsNamespaceAnswer:
        change = request["Namespace"]
        return {"OperationId": self._update(context, request["Id"], change.get("Description"), _ttl(change))}

    def update_public_dns_namespace(
        self, context: RequestContext, request: UpdatePublicDnsNamespaceRequest
    ) -> UpdatePublicDnsNamespaceAnswer:
        change = request["Namespace"]
        return {"OperationId": self._update(context, request["Id"], change.get("Description"), _ttl(change))}

    def get_operation(self, context: RequestContext, request: GetOperationRequest) -> GetOperationAnswer:
        operation = self.directory_of(context).operations.get(request["OperationId"])
        if operation is None:
            raise AwsError("OperationNotFound", request["OperationId"])
        return {"Operation": operation.describe(self.site.clock, context.account_id)}

    def list_operations(self, context: RequestContext, request: ListOperationsRequest) -> ListOperationsAnswer:
        chosen = filtered(
            self.directory_of(context).operations.values(),
            request.get("Filters", []),
            {
                "NAMESPACE_ID": lambda operation: operation.targets.get("NAMESPACE", ""),
                "SERVICE_ID": lambda operation: operation.targets.get("SERVICE", ""),
                "STATUS": lambda operation: operation.status,
                "TYPE": lambda operation: operation.type,
            },
        )
        shown, more = page(chosen, request)
        return {"Operations": [{"Id": each.id, "Status": each.status} for each in shown], **more}

    # Calls from other parts of the plane.

    def namespace(self, region: str, reference: str) -> NamespaceRecord | None:
        """Return a namespace by its ARN or name; None if there is none."""
        namespaces = self.directory(self.site.account_id, region).namespaces.values()
        match = next((each for each in namespaces if reference in (each.arn, each.name)), None)
        return NamespaceRecord(match.arn, match.name) if match is not None else None

    def http_namespace(self, region: str, name: str) -> str:
        """Return the ARN of the namespace of a name, which is created first if there is none."""
        directory = self.directory(self.site.account_id, region)
        known = self.namespace(region, name)
        return known.arn if known is not None else self._new(directory, "HTTP", name).arn

    # Inside ---------------------------------------------------------------------------------------------------

    def _create(
        self,
        context: RequestContext,
        kind: NamespaceTypeType,
        request: CreateHttpNamespaceRequest | CreatePrivateDnsNamespaceRequest | CreatePublicDnsNamespaceRequest,
        *,
        vpc_id: str = "",
        ttl: int | None = None,
    ) -> str:
        """Create a namespace. Return the id of the operation, which has failed if Route 53 refuses the hosted zone."""
        directory, name = self.directory_of(context), request["Name"]
        token = request.get("CreatorRequestId", "")
        for other in directory.namespaces.values():
            # A private name can be used in several VPCs: each has a hosted zone of its own.
            if other.name == name and other.type == kind and (kind != "DNS_PRIVATE" or other.vpc_id == vpc_id):
                raise AwsError(
                    "NamespaceAlreadyExists",
                    f"The namespace {name} already exists.",
                    NamespaceId=other.id,
                    CreatorRequestId=other.creator_request_id,
                )
        zone = ""
        if kind != "HTTP":
            try:
                zone = self._hosted_zone(context.region, name, vpc_id)
            except ClientError as error:
                failed = self.done(directory, "CREATE_NAMESPACE", "NAMESPACE", "")
                failed.status = "FAIL"
                failed.error = ("CANNOT_CREATE_HOSTED_ZONE", error.response["Error"]["Message"])
                return failed.id
        namespace = self._new(directory, kind, name, request.get("Tags"))
        namespace.creator_request_id, namespace.description = token, request.get("Description")
        namespace.vpc_id, namespace.hosted_zone_id = vpc_id, zone
        namespace.soa_ttl = namespace.soa_ttl if ttl is None else ttl
        return self.done(directory, "CREATE_NAMESPACE", "NAMESPACE", namespace.id).id

    def _new(
        self, directory: Directory, kind: NamespaceTypeType, name: str, tags: list[TagTypeDef] | None = None
    ) -> Namespace:
        identifier = new_id("ns-")
        taken = any(other.http_name == name for other in directory.namespaces.values())
        namespace = Namespace(
            identifier,
            arn_of(self.name, f"namespace/{identifier}", region=directory.region, account=directory.account_id),
            name,
            kind,
            self.site.clock.now(),
            f"{name}-{identifier.removeprefix('ns-')}" if taken else name,
            tags=tag_map(tags),
        )
        directory.namespaces[identifier] = namespace
        return namespace

    def _hosted_zone(self, region: str, name: str, vpc_id: str) -> str:
        """Create the hosted zone of a namespace, and return its id. Raises ClientError."""
        client, token = self.site.substrate.client("route53", region), new_id("cloud-map-")
        if not vpc_id:
            zone = client.create_hosted_zone(Name=name, CallerReference=token)
        else:
            self.site.substrate.client("ec2", region).describe_vpcs(VpcIds=[vpc_id])
            zone = client.create_hosted_zone(
                Name=name,
                CallerReference=token,
                VPC={"VPCRegion": region, "VPCId": vpc_id},  # type: ignore[typeddict-item]
                HostedZoneConfig={"Comment": "Created by AWS Cloud Map", "PrivateZone": True},
            )
        return str(zone["HostedZone"]["Id"]).rpartition("/")[2]

    def _update(self, context: RequestContext, reference: str, description: str | None, ttl: int | None) -> str:
        directory = self.directory_of(context)
        namespace = find_namespace(directory, reference)
        if description is None and ttl is None:
            raise invalid("An update changes the description, the TTL, or both.")
        if description is not None:
            namespace.description = description
        if ttl is not None:
            namespace.soa_ttl = ttl
        return self.done(directory, "UPDATE_NAMESPACE", "NAMESPACE", namespace.id).id


def _ttl(
    document: CreatePrivateDnsNamespaceRequest
    | CreatePublicDnsNamespaceRequest
    | PrivateDnsNamespaceChangeTypeDef
    | PublicDnsNamespaceChangeTypeDef,
) -> int | None:
    """Return the TTL that a request sets; None if it sets none."""
    properties = document.get("Properties")
    return properties["DnsProperties"]["SOA"]["TTL"] if properties else None
