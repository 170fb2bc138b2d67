"""Attached policies, read from IAM and from the resources' own services, and remembered until they change.

Everything is read through boto3 from the substrate (ECR repositories from the plane), so that any emulator can be the substrate.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from botocore.exceptions import ClientError, ParamValidationError

from pushproof.aws.arns import arn_of, arn_of_role, resource_of
from pushproof.aws.tags import tag_map
from pushproof.emulator.access.readers import ID_KEYS, READERS, TAGS
from pushproof.emulator.kernel.context import Call
from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.policy import Kind, Policy, PolicyError, SourceType, parse

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Ground

_AWS_MANAGED = ":iam::aws:policy/"
# Operations that change a resource's policy, or the resource that a name refers to.
_RESOURCE_WRITES = {
    "s3": ("PutBucketPolicy", "DeleteBucketPolicy", "CreateBucket", "DeleteBucket"),
    "sns": ("SetTopicAttributes", "CreateTopic", "DeleteTopic", "AddPermission", "RemovePermission"),
    "sqs": ("SetQueueAttributes", "CreateQueue", "DeleteQueue", "AddPermission", "RemovePermission"),
    "kms": ("PutKeyPolicy", "CreateKey", "CreateAlias", "UpdateAlias", "DeleteAlias"),
    "secretsmanager": (
        "PutResourcePolicy",
        "DeleteResourcePolicy",
        "CreateSecret",
        "DeleteSecret",
        "RestoreSecret",
        "UpdateSecret",
    ),
    "lambda": ("AddPermission", "RemovePermission", "CreateFunction", "DeleteFunction"),
    "ecr": ("SetRepositoryPolicy", "DeleteRepositoryPolicy", "CreateRepository", "DeleteRepository"),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """An IAM user or role with everything attached to it. `trust` is a role's trust policy.

    `longest_session`: the seconds of a role's MaxSessionDuration.
    """

    arn: str
    unique_id: str
    policies: tuple[Policy, ...]
    boundary: Policy | None
    trust: Policy | None
    tags: dict[str, str]
    longest_session: int = 3600


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's ARN with its suffix, and the ARN of the customer's key that encrypts it (empty: AWS's own key)."""

    arn: str
    key_arn: str


