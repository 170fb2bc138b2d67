"""Execution of the engine's decisions: starts and abandons actions, publishes events, keeps the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.kernel.settings import CodePipelineSettings
from pushproof.emulator.services.codepipeline.actions import JOBS, Assignment, Job, Neighbours
from pushproof.emulator.services.codepipeline.building import BuildWork
from pushproof.emulator.services.codepipeline.pipelines import Pipeline
from pushproof.emulator.services.codepipeline.rules import RULE_JOBS, RuleJob
from pushproof.engines.pipeline import AbandonAction, Announcement, Input, StartAction, StartRule, Tick, step

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site


class Executor:
    """The executor of all pipelines of a world. Everything here runs under the world's lock."""

    def __init__(self, site: Site, settings: CodePipelineSettings, neighbours: Neighbours) -> None:
        self._site = site
        self._settings = settings
        self._neighbours = neighbours
        self._jobs: dict[str, Job | RuleJob] = {}
        neighbours.builds.subscribe(lambda build_id, _: self._build_completed(build_id))

    def feed(self, pipeline: Pipeline, cause: Input) -> None:
        """Pass the engine an input, and carry out its decision. Raises PipelineError for a refused request."""
        result = step(pipeline.state, cause, self._site.clock.now(), self._settings.engine)
        pipeline.state = result.state
        for event in result.events:
            self._publish(pipeline, event)
        self._schedule(pipeline, result.wake_at)
        for command in result.commands:
            if isinstance(command, StartAction):
                self._start(pipeline, command)
            elif isinstance(command, StartRule):
                self._start_rule(pipeline, command)
            elif isinstance(command, AbandonAction):
                self._abandon(command.action_execution_id)
            else:
                self._abandon(command.rule_execution_id)

    def forget(self, pipeline: Pipeline) -> None:
        """Abandon the actions of a deleted pipeline."""
        self._schedule(pipeline, None)
        for execution in pipeline.state.executions.values():
            for passage in execution.stages.values():
                for run in passage.runs:
                    self._abandon(run.id)
                for rule in passage.checking.rules if passage.checking is not None else ():
                    self._abandon(rule.id)

    def _start(self, pipeline: Pipeline, command: StartAction) -> None:
        def report(news: Input) -> None:
            if job.ended:
                self._jobs.pop(command.run.id, None)
            self.feed(pipeline, news)

        job = JOBS[command.run.action.provider](
            Assignment(self._site, self._neighbours, pipeline, command, self._settings, report)
        )
        self._jobs[command.run.id] = job
        # Not at once: an action that fails immediately must not overtake the step that started it.
        self._site.loop.call_soon(self._starter(job), name=f"{pipeline.name}: {command.run.action.name}")

    def _start_rule(self, pipeline: Pipeline, command: StartRule) -> None:
        def report(news: Input) -> None:
            if job.ended:
                self._jobs.pop(command.run.id, None)
            self.feed(pipeline, news)

        job = RULE_JOBS[command.run.rule.provider](
            Assignment(self._site, self._neighbours, pipeline, command, self._settings, report)
        )
        self._jobs[command.run.id] = job
        self._site.loop.call_soon(self._starter(job), name=f"{pipeline.name}: {command.run.rule.name}")

    @staticmethod
    def _starter(job: Job | RuleJob) -> Callable[[], None]:
        return lambda: None if job.ended else job.start()

    def _abandon(self, action_execution_id: str) -> None:
        job = self._jobs.pop(action_execution_id, None)
        if job is not None:
            job.abandon()

    def _build_completed(self, build_id: str) -> None:
        for job in list(self._jobs.values()):
            if isinstance(job, BuildWork):
                job.completed(build_id)

    def _schedule(self, pipeline: Pipeline, wake_at: float | None) -> None:
        if pipeline.timer is not None:
            pipeline.timer.cancel()
            pipeline.timer = None
        if wake_at is not None:
            pipeline.timer = self._site.loop.call_at(
                wake_at, lambda: self.feed(pipeline, Tick()), name=f"{pipeline.name}: timeout"
            )

    def _publish(self, pipeline: Pipeline, event: Announcement) -> None:
        detail = {**event.detail, "start-time": iso(self._site.clock.stamp(event.started), "milliseconds")}
        if "action" in detail:
            detail.setdefault("region", pipeline.region)
        self._site.events.publish(
            "aws.codepipeline", event.detail_type, detail, resources=[pipeline.arn], region=pipeline.region
        )
