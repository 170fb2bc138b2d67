"""The rules that a pipeline's structure must keep."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pushproof.engines.pipeline import PipelineError, read_declaration

ROLE = "arn:aws:iam::123456789012:role/pipeline"

Change = Callable[[dict[str, Any]], object]


def action(name: str, category: str, provider: str, **members: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, **members}


def pipeline() -> dict[str, Any]:
    return {
        "name": "web",
        "roleArn": ROLE,
        "pipelineType": "V2",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [
            {
                "name": "Source",
                "actions": [
                    action(
                        "Source",
                        "Source",
                        "CodeStarSourceConnection",
                        configuration={"ConnectionArn": "arn", "FullRepositoryId": "o/r", "BranchName": "main"},
                        outputArtifacts=[{"name": "source"}],
                        namespace="SourceVariables",
                    )
                ],
            },
            {
                "name": "Build",
                "actions": [
                    action(
                        "Build",
                        "Build",
                        "CodeBuild",
                        configuration={"ProjectName": "web"},
                        inputArtifacts=[{"name": "source"}],
                        outputArtifacts=[{"name": "build"}],
                    )
                ],
            },
            {
                "name": "Deploy",
                "actions": [
                    action(
                        "Deploy",
                        "Deploy",
                        "ECS",
                        configuration={"ClusterName": "c", "ServiceName": "s"},
                        inputArtifacts=[{"name": "build"}],
                    )
                ],
            },
        ],
    }


def first(document: dict[str, Any], stage: int) -> dict[str, Any]:
    found: dict[str, Any] = document["stages"][stage]["actions"][0]
    return found


def test_a_sound_structure_is_read() -> None:
    """Names, artifacts and configuration arrive as declared; what is left out takes AWS's defaults."""
    declaration = read_declaration(pipeline())
    assert [stage.name for stage in declaration.stages] == ["Source", "Build", "Deploy"]
    assert declaration.mode == "SUPERSEDED"
    assert declaration.stages[1].actions[0].inputs == ("source",)
    assert declaration.stages[2].on_failure == "FAIL"


REFUSALS: list[tuple[str, Change, str, str]] = [
    (
        "one stage",
        lambda p: p.update(stages=p["stages"][:1]),
        "InvalidStructureException",
        "Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a pipeline",
    ),
    (
        "no source first",
        lambda p: p["stages"].pop(0),
        "InvalidStructureException",
        "Pipeline should start with a stage that only contains source actions",
    ),
    (
        "a build in the source stage",
        lambda p: p["stages"][0]["actions"].append(first(p, 1)),
        "InvalidStructureException",
        "Pipeline should start with a stage that only contains source actions",
    ),
    (
        "a source later",
        lambda p: p["stages"][1]["actions"].append(first(p, 0) | {"name": "Again"}),
        "InvalidStructureException",
        "Only the first stage",
    ),
    (
        "unknown input artifact",
        lambda p: first(p, 2).update(inputArtifacts=[{"name": "nowhere"}]),
        "InvalidStructureException",
        "Input Artifact Bundle nowhere in action Deploy is not declared as Output Artifact Bundle in any of the preceding",
    ),
    (
        "output name used twice",
        lambda p: first(p, 1).update(outputArtifacts=[{"name": "source"}]),
        "InvalidStructureException",
        "Output Artifact Bundle name must be unique within the pipeline. source has been used more than once.",
    ),
    (
        "stage name used twice",
        lambda p: p["stages"][2].update(name="Build"),
        "InvalidStructureException",
        "Build has been used more than once",
    ),
    (
        "action name used twice",
        lambda p: p["stages"][2]["actions"].append(copy.deepcopy(first(p, 2))),
        "InvalidStageDeclarationException",
        "Deploy has been used more than once",
    ),
    (
        "no input where one is needed",
        lambda p: first(p, 2).pop("inputArtifacts"),
        "InvalidActionDeclarationException",
        "Action Deploy declares 0 input artifacts which is less than the minimum count (1)",
    ),
    (
        "an output where none is allowed",
        lambda p: first(p, 2).update(outputArtifacts=[{"name": "x"}]),
        "InvalidActionDeclarationException",
        "which is more than the maximum count (0)",
    ),
    (
        "missing configuration",
        lambda p: first(p, 2)["configuration"].pop("ClusterName"),
        "InvalidActionDeclarationException",
        "Action configuration for action 'Deploy' is missing required configuration 'ClusterName'",
    ),
    (
        "unknown configuration",
        lambda p: first(p, 2)["configuration"].update(Cluster="c"),
        "InvalidActionDeclarationException",
        "Action configuration for action 'Deploy' contains unknown configuration 'Cluster'",
    ),
    (
        "unknown provider",
        lambda p: first(p, 2)["actionTypeId"].update(provider="Nope"),
        "InvalidActionDeclarationException",
        "ActionType (Category: 'Deploy', Provider: 'Nope', Owner: 'AWS', Version: '1') in action 'Deploy' is not available",
    ),
    (
        "a provider out of reach",
        lambda p: first(p, 2)["actionTypeId"].update(provider="CodeDeploy"),
        "NotImplemented",
        "'CodeDeploy'",
    ),
    (
        "conditions without rules",
        lambda p: p["stages"][2].update(beforeEntry={"conditions": [{"rules": []}]}),
        "InvalidStageDeclarationException",
        "contains no rules",
    ),
    (
        "queued without V2",
        lambda p: p.update(pipelineType="V1", executionMode="QUEUED"),
        "InvalidStructureException",
        "V2",
    ),
    (
        "variable reference to nowhere",
        lambda p: first(p, 2)["configuration"].update(FileName="#{Build.FILE}"),
        "InvalidActionDeclarationException",
        "#{Build.FILE}",
    ),
    (
        "undeclared pipeline variable",
        lambda p: first(p, 2)["configuration"].update(FileName="#{variables.file}"),
        "InvalidActionDeclarationException",
        "#{variables.file}",
    ),
    (
        "two artifact stores",
        lambda p: p.update(artifactStores={}),
        "InvalidStructureException",
        "not both",
    ),
    (
        "several inputs without a primary one",
        lambda p: (
            first(p, 0),
            p["stages"][0]["actions"].append(
                first(copy.deepcopy(p), 0) | {"name": "Two", "outputArtifacts": [{"name": "two"}], "namespace": "Two"}
            ),
            first(p, 1).update(inputArtifacts=[{"name": "source"}, {"name": "two"}]),
        ),
        "InvalidActionDeclarationException",
        "'PrimarySource'",
    ),
]


@pytest.mark.parametrize(
    ("change", "code", "words"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS]
)
def test_a_broken_structure_is_refused(change: Change, code: str, words: str) -> None:
    """Each rule of reference-pipeline-structure.html, broken, is refused under CodePipeline's own error code."""
    document = pipeline()
    change(document)
    with pytest.raises(PipelineError) as caught:
        read_declaration(document)
    assert caught.value.code == code
    assert words in caught.value.message


def test_artifacts_flow_by_run_order_within_a_stage() -> None:
    """An action may take what an action of a lower runOrder in its own stage produced, not what one of its own order did."""
    document = pipeline()
    deploy = first(document, 2)
    document["stages"][1]["actions"].append(deploy | {"runOrder": 2})
    document["stages"].pop(2)
    assert read_declaration(document).stages[1].actions[1].run_order == 2
    document["stages"][1]["actions"][1]["runOrder"] = 1
    with pytest.raises(PipelineError, match="Input Artifact Bundle build"):
        read_declaration(document)
