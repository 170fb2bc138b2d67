"""A view of IAM policy statements, in whichever way the configuration writes them.

`data "aws_iam_policy_document"` has blocks; `jsonencode` has objects. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pushproof.engines.mutation.hcl import Block, Group, Setting, Value
from pushproof.engines.mutation.project import HclFile, Module, Project


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy.

    Attributes:
        module: The module.
        file: The file.
        top: The top-level block.
        group: The block's or object's settings.
        name: Its sid, else its place in the policy from 1, with the names before the policy where there are several.
        local: The local value that has it, or "".
        block: The block, for a statement of a policy document.
        holder: The list and the place in it, for an object.
        siblings: The number of statements in the same policy.
    """

    module: Module
    file: HclFile
    top: Block
    group: Group
    name: str
    block: Block | None
    holder: tuple[Value, int] | None
    siblings: int
    local: str = ""

    @property
    def address(self) -> str:
        """Return the address of the top-level block, with its module."""
        return self.module.address(self.top, self.local)

    def setting(self, lower: str, upper: str) -> Setting | None:
        """Return a setting by the name that blocks use, or the one that JSON uses."""
        return self.group.setting(lower) or self.group.setting(upper)

    @property
    def actions(self) -> tuple[Value, ...]:
        """Return the actions, as values of their own."""
        return _each(self.setting("actions", "Action"))

    @property
    def resources(self) -> Setting | None:
        """Return the resources."""
        return self.setting("resources", "Resource")

    @property
    def effect(self) -> str:
        """Return Allow or Deny; Allow is a block's default."""
        setting = self.setting("effect", "Effect")
        return (setting.value.literal or "") if setting is not None else "Allow"

    @property
    def passes_roles(self) -> bool:
        """Return whether the statement allows to pass roles."""
        return any(value.literal == "iam:PassRole" for value in self.actions)

    def principals(self) -> Iterator[tuple[str, Value]]:
        """Yield the type and the identifiers of each kind of principals."""
        for block in self.group.of_kind("principals"):
            identifiers = block.group.get("identifiers")
            if identifiers is not None:
                yield block.group.literal("type") or "", identifiers
        principal = self.group.get("Principal")
        if principal is not None and principal.group is not None:
            for setting in principal.group.settings:
                yield setting.name, setting.value

    def conditions(self) -> Iterator[tuple[str, int, int]]:
        """Yield the condition keys with the bytes of each condition's block or entry."""
        for block in self.group.of_kind("condition"):
            yield block.group.literal("variable") or "", block.start, block.end
        condition = self.group.setting("Condition")
        if condition is not None:
            operators = condition.value.group.settings if condition.value.group is not None else ()
            keys = [s.name for o in operators if o.value.group is not None for s in o.value.group.settings]
            yield ", ".join(keys), condition.start, condition.end


def _each(setting: Setting | None) -> tuple[Value, ...]:
    if setting is None:
        return ()
    return setting.value.parts if setting.value.kind == "list" else (setting.value,)


def statements(project: Project) -> Iterator[Statement]:
    """Yield every statement of every policy."""
    for module in project.modules.values():
        for file, top in module.blocks:
            if top.kind == "data" and top.labels[:1] == ("aws_iam_policy_document",):
                blocks = top.group.of_kind("statement")
                for number, block in enumerate(blocks, 1):
                    name = block.group.literal("sid") or f"statement {number}"
                    yield Statement(module, file, top, block.group, name, block, None, len(blocks))
            elif top.kind in ("resource", "locals", "module"):
                for group in (top.outer, *(inner.group for inner in top.outer.blocks)):
                    for setting in group.settings:
                        yield from _objects(module, file, top, setting.value, (setting.name,))


def _objects(module: Module, file: HclFile, top: Block, value: Value, chain: tuple[str, ...]) -> Iterator[Statement]:
    local = chain[0] if top.kind == "locals" else ""
    if value.kind == "list":
        objects = [part for part in value.parts if is_statement(part)]
        for number, part in enumerate(objects, 1):
            assert part.group is not None
            name = part.group.literal("Sid") or f"{_before(chain)}statement {number}"
            holder = (value, value.parts.index(part))
            yield Statement(module, file, top, part.group, name, None, holder, len(objects), local)
        if objects:
            return
    elif is_statement(value) and value.group is not None:
        name = value.group.literal("Sid") or f"{_before(chain)}statement 1"
        yield Statement(module, file, top, value.group, name, None, None, 1, local)
        return
    for part in value.parts:
        yield from _objects(module, file, top, part, chain)
    for setting in value.group.settings if value.group is not None else ():
        yield from _objects(module, file, top, setting.value, (*chain, setting.name))


def _before(chain: tuple[str, ...]) -> str:
    """Return the names that tell several policies of one block apart: nothing for a policy of its own."""
    names = [name for name in chain[1:] if name != "Statement"]
    return f"{'.'.join(names)}, " if names else ""


def is_statement(value: Value) -> bool:
    """Return whether a value is a statement of a policy: an object with an effect and actions."""
    names = {setting.name for setting in value.group.settings} if value.group is not None else set()
    return "Effect" in names and bool(names & {"Action", "NotAction"})
