"""A pipeline's declaration as values, and the rules it must keep.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html ,
https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushproof.engines.pipeline.catalogue import ELSEWHERE, KINDS, ActionKind
from pushproof.engines.pipeline.errors import PipelineError
from pushproof.engines.pipeline.variables import RESERVED, references

# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
MOST_STAGES = 50
MOST_ACTIONS_IN_STAGE = 50
MOST_ACTIONS = 500


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a stage. `timeout` in seconds, None for its type's default; `region` None for the pipeline's own."""

    name: str
    category: str
    owner: str
    provider: str
    version: str = "1"
    run_order: int = 1
    configuration: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    namespace: str | None = None
    role_arn: str | None = None
    region: str | None = None
    timeout: float | None = None

    @property
    def kind(self) -> ActionKind | None:
        """The action's type in the catalogue, or None for a type that is not executed here."""
        return KINDS.get((self.category, self.owner, self.provider))


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """A bucket for artifacts; `encryption_key` None for the bucket's own encryption."""

    location: str
    encryption_key: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its actions, and what follows when it fails (FAIL, ROLLBACK, RETRY or SKIP)."""

    name: str
    actions: tuple[Action, ...]
    on_failure: str = "FAIL"
    retry_mode: str = "FAILED_ACTIONS"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A pipeline's structure. `variables` maps each declared variable to its default (None: must be given at start).

    `stores` maps regions to their artifact stores; the one store of a pipeline in a single region is kept under "".
    """

    name: str
    role_arn: str
    stages: tuple[Stage, ...]
    mode: str = "SUPERSEDED"
    pipeline_type: str = "V1"
    variables: Mapping[str, str | None] = field(default_factory=dict)
    version: int = 1
    region: str = ""
    stores: Mapping[str, ArtifactStore] = field(default_factory=dict)

    def store_of(self, action: Action) -> ArtifactStore | None:
        """The store that an action's artifacts go to; None for a declaration without stores."""
        return self.stores.get(action.region or self.region) or self.stores.get("")

    def stage_index(self, name: str) -> int:
        """Position of the stage. Raises PipelineError StageNotFoundException."""
        for index, stage in enumerate(self.stages):
            if stage.name == name:
                return index
        raise PipelineError("StageNotFoundException", f"Stage {name} does not exist in pipeline {self.name}")


def _structure(message: str) -> PipelineError:
    return PipelineError("InvalidStructureException", message)


def _action(message: str) -> PipelineError:
    return PipelineError("InvalidActionDeclarationException", message)


def read_declaration(pipeline: Mapping[str, Any], region: str = "") -> Declaration:
    """A CreatePipeline/UpdatePipeline `pipeline` member, of a pipeline in `region`, as a Declaration, checked.

    Raises PipelineError (InvalidStructureException, InvalidStageDeclarationException, InvalidActionDeclarationException; or
    NotImplemented for stage conditions with rules and for action types that are AWS's but are not executed here).
    """
    declaration = Declaration(
        name=str(pipeline["name"]),
        role_arn=str(pipeline["roleArn"]),
        stages=tuple(_read_stage(stage) for stage in pipeline.get("stages", ())),
        mode=str(pipeline.get("executionMode") or "SUPERSEDED"),
        pipeline_type=str(pipeline.get("pipelineType") or "V1"),
        variables={v["name"]: v.get("defaultValue") for v in pipeline.get("variables") or ()},
        version=int(pipeline.get("version") or 1),
        region=region,
        stores=_read_stores(pipeline),
    )
    names = [variable["name"] for variable in pipeline.get("variables") or ()]
    if len(set(names)) < len(names):
        raise _structure(f"Variable names must be unique within the pipeline; pipeline {declaration.name} repeats one")
    check(declaration)
    _check_stores(declaration)
    _check_triggers(declaration, pipeline.get("triggers") or ())
    return declaration


