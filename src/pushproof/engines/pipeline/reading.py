"""The reading of a pipeline's declaration from a request.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pushproof.engines.pipeline.declaration import (
    Action,
    ArtifactStore,
    Condition,
    Criteria,
    Declaration,
    EnvironmentVariable,
    PullRequestFilter,
    PushFilter,
    Rule,
    Stage,
    Trigger,
)
from pushproof.engines.pipeline.rules import MEMBERS, check_conditions, stage_error
from pushproof.engines.pipeline.structure import check, check_stores, structure_error
from pushproof.engines.pipeline.triggers import check_triggers

# The members of a shape of the API.
_Members = Mapping[str, Any]


def read_declaration(pipeline: Mapping[str, Any], region: str = "") -> Declaration:
    """A CreatePipeline/UpdatePipeline `pipeline` member, of a pipeline in `region`, as a Declaration, checked.

    Raises PipelineError (InvalidStructureException, InvalidStageDeclarationException, InvalidActionDeclarationException; or
    NotImplemented for action types that are AWS's but are not executed here).
    """
    declaration = Declaration(
        name=str(pipeline["name"]),
        role_arn=str(pipeline["roleArn"]),
        stages=tuple(_read_stage(stage) for stage in pipeline.get("stages", ())),
        mode=pipeline.get("executionMode") or "SUPERSEDED",
        pipeline_type=pipeline.get("pipelineType") or "V1",
        variables={v["name"]: v.get("defaultValue") for v in pipeline.get("variables") or ()},
        version=int(pipeline.get("version") or 1),
        region=region,
        stores=_read_stores(pipeline),
        triggers=_read_triggers(pipeline.get("triggers") or ()),
    )
    names = [variable["name"] for variable in pipeline.get("variables") or ()]
    if len(set(names)) < len(names):
        raise structure_error(
            f"Variable names must be unique within the pipeline; pipeline {declaration.name} repeats one"
        )
    check(declaration)
    check_stores(declaration)
    check_conditions(declaration)
    check_triggers(declaration)
    return declaration


def _read_triggers(triggers: Iterable[_Members]) -> tuple[Trigger, ...]:
    """Convert the `triggers` member of a pipeline."""
    return tuple(_read_trigger(trigger["gitConfiguration"]) for trigger in triggers)


def _read_trigger(git: _Members) -> Trigger:
    return Trigger(
        source_action=str(git["sourceActionName"]),
        push=tuple(
            PushFilter(
                branches=_read_criteria(chosen.get("branches")),
                file_paths=_read_criteria(chosen.get("filePaths")),
                tags=_read_criteria(chosen.get("tags")),
            )
            for chosen in git.get("push") or ()
        ),
        pull_request=tuple(
            PullRequestFilter(
                events=tuple(chosen.get("events") or ()),
                branches=_read_criteria(chosen.get("branches")),
                file_paths=_read_criteria(chosen.get("filePaths")),
            )
            for chosen in git.get("pullRequest") or ()
        ),
    )


def _read_criteria(criteria: _Members | None) -> Criteria | None:
    if criteria is None:
        return None
    return Criteria(tuple(criteria.get("includes") or ()), tuple(criteria.get("excludes") or ()))


def _read_stores(pipeline: _Members) -> dict[str, ArtifactStore]:
    declared = ("artifactStore" in pipeline) + ("artifactStores" in pipeline)
    if declared != 1:
        raise structure_error(
            f"Pipeline {pipeline['name']} must declare either artifactStore or artifactStores"
            + (", not both" if declared else "; neither was found")
        )
    stores = {"": pipeline["artifactStore"]} if "artifactStore" in pipeline else pipeline["artifactStores"]
    return {
        region: ArtifactStore(store["location"], (store.get("encryptionKey") or {}).get("id"))
        for region, store in stores.items()
    }


def _read_stage(stage: _Members) -> Stage:
    name = str(stage["name"])
    failure = stage.get("onFailure") or {}
    return Stage(
        name=name,
        actions=tuple(_read_action(action) for action in stage.get("actions", ())),
        on_failure=failure.get("result") or "FAIL",
        retry_mode=(failure.get("retryConfiguration") or {}).get("retryMode") or "FAILED_ACTIONS",
        conditions={
            kind: _read_condition(name, member, stage[member])
            for kind, member in MEMBERS.items()
            if (stage.get(member) or {}).get("conditions") is not None
        },
    )


def _read_condition(stage: str, member: str, block: _Members) -> Condition:
    conditions = block["conditions"]
    if len(conditions) != 1:
        raise stage_error(f"{member} of stage {stage} has {len(conditions)} conditions. There must be exactly 1")
    return Condition(
        rules=tuple(_read_rule(rule) for rule in conditions[0].get("rules") or ()),
        # The result of onFailure itself is "for when the failure conditions are met".
        result=conditions[0].get("result") or block.get("result") or "FAIL",
    )


def _read_rule(rule: _Members) -> Rule:
    kind, minutes = rule["ruleTypeId"], rule.get("timeoutInMinutes")
    return Rule(
        name=str(rule["name"]),
        provider=str(kind["provider"]),
        version=str(kind.get("version") or "1"),
        configuration={str(key): str(value) for key, value in (rule.get("configuration") or {}).items()},
        commands=tuple(str(command) for command in rule.get("commands") or ()),
        inputs=tuple(str(artifact["name"]) for artifact in rule.get("inputArtifacts") or ()),
        role_arn=rule.get("roleArn") or None,
        region=rule.get("region") or None,
        timeout=None if minutes is None else float(minutes) * 60,
    )


def _read_action(action: _Members) -> Action:
    kind = action["actionTypeId"]
    minutes = action.get("timeoutInMinutes")
    return Action(
        name=str(action["name"]),
        category=kind["category"],
        owner=kind["owner"],
        provider=str(kind["provider"]),
        version=str(kind["version"]),
        run_order=int(action.get("runOrder") or 1),
        configuration={str(k): str(v) for k, v in (action.get("configuration") or {}).items()},
        inputs=tuple(str(a["name"]) for a in action.get("inputArtifacts") or ()),
        outputs=tuple(str(a["name"]) for a in action.get("outputArtifacts") or ()),
        namespace=action.get("namespace") or None,
        role_arn=action.get("roleArn") or None,
        region=action.get("region") or None,
        timeout=None if minutes is None else float(minutes) * 60,
        commands=tuple(str(command) for command in action.get("commands") or ()),
        environment=tuple(
            EnvironmentVariable(str(entry["name"]), str(entry["value"]), entry.get("type") or "PLAINTEXT")
            for entry in action.get("environmentVariables") or ()
        ),
        output_variables=tuple(str(name) for name in action.get("outputVariables") or ()),
        output_files={
            str(artifact["name"]): tuple(str(path) for path in artifact["files"])
            for artifact in action.get("outputArtifacts") or ()
            if artifact.get("files")
        },
    )
