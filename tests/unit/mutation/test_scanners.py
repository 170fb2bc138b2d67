"""The comparison with checkov counts what a mutant adds, and nothing that the original has too."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
from tests.unit.scripts import load_script


@pytest.fixture(scope="module")
def scanners() -> ModuleType:
    return load_script("scanners")


def _program(directory: Path, *checks: tuple[str, str, str]) -> str:
    """Write a program that prints a report of failed checks as checkov does."""
    named = [{"check_id": check, "file_path": file, "resource": resource} for check, file, resource in checks]
    answer = json.dumps([{"check_type": "any", "results": {"failed_checks": named}}])
    program = directory / "checkov"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\nexit 1\n")
    program.chmod(0o755)
    return str(program)


def test_the_same_check_fails_alike_in_every_tree(scanners: ModuleType, tmp_path: Path) -> None:
    """A resource of a Dockerfile, which begins with its path, is the same one in the original and in a mutant's tree."""
    trees = ("original", "0a1b2c")
    program = _program(
        tmp_path,
        *(("CKV_DOCKER_2", f"/{tree}/app/Dockerfile", f"/{tree}/app/Dockerfile.FROM") for tree in trees),
        *(("CKV_AWS_1", f"/{tree}/infra/main.tf", "aws_vpc.this") for tree in trees),
        ("CKV_AWS_2", "/0a1b2c/infra/main.tf", "module.ecs.aws_lb.this"),
    )
    failed = scanners._failures(tmp_path, program)
    assert failed["0a1b2c"] - failed["original"] == {("CKV_AWS_2", "module.ecs.aws_lb.this", "infra/main.tf")}
    assert failed["original"] - failed["0a1b2c"] == set()