def _read_stores(pipeline: Mapping[str, Any]) -> dict[str, ArtifactStore]:
    declared = ("artifactStore" in pipeline) + ("artifactStores" in pipeline)
    if declared != 1:
        raise _structure(
            f"Pipeline {pipeline['name']} must declare either artifactStore or artifactStores"
            + (", not both" if declared else "; neither was found")
        )
    stores = {"": pipeline["artifactStore"]} if "artifactStore" in pipeline else pipeline["artifactStores"]
    return {
        region: ArtifactStore(store["location"], (store.get("encryptionKey") or {}).get("id"))
        for region, store in stores.items()
    }


def _check_stores(declaration: Declaration) -> None:
    """One bucket in the pipeline's own region, and one in each region that has actions.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html (artifactStores)
    """
    if "" in declaration.stores:
        for stage in declaration.stages:
            for action in stage.actions:
                if action.region not in (None, declaration.region) and declaration.region:
                    raise _structure(
                        f"Action {action.name} in stage {stage.name} runs in region {action.region}: a pipeline with "
                        "cross-region actions must declare artifactStores, with a bucket in each region"
                    )
        return
    if declaration.region and declaration.region not in declaration.stores:
        raise _structure(f"artifactStores must contain a bucket in the pipeline's own region, {declaration.region}")
    for stage in declaration.stages:
        for action in stage.actions:
            if action.region is not None and action.region not in declaration.stores:
                raise _structure(
                    f"Action {action.name} in stage {stage.name} runs in region {action.region}, for which artifactStores "
                    "contains no bucket"
                )


def _check_triggers(declaration: Declaration, triggers: Sequence[Mapping[str, Any]]) -> None:
    """Triggers start pipelines of type V2, each for one source action of a connection.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html (triggers)
    """
    if triggers and declaration.pipeline_type == "V1":
        raise _structure(f"Triggers are only supported for pipelines of type V2; pipeline {declaration.name} is V1")
    sources = {action.name for action in declaration.stages[0].actions if action.provider == "CodeStarSourceConnection"}
    seen: set[str] = set()
    for trigger in triggers:
        name = str(trigger["gitConfiguration"]["sourceActionName"])
        if name not in sources:
            raise _structure(f"The trigger for '{name}' names no source action with a connection")
        if name in seen:
            raise _structure(f"There can be one trigger for a source action; '{name}' has more than one")
        seen.add(name)


def _read_stage(stage: Mapping[str, Any]) -> Stage:
    name = str(stage["name"])
    for when in ("beforeEntry", "onSuccess", "onFailure"):
        if (stage.get(when) or {}).get("conditions"):
            raise PipelineError(
                "NotImplemented",
                f"Stage {name} has conditions with rules in {when}; rules are not evaluated here, so the pipeline is refused",
            )
    failure = stage.get("onFailure") or {}
    return Stage(
        name=name,
        actions=tuple(_read_action(action) for action in stage.get("actions", ())),
        on_failure=str(failure.get("result") or "FAIL"),
        retry_mode=str((failure.get("retryConfiguration") or {}).get("retryMode") or "FAILED_ACTIONS"),
    )


def _read_action(action: Mapping[str, Any]) -> Action:
    kind = action["actionTypeId"]
    minutes = action.get("timeoutInMinutes")
    return Action(
        name=str(action["name"]),
        category=str(kind["category"]),
        owner=str(kind["owner"]),
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
    )


def check(declaration: Declaration) -> None:
    """Raise PipelineError for the first rule that the structure breaks."""
    stages = declaration.stages
    if len(stages) < 2:
        raise _structure(
            f"Pipeline has only {len(stages)} stage(s). There should be a minimum of 2 stages in a pipeline"
        )
    if not stages[0].actions or any(action.category != "Source" for action in stages[0].actions):
        raise _structure("Pipeline should start with a stage that only contains source actions")
    if declaration.pipeline_type == "V1":
        _check_v1(declaration)
    _check_limits(declaration)
    seen: set[str] = set()
    for index, stage in enumerate(stages):
        if stage.name in seen:
            raise _structure(
                f"Stage name must be unique within the pipeline. {stage.name} has been used more than once."
            )
        seen.add(stage.name)
        _check_stage(stage, first=index == 0)
    _check_artifacts(declaration)
    _check_variables(declaration)


