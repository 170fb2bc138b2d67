"""Refusals of IAM that the substrate lacks: invalid names, references to missing things, conflicts, quotas.

Source: the errors of https://docs.aws.amazon.com/IAM/latest/APIReference/, operation by operation;
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. The sentences are as recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import ClientError
from cryptography import x509

from pushproof.aws.arns import arn_of_role
from pushproof.emulator.access.attachments import as_text
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from pushproof.emulator.access.attachments import Attachments
    from pushproof.emulator.kernel.site import Site

Request = dict[str, Any]

_MOST_ATTACHED = 10
_MOST_GROUPS = 10
_MANAGED_SIZE = 6144
_TRUST_SIZE = 2048
_INLINE_SIZE = {"user": 2048, "group": 5120, "role": 10240}
_ACCOUNT_POLICY = re.compile(r"arn:[^:]+:iam::\d{12}:policy/.+")
# Operations that are allowed on a service-linked role.
_ALLOWED_ON_LINKED = frozenset(
    {
        "GetRole",
        "GetRolePolicy",
        "UpdateRole",
        "UpdateRoleDescription",
        "TagRole",
        "UntagRole",
        "DeleteServiceLinkedRole",
    }
)


class Refusals:
    """Checks before the substrate acts: for each operation with more to check than its names, a method of its name."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments

    def check(self, context: RequestContext, request: Request) -> None:
        """Raise AwsError for a request that IAM would refuse."""
        operation = context.operation
        if "RoleName" in request and operation not in ("CreateRole", "CreateServiceLinkedRole"):
            self._role(operation, str(request["RoleName"]))
        for part in ("PolicyArn", "PermissionsBoundary"):
            if part in request:
                self._policy_arn(operation, part, str(request[part]))
        check: Callable[[Request], None] | None = getattr(self, xform_name(operation), None)
        if check is not None:
            check(request)

    # Roles.

    def _role(self, operation: str, name: str) -> None:
        arn = self._attachments.real_arn(arn_of_role(self._site.account_id, name), self._site.region)
        if arn is None:
            raise _no_entity(f"The role with name {name} cannot be found.")
        if (
            ":role/aws-service-role/" in arn
            and operation not in _ALLOWED_ON_LINKED
            and not operation.startswith("List")
        ):
            raise AwsError(
                "UnmodifiableEntity",
                f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
                400,
            )

    def create_role(self, request: Request) -> None:
        self._trust_size(str(request.get("AssumeRolePolicyDocument", "")))

    def update_assume_role_policy(self, request: Request) -> None:
        self._trust_size(str(request.get("PolicyDocument", "")))

    def _trust_size(self, document: str) -> None:
        # Recorded: a compact document of 2,114 characters passes, one of 2,633 does not; IAM counts fewer characters than the text
        # has.
        if len(_spaceless(document).replace('"', "")) > _TRUST_SIZE:
            raise _quota(f"ACLSizePerRole: {_TRUST_SIZE}")

    def create_service_linked_role(self, request: Request) -> None:
        service, suffix = request.get("AWSServiceName"), request.get("CustomSuffix")
        made = self._ask("list_roles", PathPrefix=f"/aws-service-role/{service}/") or {}
        for role in made.get("Roles", ()):
            if not suffix or role["RoleName"].endswith(f"_{suffix}"):
                raise AwsError(
                    "InvalidInput",
                    f"Service role name {role['RoleName']} has been taken in this account, please try a different "
                    f"suffix.",
                    400,
                )

    def delete_service_linked_role(self, request: Request) -> None:
        name = str(request.get("RoleName"))
        role = (self._ask("get_role", RoleName=name) or {}).get("Role", {})
        if not str(role.get("Path", "")).startswith("/aws-service-role/"):
            raise _no_entity(f"The role with name {name} cannot be found.")

    def remove_role_from_instance_profile(self, request: Request) -> None:
        profile = self._ask("get_instance_profile", InstanceProfileName=request.get("InstanceProfileName"))
        roles = [role["RoleName"] for role in (profile or {}).get("InstanceProfile", {}).get("Roles", ())]
        if profile is not None and request.get("RoleName") not in roles:
            raise _no_entity(f"The role with name {request.get('RoleName')} cannot be found.")

    # Policies.

    def _policy_arn(self, operation: str, part: str, arn: str) -> None:
        if not arn.startswith("arn:"):
            raise AwsError("ValidationError", "Invalid ARN:  Could not be parsed!", 400)
        attaching = operation.startswith("Attach")
        if not attaching and part == "PolicyArn" and operation != "DeletePolicy":
            return
        if self._ask("get_policy", PolicyArn=arn) is not None:
            return
        if part == "PermissionsBoundary":
            raise _no_entity(f"Scope ARN: {arn} does not exist or is not attachable.")
        if attaching:
            raise _no_entity(f"Policy {arn} does not exist or is not attachable.")
        raise _no_entity(f"Policy {arn} was not found.")

    def upload_server_certificate(self, request: Request) -> None:
        try:
            x509.load_pem_x509_certificate(str(request["CertificateBody"]).encode())
        except ValueError as error:
            words = "Unable to parse certificate. Please ensure the certificate is in PEM format."
            raise AwsError("MalformedCertificate", words, 400) from error

    def create_policy(self, request: Request) -> None:
        if len(_spaceless(str(request.get("PolicyDocument", "")))) > _MANAGED_SIZE:
            raise _quota(f"PolicySize: {_MANAGED_SIZE}")

    create_policy_version = create_policy

    def delete_policy(self, request: Request) -> None:
        arn = str(request["PolicyArn"])
        if not _ACCOUNT_POLICY.fullmatch(arn):
            raise _no_entity(f"Policy {arn} is outside your own account.")
        if any(self._entities(arn)):
            raise _conflict("Cannot delete a policy attached to entities.")
        versions = (self._ask("list_policy_versions", PolicyArn=arn) or {}).get("Versions", ())
        if len(versions) > 1:
            raise _conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. "
                "The default version is deleted with the policy."
            )

    def _entities(self, arn: str) -> Iterator[object]:
        """Yield every entity that a policy is attached to, or bounds."""
        attached = self._ask("list_entities_for_policy", PolicyArn=arn) or {}
        for sort in ("PolicyRoles", "PolicyUsers", "PolicyGroups"):
            yield from attached.get(sort, ())
        # Neither ListRoles nor ListUsers shows boundaries.
        for sort in ("role", "user"):
            kind, name = sort.capitalize(), f"{sort.capitalize()}Name"
            for entity in (self._ask(f"list_{sort}s") or {}).get(f"{kind}s", ()):
                boundary = (self._ask(f"get_{sort}", **{name: entity[name]}) or {}).get(kind, {})
                if (boundary.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") == arn:
                    yield entity

    def attach_role_policy(self, request: Request) -> None:
        self._attach("role", request)

    def attach_user_policy(self, request: Request) -> None:
        self._attach("user", request)

    def attach_group_policy(self, request: Request) -> None:
        self._attach("group", request)

    def _attach(self, sort: str, request: Request) -> None:
        member = f"{sort.capitalize()}Name"
        listed = self._ask(f"list_attached_{sort}_policies", **{member: request.get(member)}) or {}
        arns = [policy["PolicyArn"] for policy in listed.get("AttachedPolicies", ())]
        if request["PolicyArn"] not in arns and len(arns) >= _MOST_ATTACHED:
            raise _quota(f"PoliciesPer{sort.capitalize()}: {_MOST_ATTACHED}")

    def put_role_policy(self, request: Request) -> None:
        self._inline("role", request)

    def put_user_policy(self, request: Request) -> None:
        self._inline("user", request)

    def put_group_policy(self, request: Request) -> None:
        self._inline("group", request)

    def _inline(self, sort: str, request: Request) -> None:
        """Refuse inline policies that are too large: the sizes of all inline policies of an entity count together."""
        member = f"{sort.capitalize()}Name"
        entity, name = str(request.get(member)), request.get("PolicyName")
        size = len(_spaceless(str(request.get("PolicyDocument", ""))))
        for other in (self._ask(f"list_{sort}_policies", **{member: entity}) or {}).get("PolicyNames", ()):
            if other != name:
                kept = self._ask(f"get_{sort}_policy", PolicyName=other, **{member: entity}) or {}
                size += len(_spaceless(as_text(kept.get("PolicyDocument", ""))))
        if size > _INLINE_SIZE[sort]:
            raise AwsError(
                "LimitExceeded", f"Maximum policy size of {_INLINE_SIZE[sort]} bytes exceeded for {sort} {entity}", 409
            )

    def delete_role_policy(self, request: Request) -> None:
        role, name = request.get("RoleName"), request.get("PolicyName")
        if self._ask("get_role_policy", RoleName=role, PolicyName=name) is None:
            raise _no_entity(f"The role policy with name {name} cannot be found.")

    # Users and groups.

    def delete_user(self, request: Request) -> None:
        """Refuse to delete a user that still has something.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
        """
        name = request.get("UserName")
        for operation, member, words in (
            ("list_groups_for_user", "Groups", "must remove users from group first."),
            ("list_attached_user_policies", "AttachedPolicies", "must detach all policies first."),
            ("list_user_policies", "PolicyNames", "must delete policies first."),
            ("get_login_profile", "LoginProfile", "must delete login profile first."),
            ("list_access_keys", "AccessKeyMetadata", "must delete access keys first."),
            ("list_mfa_devices", "MFADevices", "must delete MFA device first."),
            ("list_signing_certificates", "Certificates", "must delete signing certificate first."),
            ("list_ssh_public_keys", "SSHPublicKeys", "must remove referenced objects first."),
        ):
            if (self._ask(operation, UserName=name) or {}).get(member):
                raise _conflict(f"Cannot delete entity, {words}")

    def delete_group(self, request: Request) -> None:
        name = request.get("GroupName")
        for operation, member, words in (
            ("get_group", "Users", "must remove users from group first."),
            ("list_attached_group_policies", "AttachedPolicies", "must detach all policies first."),
            ("list_group_policies", "PolicyNames", "must delete policies first."),
        ):
            if (self._ask(operation, GroupName=name) or {}).get(member):
                raise _conflict(f"Cannot delete entity, {words}")

    def add_user_to_group(self, request: Request) -> None:
        groups = (self._ask("list_groups_for_user", UserName=request.get("UserName")) or {}).get("Groups", ())
        names = [group["GroupName"] for group in groups]
        if request.get("GroupName") not in names and len(names) >= _MOST_GROUPS:
            raise _quota(f"GroupsPerUser: {_MOST_GROUPS}")

    def update_user(self, request: Request) -> None:
        name = request.get("NewUserName")
        if name and name != request.get("UserName") and self._ask("get_user", UserName=name) is not None:
            raise AwsError("EntityAlreadyExists", f"User with name {name} already exists.", 409)

    def delete_open_id_connect_provider(self, request: Request) -> None:
        arn = request.get("OpenIDConnectProviderArn")
        if self._ask("get_open_id_connect_provider", OpenIDConnectProviderArn=arn) is None:
            raise _no_entity(f"OpenIDConnect Provider not found for arn {arn}")

    # Internals.

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        """Make one call to the substrate's IAM, with all pages; None if the thing, or the operation, does not exist."""
        client: BaseClient = self._site.substrate.client("iam", self._site.region)
        try:
            if client.can_paginate(operation):
                pages: dict[str, Any] = client.get_paginator(operation).paginate(**arguments).build_full_result()
                return pages
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
        except ClientError:
            return None
        return answer


def _spaceless(document: str) -> str:
    """Remove white space, which IAM does not count."""
    return "".join(document.split())


def _no_entity(message: str) -> AwsError:
    return AwsError("NoSuchEntity", message, 404)


def _conflict(message: str) -> AwsError:
    return AwsError("DeleteConflict", message, 409)


def _quota(which: str) -> AwsError:
    return AwsError("LimitExceeded", f"Cannot exceed quota for {which}", 409)