class Attachments:
    """The attached policies. Call `forget` after a write that bypassed the gateway."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("_memory", "_aws_managed")

    def __init__(self, ground: Ground, owned: Callable[[str], bool]) -> None:
        """Set up. `owned` returns whether the plane answers for a service by itself, so that its policies are read there."""
        self._ground = ground
        self._owned = owned
        self._lock = threading.Lock()
        self._generation = 0
        self._memory: dict[tuple[str, ...], Any] = {}
        self._aws_managed: dict[str, Policy] = {}
        # Every write after which the remembered values could be wrong.
        ground.calls.observe("iam", self._written)
        for service, operations in _RESOURCE_WRITES.items():
            ground.calls.observe(service, self._written, *operations)

    def forget(self) -> None:
        """Read everything anew from now on."""
        with self._lock:
            self._generation += 1
            self._memory.clear()

    def _written(self, call: Call) -> None:
        if call.mutating:
            self.forget()

    def _remember(self, key: tuple[str, ...], read: Callable[[], Any]) -> Any:
        if key in self._memory:
            return self._memory[key]
        before = self._generation
        value = read()
        with self._lock:
            # A write during the reading may or may not be part of the result.
            if self._generation == before:
                self._memory[key] = value
        return value

    # Identities.

    def user_of_key(self, access_key_id: str) -> str | None:
        """Return the ARN of the IAM user of an access key; None if it belongs to no user."""
        user: str | None = self._remember(("key", access_key_id), lambda: self._read_user_of_key(access_key_id))
        return user

    def _read_user_of_key(self, access_key_id: str) -> str | None:
        answer = self._ask("iam", "get_access_key_last_used", AccessKeyId=access_key_id)
        name = (answer or {}).get("UserName")
        user = self._ask("iam", "get_user", UserName=name) if name else None
        return str(user["User"]["Arn"]) if user else None

    def role(self, arn: str) -> Identity | None:
        """Return the role with that ARN, path included; None if there is none."""
        role: Identity | None = self._remember(("role", arn), lambda: self._read_role(arn))
        return role

    def role_by_name(self, name: str) -> Identity | None:
        """Return the role of that name, whatever its path."""
        role: Identity | None = self._remember(("role-name", name), lambda: self._read_role_named(name))
        return role

    def user(self, arn: str) -> Identity | None:
        """Return the user with that ARN, with the policies of its groups; None if there is none."""
        user: Identity | None = self._remember(("user", arn), lambda: self._read_user(arn))
        return user

    def _read_role(self, arn: str) -> Identity | None:
        identity = self.role_by_name(arn.rsplit("/", 1)[-1])
        return identity if identity is not None and identity.arn == arn else None

    def _read_role_named(self, name: str) -> Identity | None:
        answer = self._ask("iam", "get_role", RoleName=name)
        if answer is None:
            return None
        role = answer["Role"]
        trust = self._compile(role["AssumeRolePolicyDocument"], Kind.TRUST, name, "none")
        return self._identity(role, "role", name, self._attached("role", name), trust)

    def _read_user(self, arn: str) -> Identity | None:
        name = arn.rsplit("/", 1)[-1]
        answer = self._ask("iam", "get_user", UserName=name)
        if answer is None or answer["User"]["Arn"] != arn:
            return None
        policies = self._attached("user", name)
        for group in (self._ask("iam", "list_groups_for_user", UserName=name) or {}).get("Groups", ()):
            policies += self._attached("group", group["GroupName"])
        return self._identity(answer["User"], "user", name, policies, None)

    def _identity(
        self, entity: dict[str, Any], sort: str, name: str, policies: list[Policy], trust: Policy | None
    ) -> Identity:
        boundary_arn = (entity.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        boundary = self.managed(boundary_arn, Kind.BOUNDARY) if boundary_arn else None
        tags = tag_map(entity.get("Tags"))
        unique = str(entity.get("RoleId") or entity.get("UserId") or "")
        longest = int(entity.get("MaxSessionDuration") or 3600)
        return Identity(entity["Arn"], unique, tuple(policies), boundary, trust, tags, longest)

    def _attached(self, sort: Literal["user", "group", "role"], name: str) -> list[Policy]:
        """Return inline and managed policies of a user, group or role."""
        argument = {f"{sort.capitalize()}Name": name}
        out = []
        for inline in (self._ask("iam", f"list_{sort}_policies", **argument) or {}).get("PolicyNames", ()):
            answer = self._ask("iam", f"get_{sort}_policy", PolicyName=inline, **argument)
            if answer is not None:
                source = f"{sort}_{name}_{inline}"
                out.append(self._compile(answer["PolicyDocument"], Kind.IDENTITY, source, sort))
        listed = self._ask("iam", f"list_attached_{sort}_policies", **argument) or {}
        for attached in listed.get("AttachedPolicies", ()):
            policy = self.managed(attached["PolicyArn"])
            if policy is not None:
                out.append(policy)
        return out

    def managed(self, arn: str, kind: Kind = Kind.IDENTITY) -> Policy | None:
        """Return a managed policy's default version; None if there is no such policy."""
        # AWS's own policies are long, many, and never change.
        key = f"{kind}|{arn}"
        if key in self._aws_managed:
            return self._aws_managed[key]
        answer = self._ask("iam", "get_policy", PolicyArn=arn)
        version = answer and self._ask(
            "iam", "get_policy_version", PolicyArn=arn, VersionId=answer["Policy"]["DefaultVersionId"]
        )
        if not answer or not version:
            return None
        aws = _AWS_MANAGED in arn
        source: SourceType = "aws-managed" if aws else "user-managed"
        policy = self._compile(version["PolicyVersion"]["Document"], kind, answer["Policy"]["PolicyName"], source)
        if aws:
            self._aws_managed[key] = policy
        return policy

    # Resources.

    def of_resource(self, arn: str, region: str) -> Policy | None:
        """Return the policy attached to the resource itself; None if it has none, or its kind cannot have one."""
        service = arn.split(":", 3)[2] if arn.count(":") >= 5 else ""
        reader = READERS.get(service)
        if reader is None:
            return None
        name = reader[0](arn)
        if not name:
            return None
        policy: Policy | None = self._remember(
            ("resource", service, region, name), lambda: self._read_resource(service, name, region)
        )
        return policy

    def _read_resource(self, service: str, name: str, region: str) -> Policy | None:
        operation, arguments, pick = READERS[service][1:]
        answer = self._ask(service, operation, region, **arguments(name))
        document = pick(answer) if answer else None
        return self._compile(document, Kind.RESOURCE, name, "resource") if document else None

    def real_arn(self, implied: str, region: str) -> str | None:
        """Return the ARN that a request refers to: with a secret's suffix, of an alias's key, of the associated resource."""
        prefix, rest = implied.rsplit(":", 1)
        if rest.startswith(("route-table-association/", "elastic-ip-association/")):
            # Not remembered: associations change with operations that write no policy.
            of = self._of_association(rest, region)
            return f"{prefix}:{of}" if of else None
        match: str | None = self._remember(("arn", region, implied), lambda: self._read_arn(implied, region))
        return match

    def _read_arn(self, implied: str, region: str) -> str | None:
        _, _, service, _, _, rest = implied.split(":", 5)
        if service == "secretsmanager":
            secret = self.secret(rest.removeprefix("secret:"), region)
            return secret.arn if secret else None
        if service == "kms" and rest.startswith("alias/"):
            answer = self._ask(service, "describe_key", region, KeyId=rest)
            return str(answer["KeyMetadata"]["Arn"]) if answer else None
        if service == "codedeploy" and rest.startswith("deployment/"):
            answer = self._ask(service, "get_deployment", region, deploymentId=rest.partition("/")[2])
            if answer is None:
                return None
            info = answer["deploymentInfo"]
            group = f"deploymentgroup:{info['applicationName']}/{info['deploymentGroupName']}"
            return arn_of(service, group, region=region, account=self._ground.account_id)
        if service == "iam" and rest.startswith("role/"):
            # The role alone: a call about it must not fail because of its attachments.
            answer = self._ask("iam", "get_role", RoleName=rest.rsplit("/", 1)[-1])
            return str(answer["Role"]["Arn"]) if answer else None
        if service == "iam" and rest.startswith("instance-profile-role/"):
            answer = self._ask("iam", "get_instance_profile", InstanceProfileName=rest.partition("/")[2])
            roles = answer["InstanceProfile"]["Roles"] if answer else []
            return str(roles[0]["Arn"]) if roles else None
        return None

    # Principals in documents.

    def exists(self, arn: str) -> bool:
        """Return whether a role, user or identity provider has that ARN."""
        rest = resource_of(arn)
        if rest.startswith(("oidc-provider/", "saml-provider/")):
            return bool(self._remember(("provider", arn), lambda: self._has_provider(arn)))
        if rest.startswith("assumed-role/"):
            role = arn_of_role(self._ground.account_id, rest.split("/")[1])
            return self.real_arn(role, self._ground.region) is not None
        return bool(self.unique_id(arn))

    def unique_id(self, arn: str) -> str:
        """Return the unique id of a role or user; empty if none has exactly that ARN, path included."""
        unique_id: str = self._remember(("unique-id", arn), lambda: self._read_unique_id(arn))
        return unique_id

    def _read_unique_id(self, arn: str) -> str:
        sort, _, rest = resource_of(arn).partition("/")
        if sort not in ("role", "user"):
            return ""
        name = f"{sort.capitalize()}Name"
        answer = self._ask("iam", f"get_{sort}", **{name: rest.rsplit("/", 1)[-1]})
        entity = (answer or {}).get(sort.capitalize(), {})
        return str(entity[f"{sort.capitalize()}Id"]) if entity.get("Arn") == arn else ""

    def has_unique_id(self, unique_id: str) -> bool:
        """Return whether a role or user of the account has this unique id."""
        for sort in ("role", "user"):
            listed = (self._ask("iam", f"list_{sort}s") or {}).get(f"{sort.capitalize()}s", ())
            if any(entity[f"{sort.capitalize()}Id"] == unique_id for entity in listed):
                return True
        return False

    def client_ids(self, provider_arn: str) -> tuple[str, ...] | None:
        """Return the audiences of an OpenID Connect provider; None if the account has no such provider."""
        listed: tuple[str, ...] | None = self._remember(
            ("client-ids", provider_arn), lambda: self._client_ids(provider_arn)
        )
        return listed

    def _client_ids(self, provider_arn: str) -> tuple[str, ...] | None:
        answer = self._ask("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=provider_arn)
        return None if answer is None else tuple(answer.get("ClientIDList", ()))

    def _has_provider(self, arn: str) -> bool:
        if ":oidc-provider/" in arn:
            return self._ask("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=arn) is not None
        return self._ask("iam", "get_saml_provider", SAMLProviderArn=arn) is not None

    def document(self, service: str, name: str, region: str) -> str | None:
        """Return the text of a stored document: a role's trust policy, or a resource's own policy."""
        if service == "iam":
            role = self._ask("iam", "get_role", RoleName=name)
            return as_text(role["Role"]["AssumeRolePolicyDocument"]) if role else None
        operation, arguments, pick = READERS[service][1:]
        answer = self._ask(service, operation, region, **arguments(name))
        document = pick(answer) if answer else None
        return as_text(document) if document else None

    def blocks_public_policy(self, bucket: str, region: str) -> bool:
        """Return whether a bucket refuses public policies."""
        answer = self._ask("s3", "get_public_access_block", region, Bucket=bucket)
        return bool((answer or {}).get("PublicAccessBlockConfiguration", {}).get("BlockPublicPolicy"))

    def log_policies(self, region: str) -> set[str]:
        """Return the names of CloudWatch Logs' resource policies."""
        answer = self._ask("logs", "describe_resource_policies", region) or {}
        return {str(policy.get("policyName")) for policy in answer.get("resourcePolicies", ())}

    def resource_keys(self, arn: str, region: str) -> dict[str, str]:
        """Return condition keys of a resource whose name AWS chooses: EC2's, certificates, connections.

        `aws:ResourceTag/...`, and EC2's key for the resource's id. Tags are read each time: too many operations
        write them to tell when they change.
        """
        parts = arn.split(":", 5)
        reader = TAGS.get(parts[2]) if len(parts) == 6 and "*" not in parts[5] else None
        if reader is None:
            return {}
        operation, arguments = reader
        tags = tag_map((self._ask(parts[2], operation, region, **arguments(arn)) or {}).get("Tags"))
        keys = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        if parts[2] == "ec2":
            keys |= {key.replace("aws:", "ec2:", 1): value for key, value in keys.items()}
            kind, _, identity = parts[5].partition("/")
            if kind in ID_KEYS:
                keys[f"ec2:{ID_KEYS[kind]}"] = identity
        return keys

    def _of_association(self, rest: str, region: str) -> str | None:
        """Return the route table or the address that an association belongs to."""
        kind, _, association = rest.partition("/")
        if kind == "route-table-association":
            filters = [{"Name": "association.route-table-association-id", "Values": [association]}]
            tables = (self._ask("ec2", "describe_route_tables", region, Filters=filters) or {}).get("RouteTables")
            return f"route-table/{tables[0]['RouteTableId']}" if tables else None
        filters = [{"Name": "association-id", "Values": [association]}]
        addresses = (self._ask("ec2", "describe_addresses", region, Filters=filters) or {}).get("Addresses")
        return f"elastic-ip/{addresses[0]['AllocationId']}" if addresses else None

    def secret(self, secret_id: str, region: str) -> Secret | None:
        """Return a secret by name or ARN; None if there is none."""
        secret: Secret | None = self._remember(
            ("secret", region, secret_id), lambda: self._read_secret(secret_id, region)
        )
        return secret

    def _read_secret(self, secret_id: str, region: str) -> Secret | None:
        answer = self._ask("secretsmanager", "describe_secret", region, SecretId=secret_id)
        if answer is None:
            return None
        key_id = str(answer.get("KmsKeyId") or "")
        if not key_id or key_id.endswith("alias/aws/secretsmanager"):
            return Secret(answer["ARN"], "")
        key = self._ask("kms", "describe_key", region, KeyId=key_id)
        return Secret(answer["ARN"], key["KeyMetadata"]["Arn"] if key else key_id)

    # Internals.

    def _ask(self, service: str, operation: str, region: str | None = None, **arguments: Any) -> dict[str, Any] | None:
        """Make one call to the substrate. None if the substrate answers that the thing does not exist."""
        region = region or self._ground.region
        client = (
            self._ground.client(service, region=region)
            if self._owned(service)
            else self._ground.substrate.client(service, region)
        )
        try:
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise AwsError("ServiceUnavailable", f"{service}.{operation} failed: {error}", 503) from error
            return None
        except ParamValidationError:
            # No resource has a name that the service's model forbids.
            return None
        return answer

    def _compile(self, document: Any, kind: Kind, name: str, source: SourceType) -> Policy:
        try:
            return parse(as_text(document), kind, name=name, source_type=source)
        except PolicyError as error:
            raise AwsError(error.code, f"The {kind} {name!r} cannot be evaluated: {error}") from error


def as_text(document: object) -> str:
    """Return a document as text, whether the API answered text or an object."""
    return document if isinstance(document, str) else json.dumps(document)
