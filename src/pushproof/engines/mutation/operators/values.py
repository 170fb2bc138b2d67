"""Mistakes in plain values: booleans, words that AWS defines, and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.engines.mutation.model import Change, Operator, operator
from pushproof.engines.mutation.operators import booleans, numbers, words
from pushproof.engines.mutation.operators.common import acting, removed, replaced
from pushproof.engines.mutation.operators.pages import TERRAFORM, aws
from pushproof.engines.mutation.project import Project


@operator(
    "hcl.flip-boolean",
    "A switch is on instead of off, or off instead of on.",
    "The protection or ability behind the switch is the opposite of what was meant.",
    f"{TERRAFORM}/expressions/types",
)
def flip_boolean(project: Project) -> Iterator[Change]:
    """Yield the opposite of each boolean in resources, local values, module calls and values of variables."""
    for site in acting(project):
        if site.block.kind == "variable" or site.value.kind != "boolean":
            continue
        opposite = "false" if site.value.text == "true" else "true"
        yield replaced(project, site, site.value, opposite, booleans.harm_of(site.name, opposite))


@operator(
    "hcl.other-word",
    "A word that AWS defines is another one that AWS accepts as well.",
    "The value is valid, so nothing refuses it, and the service behaves differently.",
    aws("vpc/security-group-rules"),
)
def other_word(project: Project) -> Iterator[Change]:
    """Yield another value of each enumeration in the table."""
    for site in acting(project):
        values = [site.value, *site.value.parts] if site.value.kind in ("list", "conditional") else [site.value]
        for value in values:
            if value.kind == "string" and value.literal is not None:
                for word, harm, page in words.others(site, value.literal):
                    yield replaced(project, site, value, f'"{word}"', (harm, page))


@operator(
    "hcl.other-number",
    "A number lies beyond a threshold: far too long, far too short, none at all.",
    "The limit no longer does what it is there for.",
    aws("alb/target-group-health-checks"),
)
def other_number(project: Project) -> Iterator[Change]:
    """Yield other numbers for settings of the table, in blocks, in JSON, and as values of variables."""
    for site in acting(project):
        name = site.block.labels[0] if site.block.kind == "variable" and len(site.chain) == 1 else site.name
        value = site.value
        literal = value.literal if value.kind in ("number", "string") else None
        if literal is None:
            continue
        for number, harm, page in numbers.others(site, name, literal):
            text = f'"{number}"' if value.kind == "string" else number
            yield replaced(project, site, value, text, (harm, page))


@operator(
    "hcl.drop-setting",
    "An optional setting is left out, so that AWS's or the provider's default holds.",
    "The default is not what was chosen, and nothing in the code shows the difference.",
    f"{TERRAFORM}/expressions/types",
)
def drop_setting(project: Project) -> Iterator[Change]:
    """Yield the removal of each optional setting that the table has, in blocks and in JSON."""
    for site in acting(project):
        if site.block.kind in ("resource", "locals", "data"):
            # A switch that is left out is off, as `flip_boolean` has it.
            harm = words.harm_of_missing(site) if site.value.kind != "boolean" else None
            if harm is not None:
                yield removed(project, site, harm)


OPERATORS: tuple[Operator, ...] = (flip_boolean, other_word, other_number, drop_setting)
