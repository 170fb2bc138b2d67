"""Commands of buildspecs: the kinds that mistakes are about, and edits of one command."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushproof.engines.mutation.model import Change, Edit
from pushproof.engines.mutation.project import Project
from pushproof.engines.mutation.specification import Buildspec, Phase, Scalar

#: A check that ends the build.
GUARD = re.compile(r"^\s*(\[\[? |test |set -[a-z]*e|set -o pipefail|exit \d)")
#: A check before a command on the same line: `[ "$DONE" = yes ] || docker build`.
GUARDED = re.compile(r"^\s*(?P<guard>(?:\[\[? [^\]]*\]\]?|test [^|&;\n]+) *(?:\|\||&&) *)(?=\S)(?!\{|exit|false)")
LOGIN = re.compile(r"docker login|get-login")
BUILD = re.compile(r"docker (?:buildx )?build|buildah|kaniko|make (?:image|build)")
PUSH = re.compile(r"docker push|--push\b")
PULL = re.compile(r"docker pull")
TEST = re.compile(
    r"--target[ =]test|\bmake test\b|\bpytest\b|\bnpm (?:run )?test|\bunittest\b|\bgo test\b|\bmvn .*(?:test|verify)\b"
)
#: A command that writes a list of images.
WRITE = re.compile(r">\s*['\"]?[\w./-]+\.json")
ASSIGNMENT = re.compile(r"^\s*(?:export )?[A-Za-z_]\w*=\S")
CACHE = re.compile(r"cache", re.IGNORECASE)
#: A use of a shell variable.
VARIABLE = r"\$(?:\{\w+[^}]*\}|\w+)"


def all_commands(project: Project) -> Iterator[tuple[Buildspec, Phase, int, Scalar]]:
    """Yield every command of every buildspec, with its phase and its place in it."""
    for buildspec in project.buildspecs:
        for phase, index, command in buildspec.commands:
            yield buildspec, phase, index, command


def address(phase: Phase, index: int) -> str:
    """Return the address of a command: `phases.build.commands[0]`."""
    return f"phases.{phase.name}.commands[{index}]"


def first_line(command: Scalar) -> str:
    """Return the first line of a command, cut to 60 characters."""
    line = command.text.strip().split("\n")[0].strip()
    return line if len(line) <= 60 else line[:57] + "..."


def without(buildspec: Buildspec, phase: Phase, index: int) -> Edit:
    """Return the removal of a command; of its phase where it is the only one."""
    if len(phase.commands) == 1:
        return Edit(*buildspec.source.whole(phase.start, phase.end), "")
    spans = [(command.entry, command.end) for command in phase.commands]
    return Edit(*buildspec.source.entry(spans, index, comment=True), "")


def dropped(buildspec: Buildspec, phase: Phase, index: int, command: Scalar) -> Change:
    """Return the change that leaves a command out."""
    edit = without(buildspec, phase, index)
    return Change(buildspec.path, (edit,), f"`{first_line(command)}` is left out", address(phase, index))


def matches(
    buildspec: Buildspec, command: Scalar, pattern: str | re.Pattern[str]
) -> Iterator[tuple[int, int, re.Match[str]]]:
    """Yield the bytes of each match of a pattern in a command as it is written."""
    written = buildspec.source.text(command.start, command.end)
    for match in re.finditer(pattern, written):
        start = command.start + len(written[: match.start()].encode())
        yield start, start + len(match[0].encode()), match
