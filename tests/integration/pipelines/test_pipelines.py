"""Pipelines of type V2 as Terraform's `aws_codepipeline` has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pushproof.terraform.applied import apply_module


def test_a_v2_pipeline_is_applied_and_planned_empty(target: Any, aws: Callable[[str], Any]) -> None:
    """Triggers, variables and conditions are kept as written: the plan after the apply is empty, and the destroy removes all."""
    module = apply_module(target, Path(__file__).parent / "second", name="second")
    assert module.changes() == {}
    pipeline = aws("codepipeline").get_pipeline(name="second")["pipeline"]
    (trigger,) = pipeline["triggers"]
    assert [sorted(chosen) for chosen in trigger["gitConfiguration"]["push"]] == [["branches", "filePaths"], ["tags"]]
    assert [variable["name"] for variable in pipeline["variables"]] == ["STAGE", "NOTE"]
    publish, check = pipeline["stages"][1:]
    assert publish["beforeEntry"]["conditions"][0]["rules"][0]["configuration"]["Value"] == "main"
    assert publish["onFailure"]["conditions"][0]["rules"][0]["commands"] == ["test -d app"]
    assert check["onFailure"]["retryConfiguration"] == {"retryMode": "ALL_ACTIONS"}
    module.terraform.destroy()
    left = aws("codepipeline").list_pipelines()["pipelines"]
    assert pipeline["name"] not in {each["name"] for each in left}
