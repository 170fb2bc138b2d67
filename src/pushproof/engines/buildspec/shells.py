"""The shell that runs a build's commands, and the syntax that it rejects.

`/bin/sh` is dash on the Ubuntu images and bash on the Amazon Linux images; `env.shell: bash` chooses bash on both.
https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-cmd.html ,
https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.shell ,
https://github.com/aws/aws-codebuild-docker-images (what the images are made from)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: The values of `env.shell` on Linux.
LINUX_SHELLS = ("bash", "/bin/sh")
#: The values of `env.shell` on Windows.
WINDOWS_SHELLS = ("powershell.exe", "cmd.exe")

SCRIPT = "/codebuild/output/tmp/script.sh"
#: The line of the script at which a command begins.
FIRST_LINE = 4


@dataclass(frozen=True, slots=True)
class ShellRefusal:
    """The failure of a command that the shell rejects: its exit status, and the message in the log."""

    status: int
    message: str


def sh_of(image: str) -> str:
    """Return the shell behind `/bin/sh` on a build image: `bash` on Amazon Linux, `dash` on Ubuntu."""
    return "bash" if image.startswith("aws/codebuild/amazonlinux") else "dash"


# Syntax that ends dash at once anywhere outside quotation marks: pattern, and dash's message.
_SYNTAX = (
    (re.compile(r"(?:^|[;&|\s])\w+\+?=\("), 'Syntax error: "(" unexpected'),
    (re.compile(r"[<>]\("), 'Syntax error: "(" unexpected'),
    (re.compile(r"<<<"), "Syntax error: redirection unexpected"),
    (re.compile(r"(?:^|[;\s])for\s*\(\("), "Syntax error: Bad for loop variable"),
)
# ${x:0:7}, ${x//a/b}, ${x^^}, ${!x}: expanded inside double quotation marks as well.
_SUBSTITUTION = re.compile(r"\$\{(?:!\w|\w+(?::(?:\d|\$|\s+-\d)|/|\^|,))")
_BUILTIN = re.compile(r"set\s+(?:-\w+\s+)*-\w*o\s+pipefail\b")
_UNKNOWN = re.compile(r"(\[\[|source|pushd|popd|shopt|declare|mapfile|readarray)(?=\s|$)")


def refusal(command: str) -> ShellRefusal | None:
    """Return the failure of a command that is certain to fail in dash; None for every other command.

    An unknown command fails the whole line where nothing, or `&&`, follows it.
    """
    if "<<" in command.replace("<<<", ""):
        return None  # A here-document holds anything.
    expanded = re.sub(r"'[^']*'", "''", command)
    plain = re.sub(r'"(?:\\.|[^"\\])*"', '""', expanded)
    for pattern, words in _SYNTAX:
        match = pattern.search(plain)
        if match is not None:
            return _refused(plain, match.start(), 2, words)
    if (match := _SUBSTITUTION.search(expanded)) is not None and _certain(expanded[: match.start()]):
        return _refused(expanded, match.start(), 2, "Bad substitution")
    first = plain.lstrip()
    if _BUILTIN.match(first):
        return _refused(plain, 0, 2, "set: Illegal option -o pipefail")
    unknown = _UNKNOWN.match(first)
    if unknown is not None and not re.search(r"\|\||[;|\n]", first.rstrip()):
        return _refused(plain, 0, 127, f"{unknown[1]}: not found")
    return None


def _certain(before: str) -> bool:
    """Return whether the shell reaches what follows this text: no branch and no function body precedes it."""
    return not re.search(r"\b(?:if|case|while|until)\b|&&|\|\||\{\s", before)


def _refused(text: str, at: int, status: int, words: str) -> ShellRefusal:
    line = FIRST_LINE + text.count("\n", 0, at)
    return ShellRefusal(status, f"{SCRIPT}: {line}: {words}")
