"""Decisions about every call that passes the gateway: principals, their policies, and the answer.

Callers are the account's administrator, IAM users, and sessions of roles, which AWS services and
users get here. The policy engine decides from the policies that are really attached in the account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import ClientError

from pushproof.aws.arns import account_of, arn_of_root
from pushproof.emulator.access.anonymous import Anonymous
from pushproof.emulator.access.attachments import Attachments
from pushproof.emulator.access.denials import denial
from pushproof.emulator.access.documents import Documents
from pushproof.emulator.access.keys import KeyRing
from pushproof.emulator.access.uses import Uses
from pushproof.emulator.kernel.context import Credentials, Principal
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.kernel.protocol import ParsedCall
from pushproof.engines import policy as engine
from pushproof.engines.policy.actions import Permission, Scope, requirement

if TYPE_CHECKING:
    from types_boto3_sts.type_defs import CredentialsTypeDef

    from pushproof.emulator.kernel.site import Ground

Context = Mapping[str, str | Iterable[str]]

# A bucket's owner can always repair a policy that locks everyone out:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
_UNLOCKABLE = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
# The lifetime of sessions of AWS's own services, by the wall clock: tasks receive a shorter one, and builds end before it.
_OF_SERVICES = 12 * 3600.0
_NOT_IN_SESSION_NAMES = re.compile(r"[^\w+=,.@-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    """The principal behind temporary credentials, with the session policies that limit them (None: none).

    `provider`: the ARN of the identity provider whose token began the session; "" for others.
    """

    principal: Principal
    policies: tuple[engine.Policy, ...] | None = None
    provider: str = ""


_NONE = engine.Policies()


class Authority:
    """Lookup of the principal behind an access key, and decisions about calls."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("_plane_key",)

    def __init__(self, ground: Ground, *, plane_key: str, keys: KeyRing, owned: Callable[[str], bool]) -> None:
        """Set up. `plane_key` is the access key of AWS's own services here; for `owned` see `Attachments`."""
        self._ground = ground
        self._plane_key = plane_key
        self._keys = keys
        self._anonymous = Anonymous(ground)
        self._sessions: dict[str, Session] = {}
        self.attachments = Attachments(ground, owned)
        #: The permissions that roles used and lacked.
        self.uses = Uses()
        self.documents = Documents(ground, self.attachments, self.would_allow, owned)
        #: Service control policies by level, root first; every level must allow. Empty: no organization.
        self.service_control_policies: engine.Levels = ()

    # Callers.

    def principal(self, access_key_id: str | None) -> Principal:
        """Return the principal of an access key.

        Any other key is the account's administrator: within the process, and in a world that is open to any key.
        """
        account = self._ground.account_id
        key = access_key_id or ""
        root = arn_of_root(account)
        if key == self._plane_key:
            return Principal("plane", root, account, key)
        if key == self._keys.administrator.access_key_id:
            return Principal("account", root, account, key)
        session = self._sessions.get(key)
        if session is not None:
            return session.principal
        # IAM's keys are long and begin with AKIA; looking up any other would be a waste.
        user = self.attachments.user_of_key(key) if len(key) >= 16 and key.startswith(("AKIA", "LKIA")) else None
        if user is not None:
            return Principal("user", user, account, key)
        return Principal("account", root, account, key)

    # Permissions of callers.

    def authorise(self, principal: Principal, call: ParsedCall, region: str) -> None:
        """Raise AwsError, worded as the service words it, if the principal may not make this call."""
        if principal.kind == "anonymous":
            self._anonymous.authorise(call, lambda permission: self._decide(principal, permission, region), region)
            return
        if principal.kind == "plane" or not self._ground.settings.enforce_iam:
            return
        if call.service == "sts" and call.operation.startswith("AssumeRole"):
            _is_arn(str(call.parameters.get("RoleArn", "")))
        scope = Scope(region, self._ground.account_id, find=lambda implied: self.attachments.real_arn(implied, region))
        needed = requirement(call.service, call.operation, call.parameters, scope)
        for permission in (*needed.permissions, *self._implied(principal, call, region)):
            decision = self._noted(principal, permission, region)
            if not decision.allowed:
                raise denial(call.service, decision)

    def decide(
        self,
        principal: Principal,
        action: str,
        resource: str = "*",
        context: Context | None = None,
        *,
        region: str | None = None,
    ) -> engine.Decision:
        """Decide whether a principal may perform an action that is no API call: `codeconnections:UseConnection`, a registry's push.

        `context` adds condition keys, such as `aws:SourceVpce` for requests through a VPC endpoint.
        """
        extra = {key: value if isinstance(value, str) else tuple(value) for key, value in (context or {}).items()}
        return self._noted(principal, Permission(action, resource, extra), region or self._ground.region)

    def require(
        self,
        principal: Principal,
        action: str,
        resource: str = "*",
        context: Context | None = None,
        *,
        region: str | None = None,
    ) -> None:
        """Decide like `decide`, and raise AwsError (worded as the action's service words it) if it is not allowed."""
        if principal.kind == "plane" or not self._ground.settings.enforce_iam:
            return
        decision = self.decide(principal, action, resource, context, region=region)
        if not decision.allowed:
            raise denial(action.split(":", 1)[0], decision)

    def require_service(
        self,
        service_principal: str,
        action: str,
        resource: str,
        *,
        source_arn: str | None = None,
        region: str | None = None,
    ) -> None:
        """Raise AwsError unless the resource's own policy lets an AWS service act on it: events.amazonaws.com on a topic.

        `source_arn` is the resource for which the service acts; it becomes `aws:SourceArn` and `aws:SourceAccount`.
        """
        if not self._ground.settings.enforce_iam:
            return
        region = region or self._ground.region
        question = engine.request(
            engine.service_principal(service_principal), action, resource, self._context(region, source_arn),
            resource_account=self._ground.account_id,
        )  # fmt: skip
        policies = engine.Policies(resource=self.attachments.of_resource(resource, region))
        decision = engine.decide(question, policies)
        if not decision.allowed:
            raise denial(action.split(":", 1)[0], decision)

    def would_allow(self, principal: Principal, action: str, resource: str, policy: engine.Policy, region: str) -> bool:
        """Return whether a principal could act on a resource if its own policy were this one, and alone decided."""
        caller, policies = self.bearing(principal)
        question = engine.request(caller, action, resource, self._context(region))
        return engine.decide(question, _with(policies, policy, True)).allowed

    # Roles.

    def assume(
        self, role_arn: str, service_principal: str, session_name: str, *, source_arn: str | None = None
    ) -> Credentials:
        """Return credentials of a role for an AWS service. Raises AwsError (AccessDenied) if its trust policy refuses.

        `source_arn` is the resource for which the service acts; `aws:SourceArn` and `aws:SourceAccount` are sent with it, and only
        then.
        """
        name = _NOT_IN_SESSION_NAMES.sub("-", session_name)[:64].ljust(2, "-")
        if self._ground.settings.enforce_iam:
            self._trusts(
                engine.service_principal(service_principal), role_arn, self._context(self._ground.region, source_arn)
            )
        answer = self._ground.substrate.client("sts", self._ground.region).assume_role(
            RoleArn=role_arn, RoleSessionName=name
        )
        self.opened(answer["Credentials"], role_arn, name, service=service_principal, lasting=_OF_SERVICES)
        keys = answer["Credentials"]
        return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def opened(
        self, credentials: CredentialsTypeDef, role_arn: str, session_name: str, *, service: str | None = None,
        policies: tuple[engine.Policy, ...] | None = None, lasting: float | None = None, provider: str = "",
    ) -> None:  # fmt: skip
        """Keep a session's credentials, as AssumeRole answers them; `lasting`: seconds of validity, if not as they state."""
        self._keys.issued(credentials, lasting=lasting)
        key = credentials["AccessKeyId"]
        account = account_of(role_arn)
        role_name = role_arn.rsplit("/", 1)[-1]
        arn = f"arn:{role_arn.split(':')[1]}:sts::{account}:assumed-role/{role_name}/{session_name}"
        principal = Principal("session", arn, account, key, role_arn, session_name, service)
        self._sessions[key] = Session(principal, policies, provider)

    def same(self, credentials: CredentialsTypeDef, principal: Principal) -> None:
        """Register temporary keys of a principal, as GetSessionToken answers them."""
        self._keys.issued(credentials)
        before = self._sessions.get(principal.access_key_id)
        self._sessions[credentials["AccessKeyId"]] = Session(principal, before.policies if before else None)

    def trusts_identity(self, role_arn: str, subject: str, provider: str, keys: Context) -> bool:
        """Return whether a role's trust policy lets in a token, by its subject, its provider's ARN and its condition keys."""
        role = self.attachments.role(role_arn)
        if role is None:
            return False
        caller = engine.Principal(subject, self._ground.account_id, "federated", provider=provider)
        context = {**self._context(self._ground.region), **keys}
        question = engine.request(caller, "sts:AssumeRoleWithWebIdentity", role_arn, context)
        return engine.decide(question, engine.Policies(resource=role.trust, resource_decides=True)).allowed

    def _trusts(self, caller: engine.Principal, role_arn: str, context: Context) -> None:
        role = self.attachments.role(role_arn)
        # Text that is not an ARN names no role, and cannot be assumed.
        account = account_of(role_arn) or self._ground.account_id
        question = engine.request(caller, "sts:AssumeRole", role_arn, context, resource_account=account)
        policies = engine.Policies(resource=role.trust if role else None, resource_decides=True)
        decision = engine.decide(question, policies)
        if not decision.allowed:
            raise denial("sts", decision)

    # Internals.

    def bearing(self, principal: Principal) -> tuple[engine.Principal, engine.Policies]:
        """Return a principal in the policy engine's form, and every policy that applies to it (except the resource's)."""
        if principal.kind == "session" and principal.role_arn:
            role = self.attachments.role(principal.role_arn)
            session = self._sessions.get(principal.access_key_id)
            caller = engine.principal_of(
                principal.arn,
                role_arn=principal.role_arn,
                tags=role.tags if role else {},
                userid=f"{role.unique_id}:{principal.session_name}" if role else "",
            )
            if session is not None and session.provider:
                caller = replace(caller, provider=session.provider)
            return caller, engine.Policies(
                identity=role.policies if role else (),
                boundary=role.boundary if role else None,
                session=session.policies if session else None,
                scps=self.service_control_policies,
            )
        if principal.kind == "user":
            user = self.attachments.user(principal.arn)
            caller = engine.principal_of(
                principal.arn, tags=user.tags if user else {}, userid=user.unique_id if user else ""
            )
            return caller, engine.Policies(
                identity=user.policies if user else (),
                boundary=user.boundary if user else None,
                scps=self.service_control_policies,
            )
        if principal.kind == "anonymous":
            return engine.ANONYMOUS, engine.Policies()
        return engine.principal_of(principal.arn), engine.Policies()

    def _noted(self, principal: Principal, permission: Permission, region: str) -> engine.Decision:
        decision = self._decide(principal, permission, region)
        self.uses.note(principal, decision, self._ground.clock.now())
        return decision

    def _decide(self, principal: Principal, permission: Permission, region: str) -> engine.Decision:
        caller, policies = self.bearing(principal)
        role = permission.resource if permission.action == "sts:AssumeRole" else None
        resource: engine.Policy | None
        decides = False
        if role:
            identity = self.attachments.role(role)
            resource, decides = (identity.trust if identity else None), True
        elif principal.kind == "account" and permission.action in _UNLOCKABLE:
            resource = None
        else:
            resource = self.attachments.of_resource(permission.resource, region)
            # Policies of keys apply first. Only explicit denies restrict the administrator.
            decides = principal.kind != "account" and resource is not None and permission.action.startswith("kms:")
        context = permission.context
        if principal.kind != "account" or resource is not None or policies != _NONE:
            # An administrator without a policy meets no condition.
            tags = {} if principal.kind == "account" else self.attachments.resource_keys(permission.resource, region)
            context = {**self._context(region), **tags, **permission.context}
        question = engine.request(
            caller, permission.action, permission.resource, context,
            resource_account=None if role or permission.resource.split(":")[3:5] != ["", ""] else self._ground.account_id,
        )  # fmt: skip
        return engine.decide(question, _with(policies, resource, decides))

    def _context(self, region: str, source_arn: str | None = None) -> dict[str, str]:
        """Return the condition keys of every call here. The gateway speaks HTTP on loopback; on AWS the same call is TLS."""
        now = self._ground.clock.stamp(self._ground.clock.now())
        keys = {
            "aws:RequestedRegion": region,
            "aws:SecureTransport": "true",
            "aws:SourceIp": "127.0.0.1",
            "aws:CurrentTime": iso(now),
            "aws:EpochTime": str(int(now.timestamp())),
        }
        if source_arn:
            keys["aws:SourceArn"] = source_arn
            keys["aws:SourceAccount"] = account_of(source_arn)
            keys["aws:SourceAccount"] = keys["aws:SourceAccount"] or self._ground.account_id
        return keys

    def _implied(self, principal: Principal, call: ParsedCall, region: str) -> list[Permission]:
        """Return permissions that a call needs beyond those its request shows."""
        if principal.kind == "account":
            return []
        if call.service == "ecs" and call.operation in ("RunTask", "StartTask"):
            return self._roles_of_task(str(call.parameters.get("taskDefinition", "")), region)
        if call.service == "secretsmanager" and call.operation == "GetSecretValue":
            return self._key_of_secret(str(call.parameters.get("SecretId", "")), region)
        return []

    def _roles_of_task(self, task_definition: str, region: str) -> list[Permission]:
        """Return the permissions to pass the roles of a task definition to ECS, which RunTask needs.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/CWE_IAM_role.html
        """
        try:
            answer = self._ground.client("ecs", region=region).describe_task_definition(taskDefinition=task_definition)
        except ClientError:
            return []  # the operation itself reports what is wrong with the task definition
        definition = answer["taskDefinition"]
        roles = (definition.get("taskRoleArn"), definition.get("executionRoleArn"))
        passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
        return [Permission("iam:PassRole", role, passed) for role in dict.fromkeys(roles) if role]

    def _key_of_secret(self, secret_id: str, region: str) -> list[Permission]:
        """Return the permission to decrypt with the customer's key of a secret, if it has one.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
        """
        secret = self.attachments.secret(secret_id, region)
        if secret is None or not secret.key_arn:
            return []
        context = {
            "kms:ViaService": f"secretsmanager.{region}.amazonaws.com",
            "kms:EncryptionContext:SecretARN": secret.arn,
        }
        return [Permission("kms:Decrypt", secret.key_arn, context)]


def _is_arn(text: str) -> None:
    """Raise AwsError, as STS words it, unless a role's ARN is one."""
    fields = text.split(":", 5)
    if text and (len(fields) < 6 or fields[0] != "arn" or not all((fields[1], fields[2], fields[5]))):
        raise AwsError("ValidationError", f"{text} is invalid", 400)


def _with(policies: engine.Policies, resource: engine.Policy | None, decides: bool) -> engine.Policies:
    return engine.Policies(
        identity=policies.identity,
        resource=resource,
        boundary=policies.boundary,
        session=policies.session,
        scps=policies.scps,
        resource_decides=decides,
    )
