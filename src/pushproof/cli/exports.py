"""`pushproof env`: a world's variables as a shell or an env file reads them."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from enum import StrEnum

import typer

from pushproof.cli.outcome import OK, UNAVAILABLE

# A person's own settings that would lead elsewhere, or be sent along with the world's keys.
_UNSET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")


class Format(StrEnum):
    """The languages that exports can be printed in."""

    SH = "sh"
    FISH = "fish"
    DOTENV = "dotenv"


def formatted(exports: Mapping[str, str], language: Format) -> str:
    """Return exports as text that sets them and, in a shell, unsets what would get in their way."""
    if language is Format.SH:
        lines = [f"unset {' '.join(_UNSET)}", *(f"export {k}={shlex.quote(v)}" for k, v in exports.items())]
    elif language is Format.FISH:
        # https://fishshell.com/docs/current/language.html#quotes
        quoted = {k: v.replace("\\", "\\\\").replace("'", "\\'") for k, v in exports.items()}
        lines = [f"set -e {' '.join(_UNSET)}", *(f"set -gx {k} '{v}'" for k, v in quoted.items())]
    else:
        lines = [f"{k}={_dotenv(v)}" for k, v in exports.items()]
    return "\n".join(lines) + "\n"


def _dotenv(value: str) -> str:
    """Return a value bare where that will do, as `docker run --env-file` takes quotes for a part of it."""
    if re.fullmatch(r"[\w./:@%+,=-]*", value, re.ASCII):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def print_exports(*, language: Format, world_id: str | None, wait: float) -> int:
    """Print the exports of a world that is up, waited for up to `wait` seconds."""
    from pushproof.base.target import TargetUnavailable
    from pushproof.targets.exports import published
    from pushproof.targets.journal import Journal

    deadline = time.monotonic() + wait
    while True:
        try:
            exports = published(Journal(), world_id)
            break
        except TargetUnavailable as error:
            if time.monotonic() >= deadline:
                # A shell evaluates what is printed.
                typer.echo(f"Cannot run here: {error}", err=True)
                return UNAVAILABLE
        time.sleep(0.1)
    typer.echo(formatted(exports, language), nl=False)
    return OK
