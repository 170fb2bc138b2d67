"""Mistakes with what guards a resource: `lifecycle`, conditions, `depends_on`, `sensitive`."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Block
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import element_removed, removed
from pushproof.engines.mutation.operators.pages import TERRAFORM
from pushproof.engines.mutation.project import Project, Site


def _lifecycle(project: Project) -> Iterator[Site]:
    for site in project.sites:
        if site.block.kind == "resource" and len(site.chain) == 2 and site.chain[0] == "lifecycle":
            yield site


def _address(project: Project, site: Site) -> str:
    return project.module(site.file).address(site.block)


@operator(
    "hcl.drop-ignore-changes",
    "Terraform no longer ignores an attribute that something else changes.",
    "The next apply takes back what the pipeline deployed, or what scaling decided.",
    f"{TERRAFORM}/meta-arguments/lifecycle",
    visible_in_plan=False,
)
def drop_ignore_changes(project: Project) -> Iterator[Change]:
    """Yield each `ignore_changes` without one of its attributes, and without itself."""
    for site in _lifecycle(project):
        if site.name != "ignore_changes":
            continue
        if site.value.kind == "list" and len(site.value.parts) > 1:
            for index in range(len(site.value.parts)):
                change = element_removed(project, site, site.value, index)
                yield change
        lifecycle = next(
            block for block in site.block.group.of_kind("lifecycle") if site.setting in block.group.settings
        )
        alone = len(lifecycle.group.settings) == 1 and not lifecycle.group.blocks
        span = (lifecycle.start, lifecycle.end) if alone else (site.setting.start, site.setting.end)
        edit = Edit(*site.file.source.whole(*span), "")
        yield Change(site.file.path, (edit,), "lifecycle.ignore_changes is left out", _address(project, site))


@operator(
    "hcl.drop-prevent-destroy",
    "Terraform may destroy a resource that it was told to keep.",
    "A change that replaces the resource, or a destroy, deletes its data.",
    f"{TERRAFORM}/meta-arguments/lifecycle",
    visible_in_plan=False,
)
def drop_prevent_destroy(project: Project) -> Iterator[Change]:
    """Yield each resource without `prevent_destroy` or `create_before_destroy`."""
    for site in _lifecycle(project):
        if site.name in ("prevent_destroy", "create_before_destroy", "replace_triggered_by"):
            lifecycle = next(
                block for block in site.block.group.of_kind("lifecycle") if site.setting in block.group.settings
            )
            if len(lifecycle.group.settings) == 1 and not lifecycle.group.blocks:
                edit = Edit(*site.file.source.whole(lifecycle.start, lifecycle.end), "")
                summary = f"lifecycle.{site.name} is left out"
                yield Change(site.file.path, (edit,), summary, _address(project, site))
            else:
                yield removed(project, site)


@operator(
    "hcl.drop-condition-check",
    "A validation, precondition or postcondition is left out.",
    "Values that the module cannot work with reach AWS, and fail late or not at all.",
    f"{TERRAFORM}/expressions/custom-conditions",
    visible_in_plan=False,
)
def drop_condition_check(project: Project) -> Iterator[Change]:
    """Yield each variable without one of its validations, and each resource or output without one of its conditions."""
    passed: set[str] = set()
    for module in project.modules.values():
        for file, top in module.blocks:
            if top.kind not in ("variable", "resource", "data", "output"):
                continue
            for holder, block in _conditions(top):
                condition = block.group.get("condition")
                # The same check in several modules sees the same value: without one, the next refuses it.
                if condition is not None and condition.text in passed:
                    continue
                passed.add(condition.text if condition is not None else "")
                alone = holder is not None and not holder.group.settings and len(holder.group.blocks) == 1
                gone = holder if holder is not None and alone else block
                span = file.source.whole(gone.start, gone.end)
                message = block.group.literal("error_message") or block.kind
                summary = f"{block.kind} is left out: {message.split('. ')[0].split(': ')[0][:60]}"
                yield Change(file.path, (Edit(*span, ""),), summary, module.address(top))


def _conditions(top: Block) -> Iterator[tuple[Block | None, Block]]:
    for block in top.group.blocks:
        if block.kind in ("validation", "precondition", "postcondition"):
            yield None, block
        if block.kind == "lifecycle":
            yield from ((block, b) for b in block.group.blocks if b.kind in ("precondition", "postcondition"))


@operator(
    "hcl.drop-dependency",
    "An explicit dependency is left out, so that Terraform may do things at once, or in the other order.",
    "The first apply, or the destroy, fails or leaves something half made, now and then.",
    f"{TERRAFORM}/meta-arguments/depends_on",
    visible_in_plan=False,
)
def drop_dependency(project: Project) -> Iterator[Change]:
    """Yield each block without `depends_on`."""
    for site in project.sites:
        if site.chain != ("depends_on",) or site.value.kind != "list":
            continue
        yield removed(project, site)


@operator(
    "hcl.show-secret",
    "A value that is marked sensitive is shown.",
    "The secret stands in plans, logs and comments of pull requests.",
    f"{TERRAFORM}/values/variables",
    visible_in_plan=False,
)
def show_secret(project: Project) -> Iterator[Change]:
    """Yield each variable and output without `sensitive`."""
    for site in project.sites:
        if site.block.kind in ("variable", "output") and site.chain == ("sensitive",) and site.value.text == "true":
            yield removed(project, site)


OPERATORS: tuple[Operator, ...] = (
    drop_ignore_changes, drop_prevent_destroy, drop_condition_check, drop_dependency, show_secret,
)  # fmt: skip
