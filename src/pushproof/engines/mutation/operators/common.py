"""Parts that operators share: prose that nobody mutates, addresses, and the name most like another."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator

from pushproof.engines.mutation.hcl import Value
from pushproof.engines.mutation.model import Change, Edit
from pushproof.engines.mutation.project import Project, Site

#: Settings that are read by people, or say which Terraform and which providers: a mutant there is noise.
_PROSE = frozenset((
    "Sid", "backend", "backend_config", "cloud", "comment", "default_tags", "description", "error_message", "import", "labels",
    "message_body", "moved", "nullable", "postcondition", "precondition", "required_providers", "required_version", "sid", "tags",
    "tags_all", "validation", "version",
))  # fmt: skip
#: Blocks with values that Terraform or AWS acts on.
_ACTING = frozenset(("resource", "data", "locals", "module", "variable", "output", "tfvars"))
#: Arguments that belong to Terraform itself.
_META = frozenset(("depends_on", "lifecycle", "provider", "providers", "source", "connection", "provisioner"))


def acting(project: Project) -> Iterator[Site]:
    """Yield the settings that change what is deployed: no prose, no versions, no arguments of Terraform's own."""
    for site in project.sites:
        if site.block.kind == "variable" and not default_holds(project, site):
            continue
        if site.block.kind not in _ACTING or _PROSE.intersection(site.chain):
            continue
        if site.chain[0] in _META or (site.block.kind == "variable" and site.chain[0] != "default"):
            continue
        if site.name == "version" or (site.block.kind == "data" and site.chain[0] in ("filter", "most_recent")):
            continue
        yield site


def default_holds(project: Project, site: Site) -> bool:
    """Return whether anybody relies on a variable's default: a root without values, or a call without the argument."""
    module, name = project.module(site.file), site.block.labels[0] if site.block.labels else ""
    calls = project.calls(module)
    if calls:
        return any(call.group.setting(name) is None for call in calls)
    return not any(block.group.setting(name) is not None for _, block in module.of_kind("tfvars"))


def address(project: Project, site: Site) -> str:
    """Return the address of a setting's block, with its module."""
    return project.module(site.file).address(site.block, site.chain[0])


def described(site: Site) -> str:
    """Return the place of a setting inside of its block, as people name it: `health_check.path`."""
    return ".".join(site.chain)


def replaced(
    project: Project,
    site: Site,
    value: Value,
    text: str,
    harm: tuple[str, str] = ("", ""),
    *,
    within: Value | None = None,
) -> Change:
    """Return the change of a value's text, with a summary that has both; `within` is a value around it to show instead."""
    old, shown = " ".join(value.text.split()), " ".join(text.split())
    if within is not None:
        written = within.text.encode()
        changed = written[: value.start - within.start] + text.encode() + written[value.end - within.start :]
        old, shown = " ".join(within.text.split()), " ".join(changed.decode(errors="replace").split())
    summary = f"{described(site)} is {_short(shown)} instead of {_short(old)}"
    return Change(site.file.path, (Edit(value.start, value.end, text),), summary, address(project, site), *harm)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def removed(project: Project, site: Site, harm: tuple[str, str] = ("", "")) -> Change:
    """Return the removal of a setting with its line, or, in an object on one line, with its comma."""
    spans = sorted([(s.start, s.end) for s in site.group.settings] + [(b.start, b.end) for b in site.group.blocks])
    index = spans.index((site.setting.start, site.setting.end))
    span = site.file.source.entry(spans, index)
    summary = f"{described(site)} is left out"
    return Change(site.file.path, (Edit(*span, ""),), summary, address(project, site), *harm)


def element_removed(project: Project, site: Site, list_: Value, index: int, harm: tuple[str, str] = ("", "")) -> Change:
    """Return the removal of one element of a list."""
    span = site.file.source.entry([(part.start, part.end) for part in list_.parts], index)
    summary = f"{described(site)} is without {_short(' '.join(list_.parts[index].text.split()))}"
    return Change(site.file.path, (Edit(*span, ""),), summary, address(project, site), *harm)


def shared_ending(first: str, second: str) -> int:
    """Return how many words two names in snake case have in common at their ends."""
    count = 0
    for word, other in zip(reversed(first.split("_")), reversed(second.split("_")), strict=False):
        if word != other:
            break
        count += 1
    return count


#: Words that stand in names for two sides of the same thing.
_SIDES = (
    ("public", "private"), ("execution", "task"), ("codebuild", "codepipeline"), ("build", "pipeline"), ("source", "artifacts"),
    ("cache", "deploy"), ("http", "https"), ("ingress", "egress"), ("read", "write"), ("blue", "green"), ("cluster", "service"),
    ("load_balancer", "tasks"), ("alb", "tasks"), ("primary", "secondary"), ("api", "worker"), ("min", "max"), ("cpu", "memory"),
)  # fmt: skip


def _opposite(name: str, other: str) -> bool:
    return any(name.replace(a, b) == other or name.replace(b, a) == other for a, b in _SIDES)


def most_like(name: str, names: Iterable[str], allowed: Callable[[str], bool] = bool) -> str | None:
    """Return the other name most easily written for a name: its other side, most words in common, most letters."""
    words = set(name.split("_"))

    def likeness(other: str) -> tuple[bool, int, float, str]:
        alike = difflib.SequenceMatcher(None, name, other).ratio()
        return _opposite(name, other), len(words & set(other.split("_"))), alike, other

    candidates = [other for other in names if other != name and allowed(other)]
    return max(candidates, key=likeness, default=None)
