"""The rules that a pipeline's declaration must keep.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html ,
https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html
"""

from __future__ import annotations

import re

from pushproof.engines.pipeline.catalogue import ELSEWHERE
from pushproof.engines.pipeline.declaration import Action, Declaration, Stage
from pushproof.engines.pipeline.errors import PipelineError
from pushproof.engines.pipeline.rules import check_commands
from pushproof.engines.pipeline.variables import RESERVED, references

# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
MOST_STAGES = 50
MOST_ACTIONS_IN_STAGE = 50
MOST_ACTIONS = 500
# .../action-reference-Commands.html
MOST_OUTPUT_VARIABLES = 15
MOST_ENVIRONMENT_VARIABLES = 10
MOST_FILES = 10


def structure_error(message: str) -> PipelineError:
    return PipelineError("InvalidStructureException", message)


def action_error(message: str) -> PipelineError:
    return PipelineError("InvalidActionDeclarationException", message)


def check(declaration: Declaration) -> None:
    """Raise PipelineError for the first rule that the structure breaks."""
    stages = declaration.stages
    if len(stages) < 2:
        raise structure_error(
            f"Pipeline has only {len(stages)} stage(s). There should be a minimum of 2 stages in a pipeline"
        )
    if not stages[0].actions or any(action.category != "Source" for action in stages[0].actions):
        raise structure_error("Pipeline should start with a stage that only contains source actions")
    if declaration.pipeline_type == "V1":
        _check_v1(declaration)
    _check_limits(declaration)
    names: set[str] = set()
    for index, stage in enumerate(stages):
        if stage.name in names:
            raise structure_error(
                f"Stage name must be unique within the pipeline. {stage.name} has been used more than once."
            )
        names.add(stage.name)
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
                f"Stage {stage.name} has {len(stage.actions)} actions. There can be at most {MOST_ACTIONS_IN_STAGE} "
                f"in a stage"
            )
        total += len(stage.actions)
    if total > MOST_ACTIONS:
        raise _limit(f"Pipeline has {total} actions. There can be at most {MOST_ACTIONS} in a pipeline")


def _limit(message: str) -> PipelineError:
    return PipelineError("LimitExceededException", message)