def _check_limits(declaration: Declaration) -> None:
    """Quotas of a pipeline (https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html)."""
    if len(declaration.stages) > MOST_STAGES:
        raise _limit(f"Pipeline has {len(declaration.stages)} stages. There can be at most {MOST_STAGES} in a pipeline")
    total = 0
    for stage in declaration.stages:
        if len(stage.actions) > MOST_ACTIONS_IN_STAGE:
            raise _limit(
                f"Stage {stage.name} has {len(stage.actions)} actions. There can be at most {MOST_ACTIONS_IN_STAGE} in a stage"
            )
        total += len(stage.actions)
    if total > MOST_ACTIONS:
        raise _limit(f"Pipeline has {total} actions. There can be at most {MOST_ACTIONS} in a pipeline")


def _limit(message: str) -> PipelineError:
    return PipelineError("LimitExceededException", message)


def _check_v1(declaration: Declaration) -> None:
    if declaration.mode != "SUPERSEDED":
        raise _structure(
            f"Execution mode {declaration.mode} is only supported for pipelines of type V2; pipeline {declaration.name} is V1"
        )
    if declaration.variables:
        raise _structure(f"Variables are only supported for pipelines of type V2; pipeline {declaration.name} is V1")
    for stage in declaration.stages:
        if stage.on_failure != "FAIL":
            raise _structure(
                f"onFailure of stage {stage.name} is only supported for pipelines of type V2; "
                f"pipeline {declaration.name} is V1"
            )


def _check_stage(stage: Stage, *, first: bool) -> None:
    if not stage.actions:
        raise PipelineError("InvalidStageDeclarationException", f"Stage {stage.name} contains no actions")
    if first and stage.on_failure == "ROLLBACK":
        raise PipelineError(
            "InvalidStageDeclarationException", f"Stage {stage.name} is the source stage and cannot be rolled back"
        )
    seen: set[str] = set()
    for action in stage.actions:
        if action.name in seen:
            raise PipelineError(
                "InvalidStageDeclarationException",
                f"Action name must be unique within stage {stage.name}. {action.name} has been used more than once.",
            )
        seen.add(action.name)
        if action.category == "Source" and not first:
            raise _structure(
                f"Source action {action.name} is in stage {stage.name}. "
                "Only the first stage of a pipeline may contain source actions"
            )
        _check_action(action)


def _check_action(action: Action) -> None:
    kind = action.kind
    if action.region is not None and (action.category == "Source" or action.owner in ("ThirdParty", "Custom")):
        # pipeline-requirements.html: no cross-region actions of these kinds.
        raise _action(f"Action '{action.name}' cannot be a cross-region action: its type does not support one")
    if len(set(action.inputs)) < len(action.inputs):
        raise _action(f"Action {action.name} declares the same input artifact more than once")
    if kind is None or action.version != "1":
        described = (
            f"ActionType (Category: '{action.category}', Provider: '{action.provider}', Owner: '{action.owner}', "
            f"Version: '{action.version}') in action '{action.name}'"
        )
        if (action.category, action.owner, action.provider) in ELSEWHERE or action.owner == "Custom":
            raise PipelineError("NotImplemented", f"{described} is not implemented here")
        raise _action(f"{described} is not available")
    for word, names, (least, most) in (
        ("input", action.inputs, kind.inputs),
        ("output", action.outputs, kind.outputs),
    ):
        if len(names) < least:
            raise _action(
                f"Action {action.name} declares {len(names)} {word} artifacts which is less than the minimum count ({least})"
            )
        if len(names) > most:
            raise _action(
                f"Action {action.name} declares {len(names)} {word} artifacts which is more than the maximum count ({most})"
            )
    for key in sorted(kind.required - action.configuration.keys()):
        raise _action(f"Action configuration for action '{action.name}' is missing required configuration '{key}'")
    for key in sorted(action.configuration.keys() - kind.required - kind.optional):
        raise _action(f"Action configuration for action '{action.name}' contains unknown configuration '{key}'")
    _check_values(action)
    if action.provider == "CodeBuild" and len(action.inputs) > 1:
        primary = action.configuration.get("PrimarySource")
        if primary is None:
            raise _action(
                f"Action configuration for action '{action.name}' is missing required configuration 'PrimarySource'"
            )
        if primary not in action.inputs:
            raise _action(f"PrimarySource '{primary}' of action '{action.name}' is not one of its input artifacts")


