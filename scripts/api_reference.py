"""Write docs/api.md from docstrings: `python scripts/api_reference.py`; with `--check`, exit 1 when the page is out of date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"
# Check classes, in the order of their fixtures.
CHECKS = (
    "checks.networking.NetworkingChecks",
    "checks.registry.RegistryChecks",
    "checks.iam.IamChecks",
    "checks.service.ServiceChecks",
    "checks.pipeline.PipelineChecks",
    "checks.secrets.SecretsChecks",
    "checks.state.StateChecks",
)
HEAD = """# API reference

Generated from docstrings by `scripts/api_reference.py`; a test keeps it current. `import pushproof` gives the names of the first
section; fixtures are there in every test once Pushproof is installed; checks are what the fixtures return.
"""


def page() -> str:
    """Return the whole page."""
    package = griffe.load("pushproof", search_paths=[str(ROOT / "src")])
    lines = [HEAD, "## `pushproof`\n"]
    for name in sorted(package.exports or []):
        text = str(name)
        if text.startswith("__"):
            continue
        member = package[text]
        lines += _entry(member.final_target if member.is_alias else member, text, level=3)
    lines.append("## Fixtures\n")
    for member in package["plugin"].functions.values():
        if any("fixture" in str(decorator.value) for decorator in member.decorators) and not member.name.startswith(
            "_"
        ):
            lines += [f"### `{member.name}`\n", _text(member), ""]
    lines.append("## Checks\n")
    for path in CHECKS:
        lines += _entry(package[path], path.rsplit(".", 1)[-1], level=3)
    return "\n".join(lines).rstrip() + "\n"


def _entry(member: griffe.Object, name: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{name}`\n"
    yield _text(member)
    yield ""
    if member.is_class:
        for child in member.members.values():
            if child.name.startswith("_") or child.is_alias or not child.docstring:
                continue
            if child.is_function:
                yield f"{'#' * (level + 1)} `{_signature(child)}`\n"
                yield _text(child)
                yield ""
            elif child.is_attribute:
                yield f"- `{child.name}`: {_text(child)}"
        yield ""


def _signature(function: griffe.Function) -> str:
    shown: list[str] = []
    starred = False
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is griffe.ParameterKind.keyword_only and not starred:
            shown.append("*")
            starred = True
        prefix = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}.get(
            parameter.kind, ""
        )
        starred = starred or prefix == "*"
        default = f"={parameter.default}" if parameter.default is not None and not prefix else ""
        shown.append(f"{prefix}{parameter.name}{default}")
    return f"{function.name}({', '.join(shown)})"


def _text(member: griffe.Object) -> str:
    return member.docstring.value.strip() if member.docstring else ""


def main(arguments: list[str]) -> int:
    """Write the page, or compare it. Return the exit code."""
    text = page()
    if "--check" in arguments:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        print(
            "docs/api.md is current" if current else "docs/api.md is out of date; run: python scripts/api_reference.py"
        )
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
