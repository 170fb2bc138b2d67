"""Mistakes in conditions and repetitions: the wrong branch, always one branch, one instead of all."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Block, Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import acting, address, described, replaced
from pushproof.engines.mutation.operators.pages import TERRAFORM
from pushproof.engines.mutation.project import Module, Project, Site, base_of


def _own(value: Value, kind: str) -> Iterator[Value]:
    """Yield the values of a kind, but for those in settings inside, which have sites of their own."""
    if value.kind == kind:
        yield value
    for part in value.parts:
        yield from _own(part, kind)


def _indexed(module: Module, block: Block) -> bool:
    """Return whether another block names one instance of a resource or data source."""
    name = ".".join(block.labels) if block.kind == "resource" else "data." + ".".join(block.labels)
    return any(
        value.text != base_of(value.text) for _, holder, value in module.references.get(name, []) if holder is not block
    )


def _acting(project: Project) -> Iterator[Site]:
    """Sites with conditions that decide something; instances that others name by index stay, since Terraform would refuse."""
    for site in acting(project):
        if site.block.kind in ("output", "variable", "tfvars"):
            continue
        if site.chain[0] in ("count", "for_each") and _indexed(project.module(site.file), site.block):
            continue
        yield site


@operator(
    "hcl.swap-branches",
    "A condition has its two results exchanged.",
    "The case that was meant gets what the other case should have.",
    f"{TERRAFORM}/expressions/conditionals",
)
def swap_branches(project: Project) -> Iterator[Change]:
    """Yield each `condition ? first : second` exchanged, for counts, repetitions and values that may be null."""
    passed: set[tuple[str, str]] = set()
    for site in _acting(project):
        for value in _own(site.value, "conditional"):
            # A condition that switches many things is wrong once, where it is first written.
            if site.name in ("count", "for_each") and (site.file.directory, value.text) in passed:
                continue
            passed.add((site.file.directory, value.text))
            if len(value.parts) == 3 and _has_two_results(site, value) and not _passes_through(value):
                _, first, second = value.parts
                edits = (Edit(first.start, first.end, second.text), Edit(second.start, second.end, first.text))
                summary = f"{described(site)} has the results of {_short(value.parts[0].text)} exchanged"
                yield Change(site.file.path, edits, summary, address(project, site))


@operator(
    "hcl.fixed-branch",
    "A condition is gone, and one of its results holds always.",
    "One kind of environment works, and the other gets what was meant for the first.",
    f"{TERRAFORM}/expressions/conditionals",
)
def fixed_branch(project: Project) -> Iterator[Change]:
    """Yield each conditional value, but for counts, as its first and as its second result."""
    for site in _acting(project):
        if site.name in ("count", "for_each"):
            continue
        for value in _own(site.value, "conditional"):
            for part in value.parts[1:]:
                if part.kind != "null" and part.text not in ("{}", "[]"):
                    yield replaced(project, site, value, part.text)


@operator(
    "hcl.other-comparison",
    "A condition compares the other way, or joins its parts otherwise.",
    "The condition holds when it should not.",
    f"{TERRAFORM}/expressions/operators",
)
def other_comparison(project: Project) -> Iterator[Change]:
    """Yield each `==` as `!=`, each `&&` as `||`, each `!x` as `x`, and the reverse."""
    opposites = {"==": "!=", "!=": "==", "&&": "||", "||": "&&", ">": ">=", ">=": ">", "<": "<=", "<=": "<"}
    for site in _acting(project):
        for value in _own(site.value, "operation"):
            if any(_is_condition(holder, value) for holder in _own(site.value, "conditional")):
                continue
            if value.name in opposites and len(value.parts) == 2:
                first, second = value.parts
                between = site.file.source.content[first.end : second.start]
                at = first.end + between.index(value.name.encode())
                edit = Edit(at, at + len(value.name), opposites[value.name])
                summary = f"{described(site)} has {opposites[value.name]} instead of {value.name}"
                yield Change(site.file.path, (edit,), summary, address(project, site))
            elif value.name == "!" and len(value.parts) == 1:
                yield replaced(project, site, value, value.parts[0].text)


def _has_two_results(site: Site, value: Value) -> bool:
    """Return whether exchanging the results says more than `fixed_branch` does with each of them."""
    _, first, second = value.parts
    switches = site.name in ("count", "for_each") or "null" in (first.kind, second.kind)
    return first.text != second.text and switches


def _passes_through(value: Value) -> bool:
    """Return whether a condition takes a value where it is set, and nothing where it is null: no two results to confuse."""
    condition, *results = value.parts
    names = [part.text for part in condition.everything() if part.kind == "reference"]
    asks = any(any(p.kind == "null" for p in part.parts) for part in condition.everything() if part.kind == "operation")
    return asks and any(name in result.text for name in names for result in results)


def _is_condition(holder: Value, value: Value) -> bool:
    """Return whether exchanging the results of a condition is the same mistake."""
    return value.name not in ("&&", "||") and (holder.parts[0].start, holder.parts[0].end) == (value.start, value.end)


@operator(
    "hcl.single-instance",
    "There is one instance instead of one for each zone, service or client.",
    "The first zone's failure takes everything down, or all but the first have nothing.",
    f"{TERRAFORM}/meta-arguments/for_each",
)
def single_instance(project: Project) -> Iterator[Change]:
    """Yield resources with one instance: `count = 1`, or `for_each` over the first key, where no other block names an instance."""
    for site in acting(project):
        if site.block.kind != "resource" or len(site.chain) != 1:
            continue
        text = site.value.text
        if site.name == "count" and site.value.kind in ("number", "call", "reference") and text not in ("0", "1"):
            if not _indexed(project.module(site.file), site.block):
                yield replaced(project, site, site.value, "1")
        elif site.name == "for_each" and not _indexed(project.module(site.file), site.block):
            narrowed = _first_only(project.module(site.file), site.value)
            if narrowed is not None:
                yield replaced(project, site, site.value, narrowed)


def _first_only(module: Module, value: Value) -> str | None:
    """Return an expression for the first element; None where the kind of the collection is not certain."""
    text = value.text
    if value.kind == "call" and value.name == "toset" and len(value.parts) == 1:
        return f"toset(slice(tolist({value.parts[0].text}), 0, 1))"
    if value.kind != "reference":
        return None
    base, _, name = text.partition(".")
    if base == "var":
        return None
    if base == "local" and name in module.locals:
        if module.locals[name].kind not in ("object", "for") or not module.locals[name].text.startswith("{"):
            return None
    elif not any(block.labels and ".".join(block.labels) == text for _, block in module.of_kind("resource")):
        return None
    return f"{{ for key, value in {text} : key => value if key == keys({text})[0] }}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


OPERATORS: tuple[Operator, ...] = (swap_branches, fixed_branch, other_comparison, single_instance)
