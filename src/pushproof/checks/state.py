"""Terraform's state: the plan is empty, states are locked, and environments are separate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pushproof.aws.types import canonical_type
from pushproof.checks.buckets import bucket_findings
from pushproof.checks.check import Checks, check
from pushproof.checks.finding import Finding

_BACKEND = "https://developer.hashicorp.com/terraform/language/backend/s3"
_IGNORE = "https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#ignore_changes"


_TAGS = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/resource-tagging"
_SEPARATE = "https://developer.hashicorp.com/terraform/cloud-docs/recommended-practices/part1"
_DESTROY = "https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#prevent_destroy"
_SETTING = re.compile(r'^\s*(\w+)\s*=\s*"?([^"\s#]+)"?', re.MULTILINE)


class Planned(Protocol):
    """A module that can return the changes of a plan: address -> actions."""

    def changes(self) -> dict[str, list[str]]: ...


class Stated(Protocol):
    """A module that can return its state, as `terraform show -json` prints it."""

    def state(self) -> dict[str, Any]: ...


class Managed(Protocol):
    """A managed resource of a state."""

    @property
    def address(self) -> str: ...

    @property
    def values(self) -> Mapping[str, Any]: ...


@runtime_checkable
class Managing(Protocol):
    """A module that can list its managed resources, which takes no process."""

    def managed(self) -> Sequence[Managed]: ...


class StateChecks(Checks):
    """Checks of applied modules, and of the bucket their state is in."""

    family = "state"

    @check
    def plan_is_empty(self, module: Planned) -> Iterator[Finding]:
        """A plan is empty now; check it after an apply, and again after a deployment."""
        changes = module.changes()
        for address, actions in sorted(changes.items()):
            takes_back = ".aws_ecs_service." in f".{address}" or ".aws_ecs_task_definition." in f".{address}"
            yield Finding(
                resource=address,
                expected="no change",
                found=f"terraform would {', '.join(actions)} it",
                why="The next apply takes back what the pipeline deployed: an outage that looks like a routine change."
                if takes_back
                else "Every plan shows it, so that nobody looks at plans any more.",
                change="lifecycle { ignore_changes = [task_definition, desired_count] }: the pipeline owns what runs."
                if takes_back
                else "Write the value as the provider reads it back.",
                page=_IGNORE,
            )

    @check
    def bucket_is_safe(self, bucket: str) -> Iterator[Finding]:
        """The state bucket is versioned, encrypted and private."""
        yield from bucket_findings(self.aws("s3"), bucket)

    @check
    def every_environment_has_a_state_of_its_own(self, *directories: Path) -> Iterator[Finding]:
        """Each root module declares a backend of its own, and no two would use the same key."""
        keys: dict[tuple[str, ...], Path] = {}
        for directory in directories:
            backend = _backend(directory)
            if backend is None:
                yield Finding(
                    resource=str(directory),
                    expected="a backend block",
                    found="none; one in a parent directory is not read",
                    why="State stays on the machine of whoever applies first; the next one makes everything a second time.",
                    change=f'terraform {{ backend "s3" {{}} }} in a file of {directory.name}/, with its settings in backend.hcl',
                    page=_BACKEND,
                )
                continue
            if "key" not in backend:
                continue
            place = (backend.get("bucket", ""), backend["key"])
            if place in keys:
                yield Finding(
                    resource=str(directory),
                    expected="a key of its own",
                    found=f"{backend['key']}, which {keys[place]} has too",
                    why="An apply in one environment plans the destruction of the other.",
                    change=f'key = "{directory.name}/terraform.tfstate"',
                    page=_BACKEND,
                )
            else:
                keys[place] = directory

    @check
    def every_environment_locks(self, *directories: Path) -> Iterator[Finding]:
        """Each root module's S3 backend, or its example file, locks in the bucket itself."""
        for directory in directories:
            backend = _backend(directory) or {}
            if backend.get("use_lockfile") == "true":
                continue
            table = backend.get("dynamodb_table")
            yield Finding(
                resource=str(directory),
                expected="use_lockfile = true",
                found=f"a lock in the DynamoDB table {table} only" if table else "no lock",
                why="Terraform 1.11 and later warn that dynamodb_table is deprecated, and will stop knowing it."
                if table
                else "Two applies at once write over each other's state: resources are forgotten, and made again.",
                change="use_lockfile = true in the backend's settings (Terraform 1.10 or later).",
                page=_BACKEND,
            )

    @check
    def every_environment_encrypts_its_state(self, *directories: Path) -> Iterator[Finding]:
        """Each root module's S3 backend, or its example file, enables encryption."""
        for directory in directories:
            backend = _backend(directory) or {}
            if backend.get("encrypt") != "true":
                yield Finding(
                    resource=str(directory),
                    expected="encrypt = true",
                    found=f"encrypt = {backend.get('encrypt', 'not set')}",
                    why="The state holds every value that Terraform has seen, secrets among them; it is as safe as the bucket's"
                    " default happens to be.",
                    change="encrypt = true in the backend's settings.",
                    page=_BACKEND,
                )

    @check
    def resources_carry_tags(self, module: Stated | Managing, /, **tags: str) -> Iterator[Finding]:
        """Every resource that can have tags has these: `resources_carry_tags(module, Environment="prod")`."""
        tagged = [(a, v["tags_all"]) for a, v in _managed(module) if v.get("tags_all") is not None]
        for name, value in tags.items():
            wrong = [(address, there.get(name)) for address, there in self._some(tagged, "resources with tags")]
            wrong = [(address, there) for address, there in wrong if there != value]
            if wrong:
                examples = ", ".join(address for address, _ in wrong[:5]) + (", …" if len(wrong) > 5 else "")
                yield Finding(
                    resource=wrong[0][0],
                    expected=f"the tag {name} = {value} on each of {len(tagged)} resources",
                    found=f"{len(wrong)} have {', '.join(dict.fromkeys(there or 'none' for _, there in wrong))}: {examples}",
                    why="Bills and searches by tag miss them, or count them to somebody else.",
                    change="default_tags { tags = … } of the provider, from one variable.",
                    page=_TAGS,
                )

    @check
    def speaks_of_no_other_environment(self, module: Stated | Managing, *others: str) -> Iterator[Finding]:
        """No resource has a name, a reference or a value with another environment's name in it."""
        for other in others:
            word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(other)}(?![A-Za-z0-9])")
            for address, values in _managed(module):
                texts = [text for text in _texts(values) if word.search(text)]
                if texts:
                    yield Finding(
                        resource=address,
                        expected=f"no value that speaks of {other}",
                        found=texts[0] if len(texts[0]) < 200 else f"…{word.search(texts[0])[0]}…",  # type: ignore[index]
                        why=f"It belongs to {other}, or tells the application that it does: one of the two works with the other's"
                        " data.",
                        change="Make the name from local.environment.",
                        page=_SEPARATE,
                    )

    @check
    def a_destroy_keeps_what_matters(
        self, module: Stated | Managing, *, except_for: Sequence[str] = ()
    ) -> Iterator[Finding]:
        """`terraform destroy` deletes no bucket, repository or secret that has content; `except_for` names addresses to skip."""
        for address, values in _managed(module):
            if address in except_for:
                continue
            faults = [f"{name} = true" for name in ("force_destroy", "force_delete") if values.get(name) is True]
            if "recovery_window_in_days" in values and values["recovery_window_in_days"] == 0:
                faults.append("recovery_window_in_days = 0")
            if values.get("enable_deletion_protection") is False and canonical_type(address.split(".")[-2]) == "aws_lb":
                faults.append("enable_deletion_protection = false")
            for fault in faults:
                yield Finding(
                    resource=address,
                    expected="a destroy that stops at what cannot be had back",
                    found=fault,
                    why="One destroy in the wrong directory, and the images to roll back to, the state or the secret are gone.",
                    change=f"Take {fault.partition(' ')[0]} out for this environment.",
                    page=_DESTROY,
                )

    @check
    def environments_are_separate(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Finding]:
        """No resource is in both states (as `terraform show -json` gives them)."""
        for identifier in sorted(_ids(first) & _ids(second)):
            yield Finding(
                resource=identifier,
                expected="a resource in one state only",
                found="it is in both",
                why="A destroy of one environment takes a part of the other with it.",
                change="Name resources after their environment, and import nothing twice.",
                page=_BACKEND,
            )


def _managed(module: Stated | Managing) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the managed resources of a module: address and values."""
    if isinstance(module, Managing):
        yield from ((resource.address, resource.values) for resource in module.managed())
    else:
        yield from _resources(module.state().get("values", {}).get("root_module", {}))


def _resources(module: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in module.get("resources", ()):
        if resource["mode"] == "managed":
            yield resource["address"], resource.get("values") or {}
    for child in module.get("child_modules", ()):
        yield from _resources(child)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


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
    resources = _resources(state.get("values", {}).get("root_module", {}))
    return {str(values.get("arn") or f"{address.split('.')[-2]} {values.get('id')}") for address, values in resources}
