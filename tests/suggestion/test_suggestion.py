"""The reference deploys and rolls back with nothing but what a drill of it used: suggested, applied, and drilled again."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from pushproof.drill.narration import Narrator
from pushproof.drill.recording import Recording
from pushproof.drill.runner import Drill
from pushproof.drill.settings import DrillSettings
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.record.suggesting import Suggestion, hcl, suggest
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.terraform.applied import prepare

ROOT = Path(__file__).resolve().parents[2]
SPEED = 20.0
PUSHES = ("first-deployment", "second-deployment", "broken-deployment", "notifications")
VERSIONS = """terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}
"""


def withdraw(target: EmbeddedTarget, suggestion: Suggestion) -> None:
    """Take everything from a role that it is granted."""
    iam = target.client("iam")
    for name in iam.list_role_policies(RoleName=suggestion.role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=suggestion.role, PolicyName=name)
    for attached in iam.list_attached_role_policies(RoleName=suggestion.role)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=suggestion.role, PolicyArn=attached["PolicyArn"])


@pytest.mark.docker
@pytest.mark.timeout(1200)
def test_the_reference_passes_the_drill_with_what_it_used(tmp_path: Path) -> None:
    """A whole drill is recorded; its suggestion replaces every policy of every role; all its pushes end as before."""
    settings = DrillSettings(
        environment=ROOT / "infrastructure/environments/dev", application=ROOT / "app", skip=("destroy",)
    )
    narrator = Narrator(Console(), speed=SPEED)
    world = EmbeddedSettings(world=WorldSettings(speed=SPEED))
    with EmbeddedTarget(world) as target, Drill(target, settings, narrator) as drill:
        with Recording(drill, narrator) as recording:
            drill.run()
            record = recording.record(title="recorded")
        suggestions = suggest(record)
        assert {suggestion.role.rpartition("-")[2] for suggestion in suggestions} >= {
            "codebuild", "codepipeline", "execution",
        }  # fmt: skip
        source = tmp_path / "suggestion"
        source.mkdir()
        (source / "main.tf").write_text(VERSIONS + hcl(suggestions))
        for suggestion in suggestions:
            withdraw(target, suggestion)
        applied = prepare(target, source, name="suggestion", variables={})
        applied.init()
        applied.apply()
        before = len(target.world.authority.uses.all())
        for step in PUSHES:
            drill.perform(step)
        uses = target.world.authority.uses.all()
        assert len(uses) > before
        assert [use for use in uses if not use.allowed] == []
        applied.destroy()
        drill.perform("destroy")
