"""A parser of the shell commands in a buildspec: the programs that run, their order, and the failures that stop the build.

No shell is run. The parser covers the usual forms in buildspecs: simple commands, lists with && and ||, pipelines, groups,
`if`, assignments. It leaves other forms as they are.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from pushproof.engines.buildspec import Buildspec, Phase

_PHASES = (Phase.INSTALL, Phase.PRE_BUILD, Phase.BUILD, Phase.POST_BUILD)
_OPERATOR = re.compile(r"\|\||&&|\||;|&|\n")
_KEYWORDS = {"if", "then", "else", "elif", "fi", "do", "done", "while", "until", "for", "{", "}", "(", ")", "!"}
_FAILS = re.compile(r"\b(?:exit\s+[1-9]\d*|false|return\s+[1-9]\d*)\b|\bexit\s*(?:$|[;}\n])")
# NAME=value at the beginning of a command or a line; quotes and command substitutions stay whole.
_ASSIGNMENT = re.compile(
    r"""(?m)(?:^|[;&|]\s*|\b(?:then|else|do)\s+)\s*(?:export\s+)?([A-Za-z_]\w*)=(\$\([^\n]*\)|"[^"\n]*"|'[^'\n]*'|[^\s;&|]*)"""
)
_SUBSTITUTION = re.compile(r"\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`")
EXAMPLE_COMMIT = "0123abcd0123abcd0123abcd0123abcd0123abcd"
_USE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a phase's commands, or of its `finally`."""

    phase: Phase
    text: str
    last: bool = False

    @property
    def commands(self) -> tuple[Command, ...]:
        """The simple commands of the step, in the order in which they are written."""
        return tuple(_commands(self.text))


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command.

    Attributes:
        words: Program and arguments, with quotes taken off where that is possible.
        text: The command as written.
        before: The operator before it, newlines as ``;``.
        after: The operator after it.
        rest: The text after that operator.
        strict: Whether `set -e` precedes it in the same step.
        pipefail: Whether `set -o pipefail` precedes it.
    """

    words: tuple[str, ...]
    text: str
    before: str
    after: str
    rest: str
    strict: bool = False
    pipefail: bool = False

    @property
    def tolerated(self) -> bool:
        """Return whether the step goes on after a failure of this command."""
        if self.after == "||":
            return not _FAILS.search(_alternative(self.rest))
        if self.after == "|":
            return not self.pipefail
        if self.strict and self.after == ";":
            return False
        # The step's exit code is that of its last command; failures before it have no effect.
        return self.after in (";", "&") and bool(self.rest.strip(" \n;}"))

    def docker(self, *verbs: str) -> bool:
        """Return whether it is one of these docker commands, ``build`` in either of its spellings."""
        words = [word for word in self.words if word not in _KEYWORDS]
        if words[:1] != ["docker"]:
            return False
        spoken = [word for word in words[1:] if not word.startswith("-")]
        if spoken[:1] in (["buildx"], ["image"]):
            spoken = spoken[1:]
        return bool(spoken) and spoken[0] in verbs

    def option(self, name: str) -> list[str]:
        """The values of an option, as ``--name value`` or ``--name=value``."""
        following = [b for a, b in pairwise(self.words) if a == name]
        return following + [word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")]


def steps(spec: Buildspec) -> list[Step]:
    """Every command of a buildspec, in the order in which a good build runs them."""
    listed: list[Step] = []
    for phase in _PHASES:
        if (written := spec.phases.get(phase)) is not None:
            listed += [Step(phase, text) for text in written.commands]
            listed += [Step(phase, text, last=True) for text in written.finally_]
    return listed


def references(text: str, verb: str) -> list[str]:
    """The references that a command's `docker push` or `docker pull` names, as written."""
    return re.findall(rf"\bdocker\s+(?:image\s+)?{verb}\s+(?:-\S+\s+)*([^\s;&|]+)", text)


def assignments(all_steps: Iterable[Step]) -> dict[str, str]:
    """The shell variables that commands set, the last value of each."""
    return {name: value for step in all_steps for name, value in _ASSIGNMENT.findall(step.text)}


def bare(reference: str) -> str:
    """A word without its quotes."""
    return reference.strip("\"'")


def expanded(reference: str, known: Mapping[str, str]) -> str:
    """A word with the variables that are known replaced, again and again; others stay as they are."""
    text = bare(reference)
    for _ in range(8):
        text = _USE.sub(lambda m: bare(known.get(m[1] or m[2], m[0])), text)
    return text


def unset_variables(all_steps: Iterable[Step], known: Mapping[str, str]) -> list[str]:
    """The variables that commands use and that are not set: not in `known`, by a command, by CodeBuild or by the shell."""
    listed = list(all_steps)
    text = "\n".join(_without_single_quotes(step.text) for step in listed)
    optional = set(re.findall(r"\$\{(\w+):?[-+=?]", text))
    loops = set(re.findall(r"\bfor\s+(\w+)\s+in\b", text)) | set(re.findall(r"\bread\s+(?:-\w+\s+)*(\w+)", text))
    present = {*known, *assignments(listed), *optional, *loops}
    used = [braced or plain for braced, plain in re.findall(r"\$(?:\{(\w+)[^}]*\}|(\w+))", text)]
    return [name for name in dict.fromkeys(used) if name not in present and not _is_given(name)]


