"""A pipeline's declaration as values.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html ,
https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pushproof.engines.pipeline.catalogue import KINDS, ActionKind
from pushproof.engines.pipeline.errors import PipelineError
from pushproof.engines.pipeline.names import (
    Category,
    ConditionKind,
    ExecutionMode,
    FailureResult,
    Owner,
    PipelineType,
    PullRequestAction,
    RetryMode,
    VariableType,
)


@dataclass(frozen=True, slots=True)
class EnvironmentVariable:
    """A variable of the environment in which commands run."""

    name: str
    value: str
    type: VariableType = "PLAINTEXT"


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a stage. `timeout` in seconds, None for its type's default; `region` None for the pipeline's own.

    `commands`, `environment`, `output_variables` and `output_files` (of an output artifact, by its name) belong to the action
    Commands.
    """

    name: str
    category: Category
    owner: Owner
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
    commands: tuple[str, ...] = ()
    environment: tuple[EnvironmentVariable, ...] = ()
    output_variables: tuple[str, ...] = ()
    output_files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
class Rule:
    """A rule of a condition. `timeout` in seconds, None for its provider's default; `region` None for the pipeline's own."""

    name: str
    provider: str
    version: str = "1"
    configuration: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    role_arn: str | None = None
    region: str | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Rules that are checked together, and the result that their outcome has for the stage."""

    rules: tuple[Rule, ...]
    result: FailureResult = "FAIL"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its actions, its reaction to a failure (FAIL, ROLLBACK, RETRY or SKIP), and its conditions by kind."""

    name: str
    actions: tuple[Action, ...]
    on_failure: FailureResult = "FAIL"
    retry_mode: RetryMode = "FAILED_ACTIONS"
    conditions: Mapping[ConditionKind, Condition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Criteria:
    """Patterns of a filter: a name passes that one of `includes` matches and none of `excludes` does."""

    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushFilter:
    """A filter of pushes, by tag or by branch, the latter also by the paths of changed files."""

    branches: Criteria | None = None
    file_paths: Criteria | None = None
    tags: Criteria | None = None


@dataclass(frozen=True, slots=True)
class PullRequestFilter:
    """A filter of pull requests, by event (none: every event), target branch and the paths of changed files."""

    events: tuple[PullRequestAction, ...] = ()
    branches: Criteria | None = None
    file_paths: Criteria | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of a source action."""

    source_action: str
    push: tuple[PushFilter, ...] = ()
    pull_request: tuple[PullRequestFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """A pipeline's structure. `variables` maps each declared variable to its default (None: must be given at start).

    `stores` maps regions to their artifact stores; the one store of a pipeline in a single region is kept under "".
    """

    name: str
    role_arn: str
    stages: tuple[Stage, ...]
    mode: ExecutionMode = "SUPERSEDED"
    pipeline_type: PipelineType = "V1"
    variables: Mapping[str, str | None] = field(default_factory=dict)
    version: int = 1
    region: str = ""
    stores: Mapping[str, ArtifactStore] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()

    def trigger_of(self, action: Action) -> Trigger | None:
        """The trigger of a source action; None for an action without one."""
        return next((trigger for trigger in self.triggers if trigger.source_action == action.name), None)

    def store_of(self, action: Action) -> ArtifactStore | None:
        """The store that an action's artifacts go to; None for a declaration without stores."""
        return self.stores.get(action.region or self.region) or self.stores.get("")

    def stage_index(self, name: str) -> int:
        """Position of the stage. Raises PipelineError StageNotFoundException."""
        for index, stage in enumerate(self.stages):
            if stage.name == name:
                return index
        raise PipelineError("StageNotFoundException", f"Stage {name} does not exist in pipeline {self.name}")
