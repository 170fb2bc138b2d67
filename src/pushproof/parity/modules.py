"""The reference modules, applied one after another on a target: the inputs of each, and its checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pushproof.checks.iam import IamChecks
from pushproof.checks.networking import NetworkingChecks
from pushproof.checks.pipeline import PipelineChecks
from pushproof.checks.registry import RegistryChecks
from pushproof.checks.service import ServiceChecks
from pushproof.checks.verdict import Verdict
from pushproof.parity.differences import Run, normal, normalised
from pushproof.terraform.applied import AppliedModule, apply_module
from pushproof.terraform.driver import changes_of
from pushproof.terraform.errors import TerraformError

NAMES = {"project": "parity", "environment": "dev"}
MODULES = ("networking", "ecr", "iam", "ecs", "codepipeline")
_PIPELINE_BUCKET = "parity-dev-artifacts"


def run_modules(
    target: Any, infrastructure: Path, *, certificate_arn: str, modules: tuple[str, ...] = MODULES
) -> dict[str, Run]:
    """Apply the reference modules on a target, one after another, each on the outputs of those before; then destroy them.

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
    run.findings = {
        (f.check, str(normal(f.resource, target.account_id))) for verdict in checks for f in verdict.findings
    }


# The inputs of each module: the outputs of those before it.

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


# The checks of each module.


def _network_checks(target: Any, applied: Applied) -> list[Verdict]:
    network = applied["networking"]
    return [
        NetworkingChecks(
            target.client, vpc_id=network["vpc_id"], private_subnet_ids=list(network["private_subnet_ids"].values())
        ).is_sound()
    ]


def _registry_checks(target: Any, applied: Applied) -> list[Verdict]:
    checks = RegistryChecks(target.client, repository=applied["ecr"]["repository_name"])
    return [
        checks.refuses_a_second_push_of_a_tag(),
        checks.scans_on_push(),
        checks.is_encrypted(),
        checks.lifecycle_selects(["dev-0123abc"]),
    ]


def _role_checks(target: Any, applied: Applied) -> list[Verdict]:
    checks = IamChecks(target.client)
    roles = [
        applied["iam"][f"{name}_role_arn"].rsplit("/", 1)[1]
        for name in ("codebuild", "codepipeline", "execution", "task")
    ]
    return [verdict for role in roles for verdict in (checks.is_scoped(role), checks.every_permission_can_apply(role))]


def _service_checks(target: Any, applied: Applied) -> list[Verdict]:
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


def _pipeline_checks(target: Any, applied: Applied) -> list[Verdict]:
    checks = PipelineChecks(target.client, pipeline=applied["codepipeline"]["pipeline_name"])
    return [
        checks.goes_through("Source", "Build", "Deploy"),
        checks.asks_before_it_deploys(),
        checks.its_connection_is_usable(),
        checks.artifacts_flow(),
        checks.artifacts_are_private(),
        checks.builds_can_use_docker(),
        checks.somebody_is_notified(),
    ]


_CHECKS: dict[str, Callable[[Any, Applied], list[Verdict]]] = {
    "networking": _network_checks,
    "ecr": _registry_checks,
    "iam": _role_checks,
    "ecs": _service_checks,
    "codepipeline": _pipeline_checks,
}
