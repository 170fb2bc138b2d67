"""Advice about a survivor: of all checks that apply to a module, those that are red on the mutant and green on the original.

A check that needs arguments beyond the resource that it is of, such as the permissions of a role, is the team's to write.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pushproof.checks.image import ImageChecks
from pushproof.checks.verdict import Verdict
from pushproof.terraform.resources import resources

if TYPE_CHECKING:
    from pushproof.terraform.applied import AppliedModule


@dataclass(frozen=True, slots=True)
class Subject:
    """Checks of one resource. `arguments`: of the fixture, by attribute; `first`: of each check, where it has one."""

    kind: str
    fixture: str
    arguments: Mapping[str, str]
    first: tuple[str, str] | None = None


_SUBJECTS = (
    Subject("aws_vpc", "networking_checks", {"vpc_id": "id"}),
    Subject("aws_ecr_repository", "registry_checks", {"repository": "name"}),
    Subject("aws_ecs_service", "service_checks", {"cluster": "cluster", "service": "name"}),
    Subject("aws_codepipeline", "pipeline_checks", {"pipeline": "name"}),
    Subject("aws_ecs_task_definition", "secrets_checks", {}, ("task_definition", "family")),
    Subject("aws_iam_role", "iam_checks", {}, ("role", "name")),
    Subject("aws_s3_bucket", "state_checks", {}, ("bucket", "bucket")),
)


class Adviser:
    """Asks, after the first test that applies a module, every check that applies to it."""

    def __init__(self, root: Path, sources: Sequence[str], report: Callable[[str, Mapping[str, object]], None]) -> None:
        self._root, self._sources, self._report = root, frozenset(sources), report
        self._modules: list[AppliedModule] = []

    def hear_apply(self, module: AppliedModule, _outcome: str, _key: str) -> None:
        """Note a module."""
        if os.path.relpath(module.source, self._root) in self._sources:
            self._modules.append(module)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Function) -> Generator[None, object, object]:
        result = yield
        modules, self._modules = self._modules, []
        for module in modules:
            for line, is_green in answers(module, item._request.getfixturevalue):
                self._report("advice", {"line": line, "green": is_green})
        return result


def answers(module: AppliedModule, fixture: Callable[[str], Callable[..., object]]) -> Iterator[tuple[str, bool]]:
    """Yield each check that applies to a module, as a line of a test, with its answer. `fixture` returns a fixture by its name."""
    for subject in _SUBJECTS:
        for resource in resources(module, subject.kind):
            arguments = {name: _plain(resource.get(attribute)) for name, attribute in subject.arguments.items()}
            checks = fixture(subject.fixture)(module, **arguments)
            settings = [f"{name}={_written(module, value)}" for name, value in arguments.items()]
            call = f"{subject.fixture}({', '.join(['module', *settings])})"
            first = subject.first and (subject.first[0], _plain(resource.get(subject.first[1])))
            for name, check in _applying(checks, first):
                told = "" if first is None else _written(module, str(first[1]))
                is_green = _answer(check, () if first is None else (first[1],))
                if is_green is not None:
                    yield f"assert {call}.{name}({told})", is_green
    yield from _of_state(module, fixture)


def _of_state(module: AppliedModule, fixture: Callable[[str], Callable[..., object]]) -> Iterator[tuple[str, bool]]:
    checks = fixture("state_checks")(module)
    for name in ("plan_is_empty", "a_destroy_keeps_what_matters"):
        is_green = _answer(getattr(checks, name), (module,))
        if is_green is not None:
            yield f"assert state_checks(module).{name}(module)", is_green


def answers_of_image(dockerfile: Path, name: str) -> Iterator[tuple[str, bool]]:
    """Yield each check that applies to a Dockerfile, as a line of a test, with its answer. `name`: of the file in that line."""
    checks = ImageChecks(dockerfile)
    for method, check in _applying(checks, None):
        is_green = _answer(check, ())
        if is_green is not None:
            yield f"assert image_checks({json.dumps(name)}).{method}()", is_green


def _applying(checks: object, first: tuple[str, object] | None) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the public methods that need no argument; with `first`, those that need just that one."""
    for name, method in inspect.getmembers(checks, callable):
        if name.startswith("_"):
            continue
        needed = [
            parameter.name
            for parameter in inspect.signature(method).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
        if needed == ([] if first is None else [first[0]]):
            yield name, method


def _answer(check: Callable[..., object], arguments: tuple[object, ...]) -> bool | None:
    """Return whether a check is green; None where it is none, or cannot be asked of the resource."""
    try:
        verdict = check(*arguments)
    except Exception:
        return None
    # A verdict notes whether a test looks at it; nobody has to look at these.
    return bool(verdict) if isinstance(verdict, Verdict) else None


def _written(module: AppliedModule, value: str) -> str:
    """Return an expression for a value: the module's output that has it, where there is one."""
    names = sorted(name for name, output in module.outputs.items() if output == value)
    return f'module["{names[0]}"]' if names else json.dumps(value)


def _plain(value: object) -> str:
    """Return the name of a cluster from its ARN; any other text as it is."""
    text = str(value)
    return text.rpartition("/")[2] if text.startswith("arn:") and ":cluster/" in text else text
