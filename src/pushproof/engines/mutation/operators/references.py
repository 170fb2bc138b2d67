"""Mistakes in references: the neighbour's name instead of the right one, and the neighbour's place in a list."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import acting, address, described, replaced
from pushproof.engines.mutation.operators.neighbours import AllNeighbours
from pushproof.engines.mutation.operators.pages import TERRAFORM, aws
from pushproof.engines.mutation.project import Project, Site, base_of

#: Types of resources that are looked for by purpose: one for another is a fault in the network, in permissions, or in delivery.
_PAGES = {
    "aws_iam_role": aws("ecs/security-ecs-iam-role-overview"),
    "aws_iam_policy_document": aws("iam/access_policies"),
    "aws_subnet": aws("vpc/configure-subnets"),
    "aws_route_table": aws("vpc/VPC_Route_Tables"),
    "aws_security_group": aws("vpc/security-group-rules"),
    "aws_s3_bucket": aws("codepipeline/welcome-introducing-artifacts"),
    "aws_ecr_repository": aws("ecr/Repositories"),
}


def _sites(project: Project) -> Iterator[tuple[Site, Value]]:
    """Yield every reference in resources, data, local values, module calls and outputs, with its site."""
    for site in acting(project):
        if site.block.kind not in ("resource", "data", "locals", "module", "output") or site.name == "count":
            continue
        for value in _own(site.value):
            yield site, value


def _own(value: Value) -> Iterator[Value]:
    """Yield the references of a value, but for those that belong to settings inside of it, which have sites of their own."""
    if value.kind == "reference":
        yield value
    # A question whether something is set is about that one thing.
    if value.kind == "operation" and any(part.kind == "null" for part in value.parts):
        return
    for part in value.parts:
        yield from _own(part)


def _beside(site: Site, value: Value, other: str) -> bool:
    """Return whether the list that a reference stands in has the other one already."""
    ending = value.text[len(base_of(value.text)) :]
    return site.value.kind == "list" and any(part.text == other + ending for part in site.value.parts)


def _change(project: Project, site: Site, value: Value, base: str, other: str) -> Change:
    edit = Edit(value.start, value.start + len(base.encode()), other)
    page = _PAGES.get(base.removeprefix("data.").partition(".")[0], "")
    return Change(
        site.file.path, (edit,), f"{described(site)} is {other} instead of {base}", address(project, site), "", page
    )


@operator(
    "hcl.other-reference",
    "A reference names a neighbour of the same kind: another role, another subnet, another variable.",
    "Both names exist and both plans are valid; one of them joins the wrong parts.",
    f"{TERRAFORM}/expressions/references",
)
def other_reference(project: Project) -> Iterator[Change]:
    """Yield each reference outside of outputs with the neighbour most like it."""
    neighbours = AllNeighbours(project)
    for site, value in _sites(project):
        if site.block.kind == "output":
            continue
        base = base_of(value.text)
        other = neighbours.of(site).of(site, value) or neighbours.of(site).output(value, 2)
        if other is not None and not _beside(site, value, other):
            yield _change(project, site, value, base if not base.startswith("module.") else value.text, other)


@operator(
    "hcl.other-output",
    "An output has the value of a neighbour.",
    "Whoever reads the output acts on the wrong thing: another role, another group, another bucket.",
    f"{TERRAFORM}/values/outputs",
)
def other_output(project: Project) -> Iterator[Change]:
    """Yield each output of a module that others call with the neighbour most like its value."""
    neighbours = AllNeighbours(project)
    for site, value in _sites(project):
        module = project.module(site.file)
        alone = not project.calls(module) and any(module.of_kind("module"))
        if site.block.kind == "output" and site.chain[0] == "value" and not alone:
            base = base_of(value.text)
            other = neighbours.of(site).of(site, value) or neighbours.of(site).output(value, 2)
            if other is not None:
                yield _change(project, site, value, base if not base.startswith("module.") else value.text, other)


@operator(
    "hcl.other-index",
    "A place in a list is its neighbour: 1 instead of 0.",
    "The first zone, part or subnet is confused with the second.",
    f"{TERRAFORM}/expressions/references",
)
def other_index(project: Project) -> Iterator[Change]:
    """Yield each number in brackets as its neighbour, but for instances of which there is one or none."""
    neighbours = AllNeighbours(project)
    for site in acting(project):
        for value in _with_own_indices(site.value):
            if value.kind == "reference" and neighbours.of(site).one_at_most(value):
                continue
            for part in value.parts:
                if part.kind == "number" and part.text.isdigit():
                    neighbour = str(int(part.text) - 1 if part.text != "0" else 1)
                    yield replaced(project, site, part, neighbour, within=value)


def _with_own_indices(value: Value) -> Iterator[Value]:
    if value.kind in ("reference", "index"):
        yield value
    for part in value.parts:
        yield from _with_own_indices(part)


_PAIRS = (
    ("execution_role_arn", "task_role_arn"), ("from_port", "to_port"), ("healthy_threshold", "unhealthy_threshold"),
    ("interval", "timeout"), ("containerPort", "hostPort"), ("cluster_name", "service_name"), ("ClusterName", "ServiceName"),
    ("private_subnet_ids", "public_subnet_ids"), ("min_capacity", "max_capacity"), ("cpu", "memory"),
    ("deployment_maximum_percent", "deployment_minimum_healthy_percent"),
)  # fmt: skip


@operator(
    "hcl.swap-settings",
    "Two settings that belong together have each other's value.",
    "Each value is right by itself, and in the wrong place.",
    f"{TERRAFORM}/syntax/configuration",
)
def swap_settings(project: Project) -> Iterator[Change]:
    """Yield pairs of settings of one block, or object, with their values exchanged."""
    for site in acting(project):
        for first, second in _PAIRS:
            other = site.group.get(second) if site.name == first else None
            if other is not None and other.text != site.value.text and site.block.kind not in ("output", "module"):
                edits = (
                    Edit(site.value.start, site.value.end, other.text),
                    Edit(other.start, other.end, site.value.text),
                )
                summary = f"{described(site)} and {second} have each other's value"
                yield Change(site.file.path, edits, summary, address(project, site))


OPERATORS: tuple[Operator, ...] = (swap_settings, other_reference, other_output, other_index)
