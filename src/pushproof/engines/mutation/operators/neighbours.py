"""Names that people confuse: for each name of a module, the other name that somebody would write instead."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence

from pushproof.engines.mutation.hcl import Block, Value
from pushproof.engines.mutation.operators.common import most_like, shared_ending
from pushproof.engines.mutation.project import Module, Project, Site, base_of

#: How many names before and after a name are looked at: people confuse what stands near, and modules have hundreds of variables.
_NEAR = 40


class Neighbours:
    """The names of one module, each with the one that is confused with it."""

    def __init__(self, project: Project, module: Module) -> None:
        self._project, self._module = project, module
        self._siblings: dict[str, dict[str, Block]] = {}
        for _, block in module.blocks:
            if block.kind in ("resource", "data") and len(block.labels) == 2:
                kind = block.labels[0] if block.kind == "resource" else f"data.{block.labels[0]}"
                self._siblings.setdefault(kind, {})[block.labels[1]] = block
        self._chosen: dict[tuple[str, str], str | None] = {}

    def of(self, site: Site, value: Value) -> str | None:
        """Return the base that somebody would mistake for a reference's own: `aws_subnet.private`, `var.task_role_arn`."""
        base = base_of(value.text)
        kind, _, name = base.rpartition(".")
        here = ".".join(site.block.labels) if site.block.kind == "resource" else ""
        if kind == "local":
            here = f"local.{site.chain[0]}" if site.block.kind == "locals" else ""
        key = (base, here if here.startswith(f"{kind}.") else "")
        if key not in self._chosen:
            other = self._other(kind, name, here)
            self._chosen[key] = f"{kind}.{other}" if other is not None else None
        return self._chosen[key]

    def _other(self, kind: str, name: str, here: str) -> str | None:
        if kind == "var":
            return self._variable(name)
        if kind == "local":
            return self._local(name, here.removeprefix("local."))
        blocks = self._siblings.get(kind, {})
        if name not in blocks:
            return None
        own = instances(blocks[name])
        near = _near(name, list(blocks))
        return most_like(name, [o for o in near if instances(blocks[o]) == own and f"{kind}.{o}" != here])

    def _variable(self, name: str) -> str | None:
        variables = self._module.variables
        if name not in variables:
            return None
        own = _type(variables[name])
        near = _near(name, list(variables))
        return _best(name, [o for o in near if o != name and _type(variables[o]) == own and _confused(name, o)])

    def _local(self, name: str, here: str) -> str | None:
        values = self._module.locals
        if name not in values:
            return None
        near = [o for o in _near(name, list(values)) if o not in (name, here) and values[o].kind == values[name].kind]
        return _best(name, [o for o in near if _confused(name, o) and here not in self._needs.get(o, ())])

    @functools.cached_property
    def _needs(self) -> dict[str, set[str]]:
        """Return for each local value those that it is made from, directly or not."""
        direct = {
            name: {
                base_of(part.text)[6:]
                for part in value.everything()
                if part.kind == "reference" and part.text.startswith("local.")
            }
            for name, value in self._module.locals.items()
        }
        needs: dict[str, set[str]] = {}
        for name in direct:
            waiting, passed = [name], set[str]()
            while waiting:
                waiting += (fresh := direct.get(waiting.pop(), set()) - passed)
                passed |= fresh
            needs[name] = passed
        return needs

    def output(self, value: Value, least: int) -> str | None:
        """Return another output of the module that a reference reads, with at least so many words in common at the end."""
        match = re.fullmatch(r"module\.([\w-]+)\.([\w-]+)", value.text)
        called = self._calls.get(match[1]) if match is not None else None
        if match is None or called is None or match[2] not in called.outputs:
            return None
        key = (value.text, "output")
        if key not in self._chosen:
            name = match[2]
            kinds = {o: _kind(block) for o, block in called.outputs.items()}
            near = [o for o in _near(name, list(kinds)) if o != name and kinds[o] == kinds[name] is not None]
            best = _best(name, [o for o in near if shared_ending(name, o) >= least])
            self._chosen[key] = f"module.{match[1]}.{best}" if best is not None else None
        return self._chosen[key]

    @functools.cached_property
    def _calls(self) -> dict[str, Module]:
        calls = {
            block.labels[0]: self._project.called(self._module, block) for _, block in self._module.of_kind("module")
        }
        return {name: module for name, module in calls.items() if module is not None}

    def one_at_most(self, value: Value) -> bool:
        """Return whether a reference is to a resource of which there is one or none."""
        kind, _, name = base_of(value.text).rpartition(".")
        block = self._siblings.get(kind, {}).get(name)
        count = block.group.get("count") if block is not None else None
        return count is not None and (count.kind == "conditional" or count.text in ("0", "1"))


class AllNeighbours:
    """The neighbours of each module of a project, made when they are first needed."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._modules: dict[str, Neighbours] = {}

    def of(self, site: Site) -> Neighbours:
        """Return the neighbours in the module of a setting."""
        directory = site.file.directory
        if directory not in self._modules:
            self._modules[directory] = Neighbours(self._project, self._project.modules[directory])
        return self._modules[directory]


def instances(block: Block) -> str:
    """Return the way in which instances of a resource are named: by number, by key, or not at all."""
    return next((name for name in ("count", "for_each") if block.group.get(name) is not None), "")


def _near(name: str, names: Sequence[str]) -> Sequence[str]:
    place = names.index(name)
    return names[max(0, place - _NEAR) : place + _NEAR + 1]


def _confused(name: str, other: str) -> bool:
    """Return whether somebody confuses two names: two words at their ends are the same, or both are names of something."""
    if "_" not in name.strip("_") or "_" not in other.strip("_"):
        return False
    shared = shared_ending(name, other)
    return shared > 1 or (shared == 1 and name.endswith(("_name", "_text", "_source")))


def _best(name: str, others: Iterable[str]) -> str | None:
    shared = {other: shared_ending(name, other) for other in others}
    most = max(shared.values(), default=0)
    return most_like(name, [other for other, count in shared.items() if count == most])


def _type(block: Block) -> str:
    value = block.group.get("type")
    return "".join(value.text.split()) if value is not None else ""


def _kind(block: Block) -> str | None:
    value = block.group.get("value")
    return value.kind if value is not None else None
