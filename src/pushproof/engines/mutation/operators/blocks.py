"""Mistakes that leave out nested blocks."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Block, Group, Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.pages import TERRAFORM, aws
from pushproof.engines.mutation.project import HclFile, Module, Project

#: Blocks without which the provider refuses the resource, by kind, or by type and kind.
_REQUIRED = frozenset((
    "action", "api_key", "apply_server_side_encryption_by_default", "artifact_store", "artifacts", "auth_parameters",
    "cloudwatch_logs", "condition", "connection", "default_action", "filter", "fixed_response", "forward", "host_header",
    "lifecycle", "network_configuration", "path_pattern", "predefined_metric_specification", "principals", "provisioner",
    "redirect", "rule", "source", "statement", "target_tracking_scaling_policy_configuration", "timeouts", "values",
    "versioning_configuration",
))  # fmt: skip

#: Harm of a missing block, by kind.
_HARMS = {
    "deployment_circuit_breaker": (
        "A bad deployment never ends, and nothing goes back by itself.",
        aws("ecs/deployment-circuit-breaker"),
    ),
    "load_balancer": (
        "Tasks run, and no load balancer has them.",
        aws("ecs/service-load-balancing"),
    ),
    "health_check": (
        "AWS's default checks go to `/` and accept 200 only.",
        aws("alb/target-group-health-checks"),
    ),
    "encryption_configuration": (
        "Encryption is what the service's default happens to be.",
        aws("ecr/encryption-at-rest"),
    ),
    "image_scanning_configuration": (
        "Images with known vulnerabilities are pushed and nobody is told.",
        aws("ecr/image-scanning"),
    ),
    "capacity_provider_strategy": (
        "The service goes by the cluster's default strategy, if it has one.",
        aws("ecs/cluster-capacity-providers"),
    ),
    "runtime_platform": (
        "Tasks run on the default processor, whatever the image is made for.",
        aws("ecs/task_definition_parameters"),
    ),
    "cache": ("Every build starts from nothing.", aws("codebuild/build-caching")),
    "logs_config": ("Build logs go to a group without retention.", aws("codebuild/change-project")),
    "environment_variable": (
        "The build lacks a variable that its commands use.",
        aws("codebuild/build-env-ref-env-vars"),
    ),
    "input_transformer": (
        "The receiver gets the raw event instead of the message it understands.",
        aws("events/eb-transform-target-input"),
    ),
    "stage": ("A stage of the pipeline is skipped.", aws("codepipeline/reference-pipeline-structure")),
    "route": ("Packets to that destination have no route.", aws("vpc/VPC_Route_Tables")),
    "ingress": ("Connections from there time out.", aws("vpc/security-group-rules")),
    "egress": ("Nothing gets out: pulls, logs and checks time out.", aws("vpc/security-group-rules")),
    "setting": ("There are no metrics of tasks.", aws("ecs/cloudwatch-container-insights")),
}


#: Blocks that say what holds anyway: leaving them out changes nothing.
_DEFAULTS = frozenset((("type", "ECS"), ("encryption_type", "AES256"), ("scan_on_push", "false")))


def _says_the_default(block: Block) -> bool:
    said = {(setting.name, setting.value.literal) for setting in block.group.settings}
    return bool(said) and not block.group.blocks and said <= _DEFAULTS


def _needed(stage: Block, holder: Group) -> bool:
    """Return whether AWS refuses a pipeline without the stage: two are the least, and an artifact must come from somewhere."""
    stages = holder.of_kind("stage")
    made = {part.text for part in _artifacts(stage, "output_artifacts")}
    used = {part.text for other in stages if other is not stage for part in _artifacts(other, "input_artifacts")}
    return len(stages) < 3 or bool(made & used)


def _artifacts(stage: Block, name: str) -> Iterator[Value]:
    for action in stage.group.of_kind("action"):
        value = action.group.get(name)
        yield from value.parts if value is not None else ()


def _nested(project: Project) -> Iterator[tuple[Module, HclFile, Block, tuple[str, ...], Group, Block]]:
    """Yield every block inside of a resource, with its holder."""

    def inside(group: Group, chain: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Group, Block]]:
        for block in group.blocks:
            here = (*chain, block.kind)
            yield here, group, block
            if block.kind not in ("lifecycle", "timeouts"):
                yield from inside(block.group, here)

    for module in project.modules.values():
        for file, top in module.of_kind("resource"):
            for chain, group, block in inside(top.group, ()):
                yield module, file, top, chain, group, block


@operator(
    "hcl.drop-block",
    "A nested block of a resource is left out.",
    "AWS's default holds instead of what the block said.",
    f"{TERRAFORM}/syntax/configuration",
)
def drop_block(project: Project) -> Iterator[Change]:
    """Yield the removal of each nested block that the provider does not need."""
    for module, file, top, chain, group, block in _nested(project):
        if block.kind in _REQUIRED or _says_the_default(block) or (block.kind == "stage" and _needed(block, group)):
            continue
        if block.kind == "environment" and top.labels[0] == "aws_codebuild_project":
            continue
        span = file.source.whole(block.start, block.end)
        name = block.group.literal("name")
        summary = f"{'.'.join(chain)}{f' {name}' if name else ''} is left out"
        yield Change(file.path, (Edit(*span, ""),), summary, module.address(top), *_HARMS.get(block.kind, ("", "")))


OPERATORS: tuple[Operator, ...] = (drop_block,)
