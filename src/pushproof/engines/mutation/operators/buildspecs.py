"""Mistakes in a buildspec: guards, order, cache, artifacts, names and tags."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.commands import (
    ASSIGNMENT,
    BUILD,
    CACHE,
    GUARD,
    GUARDED,
    LOGIN,
    PULL,
    PUSH,
    TEST,
    WRITE,
    address,
    all_commands,
    dropped,
    first_line,
    matches,
    without,
)
from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Project
from pushproof.engines.mutation.specification import Buildspec, Phase, Scalar

_PHASES = aws("codebuild/build-spec-ref")


@operator(
    "buildspec.drop-guard",
    "A check that ends a build which cannot succeed is left out.",
    "The build goes on after a failure, and pushes or deploys what should not be.",
    aws("codebuild/view-build-details"),
    visible_in_plan=False,
)
def drop_guard(project: Project) -> Iterator[Change]:
    """Yield each buildspec without one of its guards, alone or before a command."""
    for buildspec, phase, index, command in all_commands(project):
        if GUARD.match(command.text) and not GUARDED.match(command.text):
            yield dropped(buildspec, phase, index, command)
        match = GUARDED.match(command.text)
        if match is not None and not CACHE.search(command.text.split(match["guard"], 1)[-1].split("\n")[0]):
            for start, end, _ in matches(buildspec, command, re.escape(match["guard"])):
                summary = f"`{match['guard'].strip()}` is left out"
                yield Change(buildspec.path, (Edit(start, end, ""),), summary, address(phase, index))


@operator(
    "buildspec.drop-command",
    "A command that the delivery needs is left out: login, test, build, push, the list of images.",
    "The build fails late, or succeeds without having tested or delivered anything.",
    _PHASES,
    visible_in_plan=False,
)
def drop_command(project: Project) -> Iterator[Change]:
    """Yield each buildspec without one of the commands that log in, test, build, push, or write the list of images."""
    for buildspec, phase, index, command in all_commands(project):
        needed = any(p.search(command.text) for p in (LOGIN, BUILD, PUSH, TEST, WRITE))
        if needed and not (PUSH.search(command.text) and CACHE.search(command.text)):
            yield dropped(buildspec, phase, index, command)


@operator(
    "buildspec.drop-variable",
    "A variable is not set, or not exported.",
    "The commands that use it go on with an empty text: an image without a tag, a push to nowhere.",
    aws("codebuild/build-env-ref-env-vars"),
    visible_in_plan=False,
)
def drop_variable(project: Project) -> Iterator[Change]:
    """Yield each buildspec without one of its assignments, variables, or exported variables."""
    for buildspec, phase, index, command in all_commands(project):
        if ASSIGNMENT.match(command.text) and "\n" not in command.text.strip():
            yield dropped(buildspec, phase, index, command)
    for buildspec in project.buildspecs:
        source = buildspec.source
        for name, value in buildspec.variables:
            span = (value.entry, value.end) if len(buildspec.variables) > 1 else buildspec.env
            if span is not None:
                edit = Edit(*source.whole(*span), "")
                yield Change(buildspec.path, (edit,), f"the variable {name} is not set", f"env.variables.{name}")
        spans = [(exported.entry, exported.end) for exported in buildspec.exported]
        for index, exported in enumerate(buildspec.exported if len(spans) > 1 else ()):
            edit = Edit(*source.entry(spans, index), "")
            yield Change(buildspec.path, (edit,), f"{exported.text} is not exported", "env.exported-variables")


@operator(
    "buildspec.drop-cache",
    "The build does not use its cache, or does not keep it.",
    "Every build starts from nothing and takes minutes longer.",
    aws("codebuild/build-caching"),
    visible_in_plan=False,
)
def drop_cache(project: Project) -> Iterator[Change]:
    """Yield each buildspec without a pull or push of the cache, without a flag for it, and without its section."""
    for buildspec, phase, index, command in all_commands(project):
        if (PULL.search(command.text) or PUSH.search(command.text)) and CACHE.search(command.text):
            yield dropped(buildspec, phase, index, command)
        flag = r"[ \t]*--cache-(?:from|to)[ =](?:\"[^\"]*\"|'[^']*'|\S+)|[ \t]*--build-arg[ =]BUILDKIT_INLINE_CACHE=1"
        for start, end, match in matches(buildspec, command, flag):
            line = buildspec.source.text(start, buildspec.source.end_of_line(start))
            # A flag on a line of its own takes the line with its continuation along.
            alone = line[len(match[0]) :].strip() == "\\" and not buildspec.source.text(
                buildspec.source.start_of_line(start), start).strip()  # fmt: skip
            edit = Edit(start, end, "")
            if alone:
                edit = Edit(buildspec.source.start_of_line(start), buildspec.source.end_of_line(start), "")
            yield Change(buildspec.path, (edit,), f"`{match[0].strip()}` is left out", address(phase, index))
    for buildspec in project.buildspecs:
        if buildspec.cache is not None:
            edit = Edit(*buildspec.source.whole(*buildspec.cache), "")
            yield Change(buildspec.path, (edit,), "the section cache is left out", "cache")


@operator(
    "buildspec.swap-phases",
    "The commands of two phases have each other's place.",
    "The build uses what the phase before it should have made.",
    aws("codebuild/view-build-details-phases"),
    visible_in_plan=False,
)
def swap_phases(project: Project) -> Iterator[Change]:
    """Yield each buildspec with the names of two phases that follow one another exchanged."""
    for buildspec in project.buildspecs:
        phases = [phase for phase in buildspec.phases if phase.commands]
        for first, second in itertools.pairwise(phases):
            edits = (
                Edit(first.start, first.start + len(first.name), second.name),
                Edit(second.start, second.start + len(second.name), first.name),
            )
            summary = f"{first.name} and {second.name} have each other's commands"
            yield Change(buildspec.path, edits, summary, f"phases.{first.name}")


@operator(
    "buildspec.push-early",
    "The image is pushed before it is tested or built.",
    "An image that fails its tests is in the registry, or an older one is pushed again.",
    _PHASES,
    visible_in_plan=False,
)
def push_early(project: Project) -> Iterator[Change]:
    """Yield each buildspec with the first push before the first test or build."""
    for buildspec in project.buildspecs:
        commands = buildspec.commands
        before = next((c for c in commands if TEST.search(c[2].text) or BUILD.search(c[2].text)), None)
        push = next((c for c in commands if PUSH.search(c[2].text) and not CACHE.search(c[2].text)), None)
        if before is None or push is None or commands.index(before) >= commands.index(push):
            continue
        edit = _moved(buildspec, push[0], push[1], before[2])
        if edit is not None:
            summary = f"`{first_line(push[2])}` comes before `{first_line(before[2])}`"
            yield Change(buildspec.path, edit, summary, address(push[0], push[1]))


@operator(
    "buildspec.late-login",
    "The login to the registry comes after the first command that needs it.",
    "The pull or push is refused: no basic auth credentials.",
    aws("ecr/registry_auth"),
    visible_in_plan=False,
)
def late_login(project: Project) -> Iterator[Change]:
    """Yield each buildspec with its login behind the first command that needs it."""
    for buildspec in project.buildspecs:
        commands = buildspec.commands
        at = next((place for place, c in enumerate(commands) if LOGIN.search(c[2].text)), None)
        if at is None:
            continue
        users = [place for place in range(at + 1, len(commands) - 1) if _uses_the_registry(commands[place][2])]
        edits = _moved(buildspec, commands[at][0], commands[at][1], commands[users[0] + 1][2]) if users else None
        if edits is not None:
            summary = f"the login comes after `{first_line(commands[users[0]][2])}`"
            yield Change(buildspec.path, edits, summary, address(commands[at][0], commands[at][1]))


def _uses_the_registry(command: Scalar) -> bool:
    return PULL.search(command.text) is not None or PUSH.search(command.text) is not None


def _moved(buildspec: Buildspec, phase: Phase, index: int, before: Scalar) -> tuple[Edit, ...] | None:
    """Edits that put a command before another; None where they are written in different ways."""
    source, command = buildspec.source, phase.commands[index]
    if len(phase.commands) == 1 or not all(source.content[c.entry : c.entry + 1] == b"-" for c in (command, before)):
        return None
    if source.indent(command.entry) != source.indent(before.entry):
        return None
    start = source.whole(before.entry, before.end)[0]
    # The comment above the other command stays above it; blank lines stay where they are.
    while not source.content[start : source.end_of_line(start)].strip() and start < before.entry:
        start = source.end_of_line(start)
    text = f"{source.indent(command.entry)}{source.text(command.entry, command.end)}\n"
    return Edit(start, start, text), without(buildspec, phase, index)


OPERATORS: tuple[Operator, ...] = (
    drop_guard,
    drop_command,
    drop_variable,
    drop_cache,
    swap_phases,
    push_early,
    late_login,
)
