"""Write a page for each check, docs/checks/: `python scripts/check_pages.py`; with `--check`, exit 1 when a page is out of date.

Promise and parameters come from the check's docstring, the findings and AWS's pages from its code, the mistakes from those that the
integration tests make (tests/integration/cliffs/mistakes.py).
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from pushproof.checks.check import Checks

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "checks"


@dataclass(frozen=True, slots=True)
class Family:
    """Checks of one class: its fixture, and a call of the fixture as an example."""

    path: str
    fixture: str
    call: str


FAMILIES = (
    Family("networking.NetworkingChecks", "networking_checks", 'networking_checks(module, vpc_id=module["vpc_id"])'),
    Family("registry.RegistryChecks", "registry_checks", 'registry_checks(module, repository="shop")'),
    Family("iam.IamChecks", "iam_checks", "iam_checks(module)"),
    Family("service.ServiceChecks", "service_checks", 'service_checks(module, cluster="shop", service="shop")'),
    Family("pipeline.PipelineChecks", "pipeline_checks", 'pipeline_checks(module, pipeline="shop")'),
    Family("secrets.SecretsChecks", "secrets_checks", "secrets_checks(module)"),
    Family("state.StateChecks", "state_checks", "state_checks(module)"),
)
#: Values for parameters that have no default, by name.
EXAMPLES = {
    "role": '"shop-build"',
    "can_be_assumed_from_github.role": '"shop-deploy"',
    "can_be_assumed_from_github_only.role": '"shop-deploy"',
    "cannot_be_assumed_from_github.role": '"shop-deploy"',
    "can_be_assumed_from_github.repository": '"example/shop"',
    "can_be_assumed_from_github_only.repository": '"example/shop"',
    "cannot_be_assumed_from_github.repository": '"example/shop"',
    "can_be_assumed_from_github.branch": '"main"',
    "can_be_assumed_from_github_only.branch": '"main"',
    "cannot_be_assumed_from_github.branch": '"feature"',
    "to": '["ecs-tasks.amazonaws.com"]',
    "permissions": '[Permission("ecr:PutImage", repository_arn)]',
    "command": '["./deploy.sh", "{image}"]',
    "task_definition": '"shop"',
    "module": "module",
    "bucket": '"shop-state"',
    "secret": '"shop/database"',
    "directory": '"environments"',
    "directories": '["environments/dev", "environments/prod"]',
    "service": '"ecs-tasks.amazonaws.com"',
    "deploys_to.service": '"shop"',
    "deploys_to.cluster": '"shop"',
    "others": '"10.1.0.0/16"',
    "blocks": '"10.1.0.0/16"',
    "ports": "5432",
    "stages": '"Source", "Build", "Deploy"',
    "tags": '["dev-1a2b3c4"]',
    "percent": "10",
    "port": "8080",
    "cidr": '"10.0.0.0/16"',
}
#: Pages of checks whose findings name none.
OTHERWISE = {
    "networking": "https://docs.aws.amazon.com/vpc/latest/userguide/how-it-works.html",
    "registry": "https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html",
    "iam": "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
    "service": "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html",
    "pipeline": "https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html",
    "secrets": "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html",
    "state": "https://developer.hashicorp.com/terraform/language/backend/s3",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding as it stands in the code; `…` is where a run puts names and values."""

    expected: str
    why: str
    change: str


class Reading:
    """The findings and pages in the code of a check, and in what it calls of its own class and module."""

    def __init__(self, owner: type[Checks]) -> None:
        self._owner = owner
        self._seen: set[Callable[..., Any]] = set()
        self.faults: list[Fault] = []
        self.pages: list[str] = []

    def read(self, function: Callable[..., Any], depth: int = 4) -> Reading:
        """Read a function, and those that it calls."""
        function = inspect.unwrap(function)
        if function in self._seen or depth < 0 or not isinstance(function, FunctionType):
            return self
        self._seen.add(function)
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        names = function.__globals__
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name) and node.func.id in ("Finding", "NothingToLookAt"):
                    self._finding(node, names)
                for keyword in node.keywords:
                    if keyword.arg == "page":
                        self._page(keyword.value, names)
                called = self._called(node.func, names)
                if called is not None:
                    self.read(called, depth - 1)
        return self

    def _called(self, function: ast.expr, names: dict[str, Any]) -> Callable[..., Any] | None:
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self":
            called = getattr(self._owner, function.attr, None)
        elif isinstance(function, ast.Name):
            called = names.get(function.id)
        else:
            return None
        here = getattr(called, "__module__", None) or ""
        return called if isinstance(called, FunctionType) and here.startswith("pushproof.checks.") else None

    def _finding(self, node: ast.Call, names: dict[str, Any]) -> None:
        if not isinstance(node.func, ast.Name) or node.func.id != "Finding":
            return
        texts = {keyword.arg: _text(keyword.value, names) for keyword in node.keywords if keyword.arg is not None}
        fault = Fault(*(texts.get(name, "") for name in ("expected", "why", "change")))
        if fault.why.strip("… ") and fault not in self.faults:
            self.faults.append(fault)

    def _page(self, value: ast.expr, names: dict[str, Any]) -> None:
        text = _text(value, names)
        if text.startswith("https://") and "…" not in text and text not in self.pages:
            self.pages.append(text)


