"""Mistakes with elements of lists and entries of maps."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Block
from pushproof.engines.mutation.model import Change, Operator, operator
from pushproof.engines.mutation.operators.common import acting, element_removed, removed
from pushproof.engines.mutation.operators.pages import TERRAFORM, aws
from pushproof.engines.mutation.operators.statements import is_statement
from pushproof.engines.mutation.project import Project

_LISTS = {
    "security_groups": ("The VPC's default security group holds instead.", aws("vpc/default-security-group")),
    "environment": ("The application starts without a setting.", aws("ecs/taskdef-envfiles")),
    "secrets": ("The application starts without a secret.", aws("ecs/specifying-sensitive-data")),
    "portMappings": ("The load balancer finds no port of that container.", aws("ecs-api/API_PortMapping")),
    "rules": ("Images that the rule selected stay.", aws("ecr/LifecyclePolicies")),
    "capacity_providers": (
        "Services that name the provider place no task.",
        aws("ecs/cluster-capacity-providers"),
    ),
    "subnets": ("One zone's failure takes everything down.", aws("ecs/fargate-task-networking")),
    "subnet_ids": ("One zone lacks it.", aws("privatelink/create-interface-endpoint")),
}
#: Lists that another operator has, or in which every element is needed.
_NOT_LISTS = frozenset((
    "AWS", "Action", "NotAction", "Resource", "Service", "Statement", "actions", "command", "detail", "detail-type", "entryPoint",
    "event_pattern", "health_check_command", "identifiers", "ignore_changes", "input_artifacts", "not_actions",
    "requires_compatibilities", "resources", "source", "state", "values",
))  # fmt: skip


@operator(
    "hcl.drop-element",
    "A list is without one of its elements.",
    "One of several things that belong together is missing.",
    f"{TERRAFORM}/expressions/types",
)
def drop_element(project: Project) -> Iterator[Change]:
    """Yield lists without one of their elements: groups, zones, subnets, rules, variables of containers."""
    for site in acting(project):
        if site.value.kind != "list" or _NOT_LISTS.intersection(site.chain) or any(map(is_statement, site.value.parts)):
            continue
        if len(site.value.parts) > 1 or site.name in ("environment", "secrets", "portMappings"):
            for index in range(len(site.value.parts)):
                yield element_removed(project, site, site.value, index, _LISTS.get(site.name, ("", "")))


#: Entries of an action's configuration without which AWS refuses the pipeline.
_NEEDED = frozenset(
    ("ClusterName", "ProjectName", "ServiceName", "S3Bucket", "S3ObjectKey", "ConnectionArn", "FullRepositoryId")
)


@operator(
    "hcl.drop-entry",
    "A map is without one of its entries.",
    "What reads the map lacks a value, and finds out at run time.",
    f"{TERRAFORM}/expressions/types",
)
def drop_entry(project: Project) -> Iterator[Change]:
    """Yield maps of names to values without one of their entries: variables of a build, configurations, paths of events."""
    for site in acting(project):
        inside = len(site.chain) > 1 and site.block.kind in ("resource", "locals", "module", "variable")
        in_object = site.group is not site.block.group and not any(
            site.group is b.group for b in _all_blocks(site.block)
        )
        if not inside or not in_object or len(site.group.settings) < 2 or "event_pattern" in site.chain:
            continue
        names = [setting.name for setting in site.group.settings]
        # Entries with names of their own, which somebody chose; the members of an AWS structure are in other tables.
        listed = site.chain[-2] in ("configuration", "options", "input_paths") and site.name not in _NEEDED
        if listed or _chosen(names):
            yield removed(project, site)


def _all_blocks(block: Block) -> Iterator[Block]:
    for inner in block.group.blocks:
        yield inner
        yield from _all_blocks(inner)


def _chosen(names: list[str]) -> bool:
    """Return whether all names are such as people give: variables of an environment, or texts with spaces."""
    return all(name.isupper() or " " in name for name in names)


OPERATORS: tuple[Operator, ...] = (drop_element, drop_entry)
