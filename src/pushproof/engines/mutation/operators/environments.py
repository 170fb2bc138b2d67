"""Mistakes between environments, and between a module and those who call it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Set

from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import acting, address, described, removed, replaced
from pushproof.engines.mutation.operators.pages import TERRAFORM, aws
from pushproof.engines.mutation.project import Module, Project, Site, base_of


def _roots(project: Project) -> dict[str, list[Module]]:
    """Return modules that nobody calls, by the directory they lie in."""
    roots: dict[str, list[Module]] = {}
    for directory, module in project.modules.items():
        if directory and not project.calls(module):
            roots.setdefault(posixpath.dirname(directory), []).append(module)
    return {parent: modules for parent, modules in roots.items() if len(modules) > 1}


def _known(module: Module, site: Site) -> bool:
    """Return whether everything that a value refers to exists in a module."""
    for value in site.value.everything():
        kind, _, name = base_of(value.text).partition(".") if value.kind == "reference" else ("", "", "")
        if kind == "var" and name not in module.variables:
            return False
        if kind == "local" and name not in module.locals:
            return False
    return True


@operator(
    "hcl.other-environment",
    "An environment has the value of another one.",
    "Production runs with what was meant for development, or an environment reaches into another one's network or secrets.",
    aws("security/aws-account-management-and-separation"),
)
def other_environment(project: Project) -> Iterator[Change]:
    """Yield each setting that differs between environments that lie side by side, with the other's value."""
    sites: dict[str, list[Site]] = {}
    for site in acting(project):
        if site.block.kind != "output":
            sites.setdefault(site.file.directory, []).append(site)
    for modules in _roots(project).values():
        tables = {module.directory: _by_place(module, sites.get(module.directory, [])) for module in modules}
        for module in modules:
            own = tables[module.directory].keys()
            twins = [m for m in modules if m is not module and _alike(own, tables[m.directory].keys())]
            for key, site in tables[module.directory].items():
                there = (tables[other.directory].get(key) for other in twins)
                other = next((o for o in there if o is not None and o.value.text != site.value.text), None)
                if other is None or other.value.group is not None or site.value.kind in ("for", "list", "heredoc"):
                    continue
                if _known(module, other):
                    yield replaced(project, site, site.value, other.value.text)


_Place = tuple[str, str, tuple[str, ...]]


def _alike(first: Set[_Place], second: Set[_Place]) -> bool:
    """Return whether two roots are environments of one thing: most of what either sets, both set."""
    return len(first & second) * 2 > len(first | second)


def _by_place(module: Module, sites: list[Site]) -> dict[_Place, Site]:
    """Return settings by file, address and name, as far as these are theirs alone."""
    places: dict[_Place, list[Site]] = {}
    for site in sites:
        key = (posixpath.basename(site.file.path), module.address(site.block, site.chain[0]), site.chain)
        places.setdefault(key, []).append(site)
    return {key: group[0] for key, group in places.items() if len(group) == 1}


@operator(
    "hcl.drop-argument",
    "A call of a module lacks an argument, so that the module's default holds.",
    "The module works with a value that is right for somebody else.",
    f"{TERRAFORM}/values/variables",
)
def drop_argument(project: Project) -> Iterator[Change]:
    """Yield each call without one of the arguments that have a default in the module."""
    for site in project.sites:
        if site.block.kind == "module" and len(site.chain) == 1:
            module = project.module(site.file)
            called = project.called(module, site.block)
            variable = called.variables.get(site.name) if called is not None else None
            default = variable.group.get("default") if variable is not None else None
            if default is not None and default.text not in (site.value.text, _default_of(module, site)):
                yield removed(project, site)


def _default_of(module: Module, site: Site) -> str | None:
    """Return the value of an argument that is one of the root's own variables, where nothing sets it: the default."""
    kind, _, name = site.value.text.partition(".")
    variable = module.variables.get(name) if kind == "var" else None
    if variable is None or any(block.group.setting(name) is not None for _, block in module.of_kind("tfvars")):
        return None
    default = variable.group.get("default")
    return default.text if default is not None else None


@operator(
    "hcl.other-default",
    "A variable's default is another one.",
    "Everybody who relies on the default gets something else.",
    f"{TERRAFORM}/values/variables",
)
def other_default(project: Project) -> Iterator[Change]:
    """Yield each variable with the opposite default, or with none of its elements."""
    for site in acting(project):
        if site.block.kind != "variable" or site.chain != ("default",):
            continue
        value = site.value
        if value.kind == "boolean":
            yield replaced(project, site, value, "false" if value.text == "true" else "true")
        elif (value.kind == "list" and value.parts) or (
            value.kind == "object" and value.group and value.group.settings
        ):
            yield replaced(project, site, value, "[]" if value.kind == "list" else "{}")
        elif value.kind == "string" and (other := _alternative(site)) is not None:
            yield replaced(project, site, value, f'"{other}"')


def _alternative(site: Site) -> str | None:
    """Return another text that the variable's validation accepts: one of `contains([…], var.name)`."""
    for block in site.block.group.of_kind("validation"):
        condition = block.group.get("condition")
        if (
            condition is not None
            and condition.kind == "call"
            and condition.name == "contains"
            and condition.parts[0].kind == "list"
        ):
            texts = [part.literal for part in condition.parts[0].parts]
            return next((text for text in texts if text is not None and text != site.value.literal), None)
    return None


_FROM = re.compile(r"\bvalueFrom\b")


@operator(
    "hcl.secret-in-environment",
    "A secret of a container stands among its plain variables.",
    "Everybody who may describe the task definition reads it, and the application gets an ARN instead of the secret.",
    aws("ecs/specifying-sensitive-data"),
)
def secret_in_environment(project: Project) -> Iterator[Change]:
    """Yield each container with its secrets, or one of them, moved to `environment`."""
    for site in acting(project):
        if (
            site.name != "secrets"
            or site.block.kind not in ("resource", "locals")
            or site.value.kind not in ("list", "for")
        ):
            continue
        if not _FROM.search(site.value.text):
            continue
        plain = site.group.setting("environment")
        if plain is None:
            edits = [Edit(site.setting.start, site.value.start, "environment = "),
                     Edit(site.value.start, site.value.end, _FROM.sub("value", site.value.text))]  # fmt: skip
            yield Change(
                site.file.path, tuple(edits), f"{described(site)} stand in environment", address(project, site)
            )
            continue
        if site.value.kind == "for":
            moved = f"concat({plain.value.text}, {_FROM.sub('value', site.value.text)})"
            taken = Edit(*site.file.source.whole(site.setting.start, site.setting.end), "")
            yield Change(
                site.file.path, (Edit(plain.value.start, plain.value.end, moved), taken),
                f"{described(site)} stand in environment", address(project, site),
            )  # fmt: skip
            continue
        spans = [(part.start, part.end) for part in site.value.parts]
        for index, part in enumerate(site.value.parts):
            entry = _FROM.sub("value", part.text)
            taken = Edit(*site.file.source.entry(spans, index), "")
            if plain.value.kind == "list" and plain.value.parts:
                last = plain.value.parts[-1]
                added = Edit(last.end, last.end, f", {entry}")
            else:
                added = Edit(plain.value.start, plain.value.end, f"[{entry}]")
            name = part.group.literal("name") if part.group is not None else None
            summary = f"the secret {name or index + 1} stands in environment"
            yield Change(site.file.path, (added, taken), summary, address(project, site))


OPERATORS: tuple[Operator, ...] = (other_environment, drop_argument, other_default, secret_in_environment)
