"""Answers of a target without the values that change in every run, and the differences between two targets."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\br-rtb-[0-9a-f]+\b"), "<route>"),
    (re.compile(r"\bvpce-[0-9a-f]{8,17}-[0-9a-z]{8}\b"), "<endpoint-name>"),
    (re.compile(r"\b([a-z]{2,9})-[0-9a-f]{8,17}\b"), r"<\1>"),
    (re.compile(r"\b(?:ip|ec2)(?:-\d{1,3}){4}\b"), "<host>"),
    # Terraform's own unique suffix.
    (re.compile(r"-\d{26}\b"), "-<suffix>"),
    (re.compile(r"\b(?:AROA|AIDA|APKA)[A-Z0-9]{12,}\b"), "<unique-id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b127\.\d+\.\d+\.\d+(?::\d+)?"), "<loopback>"),
    (re.compile(r"/[0-9a-f]{16}\b"), "/<hex>"),
    (re.compile(r"(:secret:[^\s\"]*-)[A-Za-z0-9]{6}\b"), r"\1<suffix>"),
    # Addresses that AWS chooses: elastic IPs and interfaces.
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?!/)"), "<address>"),
)
_TIMES = re.compile(r"(?:^|_)(?:created?|updated?|modified)(?:_?(?:at|on|date|time))?$|_date$")


@dataclass(slots=True)
class Run:
    """A module on a target: seconds of apply, second plan and destroy, the state read back, and the findings."""

    module: str
    apply: float = 0.0
    plan: float = 0.0
    destroy: float = 0.0
    changes: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    findings: set[tuple[str, str]] = field(default_factory=set)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute (or finding, or plan) that differs between the targets."""

    module: str
    where: str
    first: Any
    second: Any

    def __str__(self) -> str:
        return f"{self.module}: {self.where}: {self.first!r} / {self.second!r}"


def normalised(values: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """Return every resource's attributes by address, from `terraform show -json`'s `values`, without values that change in every
    run.
    """
    resources: dict[str, Any] = {}

    def walk(module: Mapping[str, Any]) -> None:
        for resource in module.get("resources", []):
            resources[resource["address"]] = {
                key: "<time>"
                if isinstance(value, str | int) and value and _TIMES.search(key)
                else normal(value, account_id)
                for key, value in resource["values"].items()
            }
        for child in module.get("child_modules", []):
            walk(child)

    walk(values.get("root_module", {}))
    return resources


def normal(value: Any, account_id: str) -> Any:
    """Return a value, however nested, with ids, addresses, times and the account replaced by placeholders."""
    if isinstance(value, str):
        if value[:1] in ("[", "{"):
            # A document: the order of its keys has no meaning.
            with contextlib.suppress(ValueError):
                return json.dumps(normal(json.loads(value), account_id), sort_keys=True)
        for pattern, replacement in _RULES:
            value = pattern.sub(replacement, value)
        return value.replace(account_id, "<account>")
    if isinstance(value, dict):
        return {
            normal(key, account_id): "<zone>" if key == "hosted_zone_id" else normal(item, account_id)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return sorted((normal(item, account_id) for item in value), key=repr)
    return value


def differences(first: Run, second: Run) -> list[Difference]:
    """The differences of a module on two targets."""
    module = first.module
    differing = [
        Difference(module, what, left, right)
        for what, left, right in (
            ("failure", first.failure, second.failure),
            ("second plan", first.changes, second.changes),
            ("findings", sorted(first.findings - second.findings), sorted(second.findings - first.findings)),
        )
        if left != right
    ]
    for address in sorted(first.answers.keys() | second.answers.keys()):
        left, right = first.answers.get(address), second.answers.get(address)
        if left is None or right is None:
            differing.append(Difference(module, address, "read" if left else "missing", "read" if right else "missing"))
            continue
        differing += [
            Difference(module, f"{address}.{key}", left.get(key), right.get(key))
            for key in sorted(left.keys() | right.keys())
            if left.get(key) != right.get(key)
        ]
    return differing


@dataclass(frozen=True, slots=True)
class Known:
    """An explained difference: its place, the two answers (embedded's, LocalStack's), and the reason why it is harmless."""

    where: re.Pattern[str]
    between: Callable[[Any, Any], bool]
    why: str


def _unversioned(policy: str) -> Any:
    document = json.loads(policy)
    document.pop("Version", None)
    return document


_KNOWN = (
    Known(
        re.compile(r"^aws_vpc_endpoint\.interface.*\.dns_entry$"),
        lambda embedded, localstack: (
            len(embedded) == len(localstack) == 1 and ".vpce.localhost.localstack.cloud" in localstack[0]["dns_name"]
        ),
        "LocalStack names endpoints under its own domain; tasks reach them by their private names",
    ),
    Known(
        re.compile(r"^aws_vpc_endpoint\..*\.ip_address_type$"),
        lambda embedded, localstack: (embedded, localstack) == ("", "ipv4"),
        "moto in process leaves out an endpoint's address type; LocalStack's moto returns the only one, ipv4",
    ),
    Known(
        re.compile(r"^aws_vpc_endpoint\..*\.dns_options$"),
        lambda embedded, localstack: (
            embedded == [] and [options["dns_record_ip_type"] for options in localstack] == ["ipv4"]
        ),
        "moto in process leaves out an endpoint's address type; LocalStack's moto returns the only one, ipv4",
    ),
    Known(
        re.compile(r"^aws_vpc_endpoint\..*\.policy$"),
        lambda embedded, localstack: _unversioned(embedded) == _unversioned(localstack),
        "the same statement, allow everything; LocalStack leaves out the version of the policy language",
    ),
    Known(
        re.compile(r"^aws_cloudwatch_log_group\..*\.log_group_class$"),
        lambda embedded, localstack: (embedded, localstack) == ("", "STANDARD"),
        "moto in process returns no storage class unless one was requested; LocalStack returns AWS's default, STANDARD",
    ),
    Known(
        re.compile(r"^aws_s3_bucket\..*\.request_payer$"),
        lambda embedded, localstack: (embedded, localstack) == ("", "BucketOwner"),
        "moto in process leaves out the payer; LocalStack's own S3 returns AWS's default, BucketOwner",
    ),
)


def reason(difference: Difference) -> str | None:
    """Return why a difference between embedded and LocalStack is harmless; None for an unexplained difference: a defect."""
    for entry in _KNOWN:
        if entry.where.search(difference.where):
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                if entry.between(difference.first, difference.second):
                    return entry.why
    return None
