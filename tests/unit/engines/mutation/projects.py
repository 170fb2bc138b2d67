"""The project's own infrastructure, and the examples, as projects of the engine."""

from __future__ import annotations

import functools
from pathlib import Path

from pushproof.engines.mutation import Project

ROOT = Path(__file__).resolve().parents[4]


def _files(*patterns: str) -> dict[str, bytes]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for pattern in patterns
        for path in sorted(ROOT.glob(pattern))
        if ".terraform" not in path.parts
    }


@functools.cache
def reference() -> Project:
    """The reference: its modules, its two environments, buildspec and Dockerfile."""
    return Project(
        _files(
            "infrastructure/modules/*/*.tf", "infrastructure/environments/*/*.tf", "app/buildspec.yml", "app/Dockerfile"
        )
    )


@functools.cache
def settings() -> Project:
    """The reference with its environments' `terraform.tfvars`."""
    return Project({**reference().files, **_files("infrastructure/environments/*/terraform.tfvars")})


@functools.cache
def example(name: str) -> Project:
    """One of the examples."""
    return Project(_files(*(f"examples/{name}/**/{end}" for end in ("*.tf", "*.yml", "*.yaml", "*Dockerfile"))))


EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir())
