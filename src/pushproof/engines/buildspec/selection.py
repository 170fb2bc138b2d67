"""Selection of an artifact's files and their paths: a pure function over a list of paths.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.artifacts.files : ``*`` matches within
a name, ``**`` across directories; ``base-directory`` (a glob too) is where files are looked for and is not part of the path
in the artifact; ``discard-paths`` flattens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from posixpath import basename, normpath

from pushproof.base import expressions
from pushproof.engines.buildspec.model import Artifacts


class ArtifactError(Exception):
    """No file to upload. UPLOAD_ARTIFACTS fails with status code CLIENT_ERROR and ``message`` in AWS's words."""

    status_code = "CLIENT_ERROR"

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} ({hint})")
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class SelectedFile:
    """``source`` relative to the source directory, ``target`` relative to the artifact's root."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Selection:
    """``files`` in path order; ``unmatched`` are the patterns that found nothing."""

    files: tuple[SelectedFile, ...]
    unmatched: tuple[str, ...] = ()


@lru_cache(maxsize=1024)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression over a whole relative path.

    ``*`` and ``?`` stay within one name, ``**/`` is any number of directories (none included), a trailing ``**`` is
    everything below, ``[...]`` one character.
    """
    out: list[str] = []
    index = 0
    while index < len(glob):
        if glob.startswith("**/", index) and (index == 0 or glob[index - 1] == "/"):
            out.append("(?:[^/]+/)*")
            index += 3
        elif glob.startswith("**", index):
            out.append(".*")
            index += 2
        elif glob[index] == "*":
            out.append("[^/]*")
            index += 1
        elif glob[index] == "?":
            out.append("[^/]")
            index += 1
        elif glob[index] == "[" and (end := glob.find("]", index + 2)) > 0 and "/" not in glob[index:end]:
            out.append(_character_class(glob[index + 1 : end]))
            index = end + 1
        else:
            out.append(re.escape(glob[index]))
            index += 1
    return re.compile("".join(out), re.DOTALL)


# With more runs than this, an expression that backtracks can take hours over one path.
_MOST_RUNS = 2


@lru_cache(maxsize=1024)
def _matcher(glob: str) -> Callable[[str], bool]:
    """Return the test whether a whole relative path matches a glob."""
    pattern = glob_pattern(glob)
    if glob.count("*") <= _MOST_RUNS:
        return lambda path: pattern.fullmatch(path) is not None
    try:
        expression = expressions.compiled(pattern.pattern, dot_all=True)
    except expressions.UnsupportedExpression as error:
        raise ArtifactError(f"the pattern {glob[:200]} is too long", "name fewer files with one pattern") from error
    return lambda path: expression.is_in(path, whole=True)


def _character_class(body: str) -> str:
    negated = body[0] in "!^"
    members = body[1:] if negated else body
    out: list[str] = []
    index = 0
    while index < len(members):
        if index + 2 < len(members) and members[index + 1] == "-" and members[index] <= members[index + 2]:
            out.append(f"{re.escape(members[index])}-{re.escape(members[index + 2])}")
            index += 3
        else:
            out.append(re.escape(members[index]))
            index += 1
    if not out:
        return re.escape(f"[{body}]")
    return f"[^/{''.join(out)}]" if negated else f"[{''.join(out)}]"


def select(paths: Iterable[str], artifacts: Artifacts) -> Selection:
    """The files that ``artifacts`` uploads.

    Args:
        paths: all files below the source directory, relative, with ``/``.

    Raises:
        ArtifactError: no base directory, or no file, matches.
    """
    files = sorted(set(paths))
    roots = _base_directories(files, artifacts.base_directory)
    patterns = [(glob, _matcher(_clean(glob))) for glob in artifacts.files]
    excluded = [_matcher(_clean(glob)) for glob in artifacts.exclude_paths]
    matched: set[str] = set()
    selection: dict[str, SelectedFile] = {}
    for root in roots:
        prefix = f"{root}/" if root else ""
        for path in files:
            if not path.startswith(prefix):
                continue
            relative = path[len(prefix) :]
            hits = [glob for glob, pattern in patterns if pattern(relative)]
            if not hits:
                continue
            matched.update(hits)
            if any(pattern(relative) for pattern in excluded):
                continue
            # Where two files land on one path the last one is kept, as a zip written in this order would unpack.
            target = basename(relative) if artifacts.discard_paths else relative
            selection[target] = SelectedFile(path, target)
    if not selection:
        raise ArtifactError(
            "no matching artifact paths found",
            f"none of {', '.join(artifacts.files) or 'the (empty) files list'} exists after the build",
        )
    unmatched = tuple(glob for glob in artifacts.files if glob not in matched)
    return Selection(tuple(sorted(selection.values(), key=lambda file: file.target)), unmatched)


def expand(paths: Iterable[str], globs: Iterable[str]) -> tuple[str, ...]:
    """The files that ``cache.paths`` or a report's files name; a path that is a directory means all below it."""
    patterns = [_matcher(form) for glob in globs for form in (_clean(glob), f"{_clean(glob)}/**")]
    return tuple(sorted(path for path in set(paths) if any(pattern(path) for pattern in patterns)))


def _clean(glob: str) -> str:
    cleaned = normpath(glob.strip()) if glob.strip() else ""
    return "" if cleaned == "." else cleaned.removeprefix("./")


def _base_directories(files: list[str], base: str | None) -> list[str]:
    cleaned = _clean(base) if base else ""
    if not cleaned:
        return [""]
    pattern = _matcher(cleaned)
    directories = {path[:index] for path in files for index in _slashes(path)}
    matches = sorted(directory for directory in directories if pattern(directory))
    if not matches:
        raise ArtifactError(
            f"no matching base directory path found for {base}",
            "create it in a build command, or correct base-directory",
        )
    return matches


def _slashes(path: str) -> list[int]:
    return [index for index, character in enumerate(path) if character == "/"]
