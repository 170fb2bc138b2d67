"""Two targets side by side: apply each module on both, and compare what their APIs answer and what the checks find.

What an API answers is read by the AWS provider: the refreshed state of a second plan, with ids, addresses and times normalised. Two
targets are alike when those states are, the second plans are empty, and the findings are the same.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushproof.checks.finding import Findings
from pushproof.checks.iam import IamChecks
from pushproof.checks.networking import NetworkingChecks
from pushproof.checks.pipeline import PipelineChecks
from pushproof.checks.registry import RegistryChecks
from pushproof.checks.service import ServiceChecks
from pushproof.terraform.applied import AppliedModule, apply_module
from pushproof.terraform.driver import changes_of
from pushproof.terraform.errors import TerraformError

NAMES = {"project": "parity", "environment": "dev"}
MODULES = ("networking", "ecr", "iam", "ecs", "codepipeline")
_PIPELINE_BUCKET = "parity-dev-artifacts"

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


def run_modules(
    target: Any, infrastructure: Path, *, certificate_arn: str, modules: tuple[str, ...] = MODULES
) -> dict[str, Run]:
    """Apply the reference modules on a target, one after another, each on what the ones before have made; then take them down.

    A module that fails ends the run with its error in `failure`; what was applied is destroyed in any case.
    """
    runs: dict[str, Run] = {}
    applied: dict[str, AppliedModule] = {}
    try:
        for name in modules:
            run = runs[name] = Run(name)
            try:
                _one(target, infrastructure / "modules" / name, run, applied, certificate_arn)
            except TerraformError as error:
                run.failure = str(error)
                break
    finally:
        for name, module in reversed(applied.items()):
            started = time.monotonic()
            module.terraform.destroy()
            runs[name].destroy = time.monotonic() - started
    return runs


def _one(target: Any, source: Path, run: Run, applied: dict[str, AppliedModule], certificate_arn: str) -> None:
    variables = _VARIABLES[run.module](target, applied, certificate_arn)
    started = time.monotonic()
    applied[run.module] = apply_module(target, source, name=f"parity-{run.module}", variables={**NAMES, **variables})
    run.apply = time.monotonic() - started
    started = time.monotonic()
    plan = applied[run.module].terraform.planned()
    run.changes = changes_of(plan)
    run.plan = time.monotonic() - started
    run.answers = normalised(plan.get("prior_state", {}).get("values", {}), target.account_id)
    checks = _CHECKS[run.module](target, applied)
    run.findings = {(f.check, str(_normal(f.resource, target.account_id))) for found in checks for f in found}


# What each module is given: the outputs of those before it.

Applied = Mapping[str, AppliedModule]


def _zones(target: Any) -> dict[str, Any]:
    return {"vpc_cidr": "10.0.0.0/16", "availability_zones": [f"{target.region}a", f"{target.region}b"]}


def _connection(target: Any) -> str:
    return (
        f"arn:aws:codeconnections:{target.region}:{target.account_id}:connection/0f5c8a3e-0000-4000-8000-000000000001"
    )


def _service(applied: Applied, certificate_arn: str) -> dict[str, Any]:
    network, roles = applied["networking"], applied["iam"]
    return {
        "bootstrap_image": f"{applied['ecr']['repository_url']}:dev-bootstrap",
        "certificate_arn": certificate_arn,
        "cpu": 256,
        "memory": 512,
        "execution_role_arn": roles["execution_role_arn"],
        "task_role_arn": roles["task_role_arn"],
        "private_subnet_ids": network["private_subnet_ids"],
        "public_subnet_ids": network["public_subnet_ids"],
        "vpc_id": network["vpc_id"],
    }


def _pipeline(applied: Applied) -> dict[str, Any]:
    registry, roles, service = applied["ecr"], applied["iam"], applied["ecs"]
    return {
        "artifacts_bucket_name": _PIPELINE_BUCKET,
        "branch": "develop",
        "cluster_name": service["cluster_name"],
        "codebuild_role_arn": roles["codebuild_role_arn"],
        "codepipeline_role_arn": roles["codepipeline_role_arn"],
        "container_name": service["container_name"],
        "ecr_cache_repository_name": registry["cache_repository_name"],
        "ecr_registry": registry["registry"],
        "ecr_repository_name": registry["repository_name"],
        "force_destroy": True,
        "repository": "example/shop",
        "service_name": service["service_name"],
    }


_VARIABLES: dict[str, Callable[[Any, Applied, str], dict[str, Any]]] = {
    "networking": lambda target, _applied, _certificate: _zones(target),
    "ecr": lambda _target, _applied, _certificate: {"force_delete": True},
    "iam": lambda target, _applied, _certificate: {
        "artifacts_bucket_name": _PIPELINE_BUCKET,
        "connection_arn": _connection(target),
    },
    "ecs": lambda _target, applied, certificate: _service(applied, certificate),
    "codepipeline": lambda _target, applied, _certificate: _pipeline(applied),
}


# What each module is asked.


def _network_checks(target: Any, applied: Applied) -> list[Findings]:
    network = applied["networking"]
    return [
        NetworkingChecks(
            target.client, vpc_id=network["vpc_id"], private_subnet_ids=list(network["private_subnet_ids"].values())
        ).everything()
    ]


def _registry_checks(target: Any, applied: Applied) -> list[Findings]:
    checks = RegistryChecks(target.client, repository=applied["ecr"]["repository_name"])
    return [
        checks.refuses_a_second_push_of_a_tag(),
        checks.scans_on_push(),
        checks.is_encrypted(),
        checks.lifecycle_selects(["dev-0123abc"]),
    ]


def _role_checks(target: Any, applied: Applied) -> list[Findings]:
    checks = IamChecks(target.client)
    roles = [
        applied["iam"][f"{name}_role_arn"].rsplit("/", 1)[1]
        for name in ("codebuild", "codepipeline", "execution", "task")
    ]
    return [found for role in roles for found in (checks.is_scoped(role), checks.every_permission_can_apply(role))]


def _service_checks(target: Any, applied: Applied) -> list[Findings]:
    service = applied["ecs"]
    checks = ServiceChecks(target.client, cluster=service["cluster_name"], service=service["service_name"])
    return [
        checks.rolls_back_by_itself(),
        checks.keeps_its_capacity_while_it_deploys(),
        checks.health_checks_agree(),
        checks.redirects_http_to_https(),
        checks.speaks_current_tls(),
        checks.logs_are_kept(),
        checks.container_insights_is_on(),
        checks.deletion_is_protected(),
    ]


def _pipeline_checks(target: Any, applied: Applied) -> list[Findings]:
    checks = PipelineChecks(target.client, pipeline=applied["codepipeline"]["pipeline_name"])
    return [
        checks.goes_through("Source", "Build", "Deploy"),
        checks.asks_before_it_deploys(),
        checks.its_connection_is_usable(),
        checks.artifacts_flow(),
        checks.artifacts_are_private(),
        checks.builds_can_use_docker(),
        checks.somebody_is_told(),
    ]


_CHECKS: dict[str, Callable[[Any, Applied], list[Findings]]] = {
    "networking": _network_checks,
    "ecr": _registry_checks,
    "iam": _role_checks,
    "ecs": _service_checks,
    "codepipeline": _pipeline_checks,
}


# Comparing.


def normalised(values: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """Every resource's attributes by address, from `terraform show -json`'s `values`, without what differs from run to run."""
    found: dict[str, Any] = {}

    def walk(module: Mapping[str, Any]) -> None:
        for resource in module.get("resources", []):
            found[resource["address"]] = {
                key: "<time>"
                if isinstance(value, str | int) and value and _TIMES.search(key)
                else _normal(value, account_id)
                for key, value in resource["values"].items()
            }
        for child in module.get("child_modules", []):
            walk(child)

    walk(values.get("root_module", {}))
    return found


def _normal(value: Any, account_id: str) -> Any:
    if isinstance(value, str):
        for pattern, replacement in _RULES:
            value = pattern.sub(replacement, value)
        return value.replace(account_id, "<account>")
    if isinstance(value, dict):
        return {
            _normal(key, account_id): "<zone>" if key == "hosted_zone_id" else _normal(item, account_id)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return sorted((_normal(item, account_id) for item in value), key=repr)
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
