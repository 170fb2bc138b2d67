"""What AWS leaves open about CodePipeline, and how often the emulator looks."""

from __future__ import annotations

from dataclasses import dataclass, field

from pushproof.engines.pipeline import Settings


@dataclass(frozen=True, slots=True)
class CodePipelineSettings:
    """Given to a world as `WorldSettings(engines={"codepipeline": CodePipelineSettings(...)})`.

    engine: the settings of the pipeline engine, among them what the ECS action does after a rollback.
    ecs_poll_seconds: how often the ECS deploy action looks at its service, in AWS seconds.
    detect_over_pending: whether a push to a watched branch starts an execution although the connection was never authorised
        (it fails at Source, as the first execution of a new pipeline does). False: the push goes unnoticed.
    """

    engine: Settings = field(default_factory=Settings)
    ecs_poll_seconds: float = 15.0
    detect_over_pending: bool = True
