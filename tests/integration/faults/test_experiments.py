"""Experiment templates of FIS as Terraform makes, reads and removes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushproof.terraform.applied import apply_module


@pytest.mark.target_needs("faults")
def test_a_template_is_applied_planned_empty_started_and_destroyed(target: Any, aws: Callable[[str], Any]) -> None:
    """The plan after the apply is empty, an experiment of the template runs, and nothing is left after the destroy."""
    module = apply_module(target, Path(__file__).parent / "experiment", name="experiment")
    assert module.changes() == {}
    fis = aws("fis")
    template = fis.get_experiment_template(id=module["template"])["experimentTemplate"]
    assert template["actions"]["rest"]["startAfter"] == ["stop"]
    assert template["tags"]["Name"] == "stop-a-task"
    run = fis.start_experiment(clientToken="run", experimentTemplateId=module["template"])["experiment"]
    assert run["state"]["status"] in ("initiating", "running")
    fis.stop_experiment(id=run["id"])
    assert fis.get_experiment(id=run["id"])["experiment"]["state"]["status"] == "stopped"
    module.terraform.destroy()
    assert fis.list_experiment_templates()["experimentTemplates"] == []
