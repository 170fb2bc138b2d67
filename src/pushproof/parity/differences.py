"""What was read back from a target, without what differs from run to run, and how two such readings differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    # Addresses that AWS picks: elastic IPs and interfaces.
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?!/)"), "<address>"),
)
_TIMES = re.compile(r"(?:^|_)(?:created?|updated?|modified)(?:_?(?:at|on|date|time))?$|_date$")


@dataclass(slots=True)
class Run:
    """A module on a target: seconds of apply, second plan and destroy, what was read back, and what was found."""

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
    """One attribute (or finding, or plan) that is not the same on both."""

    module: str
    where: str
    first: Any
    second: Any

    def __str__(self) -> str:
        return f"{self.module}: {self.where}: {self.first!r} / {self.second!r}"


def normalised(values: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """Every resource's attributes by address, from `terraform show -json`'s `values`, without what differs from run to run."""
    found: dict[str, Any] = {}

    def walk(module: Mapping[str, Any]) -> None:
        for resource in module.get("resources", []):
            found[resource["address"]] = {
                key: "<time>"
                if isinstance(value, str | int) and value and _TIMES.search(key)
                else normal(value, account_id)
                for key, value in resource["values"].items()
            }
        for child in module.get("child_modules", []):
            walk(child)

    walk(values.get("root_module", {}))
    return found


def normal(value: Any, account_id: str) -> Any:
    """A value, however nested, with ids, addresses, times and the account replaced by what they are."""
    if isinstance(value, str):
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
    """What is not the same for a module on two targets."""
    module = first.module
    found = [
        Difference(module, what, one, other)
        for what, one, other in (
            ("failure", first.failure, second.failure),
            ("second plan", first.changes, second.changes),
            ("findings", sorted(first.findings - second.findings), sorted(second.findings - first.findings)),
        )
        if one != other
    ]
    for address in sorted(first.answers.keys() | second.answers.keys()):
        one, other = first.answers.get(address), second.answers.get(address)
        if one is None or other is None:
            found.append(Difference(module, address, "read" if one else "missing", "read" if other else "missing"))
            continue
        found += [
            Difference(module, f"{address}.{key}", one.get(key), other.get(key))
            for key in sorted(one.keys() | other.keys())
            if one.get(key) != other.get(key)
        ]
    return found


# What is known to differ, by where, and why nobody needs to mind: attributes that are computed, and that the stack does not use.
_KNOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"^aws_vpc_endpoint\..*\.dns_entry$"),
        "LocalStack gives endpoints names under its own domain; tasks find them by their private names",
    ),
    (
        re.compile(r"^aws_vpc_endpoint\..*\.(dns_options|ip_address_type)$"),
        "moto in process does not tell an endpoint's address type, LocalStack's moto does (ipv4, the only one here)",
    ),
    (
        re.compile(r"^aws_vpc_endpoint\..*\.policy$"),
        "the same statement, allow everything; LocalStack leaves out the version of the policy language",
    ),
    (
        re.compile(r"^data\.aws_caller_identity\.current\.(arn|user_id|id)$"),
        "keys that nobody issued: moto calls them user/moto, LocalStack the account's root; either may do everything",
    ),
    (
        re.compile(r"^aws_cloudwatch_log_group\..*\.log_group_class$"),
        "moto in process tells no class where none was asked for; LocalStack tells AWS's default, STANDARD",
    ),
    (
        re.compile(r"^aws_s3_bucket\..*\.request_payer$"),
        "moto in process does not tell who pays; LocalStack's own S3 tells AWS's default, BucketOwner",
    ),
)


def reason(difference: Difference) -> str | None:
    """Why a difference between embedded and LocalStack is there and harmless; None when it is not known, which is a defect."""
    return next((why for pattern, why in _KNOWN if pattern.search(difference.where)), None)
