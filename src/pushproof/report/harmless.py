"""Texts from outside, made harmless: shown, never obeyed, on a page, in a terminal and in Markdown alike."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from markupsafe import Markup

# ECMA-48: control sequences (colours, cursor), and strings such as window titles and links.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    # A string without its end hides nothing: only its beginning goes.
    r"|\x1b[ -/]*[0-~]"
)
_KEPT = "\n\t"
# CommonMark's and GitHub's punctuation that could become markup: https://spec.commonmark.org/0.31.2/#backslash-escapes
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~$@&]|:(?=\S))")


def harmless(value: Any) -> Any:
    """Return a text without terminal sequences, and with control and direction characters shown by their code points."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    if value.isascii() and value.isprintable():
        return value
    return "".join(map(_shown, _ANSI.sub("", value)))


def one_line(text: str) -> str:
    """Return a text as one harmless line."""
    return " ".join(str(harmless(text)).split())


def markdown(text: str) -> str:
    """Return a text as one harmless line of Markdown, with nothing in it that is markup, a mention or a link."""
    return _MARKUP.sub(r"\\\1", one_line(text)).replace("\\@", "@\u2060") if text else ""


def _shown(character: str) -> str:
    """Return a character, or its code point where it is a control, a format or no character at all."""
    # Cc: controls. Cf: marks that turn the direction of writing, or that nobody sees. Cs, Co, Cn: nothing that a font has.
    if character in _KEPT or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return character
    return f"[U+{ord(character):04X}]"