def _text(value: ast.expr, names: dict[str, Any]) -> str:
    """Return the text of an expression, with `…` for what only a run knows."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(_text(part, names) for part in value.values)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return _text(value.left, names) + _text(value.right, names)
    if isinstance(value, ast.FormattedValue):
        return _text(value.value, names)
    if isinstance(value, ast.Name) and isinstance(names.get(value.id), str):
        return str(names[value.id])
    return "…"


def mistakes() -> dict[str, list[Any]]:
    """Return the mistakes that tests make, by the check that catches them."""
    spec = importlib.util.spec_from_file_location(
        "mistakes_of_tests", ROOT / "tests" / "integration" / "cliffs" / "mistakes.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    caught: dict[str, list[Any]] = {}
    for mistake in module.MISTAKES:
        caught.setdefault(mistake.check, []).append(mistake)
    return caught


def checks() -> Iterator[tuple[Family, type[Checks], str, Callable[..., Any]]]:
    """Yield every check: its family, its class, its name, its function."""
    for family in FAMILIES:
        module, _, name = family.path.rpartition(".")
        owner = getattr(importlib.import_module(f"pushproof.checks.{module}"), name)
        for attribute in sorted(dir(owner)):
            member = inspect.getattr_static(owner, attribute)
            if attribute.startswith("_") or not isinstance(member, FunctionType):
                continue
            if "Verdict" in str(inspect.signature(member).return_annotation):
                yield family, owner, attribute, member


def pages() -> dict[str, str]:
    """Return the text of every page by its file's name, `index.md` among them."""
    caught = mistakes()
    texts: dict[str, str] = {}
    rows: dict[str, list[str]] = {}
    for family, owner, name, function in checks():
        full = f"{owner.family}.{name}"
        texts[f"{full}.md"] = _page_of(family, owner, name, function, caught.get(full, []))
        rows.setdefault(owner.family, []).append(f"| [`{name}`]({full}.md) | {_first_sentence(function)} |")
    head = (
        "# Checks\n\nGenerated from the code by `scripts/check_pages.py`; a test keeps these pages current. A check returns a "
        "verdict, which is true when\nthe promise holds; a failed assertion prints the findings ([pytest](../pytest.md)).\n"
    )
    parts = [head]
    for family in FAMILIES:
        kind = family.path.partition(".")[0]
        parts.append(
            f"## {kind}\n\nFixture `{family.fixture}`.\n\n| check | promise |\n|---|---|\n"
            + "\n".join(rows[kind])
            + "\n"
        )
    texts["index.md"] = "\n".join(parts)
    return texts


def _first_sentence(function: Callable[..., Any]) -> str:
    text = " ".join((inspect.getdoc(function) or "").split())
    return re.split(r"(?<=[.!])\s", text, maxsplit=1)[0].replace("|", "\\|")


def _page_of(family: Family, owner: type[Checks], name: str, function: Callable[..., Any], caught: list[Any]) -> str:
    full = f"{owner.family}.{name}"
    reading = Reading(owner).read(function)
    lines = [
        f"# {full}",
        "",
        inspect.cleandoc(function.__doc__ or ""),
        "",
        "```python",
        *_example(family, name, function),
        "```",
        "",
    ]
    if reading.faults:
        lines += ["## Findings", "", "`…` is where a finding has the names and values of the run.", ""]
        for fault in reading.faults:
            parts = {"expected": fault.expected, "why it matters": fault.why, "change": fault.change}
            shown = [f"**{title}:** {text}" for title, text in parts.items() if text.strip("… ")]
            lines.append("- " + "\n  <br>".join(shown))
        lines.append("")
    if caught:
        lines += ["## Caught in tests", "", "The tests make this mistake in the reference, and expect the finding:", ""]
        for mistake in caught:
            lines += [f"{mistake.name.lstrip('0123456789. ')} (`{mistake.stand}`, `{mistake.file}`)", "", "```diff"]
            lines += [f"-{line}" for line in mistake.old.splitlines()] + [
                f"+{line}" for line in mistake.new.splitlines()
            ]
            lines += ["```", ""]
    lines += ["## See", ""]
    lines += [f"- <{page}>" for page in reading.pages or [OTHERWISE[owner.family]]]
    return "\n".join(lines) + "\n"


def _example(family: Family, name: str, function: Callable[..., Any]) -> list[str]:
    arguments = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        several = parameter.kind is parameter.VAR_POSITIONAL
        optional = parameter.default is not parameter.empty and f"{name}.{parameter.name}" not in EXAMPLES
        if optional or (several and parameter.name not in EXAMPLES):
            continue
        value = EXAMPLES.get(f"{name}.{parameter.name}", EXAMPLES.get(parameter.name, parameter.name))
        arguments.append(f"{parameter.name}={value}" if parameter.kind is parameter.KEYWORD_ONLY else value)
    return [
        f"def test_it(module, {family.fixture}):",
        f"    checks = {family.call}",
        f"    assert checks.{name}({', '.join(arguments)})",
    ]


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them. Return the exit code."""
    texts = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")} if PAGES.is_dir() else {}
    if "--check" in arguments:
        stale = sorted(name for name in texts.keys() | there.keys() if texts.get(name) != there.get(name))
        print(
            f"docs/checks: {', '.join(stale)} out of date; run: python scripts/check_pages.py"
            if stale
            else "docs/checks is current"
        )
        return 1 if stale else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in there.keys() - texts.keys():
        (PAGES / name).unlink()
    for name, text in texts.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
