"""Mistakes that leave out or switch off whole parts: resources and nested blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Block, Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators import harms
from pushproof.engines.mutation.operators.pages import TERRAFORM
from pushproof.engines.mutation.project import HclFile, Module, Project, base_of

#: Resources that connect two others: the parts exist, and do not work together.
_ASSOCIATION = re.compile(
    r"_(association|attachment|route|rule|policy|subscription|permission|target|notification|capacity_providers|propagation)$"
)


def _mentions(module: Module, block: Block) -> list[tuple[HclFile, Block, Value]]:
    """Return the references to a resource from other blocks."""
    return [
        (f, b, v)
        for f, b, v in module.references.get(".".join(block.labels), [])
        if b.start != block.start or b is not block
    ]


def _listed(value: Value, holder: Block) -> tuple[Value, int] | None:
    """Return the `depends_on` list that a reference stands in, with its place there; None where it stands elsewhere."""
    setting = holder.group.get("depends_on")
    for index, part in enumerate(setting.parts if setting is not None else ()):
        if setting is not None and part is value:
            return setting, index
    return None


def _removal(module: Module, file: HclFile, block: Block) -> tuple[Edit, ...] | None:
    """Return edits that remove a resource and its mentions in `depends_on` of the same file; None where others refer to it."""
    edits = [Edit(*file.source.whole(block.start, block.end), "")]
    for where, holder, value in _mentions(module, block):
        place = _listed(value, holder)
        if place is None or where.path != file.path:
            return None
        list_, index = place
        if len(list_.parts) == 1:
            setting = holder.group.setting("depends_on")
            assert setting is not None
            edits.append(Edit(*file.source.whole(setting.start, setting.end), ""))
        else:
            edits.append(Edit(*file.source.entry([(part.start, part.end) for part in list_.parts], index), ""))
    return tuple(edits)


def _resources(project: Project) -> Iterator[tuple[Module, HclFile, Block]]:
    for module in project.modules.values():
        for file, block in module.of_kind("resource"):
            if len(block.labels) == 2:
                yield module, file, block


@operator(
    "hcl.drop-resource",
    "A resource that nothing else refers to is left out.",
    "Terraform plans no error, and what the resource did is missing from the account.",
    f"{TERRAFORM}/resources/syntax",
)
def drop_resource(project: Project) -> Iterator[Change]:
    """Yield the removal of each resource that no other block needs."""
    for module, file, block in _resources(project):
        edits = _removal(module, file, block)
        if edits is not None and not _ASSOCIATION.search(block.labels[0]):
            yield Change(
                file.path,
                edits,
                f"{block.address} is left out",
                module.address(block),
                *harms.of_resource(block.labels[0]),
            )


@operator(
    "hcl.drop-association",
    "A resource that connects two others is left out: a route, a rule, an attachment, a policy.",
    "Both ends exist and look right in the console, and nothing connects them.",
    f"{TERRAFORM}/resources/syntax",
)
def drop_association(project: Project) -> Iterator[Change]:
    """Yield the removal of each connecting resource that no other block needs."""
    for module, file, block in _resources(project):
        edits = _removal(module, file, block)
        if edits is not None and _ASSOCIATION.search(block.labels[0]):
            yield Change(
                file.path,
                edits,
                f"{block.address} is left out",
                module.address(block),
                *harms.of_resource(block.labels[0]),
            )


@operator(
    "hcl.disable-resource",
    "A resource is switched off: no instance of it is made, and what refers to all of them finds none.",
    "Somebody switched it off for a test; the plan stays valid, and the account lacks it.",
    f"{TERRAFORM}/meta-arguments/count",
)
def disable_resource(project: Project) -> Iterator[Change]:
    """Yield a count of 0, or an empty `for_each`, for each resource that others only list or go through."""
    for module, file, block in _resources(project):
        if _removal(module, file, block) is not None:
            continue
        mentions = _mentions(module, block)
        each, count = block.group.setting("for_each"), block.group.setting("count")
        whole = [v for _, _, v in mentions if v.text == base_of(v.text)]
        if len(whole) != len(mentions) or count is not None:
            continue
        if each is not None:
            edit = Edit(each.value.start, each.value.end, "{}")
        elif all(_listed(value, holder) is not None for _, holder, value in mentions) and block.group.settings:
            first = block.group.settings[0]
            edit = Edit(first.start, first.start, f"count = 0\n\n{file.source.indent(first.start)}")
        else:
            continue
        yield Change(
            file.path,
            (edit,),
            f"{block.address} is switched off",
            module.address(block),
            *harms.of_resource(block.labels[0]),
        )


OPERATORS: tuple[Operator, ...] = (drop_resource, drop_association, disable_resource)
