"""The drill on stacks that other people have published, from a folder of pinned copies (docs/foreign-modules.md).

Each has its result, and a red one its reason: what stops it is said with the place, before or where it stops.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PINS = json.loads((Path(__file__).parent / "stacks.json").read_text())
MOST_LINES = 10


@dataclass(frozen=True)
class Stack:
    """A public stack: its settings, and what it names that this machine lacks, with a replacement for it."""

    repository: str
    settings: str
    replaced: dict[str, tuple[str, str]] = field(default_factory=dict)


# One root module: VPC, database, three tasks behind an Application Load Balancer, CodeCommit, an inline buildspec with Maven.
MONOLITH = Stack(
    "aws-samples/aws-ecs-cicd-terraform",
    '[drill]\nenvironment = "terraform"\napp = "petclinic"\nbreak = ["crash"]\nimage-map = { "openjdk:8" = "${base_image}" }\n',
    # It asks for Terraform 1.8, and no later one.
    {"terraform/provider.tf": ('required_version = "~>1.8.0"', 'required_version = ">= 1.8.0"')},
)
# Modules for everything: two services with a load balancer each, blue/green by CodeDeploy, GitHub by version 1 of its action.
MODULES = Stack(
    "aws-samples/amazon-ecs-fullstack-app-terraform",
    """\
[drill]
environment = "Infrastructure"
app = "."
dockerfile = "Code/server/Dockerfile"
[drill.variables]
aws_profile = "default"
aws_region = "us-east-1"
environment_name = "drill"
github_token = "none"
repository_owner = "acme"
repository_name = "shop"
""",
)
# The default VPC, an API gateway before the load balancer, keys in the provider block, written for a provider of 2020.
DEFAULT_VPC = Stack(
    "ceecko/terraform-ecs-pipeline",
    """\
[drill]
environment = "infra"
app = "."
image-map = { "node:12-alpine" = "${base_image}" }
variables = { aws_access_key = "none", aws_secret_key = "none" }
""",
)
STACKS = (MONOLITH, MODULES, DEFAULT_VPC)


def copied(stack: Stack, into: Path) -> Path:
    """Return a copy of a pinned stack with its settings; skips the test where the folder is not there."""
    folder = os.environ.get("PUSHPROOF_FOREIGN_MODULES")
    pin = next(pin for pin in PINS if pin["repository"] == stack.repository)
    place = Path(folder or "nowhere") / pin["repository"] / pin["version"]
    if not place.is_dir():
        pytest.skip(
            f"no copy of {stack.repository}: scripts/foreign-modules DIR fetches it; PUSHPROOF_FOREIGN_MODULES=DIR"
        )
    copy = into / "stack"
    shutil.copytree(place, copy)
    for name, (before, after) in stack.replaced.items():
        text = (copy / name).read_text()
        assert before in text
        (copy / name).write_text(text.replace(before, after))
    (copy / "pushproof.toml").write_text(stack.settings)
    return copy


def run(copy: Path, into: Path, *command: str) -> tuple[int, str]:
    """Return the exit code and the output of a command of Pushproof in a copy; nothing of its world is left."""
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", *command],
        cwd=copy, env={**os.environ, "PUSHPROOF_STATE": str(into / "state"), "COLUMNS": "300"},
        capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert list((into / "state").rglob("evidence.json")) == []
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.repository)
def test_a_public_stack_needs_few_lines(stack: Stack) -> None:
    """Its settings parse; besides the variables that the stack itself has no default for, they are at most ten lines."""
    settings = tomllib.loads(stack.settings)["drill"]
    lines = [line for line in stack.settings.splitlines() if line.strip()]
    assert len(lines) - len(settings.get("variables", {})) <= MOST_LINES


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.repository)
def test_init_finds_a_public_stack(stack: Stack, tmp_path: Path) -> None:
    """The root module with the pipeline and the service is chosen, and what there is stays."""
    copy = copied(stack, tmp_path)
    (copy / "pushproof.toml").unlink()
    code, output = run(copy, tmp_path, "init")
    assert code == 0, output
    chosen = tomllib.loads((copy / "pushproof.toml").read_text())["drill"]["environment"]
    assert chosen == tomllib.loads(stack.settings)["drill"]["environment"]


def test_a_monolith_is_applied_and_stops_at_its_build(tmp_path: Path) -> None:
    """A push to CodeCommit starts it by EventBridge; Maven, which its inline buildspec runs, is not in the build's image here."""
    code, output = run(copied(MONOLITH, tmp_path), tmp_path, "drill")
    assert code == 1, output
    assert "parameters.tf:3: made the parameter /database/password in us-east-1" in output
    assert "terraform plan is empty right after" in output
    assert "petclinic (master) → pipeline petclinic-master-Pipeline" in output
    assert "mvn package" in output


def test_blue_green_by_codedeploy_is_no_reason_to_refuse_a_stack(tmp_path: Path) -> None:
    """CodeDeploy's resources are emulated; the drill does not judge such a stack, and ends with an error."""
    code, output = run(copied(MODULES, tmp_path), tmp_path, "drill")
    assert code != 0, output
    assert "aws_codedeploy_app.main is refused" not in output


def test_a_configuration_of_an_older_provider_is_refused_by_terraform(tmp_path: Path) -> None:
    """`capacity_providers` of a cluster is gone since version 5 of the provider, and the stack names no version."""
    code, output = run(copied(DEFAULT_VPC, tmp_path), tmp_path, "drill")
    assert code != 0, output
    assert "infra/main.tf:17: the provider has this world's keys in place of its own" in output
    assert "Unsupported argument" in output
    assert "infra/ecs.tf:" in output
