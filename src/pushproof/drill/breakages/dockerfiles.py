"""Edits of a Dockerfile's text: instructions at the end of every stage, and other base images.

Source: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"^#\s*escape\s*=\s*(?P<escape>[\\`])\s*$", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*(?P<quote>[\"']?)(?P<word>[A-Za-z_][A-Za-z0-9_]*)(?P=quote)")
_FROM = re.compile(r"^\s*FROM\s+(?P<flags>(?:--\S+\s+)*)(?P<image>\S+)(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_ARG = re.compile(
    r"^(?P<head>\s*ARG\s+[A-Za-z_]\w*=)(?P<quote>[\"']?)(?P<value>[^\"'\s]+)(?P=quote)(?P<rest>.*)$", re.I | re.S
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its keyword in capitals ("" for comments and blank lines), and its text with every line it covers."""

    keyword: str
    text: str


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile in their order; joined, their texts are the file."""
    return list(_instructions(text.splitlines(keepends=True)))


def _instructions(lines: Sequence[str]) -> Iterator[Instruction]:
    escape, at, directives = "\\", 0, True
    while at < len(lines):
        first = lines[at].strip()
        directive = _DIRECTIVE.match(first) if directives else None
        if directive:
            escape = directive["escape"]
        directives = directives and first.startswith("#") and "=" in first
        if not first or first.startswith("#"):
            yield Instruction("", lines[at])
            at += 1
            continue
        end = at
        # A comment or a blank line inside a continued instruction does not end it.
        while end + 1 < len(lines) and (
            lines[end].rstrip().endswith(escape) or (end > at and lines[end].lstrip().startswith("#"))
        ):
            end += 1
        covered = "".join(lines[at : end + 1])
        for heredoc in _HEREDOC.finditer(covered) if first.split()[0].upper() in ("RUN", "COPY", "ADD") else ():
            while end + 1 < len(lines):
                end += 1
                if lines[end].strip() == heredoc["word"]:
                    break
        yield Instruction(first.split()[0].upper(), "".join(lines[at : end + 1]))
        at = end + 1


def stages(text: str) -> int:
    """Return the number of build stages."""
    return sum(instruction.keyword == "FROM" for instruction in instructions(text))


def append_to_stages(text: str, added: Sequence[str]) -> str:
    """Return the Dockerfile with instructions at the end of every stage: whichever stage is built has them."""
    block = "".join(f"{line}\n" for line in added)
    result, started = "", False
    for instruction in instructions(text):
        if instruction.keyword == "FROM":
            result = _ended(result) + block if started else result
            started = True
        result += instruction.text
    return _ended(result) + block if started else result


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def map_images(text: str, images: Mapping[str, str]) -> str:
    """Return the Dockerfile with base images replaced: in FROM, in COPY --from, and in defaults of ARG."""
    return "".join(_mapped(instruction, images) for instruction in instructions(text))


def _mapped(instruction: Instruction, images: Mapping[str, str]) -> str:
    text = instruction.text
    if instruction.keyword == "FROM" and (matched := _FROM.match(text)) and matched["image"] in images:
        return f"FROM {matched['flags']}{images[matched['image']]}{matched['rest']}"
    if instruction.keyword == "ARG" and (matched := _ARG.match(text)) and matched["value"] in images:
        return f"{matched['head']}{matched['quote']}{images[matched['value']]}{matched['quote']}{matched['rest']}"
    if instruction.keyword == "COPY":
        return re.sub(r"--from=(\S+)", lambda found: f"--from={images.get(found[1], found[1])}", text, count=1)
    return text


def base_images(text: str) -> list[str]:
    """Return the images that the stages start from, those of ARG defaults included, without names of stages and `scratch`."""
    named: set[str] = set()
    images: list[str] = []
    for instruction in instructions(text):
        matched = _ARG.match(instruction.text) if instruction.keyword == "ARG" else None
        if matched is not None and re.search("[/:]", matched["value"]):
            images.append(matched["value"])
        matched = _FROM.match(instruction.text) if instruction.keyword == "FROM" else None
        if matched is None:
            continue
        image = matched["image"]
        if image != "scratch" and "$" not in image and image.lower() not in named:
            images.append(image)
        alias = re.match(r"\s+AS\s+(\S+)", matched["rest"], re.IGNORECASE)
        if alias:
            named.add(alias[1].lower())
    return list(dict.fromkeys(images))
