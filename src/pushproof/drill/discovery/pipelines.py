"""Discovery of the pipeline: which of its actions deploys, what that action deploys, and where its source and build are.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushproof.drill.badinput import BadInput
from pushproof.drill.delivery import Source
from pushproof.drill.discovery.choices import Choices, choose

if TYPE_CHECKING:
    from pushproof.drill.discovery.shapes import Pipeline


_PROVIDERS = ("ECS", "CodeDeployToECS")


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a pipeline, with the names of its pipeline and stage."""

    pipeline: str
    stage: str
    category: str
    provider: str
    configuration: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def service(self) -> tuple[str, str]:
        """The cluster and the service that an ECS deploy action names."""
        return self.configuration.get("ClusterName", "default"), self.configuration.get("ServiceName", "")


def actions_of(pipeline: Pipeline) -> list[Action]:
    """Return the actions of a pipeline as GetPipeline describes it, in the order of its stages."""
    return [
        Action(
            pipeline=str(pipeline["name"]),
            stage=str(stage["name"]),
            category=str(action["actionTypeId"]["category"]),
            provider=str(action["actionTypeId"]["provider"]),
            configuration=action.get("configuration", {}),
            inputs=tuple(artifact["name"] for artifact in action.get("inputArtifacts", ())),
            outputs=tuple(artifact["name"] for artifact in action.get("outputArtifacts", ())),
        )
        for stage in pipeline["stages"]
        for action in stage["actions"]
    ]


def choose_deployment(pipelines: Sequence[Pipeline], choices: Choices, environment: str) -> Action:
    """Return the action that deploys to ECS. Raises BadInput when there is none, or several fit and no choice decides."""
    names = [str(pipeline["name"]) for pipeline in pipelines]
    if not names:
        raise BadInput(
            f"{environment} has no pipeline: no aws_codepipeline is in its state. A drill pushes through one; "
            "name the environment that has it with --environment"
        )
    if choices.pipeline and choices.pipeline not in names:
        raise BadInput(
            f"pipeline = {choices.pipeline!r} is no pipeline of this environment; there are: {', '.join(names)}"
        )
    considered = [p for p in pipelines if choices.pipeline in ("", p["name"])]
    actions = [action for pipeline in considered for action in actions_of(pipeline)]
    deploying = [action for action in actions if action.category == "Deploy" and action.provider in _PROVIDERS]
    foreign = sorted({a.provider for a in actions if a.category == "Deploy" and a.provider not in _PROVIDERS})
    other = f" Its deploy actions are of {', '.join(foreign)}." if foreign else ""
    if len({action.pipeline for action in deploying}) > 1 and not choices.service:
        first = [action for action in deploying if action is _first_of(deploying, action.pipeline)]
        chosen = choose("pipeline", first, lambda a: [a.pipeline], "", setting="pipeline", missing="")
        deploying = [action for action in deploying if action.pipeline == chosen.pipeline]
    return choose(
        "service",
        deploying,
        lambda action: ["/".join(action.service), action.service[1]],
        choices.service,
        setting="service",
        missing=(
            f"no pipeline of {environment} ({', '.join(p['name'] for p in considered)}) deploys to ECS: an action of category "
            f"Deploy and provider ECS or CodeDeployToECS is expected.{other}"
        ),
    )


def _first_of(actions: Sequence[Action], pipeline: str) -> Action:
    return next(action for action in actions if action.pipeline == pipeline)


def build_action(actions: Sequence[Action], deployment: Action) -> Action | None:
    """Return the CodeBuild action whose artifact is deployed, or the newest build before; None when nothing is built."""
    for artifact in deployment.inputs:
        for action in actions:
            if artifact in action.outputs and action.provider == "CodeBuild":
                return action
    builds = [action for action in _before(actions, deployment) if action.category == "Build"]
    return builds[-1] if builds and builds[-1].provider == "CodeBuild" else None


def source_action(actions: Sequence[Action], deployment: Action, build: Action | None) -> Action:
    """Return the source action that the build, or else the deployment, takes. Raises BadInput for a pipeline without one."""
    sources = [action for action in actions if action.category == "Source"]
    if not sources:
        raise BadInput(f"pipeline {deployment.pipeline} has no source action: there is nothing to push to")
    taken: tuple[str, ...] = deployment.inputs
    if build is not None:
        primary = build.configuration.get("PrimarySource", "")
        taken = (primary,) if primary else build.inputs
    return next((a for artifact in taken for a in sources if artifact in a.outputs), sources[0])


def stage_before(actions: Sequence[Action], deployment: Action, build: Action | None) -> str:
    """Return the stage between the build and the deployment that runs commands; "" without one.

    A project of its own or a Commands action can run a task of the new revision there:
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html
    """
    if build is None:
        return ""
    between = list(_before(actions, deployment))
    later = between[between.index(build) + 1 :]
    running = [action for action in later if action.provider in ("CodeBuild", "Commands")]
    return running[-1].stage if running and running[-1].stage != build.stage else ""


def _before(actions: Sequence[Action], last: Action) -> Iterator[Action]:
    for action in actions:
        if action is last:
            return
        yield action


def source_of(action: Action) -> Source:
    """Return the source that an action configures."""
    settings = action.configuration
    owner, name = settings.get("Owner", ""), settings.get("Repo", "")
    return Source(
        kind=action.provider,
        stage=action.stage,
        repository=settings.get("FullRepositoryId")
        or (f"{owner}/{name}" if owner and name else settings.get("RepositoryName", "")),
        branch=settings.get("BranchName") or settings.get("Branch") or "main",
        connection_arn=settings.get("ConnectionArn", ""),
        bucket=settings.get("S3Bucket", ""),
        key=settings.get("S3ObjectKey", ""),
    )
