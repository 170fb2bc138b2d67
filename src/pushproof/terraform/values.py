"""Evaluates the simple expressions of a root module: texts, `var.x`, `local.x`, templates of those, and lists of those.

Whatever takes more than that is None: only Terraform knows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pushproof.terraform.hcl import Block, read_directory, read_settings

_REFERENCE = re.compile(r"(var|local|path)\.(\w+)")
_TEMPLATE = re.compile(r"\$\{([^{}]*)\}")
_ITEM = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.]+')
_MEMBER = re.compile(r'"?(\w+)"?\s*[=:]\s*("(?:[^"\\]|\\.)*"|[\w.]+)')
_NUMBER = re.compile(r"\d+")
# Locals may refer to each other; Terraform refuses a circle, after this has been asked.
_DEEPEST = 8


class Values:
    """The values of a root module's variables and locals.

    `variables` are the caller's; those of `terraform.tfvars` and `*.auto.tfvars`, and the defaults, come after them.
    """

    def __init__(self, directory: Path, variables: Mapping[str, object], blocks: list[Block] | None = None) -> None:
        self._texts: dict[str, str] = {}
        for block in read_directory(directory) if blocks is None else blocks:
            if block.kind == "variable" and block.labels and "default" in block.attributes:
                self._texts[f"var.{block.labels[0]}"] = block.attributes["default"].text
            elif block.kind == "locals":
                self._texts |= {f"local.{name}": attribute.text for name, attribute in block.attributes.items()}
        for file in (directory / "terraform.tfvars", *sorted(directory.glob("*.auto.tfvars"))):
            if file.is_file():
                self._texts |= {f"var.{name}": f'"{value}"' for name, value in read_settings(file).items()}
        self._known = {f"var.{name}": value for name, value in variables.items() if value is not None}

    def text(self, expression: str | None, depth: int = 0) -> str | None:
        """Return the text that an expression evaluates to; None when this cannot be told, or it is no text."""
        if expression is None or depth > _DEEPEST:
            return None
        expression = expression.strip()
        if _REFERENCE.fullmatch(expression):
            return self._referred(expression, depth)
        if _NUMBER.fullmatch(expression) or expression in ("true", "false"):
            return expression
        if not (len(expression) > 1 and expression[0] == expression[-1] == '"' and '"' not in expression[1:-1]):
            return None
        parts = [self.text(match[1], depth + 1) for match in _TEMPLATE.finditer(expression)]
        if any(part is None for part in parts):
            return None
        values = iter(parts)
        return _TEMPLATE.sub(lambda _: str(next(values)), expression[1:-1])

    def texts(self, expression: str | None) -> list[str]:
        """Return the texts of a list, as far as they can be told; one text is a list of itself."""
        expression = (expression or "").strip()
        if _REFERENCE.fullmatch(expression):
            known = self._known.get(expression)
            if isinstance(known, list | tuple | set):
                return [str(item) for item in known]
            if known is None and expression in self._texts and self._texts[expression] != expression:
                return self.texts(self._texts[expression])
        if not expression.startswith("["):
            alone = self.text(expression)
            return [] if alone is None else [alone]
        items = (self.text(item) for item in _ITEM.findall(expression[1:-1]))
        return [item for item in items if item is not None]

    def members(self, expression: str | None) -> dict[str, str]:
        """Return the texts of an object by name, as far as they can be told."""
        values = {match[1]: self.text(match[2]) for match in _MEMBER.finditer(expression or "")}
        return {name: value for name, value in values.items() if value is not None}

    def _referred(self, reference: str, depth: int) -> str | None:
        if reference.startswith("path."):
            return "."
        known = self._known.get(reference)
        if known is not None:
            return str(known) if isinstance(known, str | int) else None
        return self.text(self._texts.get(reference), depth + 1)
