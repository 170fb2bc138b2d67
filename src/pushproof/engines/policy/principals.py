"""Principals: callers, and whether a Principal element names them.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html (keys of the principal).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

_ROOT = re.compile(r"arn:[^:]*:iam::(\d{12}):root")
_SESSION = re.compile(r"arn:([^:]*):sts::(\d{12}):assumed-role/([^/]+)/(.+)")
_ENTITY = re.compile(r"arn:[^:]*:(iam|sts)::(\d{12}):(user|role|federated-user)/(?:.*/)?([^/]+)")


class Grip(IntEnum):
    """The closeness with which a Principal element names a caller: a closer grip grants more."""

    NONE = 0
    ACCOUNT = 1
    """The caller's account is trusted; the caller still needs an identity-based permission."""
    ENTITY = 2
    """The role behind the caller's session is named; its boundary and session policies still apply."""
    SESSION = 3
    """The calling user, session or service itself is named, or everyone is."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    Attributes:
        arn: the ARN in messages, matched first: a user, an assumed-role session, a federated session, the
            account's root user; for a service its name (``events.amazonaws.com``); ``*`` for an anonymous caller.
        account: twelve digits; empty for services and anonymous callers.
        kind: ``root``, ``user``, ``role`` (an assumed-role session), ``federated``, ``service`` or ``anonymous``.
        entity: ARN of the user or role that owns the session's permissions (with its path), if not ``arn`` itself.
        provider: identity provider of a federated caller.
        userid: ``aws:userid``. tags: ``aws:PrincipalTag/...``.
    """

    arn: str
    account: str
    kind: str
    entity: str = ""
    provider: str = ""
    userid: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def role_arn(self) -> str:
        """The ARN of the IAM identity: the role of a session, otherwise the caller's own."""
        return self.entity or self.arn

    @property
    def chain(self) -> tuple[str, ...]:
        """Every ARN that NotPrincipal must list to exempt the caller, the account first."""
        if self.kind in ("service", "anonymous"):
            return (self.arn,)
        partition = self.arn.split(":")[1] if self.arn.startswith("arn:") else "aws"
        root = f"arn:{partition}:iam::{self.account}:root"
        return tuple(dict.fromkeys((root, self.role_arn, self.arn)))

    @property
    def facts(self) -> dict[str, tuple[str, ...]]:
        """The context keys that AWS derives from the caller, lower case."""
        if self.kind == "service":
            return {
                "aws:principalisawsservice": ("true",),
                "aws:principalservicename": (self.arn,),
                "aws:principaltype": ("Service",),
            }
        if self.kind == "anonymous" or not self.arn:
            return {"aws:principaltype": ("Anonymous",), "aws:principalisawsservice": ("false",)}
        out: dict[str, tuple[str, ...]] = {
            "aws:principalarn": (self.role_arn,),
            "aws:principalaccount": (self.account,),
            "aws:principalisawsservice": ("false",),
            "aws:principaltype": (_TYPES.get(self.kind, "User"),),
        }
        if self.kind == "user":
            out["aws:username"] = (self.arn.rsplit("/", 1)[-1],)
        if self.userid:
            out["aws:userid"] = (self.userid,)
        if self.provider:
            out["aws:federatedprovider"] = (self.provider,)
        for key, value in self.tags.items():
            out[f"aws:principaltag/{key.lower()}"] = (value,)
        return out


_TYPES = {"root": "Account", "user": "User", "role": "AssumedRole", "federated": "FederatedUser"}

ANONYMOUS = Principal("*", "", "anonymous")


def service_principal(name: str) -> Principal:
    """An AWS service calling on its own behalf, such as ``events.amazonaws.com``."""
    return Principal(name, "", "service")


def principal_of(arn: str, *, role_arn: str = "", tags: Mapping[str, str] | None = None, userid: str = "") -> Principal:
    """Read a caller from its ARN.

    A role ARN means a session of that role (only sessions make requests). ``role_arn`` is the role's ARN where
    its path matters, since a session's ARN does not carry it. Raises ValueError when the ARN names no caller.
    """
    tags = tags or {}
    root = _ROOT.fullmatch(arn)
    if root:
        return Principal(arn, root.group(1), "root", userid=userid or root.group(1), tags=tags)
    session = _SESSION.fullmatch(arn)
    if session:
        partition, account, name, _ = session.groups()
        role = role_arn or f"arn:{partition}:iam::{account}:role/{name}"
        return Principal(arn, account, "role", entity=role, tags=tags, userid=userid)
    entity = _ENTITY.fullmatch(arn)
    if entity:
        service, account, what, _ = entity.groups()
        if service == "iam" and what in ("user", "role"):
            return Principal(arn, account, what, entity=arn if what == "role" else "", tags=tags, userid=userid)
        if service == "sts" and what == "federated-user":
            return Principal(arn, account, "federated", entity=role_arn, tags=tags, userid=userid)
    if re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", arn):
        return service_principal(arn)
    raise ValueError(
        f"{arn!r} names no caller: expected the ARN of a user, a role, an assumed-role session or an account's root, "
        "or a service principal such as ecs-tasks.amazonaws.com."
    )


@dataclass(frozen=True, slots=True)
class Principals:
    """A compiled Principal or NotPrincipal element."""

    everyone: bool
    accounts: frozenset[str]
    arns: frozenset[str]
    services: frozenset[str]
    federated: frozenset[str]

    def grip(self, caller: Principal) -> Grip:
        """Return how closely this element names the caller."""
        if self.everyone:
            return Grip.SESSION
        if caller.kind == "service":
            return Grip.SESSION if caller.arn in self.services else Grip.NONE
        if caller.arn in self.arns or (caller.provider and caller.provider in self.federated):
            return Grip.ENTITY if caller.kind == "role" and caller.arn == caller.entity else Grip.SESSION
        if caller.entity and caller.entity in self.arns:
            return Grip.ENTITY
        if caller.account and caller.account in self.accounts:
            return Grip.SESSION if caller.kind == "root" else Grip.ACCOUNT
        return Grip.NONE

    def spares(self, caller: Principal) -> bool:
        """Return whether a NotPrincipal element exempts the caller: account, role and session must all be listed."""
        if self.everyone:
            return True
        if caller.kind == "service":
            return caller.arn in self.services
        if caller.provider and caller.provider in self.federated:
            return True
        return all(
            arn in self.arns or (arn.endswith(":root") and caller.account in self.accounts) for arn in caller.chain
        )
