"""The vocabulary of the tables in this package: the needs of an API operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Parameters = Mapping[str, Any]
"""The parameters of a request, under botocore's member names."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The account and region of a request, for ARNs.

    ``find`` turns the ARN that the request implies into the resource's real ARN where the request does not determine it
    (the random suffix of a secret, the key behind an alias, the path of a role). None keeps the implied ARN.
    """

    region: str
    account: str
    partition: str = "aws"
    find: Callable[[str], str | None] | None = field(default=None, compare=False)

    def arn(self, service: str, rest: str, *, region: str | None = None, account: str | None = None) -> str:
        """``arn:<partition>:<service>:<region>:<account>:<rest>``."""
        region = self.region if region is None else region
        account = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{region}:{account}:{rest}"

    def real(self, arn: str) -> str:
        """The real ARN of an implied one."""
        return (self.find(arn) if self.find is not None else None) or arn


@dataclass(frozen=True, slots=True)
class Permission:
    """An action on a resource, with the condition keys that go with just this pair."""

    action: str
    resource: str = "*"
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Requirement:
    """The permissions that an operation needs; all of them must be allowed.

    ``mapped`` is False where no table knows the operation and the answer is a guess from its name.
    """

    permissions: tuple[Permission, ...]
    mapped: bool = True


Resources = Callable[[Parameters, Scope], Iterable[str]]
Extra = Callable[[Parameters, Scope], Iterable[Permission]]
Keys = Callable[[Parameters], Mapping[str, str | tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Table:
    """The needs of a service's operations.

    Attributes:
        prefix: the service prefix of its actions.
        resources: operation names, separated by blanks, by the resolver of the resources they act on.
        anywhere: operations without resource-level permissions.
        often_anywhere: operations with resource-level permissions of late or of little use, which AWS's own guides go on
            allowing on ``*``.
        free: operations that need no permission at all.
        renamed: operations whose action has another name (``HeadObject`` -> ``GetObject``).
        extra: further permissions of an operation (``iam:PassRole`` and the like).
        tagging: operations that create a resource, by the action that tagging at creation needs in addition.
        keys: condition keys that the request's parameters give.
        located: those of them that are ARNs, which take a region and an account.
        keys_on: whether those go with a resource (ARN, parameters); None: with every one.
        rule: for services whose operations follow a rule rather than a list: the resources of an operation, or
            None if it is unknown.
    """

    prefix: str
    resources: Mapping[str, Resources] = field(default_factory=dict)
    anywhere: frozenset[str] = frozenset()
    often_anywhere: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Extra] = field(default_factory=dict)
    tagging: Mapping[str, str] = field(default_factory=dict)
    keys: Keys | None = None
    located: Callable[[Parameters, Scope], Mapping[str, str | tuple[str, ...]]] | None = None
    keys_on: Callable[[str, Parameters], bool] | None = None
    rule: Callable[[str, Parameters, Scope], Iterable[str] | None] | None = None

    def requirement(self, operation: str, parameters: Parameters, scope: Scope) -> Requirement:
        """The permissions an operation with these parameters needs."""
        if operation in self.free:
            return Requirement(())
        arns: Iterable[str] | None = None
        if operation in self.resources:
            arns = self.resources[operation](parameters, scope)
        elif operation in self.anywhere:
            arns = ("*",)
        elif self.rule is not None:
            arns = self.rule(operation, parameters, scope)
        mapped = arns is not None
        action = f"{self.prefix}:{self.renamed.get(operation, operation)}"
        context = dict(self.keys(parameters)) if self.keys is not None else {}
        if self.located is not None:
            context.update(self.located(parameters, scope))
        own = [
            Permission(action, arn, context if self.keys_on is None or self.keys_on(arn, parameters) else {})
            for arn in dict.fromkeys(arns or ("*",))
        ] or [Permission(action, "*", context)]
        extra = self.extra[operation](parameters, scope) if operation in self.extra else ()
        return Requirement((*own, *extra, *self._tags(operation, parameters, own)), mapped)

    def _tags(self, operation: str, parameters: Parameters, own: Iterable[Permission]) -> Iterable[Permission]:
        """Tags at creation need a permission of their own on the new resource."""
        if operation not in self.tagging:
            return ()
        tags = tag_keys(parameters)
        if "aws:TagKeys" not in tags:
            return ()
        action = f"{self.prefix}:{self.tagging[operation]}"
        return [
            Permission(action, permission.resource, {**tags, f"{self.prefix}:CreateAction": operation})
            for permission in own
        ]


def by_operation(groups: Mapping[str, Resources]) -> dict[str, Resources]:
    """Spread a table written as ``{"CreateService UpdateService": resolver}`` over its operations."""
    return {operation: resolver for names, resolver in groups.items() for operation in names.split()}


def words(text: str) -> frozenset[str]:
    """Operation names separated by blanks."""
    return frozenset(text.split())


def texts(value: object) -> list[str]:
    """The non-empty strings in a parameter that may be a string, a list of strings, or absent."""
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if isinstance(item, str) and item]


def by_name(parameter: str, service: str, form: str, *, region: str | None = None) -> Resources:
    """Resources that a parameter names by name, by ARN, or in a list; ``form`` is the ARN's end, ``{}`` the name."""

    def resolve(parameters: Parameters, scope: Scope) -> Iterable[str]:
        return [
            item if item.startswith("arn:") else scope.arn(service, form.format(item), region=region)
            for item in texts(parameters.get(parameter))
        ]

    return resolve


def arns_in(*names: str) -> Resources:
    """Resources whose ARNs these parameters hold."""

    def resolve(parameters: Parameters, _scope: Scope) -> Iterable[str]:
        return [item for name in names for item in texts(parameters.get(name))]

    return resolve


def pass_role(role_arn: object, service: str, scope: Scope) -> list[Permission]:
    """``iam:PassRole`` on a role handed to a service; nothing when no role is handed over.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    return [
        Permission(
            "iam:PassRole",
            scope.real(role if role.startswith("arn:") else scope.arn("iam", f"role/{role}", region="")),
            {"iam:PassedToService": service},
        )
        for role in texts(role_arn)
    ]


def tag_keys(parameters: Parameters) -> dict[str, str | tuple[str, ...]]:
    """``aws:RequestTag/...`` and ``aws:TagKeys`` from whatever form the request's tags have."""
    tags: dict[str, str] = {}
    for name in ("tags", "Tags"):
        value = parameters.get(name)
        if isinstance(value, Mapping):
            tags.update({str(key): str(text) for key, text in value.items()})
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, Mapping):
                    key = item.get("key", item.get("Key", item.get("TagKey")))
                    if key is not None:
                        tags[str(key)] = str(item.get("value", item.get("Value", item.get("TagValue", ""))))
    keys = list(tags)
    for name in ("tagKeys", "TagKeys"):
        keys += texts(parameters.get(name))
    out: dict[str, str | tuple[str, ...]] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if keys:
        out["aws:TagKeys"] = tuple(keys)
    return out