def examples(known: Mapping[str, str]) -> dict[str, str]:
    """Example values of a build's variables; the output of git, date and other programs is made up."""
    samples = {
        "CODEBUILD_RESOLVED_SOURCE_VERSION": EXAMPLE_COMMIT, "CODEBUILD_BUILD_NUMBER": "42", "CODEBUILD_BUILD_ID": "build:42",
        "CODEBUILD_START_TIME": "1767225600000", "CODEBUILD_SOURCE_VERSION": EXAMPLE_COMMIT,
    }  # fmt: skip
    texts = {name: bare(value) for name, value in known.items()}
    resolved: dict[str, str] = {}
    for name, value in texts.items():
        whole = expanded_text(value, texts)
        resolved[name] = _SUBSTITUTION.sub(_example_of, whole)
    return {**samples, **{name: expanded_text(value, samples) for name, value in resolved.items()}}


def _example_of(substitution: re.Match[str]) -> str:
    text = substitution[0]
    if "SOURCE_VERSION" in text or "git rev-parse" in text or "git log" in text:
        shortened = re.search(r"%\.(\d+)s|1-(\d+)|--short(?:=(\d+))?", text)
        digits = next((int(group) for group in (shortened.groups() if shortened else ()) if group), 7)
        return EXAMPLE_COMMIT[: digits if shortened else 40]
    return "20260101" if "date" in text else "x"


def written_text(command: Command, known: Mapping[str, str]) -> str | None:
    """The text that a `printf` or `echo` writes, variables replaced where they are known; None for other commands."""
    words = list(command.words)
    redirect = next((n for n, word in enumerate(words) if word.startswith(">")), len(words))
    words = [word for word in words[:redirect] if word not in _KEYWORDS]
    if words[:1] == ["echo"]:
        return expanded_text(" ".join(word for word in words[1:] if word not in ("-n", "-e")), known)
    if words[:1] == ["printf"] and len(words) > 1:
        text, values = words[1], iter(words[2:])
        filled = re.sub(r"%s", lambda _: expanded_text(next(values, ""), known), text.replace("%%", "\0"))
        return filled.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"').replace("\0", "%")
    return None


def expanded_text(text: str, known: Mapping[str, str]) -> str:
    """As `expanded`, with the text's own quotes left alone."""
    for _ in range(8):
        text = _USE.sub(lambda m: bare(known.get(m[1] or m[2], m[0])), text)
    return text


def writes(command: Command, file: str) -> bool:
    """Return whether a command's output goes to a file of this name."""
    return re.search(rf">\s*[\"']?(?:\S*/)?{re.escape(file)}\b", command.text) is not None


def _is_given(name: str) -> bool:
    return name.isdigit() or name.startswith(("CODEBUILD_", "AWS_", "ECS_")) or name in (
        "HOME", "PATH", "PWD", "OLDPWD", "USER", "SHELL", "HOSTNAME", "LANG", "TMPDIR", "IFS", "PPID", "RANDOM",
        "LINENO", "SECONDS", "UID", "BASH_VERSION",
    )  # fmt: skip


def _without_single_quotes(text: str) -> str:
    """The text without its single-quoted parts; an apostrophe between double quotes is not a quote."""
    characters, quote = [], ""
    for character in text:
        if quote != "'":
            characters.append(character)
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
    return "".join(characters)


def _alternative(rest: str) -> str:
    """Return the commands after ``||``: a group in braces, or the commands up to the next line."""
    text = rest.lstrip(" \t\\\n")
    if text.startswith("{"):
        return text.partition("}")[0] + "}"
    return re.split(r"\n|;", text, maxsplit=1)[0]


def _commands(text: str) -> Iterator[Command]:
    joined = re.sub(r"\\\n\s*", " ", text)
    before, position = "", 0
    for start, end in _operators(joined):
        operator = ";" if joined[start:end] == "\n" else joined[start:end]
        piece = joined[position:start]
        if piece.strip():
            yield Command(_words(piece), piece.strip(), before, operator, joined[end:], *_modes(joined[:position]))
            before = operator
        elif operator != ";":
            before = operator
        position = end
    if joined[position:].strip():
        yield Command(_words(joined[position:]), joined[position:].strip(), before, "", "", *_modes(joined[:position]))


def _modes(text: str) -> tuple[bool, bool]:
    return re.search(r"\bset\s+-[a-z]*e", text) is not None, re.search(r"\bset\s+-[a-z]*o\s+pipefail", text) is not None


def _operators(text: str) -> Iterator[tuple[int, int]]:
    """The places of operators outside of quotes and substitutions."""
    quote, depth, index = "", 0, 0
    while index < len(text):
        character = text[index]
        if character == "\\" and quote != "'":
            index += 2
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif text.startswith(("$(", "${"), index):
            depth += 1
            index += 1
        elif depth and character in ")}":
            depth -= 1
        elif not depth:
            match = _OPERATOR.match(text, index)
            redirected = (
                match is not None
                and match[0] == "&"
                and (text[index - 1 : index] == ">" or text[index + 1 : index + 2] == ">")
            )
            if match is not None and not redirected:
                yield match.span()
                index = match.end()
                continue
        index += 1


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text, comments=True))
    except ValueError:
        return tuple(text.split())
