"""Terraform's state: nothing left to do, nobody fights over it, and a mistake in one environment stays there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from pushproof.checks.finding import Finding, Findings
from pushproof.checks.pipeline import bucket_findings
from pushproof.checks.vocabulary import Vocabulary

_BACKEND = "https://developer.hashicorp.com/terraform/language/backend/s3"
_IGNORE = "https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#ignore_changes"


_SETTING = re.compile(r'^\s*(\w+)\s*=\s*"?([^"\s#]+)"?', re.MULTILINE)


class Planned(Protocol):
    """A module that can say what a plan would change: address -> actions."""

    def changes(self) -> dict[str, list[str]]: ...


class StateChecks(Vocabulary):
    """Asks about applied modules and the bucket their state is in."""

    def nothing_is_left_to_do(self, module: Planned) -> Findings:
        """A plan right now is empty: after an apply, and again after a deployment."""
        return self._found("state.nothing_is_left_to_do", self._changes(module.changes()))

    def _changes(self, changes: Mapping[str, list[str]]) -> Iterator[Finding]:
        for address, actions in sorted(changes.items()):
            takes_back = ".aws_ecs_service." in f".{address}" or ".aws_ecs_task_definition." in f".{address}"
            yield Finding(
                "state.nothing_is_left_to_do",
                address,
                "no change",
                f"terraform would {', '.join(actions)} it",
                "The next apply takes back what the pipeline deployed: an outage that looks like a routine change."
                if takes_back
                else "Every plan shows it, so that nobody looks at plans any more.",
                "lifecycle { ignore_changes = [task_definition, desired_count] }: the pipeline owns what runs."
                if takes_back
                else "Write the value as the provider reads it back.",
                page=_IGNORE,
            )

    def bucket_is_safe(self, bucket: str) -> Findings:
        """The state bucket is versioned, encrypted and private."""
        return self._found("state.bucket_is_safe", bucket_findings(self.aws("s3"), bucket, "state.bucket_is_safe"))

    def every_environment_has_its_own(self, *directories: Path) -> Findings:
        """Each root module declares a backend of its own, and no two would use the same key."""
        return self._found("state.every_environment_has_its_own", self._backends(directories))

    def _backends(self, directories: tuple[Path, ...]) -> Iterator[Finding]:
        check, keys = "state.every_environment_has_its_own", dict[tuple[str, ...], Path]()
        for directory in directories:
            backend = _backend(directory)
            if backend is None:
                yield Finding(
                    check,
                    str(directory),
                    "a backend block",
                    "none; one in a parent directory is not read",
                    "State stays on the machine of whoever applies first; the next one makes everything a second time.",
                    f'terraform {{ backend "s3" {{}} }} in a file of {directory.name}/, with its settings in backend.hcl',
                    page=_BACKEND,
                )
                continue
            if "key" not in backend:
                continue
            place = (backend.get("bucket", ""), backend["key"])
            if place in keys:
                yield Finding(
                    check,
                    str(directory),
                    "a key of its own",
                    f"{backend['key']}, which {keys[place]} has too",
                    "An apply in one environment plans the destruction of the other.",
                    f'key = "{directory.name}/terraform.tfstate"',
                    page=_BACKEND,
                )
            else:
                keys[place] = directory

    def every_environment_locks(self, *directories: Path) -> Findings:
        """Each root module's S3 backend, as written or as its example says, locks: in the bucket, or in a table."""
        return self._found("state.every_environment_locks", self._locks(directories))

    def _locks(self, directories: tuple[Path, ...]) -> Iterator[Finding]:
        for directory in directories:
            backend = _backend(directory) or {}
            if backend.get("use_lockfile") == "true":
                continue
            table = backend.get("dynamodb_table")
            yield Finding(
                "state.every_environment_locks",
                str(directory),
                "use_lockfile = true",
                f"a lock in the DynamoDB table {table} only" if table else "no lock",
                "Terraform 1.11 and later warn that dynamodb_table is deprecated, and will stop knowing it."
                if table
                else "Two applies at once write over each other's state: resources are forgotten, and made again.",
                "use_lockfile = true in the backend's settings (Terraform 1.10 or later).",
                page=_BACKEND,
            )

    def shares_nothing(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> Findings:
        """No resource is in both states (as `terraform show -json` gives them)."""
        common = _ids(first) & _ids(second)
        findings = [
            Finding(
                "state.shares_nothing",
                identifier,
                "a resource in one state only",
                "it is in both",
                "A destroy of one environment takes a part of the other with it.",
                "Name resources after their environment, and import nothing twice.",
                page=_BACKEND,
            )
            for identifier in sorted(common)
        ]
        return self._found("state.shares_nothing", findings)


def _backend(directory: Path) -> dict[str, str] | None:
    """The settings of a root module's backend: its block, completed by `*.hcl` or `*.hcl.example`; None without a block."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(directory.glob("*.tf")))
    # A backend block holds no blocks, so the next brace ends it.
    block = re.search(r'^\s*backend\s+"[^"]+"\s*\{([^}]*)\}', text, re.MULTILINE)
    if block is None:
        return None
    files = [file for pattern in ("*.hcl.example", "*.hcl") for file in sorted(directory.glob(pattern))]
    texts = [file.read_text(encoding="utf-8") for file in files if not file.name.startswith(".")]
    return {key: value for part in [*texts, block[1]] for key, value in _SETTING.findall(part)}


def _ids(state: Mapping[str, Any]) -> set[str]:
    def walk(module: Mapping[str, Any]) -> Iterator[str]:
        for resource in module.get("resources", ()):
            if resource["mode"] == "managed":
                yield str(resource["values"].get("arn") or f"{resource['type']} {resource['values'].get('id')}")
        for child in module.get("child_modules", ()):
            yield from walk(child)

    return set(walk(state.get("values", {}).get("root_module", {})))