# What a configuration value must be, once it holds no variable; and in words.
_VALUES: dict[tuple[str, str], tuple[re.Pattern[str], str]] = {
    ("CodeStarSourceConnection", "OutputArtifactFormat"): (
        re.compile("CODE_ZIP|CODEBUILD_CLONE_REF"),
        "CODE_ZIP or CODEBUILD_CLONE_REF",
    ),
    ("CodeStarSourceConnection", "DetectChanges"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("S3", "PollForSourceChanges"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("S3", "AllowOverrideForS3ObjectKey"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("CodeBuild", "BatchEnabled"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("CodeBuild", "CombineArtifacts"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("Manual", "NotificationArn"): (re.compile(r"arn:aws(-[\w]+)*:sns:[\w-]+:[0-9]{12}:.+"), "the ARN of a topic"),
    ("ECS", "DeploymentTimeout"): (re.compile("[1-9]|[1-5][0-9]|60"), "a number of minutes from 1 to 60"),
}


def _check_values(action: Action) -> None:
    for key, value in action.configuration.items():
        rule = _VALUES.get((action.provider, key))
        if rule is not None and "#{" not in value and not rule[0].fullmatch(value):
            raise _action(
                f"Action configuration for action '{action.name}' contains invalid value '{value}' for configuration '{key}': "
                f"expected {rule[1]}"
            )


def _check_artifacts(declaration: Declaration) -> None:
    declared: set[str] = set()
    for stage in declaration.stages:
        for order in sorted({action.run_order for action in stage.actions}):
            group = [action for action in stage.actions if action.run_order == order]
            for action in group:
                for name in action.inputs:
                    if name not in declared:
                        raise _structure(
                            f"Input Artifact Bundle {name} in action {action.name} is not declared as "
                            "Output Artifact Bundle in any of the preceding actions"
                        )
            for action in group:
                for name in action.outputs:
                    if name in declared:
                        raise _structure(
                            "Output Artifact Bundle name must be unique within the pipeline. "
                            f"{name} has been used more than once."
                        )
                    declared.add(name)


def _check_variables(declaration: Declaration) -> None:
    earlier: set[str] = set()
    for stage in declaration.stages:
        for order in sorted({action.run_order for action in stage.actions}):
            group = [action for action in stage.actions if action.run_order == order]
            for action in group:
                _check_references(declaration, action, earlier)
            for action in group:
                if action.namespace is None:
                    continue
                if action.namespace in RESERVED:
                    raise _action(f"Namespace '{action.namespace}' of action '{action.name}' is reserved")
                if action.namespace in earlier:
                    raise _structure(
                        f"Namespace must be unique within the pipeline. {action.namespace} has been used more than once."
                    )
                earlier.add(action.namespace)


def _check_references(declaration: Declaration, action: Action, earlier: set[str]) -> None:
    for key, value in action.configuration.items():
        for namespace, name in references(value):
            where = f"configuration '{key}' of action '{action.name}'"
            if namespace == "variables" and name not in declaration.variables:
                raise _action(f"#{{variables.{name}}} in {where} refers to a pipeline variable that is not declared")
            if namespace not in RESERVED and namespace not in earlier:
                raise _action(
                    f"#{{{namespace}.{name}}} in {where} refers to a namespace that no preceding action declares"
                )
