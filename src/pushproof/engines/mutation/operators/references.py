"""Mistakes in references: the neighbour's name instead of the right one, and the neighbour's place in a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pushproof.engines.mutation.hcl import Block, Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import acting, address, described, most_like, replaced, shared_ending
from pushproof.engines.mutation.operators.pages import TERRAFORM, aws
from pushproof.engines.mutation.project import Module, Project, Site, base_of

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


def _other(module: Module, site: Site, value: Value) -> str | None:
    """Return the base that somebody would mistake for a reference's own, such as `aws_subnet.private` or `var.task_role_arn`."""
    base = base_of(value.text)
    kind, _, name = base.rpartition(".")
    if kind == "var":
        return _of("var", _variables(module, name))
    if kind == "local":
        return _of("local", _locals(module, site, name))
    if kind.startswith("module."):
        return None
    blocks = _siblings(module, kind)
    if name not in blocks:
        return None
    own = _instances(blocks[name])
    here = ".".join(site.block.labels) if site.block.kind == "resource" else ""
    allowed = [other for other, block in blocks.items() if _instances(block) == own and f"{kind}.{other}" != here]
    return _of(kind, most_like(name, allowed))


def _of(kind: str, name: str | None) -> str | None:
    return f"{kind}.{name}" if name is not None else None


def _siblings(module: Module, kind: str) -> Mapping[str, Block]:
    sort = ("data", kind.removeprefix("data.")) if kind.startswith("data.") else ("resource", kind)
    return {
        block.labels[1]: block for _, block in module.blocks if (block.kind, block.labels[:1]) == (sort[0], (sort[1],))
    }


def _instances(block: Block) -> str:
    """Return the way in which instances of a resource are named: by number, by key, or not at all."""
    return (
        "count" if block.group.get("count") is not None else "each" if block.group.get("for_each") is not None else ""
    )


def _variables(module: Module, name: str) -> str | None:
    own = module.variables.get(name)
    if own is None:
        return None

    def fits(other: str) -> bool:
        return _type(module.variables[other]) == _type(own) and _confused(name, other)

    return _best(name, [other for other in module.variables if other != name and fits(other)])


def _confused(name: str, other: str) -> bool:
    """Return whether somebody confuses two names: two words at their ends are the same, or both are names of something."""
    shared = shared_ending(name, other)
    return (
        "_" in name.strip("_")
        and "_" in other.strip("_")
        and (shared > 1 or (shared == 1 and name.endswith(("_name", "_text", "_source"))))
    )


def _best(name: str, others: list[str]) -> str | None:
    most = max((shared_ending(name, other) for other in others), default=0)
    return most_like(name, [other for other in others if shared_ending(name, other) == most])


def _type(block: Block) -> str:
    value = block.group.get("type")
    return "".join(value.text.split()) if value is not None else ""


def _locals(module: Module, site: Site, name: str) -> str | None:
    own = module.locals.get(name)
    if own is None:
        return None
    here = site.chain[0] if site.block.kind == "locals" else ""

    def fits(other: str) -> bool:
        same = module.locals[other].kind == own.kind and _confused(name, other) and other != here
        return same and here not in _needs(module, other, set())

    return _best(name, [other for other in module.locals if other != name and fits(other)])


def _needs(module: Module, name: str, passed: set[str]) -> set[str]:
    """Return the local values that one is made from, directly or not."""
    for value in module.locals[name].everything() if name in module.locals else ():
        base = base_of(value.text) if value.kind == "reference" else ""
        if base.startswith("local.") and base[6:] not in passed:
            passed.add(base[6:])
            _needs(module, base[6:], passed)
    return passed


def _output(project: Project, module: Module, value: Value, least: int) -> str | None:
    """Return another output of the module that a reference reads."""
    match = re.fullmatch(r"module\.([\w-]+)\.([\w-]+)", value.text)
    call = next((b for _, b in module.of_kind("module") if match is not None and b.labels[:1] == (match[1],)), None)
    called = project.called(module, call) if call is not None else None
    if match is None or called is None or match[2] not in called.outputs:
        return None
    own = called.outputs[match[2]].group.get("value")

    def fits(name: str) -> bool:
        other = called.outputs[name].group.get("value")
        return (
            own is not None and other is not None and own.kind == other.kind and shared_ending(match[2], name) >= least
        )

    best = _best(match[2], [name for name in called.outputs if name != match[2] and fits(name)])
    return f"module.{match[1]}.{best}" if best is not None else None


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
    for site, value in _sites(project):
        if site.block.kind == "output":
            continue
        module = project.module(site.file)
        base = base_of(value.text)
        other = _other(module, site, value) or _output(project, module, value, 2)
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
    for site, value in _sites(project):
        module = project.module(site.file)
        alone = not project.calls(module) and any(module.of_kind("module"))
        if site.block.kind == "output" and site.chain[0] == "value" and not alone:
            base = base_of(value.text)
            other = _other(module, site, value) or _output(project, module, value, 2)
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
    for site in acting(project):
        module = project.module(site.file)
        for value in _with_own_indices(site.value):
            if value.kind == "reference" and _one_at_most(module, value):
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


def _one_at_most(module: Module, value: Value) -> bool:
    block = next((b for _, b in module.of_kind("resource") if ".".join(b.labels) == base_of(value.text)), None)
    block = block or next(
        (b for _, b in module.of_kind("data") if f"data.{'.'.join(b.labels)}" == base_of(value.text)), None
    )
    count = block.group.get("count") if block is not None else None
    return count is not None and (count.kind == "conditional" or count.text in ("0", "1"))


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