def _check_v1(declaration: Declaration) -> None:
    if declaration.mode != "SUPERSEDED":
        raise structure_error(
            f"Execution mode {declaration.mode} is only supported for pipelines of type V2; pipeline "
            f"{declaration.name} is V1"
        )
    if declaration.variables:
        raise structure_error(
            f"Variables are only supported for pipelines of type V2; pipeline {declaration.name} is V1"
        )
    for stage in declaration.stages:
        for action in stage.actions:
            if action.provider == "Commands":
                raise structure_error(
                    f"The Commands action {action.name} is only supported for pipelines of type V2; pipeline "
                    f"{declaration.name} is V1"
                )
        if stage.on_failure != "FAIL":
            raise structure_error(
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
    names: set[str] = set()
    for action in stage.actions:
        if action.name in names:
            raise PipelineError(
                "InvalidStageDeclarationException",
                f"Action name must be unique within stage {stage.name}. {action.name} has been used more than once.",
            )
        names.add(action.name)
        if action.category == "Source" and not first:
            raise structure_error(
                f"Source action {action.name} is in stage {stage.name}. "
                "Only the first stage of a pipeline may contain source actions"
            )
        _check_action(action)


def _check_action(action: Action) -> None:
    kind = action.kind
    if action.region is not None and (action.category == "Source" or action.owner in ("ThirdParty", "Custom")):
        # pipeline-requirements.html: no cross-region actions of these kinds.
        raise action_error(f"Action '{action.name}' cannot be a cross-region action: its type does not support one")
    if len(set(action.inputs)) < len(action.inputs):
        raise action_error(f"Action {action.name} declares the same input artifact more than once")
    if kind is None or action.version != "1":
        described = (
            f"ActionType (Category: '{action.category}', Provider: '{action.provider}', Owner: '{action.owner}', "
            f"Version: '{action.version}') in action '{action.name}'"
        )
        if (action.category, action.owner, action.provider) in ELSEWHERE or action.owner == "Custom":
            raise PipelineError("NotImplemented", f"{described} is not implemented here")
        raise action_error(f"{described} is not available")
    for word, names, (least, most) in (
        ("input", action.inputs, kind.inputs),
        ("output", action.outputs, kind.outputs),
    ):
        if len(names) < least:
            raise action_error(
                f"Action {action.name} declares {len(names)} {word} artifacts which is less than the minimum count "
                f"({least})"
            )
        if len(names) > most:
            raise action_error(
                f"Action {action.name} declares {len(names)} {word} artifacts which is more than the maximum count "
                f"({most})"
            )
    for key in sorted(kind.required - action.configuration.keys()):
        raise action_error(f"Action configuration for action '{action.name}' is missing required configuration '{key}'")
    for key in sorted(action.configuration.keys() - kind.required - kind.optional):
        raise action_error(f"Action configuration for action '{action.name}' contains unknown configuration '{key}'")
    _check_values(action)
    _check_commands(action)
    if action.provider == "CodeBuild" and len(action.inputs) > 1:
        primary = action.configuration.get("PrimarySource")
        if primary is None:
            raise action_error(
                f"Action configuration for action '{action.name}' is missing required configuration 'PrimarySource'"
            )
        if primary not in action.inputs:
            raise action_error(f"PrimarySource '{primary}' of action '{action.name}' is not one of its input artifacts")


def _check_commands(action: Action) -> None:
    """Commands, and what only goes with them.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html
    """
    if action.provider != "Commands":
        for member, value in (
            ("commands", action.commands),
            ("outputVariables", action.output_variables),
            ("environmentVariables", action.environment),
        ):
            if value:
                raise action_error(
                    f"Action {action.name} of provider {action.provider} declares {member}, which only the Commands action has"
                )
        if action.output_files:
            raise action_error(
                f"Action {action.name} of provider {action.provider} declares files of output artifacts, which only the Commands "
                "action has"
            )
        return
    if not action.commands:
        raise action_error(f"Action {action.name} declares no commands")
    check_commands(f"action {action.name}", action.commands, action_error)
    names = [variable.name for variable in action.environment]
    if len(set(names)) < len(names):
        raise action_error(f"Action {action.name} declares an environment variable more than once")
    for what, number, most in (
        ("output variables", len(action.output_variables), MOST_OUTPUT_VARIABLES),
        ("environment variables", len(action.environment), MOST_ENVIRONMENT_VARIABLES),
        ("files of an output artifact", max(map(len, action.output_files.values()), default=0), MOST_FILES),
    ):
        if number > most:
            raise action_error(f"Action {action.name} declares {number} {what}. There can be at most {most}")


# The pattern of a configuration value without variables, and its description.
_VALUES: dict[tuple[str, str], tuple[re.Pattern[str], str]] = {
    ("CodeStarSourceConnection", "OutputArtifactFormat"): (
        re.compile("CODE_ZIP|CODEBUILD_CLONE_REF"),
        "CODE_ZIP or CODEBUILD_CLONE_REF",
    ),
    ("CodeStarSourceConnection", "DetectChanges"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("CodeCommit", "OutputArtifactFormat"): (
        re.compile("CODE_ZIP|CODEBUILD_CLONE_REF"),
        "CODE_ZIP or CODEBUILD_CLONE_REF",
    ),
    ("CodeCommit", "PollForSourceChanges"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("GitHub", "PollForSourceChanges"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("S3", "PollForSourceChanges"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("S3", "AllowOverrideForS3ObjectKey"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("CodeBuild", "BatchEnabled"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("CodeBuild", "CombineArtifacts"): (re.compile("true|false", re.IGNORECASE), "true or false"),
    ("Manual", "NotificationArn"): (re.compile(r"arn:aws(-[\w]+)*:sns:[\w-]+:[0-9]{12}:.+"), "the ARN of a topic"),
    ("ECRBuildAndPublish", "RegistryType"): (re.compile("private|public"), "private or public"),
    ("ECS", "DeploymentTimeout"): (re.compile("[1-9]|[1-5][0-9]|60"), "a number of minutes from 1 to 60"),
}


def _check_values(action: Action) -> None:
    for key, value in action.configuration.items():
        rule = _VALUES.get((action.provider, key))
        if rule is not None and "#{" not in value and not rule[0].fullmatch(value):
            raise action_error(
                f"Action configuration for action '{action.name}' contains invalid value '{value}' for "
                f"configuration '{key}': "
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
                        raise structure_error(
                            f"Input Artifact Bundle {name} in action {action.name} is not declared as "
                            "Output Artifact Bundle in any of the preceding actions"
                        )
            for action in group:
                for name in action.outputs:
                    if name in declared:
                        raise structure_error(
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
                    raise action_error(f"Namespace '{action.namespace}' of action '{action.name}' is reserved")
                if action.namespace in earlier:
                    raise structure_error(
                        f"Namespace must be unique within the pipeline. {action.namespace} has been used more than "
                        f"once."
                    )
                earlier.add(action.namespace)


def _check_references(declaration: Declaration, action: Action, earlier: set[str]) -> None:
    texts = [(f"configuration '{key}'", value) for key, value in action.configuration.items()]
    texts += [("a command", command) for command in action.commands]
    texts += [(f"environment variable '{variable.name}'", variable.value) for variable in action.environment]
    for what, value in texts:
        for namespace, name in references(value):
            where = f"{what} of action '{action.name}'"
            if namespace == "variables" and name not in declaration.variables:
                raise action_error(
                    f"#{{variables.{name}}} in {where} refers to a pipeline variable that is not declared"
                )
            if namespace not in RESERVED and namespace not in earlier:
                raise action_error(
                    f"#{{{namespace}.{name}}} in {where} refers to a namespace that no preceding action declares"
                )


def check_stores(declaration: Declaration) -> None:
    """One bucket in the pipeline's own region, and one in each region that has actions.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html (artifactStores)
    """
    if "" in declaration.stores:
        for stage in declaration.stages:
            for action in stage.actions:
                if action.region not in (None, declaration.region) and declaration.region:
                    raise structure_error(
                        f"Action {action.name} in stage {stage.name} runs in region {action.region}: a pipeline with "
                        "cross-region actions must declare artifactStores, with a bucket in each region"
                    )
        return
    if declaration.region and declaration.region not in declaration.stores:
        raise structure_error(
            f"artifactStores must contain a bucket in the pipeline's own region, {declaration.region}"
        )
    for stage in declaration.stages:
        for action in stage.actions:
            if action.region is not None and action.region not in declaration.stores:
                raise structure_error(
                    f"Action {action.name} in stage {stage.name} runs in region {action.region}, for which "
                    f"artifactStores "
                    "contains no bucket"
                )
