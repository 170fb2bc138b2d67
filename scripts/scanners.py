"""Compare who notices the mistakes of a campaign: the suite, Terraform's own validation and plan, and checkov.

`python scripts/scanners.py build/mutation/pushproof-report.json` prints a Markdown table. checkov reads each mutated tree, and
notices a mistake when one of its checks fails there that passes on the original. `tox -e scanners` has it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pushproof.record.model import Mutation
from pushproof.record.store import load

ROOT = Path(__file__).resolve().parents[1]
#: Trees that one run of checkov reads.
AT_ONCE = 10
_ORIGINAL = "original"
Failed = tuple[str, str, str]


def main(arguments: Sequence[str]) -> int:
    """Print the comparison; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path, help="pushproof-report.json of a campaign")
    parser.add_argument("--checkov", default="checkov", help="the program [checkov]")
    options = parser.parse_args(arguments)
    mutations = [m for m in load(options.record).mutations if m.status not in ("equivalent", "broken")]
    if not mutations:
        print(f"{options.record} has no valid mutants; expected the record of `pushproof mutate`", file=sys.stderr)
        return 2
    if shutil.which(options.checkov) is None:
        print(f"{options.checkov} is not a program here; install checkov, or use `tox -e scanners`", file=sys.stderr)
        return 3
    noticed = noticed_by_checkov(mutations, options.checkov)
    print("\n".join(table(mutations, noticed)))
    return 0


def table(mutations: Sequence[Mutation], noticed: frozenset[str]) -> Iterator[str]:
    """Yield the lines of a table, by the part of the repository and by operator."""
    yield "| | mutants | the suite | `validate` and `plan` | checkov |"
    yield "|---|---|---|---|---|"
    for key in (lambda m: m.module, lambda m: m.operator):
        names = Counter(key(mutation) for mutation in mutations)
        for name, _ in sorted(names.items(), key=lambda item: (-item[1], item[0])):
            yield _row(f"`{name}`", [mutation for mutation in mutations if key(mutation) == name], noticed)
    yield _row("**all**", mutations, noticed)


def _row(name: str, mutations: Sequence[Mutation], noticed: frozenset[str]) -> str:
    counts = (
        len(mutations),
        sum(mutation.caught for mutation in mutations),
        sum(mutation.status == "refused" for mutation in mutations),
        sum(mutation.id in noticed for mutation in mutations),
    )
    return f"| {name} | {' | '.join(map(str, counts))} |"


def noticed_by_checkov(mutations: Sequence[Mutation], program: str) -> frozenset[str]:
    """Return the ids of the mutants on which checkov fails a check that it passes on the original."""
    noticed = set[str]()
    for first in range(0, len(mutations), AT_ONCE):
        some = mutations[first : first + AT_ONCE]
        with tempfile.TemporaryDirectory() as directory:
            parent = Path(directory)
            _plant(parent / _ORIGINAL, mutations)
            for mutation in some:
                _plant(parent / mutation.id, mutations)
                _apply(parent / mutation.id, mutation)
            failed = _failures(parent, program)
        before = failed.get(_ORIGINAL, set())
        noticed |= {mutation.id for mutation in some if failed.get(mutation.id, set()) - before}
        print(f"{min(first + AT_ONCE, len(mutations))}/{len(mutations)}", file=sys.stderr, flush=True)
    return frozenset(noticed)


def _plant(tree: Path, mutations: Sequence[Mutation]) -> None:
    """Copy the top-level folders that have mutants."""
    for name in sorted({mutation.path.partition("/")[0] for mutation in mutations}):
        source = ROOT / name
        ignore = shutil.ignore_patterns(".terraform", "*.tfstate*", "__pycache__", "node_modules")
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignore)
        else:
            tree.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, tree / name)


def _apply(tree: Path, mutation: Mutation) -> None:
    command = ["git", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(command, cwd=tree, input=mutation.diff, text=True, check=True)


def _failures(parent: Path, program: str) -> dict[str, set[Failed]]:
    """Return the failed checks of each tree: check, resource, and file below the tree."""
    frameworks = ["--framework", "terraform", "dockerfile"]
    done = subprocess.run(
        [program, "-d", str(parent), *frameworks, "--compact", "--quiet", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    answers = json.loads(done.stdout)
    failed: dict[str, set[Failed]] = {}
    for answer in answers if isinstance(answers, list) else [answers]:
        for check in answer.get("results", {}).get("failed_checks", []):
            tree, _, file = check["file_path"].lstrip("/").partition("/")
            # Resources of a Dockerfile begin with its path.
            resource = check["resource"].removeprefix(f"/{tree}/")
            failed.setdefault(tree, set()).add((check["check_id"], resource, file))
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
