"""Write docs/mutation-operators.md: `python scripts/operator_pages.py`; with `--check`, exit 1 when the page is out of date.

Names, descriptions, harm and pages come from the operators; the diffs are the first of each operator's case in the unit tests.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pushproof.engines.mutation import OPERATORS, Operator

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "mutation-operators.md"
CASES = ROOT / "tests" / "unit" / "engines" / "mutation" / "cases"

KINDS = {"hcl": "Terraform", "buildspec": "buildspec", "dockerfile": "Dockerfile"}

HEAD = """# Mutation operators

Generated from the code by `scripts/operator_pages.py`; a test keeps this page current. An operator is a kind of mistake that people
make. It makes mutants: copies of a file with the mistake at one place. Operators know AWS's and Terraform's words, and nobody's
names. Comments, descriptions, tags and versions stay as they are, and so does the formatting.

Where one mistake can do different harm at different places, a mutant has a sentence and a page of its own.
"""

PLUGIN = '''## Operators of your own

The hook `pytest_pushproof_mutation_operators` returns operators that join these. A `Change` has the file, the bytes to replace, and
a sentence; `project.sites` yields every setting of every block, those inside of `jsonencode` included, with its bytes.

```python
from collections.abc import Iterator

from pushproof.engines.mutation import Change, Edit, Operator, Project, mutants_of, operator


@operator(
    "hcl.acme-wrong-cost-centre",
    "A cost centre is another team's.",
    "The bill goes to the wrong team, and the anomaly alarm with it.",
    "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/cost-alloc-tags.html",
)
def wrong_cost_centre(project: Project) -> Iterator[Change]:
    """Yield each cost centre as another one."""
    for site in project.sites:
        if site.name == "CostCentre" and site.value.kind == "string":
            edit = Edit(site.value.start, site.value.end, '"0000"')
            yield Change(site.file.path, (edit,), "the cost centre is 0000", "tags")


def pytest_pushproof_mutation_operators() -> list[Operator]:
    return [wrong_cost_centre]


project = Project({"main.tf": b'locals {\\n  tags = { CostCentre = "4711" }\\n}\\n'})
(mutant,) = mutants_of(project, [wrong_cost_centre])
assert mutant.apply(project.files["main.tf"]) == b'locals {\\n  tags = { CostCentre = "0000" }\\n}\\n'
```
'''


def page() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for kind, title in KINDS.items():
        operators = [operator for operator in OPERATORS if operator.name.startswith(f"{kind}.")]
        parts.append(
            f"## {title}\n\n| operator | mistake | shown by a plan |\n|---|---|---|\n"
            + "\n".join(map(_row, operators))
            + "\n"
        )
    parts.append(PLUGIN)
    parts.append("## One of each\n")
    parts += [_section(operator) for operator in OPERATORS]
    return "\n".join(parts)


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _row(operator: Operator) -> str:
    shown = "yes" if operator.visible_in_plan else "no"
    return f"| [`{operator.name}`](#{_anchor(operator.name)}) | {_cell(operator.description)} | {shown} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _section(operator: Operator) -> str:
    case = (CASES / f"{operator.name}.case").read_text(encoding="utf-8")
    example = re.split(r"^== expected: [^\n]*\n", case, flags=re.MULTILINE)[1]
    diff = example.partition("\n== ")[0].rstrip("\n")
    return f"### {operator.name}\n\n{operator.description} {operator.harm}\n[Source]({operator.page})\n\n```diff\n{diff}\n```\n"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it. Return the exit code."""
    text = page()
    if "--check" in arguments:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        name = PAGE.relative_to(ROOT)
        print(f"{name} is current" if current else f"{name} is out of date; run: python scripts/operator_pages.py")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
