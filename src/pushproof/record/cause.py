"""The cause of a run's last failure, from its record alone: a chain of sentences, and the commands for a closer look."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pushproof.record.model import Action, Build, Deployment, Execution, Phase, Record, Requests, Task

_UNHEALTHY = re.compile(r"is unhealthy in \(target-group [^)]*\) due to \(reason (.*)\)")
#: How a task's stop reads when its deployment ended, and not because of the task.
_SCALING = "Scaling activity initiated by"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """The chain, each link a sentence that follows from the one before, and commands that show more."""

    chain: tuple[str, ...]
    commands: tuple[str, ...]

    @property
    def paragraph(self) -> str:
        """The chain as one paragraph."""
        return " ".join(self.chain)


def cause(record: Record) -> Cause:
    """Return the cause of the last failure; where nothing failed, the chain says what was seen instead."""
    if record.run.command in ("pytest", "mutate"):
        return Cause(tuple(_suite(record)), tuple(_closer_tests(record)))
    execution = last_failure(record)
    chain = [*_verdict(record)]
    if execution is not None:
        chain += _delivery(record, execution)
    return Cause(tuple(chain), tuple(_closer(record, execution)))


def paragraph(record: Record) -> str:
    """Return the chain as one paragraph."""
    return cause(record).paragraph


def last_failure(record: Record) -> Execution | None:
    """Return the newest execution that failed; None when none did."""
    failed = [execution for execution in record.executions if execution.status in ("Failed", "Stopped")]
    return max(failed, key=lambda execution: execution.started or 0.0, default=None)


def failed_action(execution: Execution) -> Action | None:
    """Return the action at which an execution failed."""
    return next((action for action in execution.actions if action.status == "Failed"), None)


def rollback(record: Record, execution: Execution) -> Deployment | None:
    """Return the deployment that an execution brought and that was rolled back; None when there is none."""
    rolled = [d for d in record.deployments if d.status.startswith("ROLLBACK") or d.rollback_started is not None]
    own = [d for d in rolled if d.commit and d.commit == execution.commit]
    if own:
        return own[-1]
    # Where no tag tells the commit: the deployment that began while the execution ran.
    begun, end = execution.started or 0.0, execution.ended if execution.ended is not None else float("inf")
    return next((d for d in reversed(rolled) if not d.commit and begun <= (d.started or 0.0) <= end), None)


def failed_build(record: Record, execution: Execution) -> tuple[Build, Phase] | None:
    """Return the build of an execution that failed, with its phase; None when none did."""
    ids = {action.external_id for action in execution.actions}
    for build in record.builds:
        if build.id in ids and build.status not in ("SUCCEEDED", "IN_PROGRESS"):
            phase = next((p for p in build.phases if p.status not in ("", "SUCCEEDED")), None)
            if phase is not None:
                return build, phase
    return None


def failed_tasks(record: Record, deployment: Deployment) -> tuple[Task, ...]:
    """Return the tasks of a deployment that stopped by themselves, or because they were not healthy."""
    return tuple(
        task
        for task in record.tasks
        if task.service == deployment.service
        and task.task_definition == deployment.task_definition
        and task.stopped is not None
        and task.stop_reason
        and not task.stop_reason.startswith(_SCALING)
        and (deployment.started or 0.0) - 1.0 <= (task.created or 0.0) <= (deployment.ended or float("inf"))
    )


# Sentences.


def _verdict(record: Record) -> Iterator[str]:
    if record.verdict.error:
        yield f"{_sentence('Not proven: ' + _first(record.verdict.error))}"
        step = next((step for step in record.steps if step.failed), None)
        if step is not None:
            yield f"It ended in step ({step.letter}), {_quoted(step.title)}."
    elif record.verdict.passed and not record.executions:
        yield "Nothing failed, and no pipeline ran."
    elif record.verdict.passed and record.run.command == "drill":
        yield "Everything that was to be shown was shown."


def _delivery(record: Record, execution: Execution) -> Iterator[str]:
    action, deployment = failed_action(execution), rollback(record, execution)
    pushed = f"The push of {_commit(execution)}"
    if deployment is not None:
        yield from _rolled_back(record, deployment, pushed)
    elif (failed := failed_build(record, execution)) is not None:
        build, phase = failed
        yield f"{pushed} stopped at {action.stage if action else 'the build'}: nothing of it was deployed."
        words = f": {_first(phase.message)}" if phase.message else ""
        yield _sentence(
            f"Build {build.id.rpartition(':')[2][:8]} ended {build.status} in its phase {phase.name}{words}"
        )
    elif action is not None:
        yield f"{pushed} stopped at {action.stage}: nothing of it was deployed."
        code = f"{action.error_code}: " if action.error_code else ""
        if action.error:
            yield _sentence(f"{action.provider or action.name} answered {code}{_first(action.error)}")
    else:
        yield f"{pushed} is {execution.status}, and no action says why."
    if action is not None:
        yield from _requests(record, execution)


def _rolled_back(record: Record, deployment: Deployment, pushed: str) -> Iterator[str]:
    yield f"{pushed} was rolled back."
    tasks = failed_tasks(record, deployment)
    reasons = Counter(_short(task.stop_reason) for task in tasks)
    unhealthy = _unhealthy(record, deployment)
    if reasons:
        counted = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common(_SHOWN))
        yield _sentence(
            f"{len(tasks)} {'task' if len(tasks) == 1 else 'tasks'} of {deployment.task_definition} failed: {counted}"
        )
    if unhealthy:
        yield _sentence(f"The load balancer's health checks say: {unhealthy}")
    codes = Counter(
        f"container {c.name} exited with code {c.exit_code}"
        for task in tasks
        for c in task.containers
        if c.exit_code not in (None, 0, 137, 143)
    )
    if codes:
        yield _sentence("; ".join(f"{text} ({count} times)" for text, count in codes.most_common(_SHOWN)).capitalize())
    if deployment.breaker is not None and deployment.breaker.status == "TRIGGERED":
        breaker = deployment.breaker
        yield f"The circuit breaker counted {breaker.failures} of {breaker.threshold} failed tasks and ended the deployment."
    elif deployment.rollback_reason:
        yield _sentence(deployment.rollback_reason)
    before = _before(record, deployment)
    if before is not None and deployment.status == "ROLLBACK_SUCCESSFUL" and deployment.ended is not None:
        took = deployment.ended - (deployment.started or deployment.ended)
        yield (
            f"{before.task_definition} ({before.commit[:7] or 'the revision before'}) serves again, {took:.0f} s after the "
            f"deployment began ({clock(took * record.run.speed)} of AWS time)."
        )
    elif not deployment.status.startswith("ROLLBACK_S"):
        yield f"The deployment is {deployment.status}."


def _requests(record: Record, execution: Execution) -> Iterator[str]:
    during = _during(record, execution)
    if during is None:
        return
    commits = ", ".join(sorted(commit[:7] for commit in during.commits)) or "nobody"
    bad = execution.commit in during.commits
    yield (
        f"Meanwhile users sent {during.sent} requests; {during.failed} failed, and {commits} answered"
        f"{', the bad push among them' if bad else ''}."
    )


def _during(record: Record, execution: Execution) -> Requests | None:
    end = execution.ended if execution.ended is not None else float("inf")
    for requests in record.requests:
        if requests.seconds and (execution.started or 0.0) - 5 <= requests.seconds[0].at <= end:
            return requests
    return None


def _unhealthy(record: Record, deployment: Deployment) -> str:
    """Return why targets were unhealthy while a deployment went on, in the words of the service's events."""
    begun = deployment.started or 0.0
    end = deployment.ended if deployment.ended is not None else float("inf")
    for event in reversed(record.service_events):
        match = _UNHEALTHY.search(event.message) if begun <= event.at <= end else None
        if match:
            return match[1]
    return ""


def _before(record: Record, deployment: Deployment) -> Deployment | None:
    earlier = [
        d
        for d in record.deployments
        if d.service == deployment.service
        and d.status == "SUCCESSFUL"
        and (d.started or 0.0) < (deployment.started or 0.0)
    ]
    return earlier[-1] if earlier else None


def _suite(record: Record) -> Iterator[str]:
    failed = [test for test in record.tests if test.outcome == "failed"]
    missed = [mutation for mutation in record.mutations if not mutation.caught and mutation.status != "equivalent"]
    if missed:
        yield (
            f"{len(missed)} of {len(record.mutations)} mistakes made on purpose were caught by no check: "
            f"{', '.join(mutation.name for mutation in missed[:_SHOWN])}{', …' if len(missed) > _SHOWN else ''}."
        )
    if failed:
        yield f"{len(failed)} of {len(record.tests)} tests failed; the first is {failed[0].id}."
        if not record.findings and failed[0].message:
            yield _sentence(_first(failed[0].message))
    elif record.verdict.error:
        yield _sentence(_first(record.verdict.error))
    elif not missed and record.mutations:
        yield f"All {len(record.mutations)} mistakes made on purpose were noticed, or change nothing."
    elif not missed:
        ran = sum(test.outcome == "passed" for test in record.tests)
        yield f"All {ran} tests that ran passed."
    if record.findings:
        finding = record.findings[0]
        at = f" ({finding.address}{_place(finding.file, finding.line)})" if finding.address else ""
        yield _sentence(f"{finding.check}: {finding.resource}{at}: {_first(finding.found)}")
        yield _sentence(f"That matters: {finding.why}")
        yield _sentence(f"The change: {finding.change}")


# Commands.


def _closer(record: Record, execution: Execution | None) -> Iterator[str]:
    region = f" --region {shlex.quote(record.run.region)}" if record.run.region else ""
    if execution is None:
        return
    yield (
        f"aws codepipeline list-action-executions --pipeline-name {shlex.quote(execution.pipeline)} "
        f"--filter {shlex.quote('pipelineExecutionId=' + execution.id)}{region}"
    )
    failed = failed_build(record, execution)
    if failed is not None:
        build, phase = failed
        yield f"aws codebuild batch-get-builds --ids {shlex.quote(build.id)} --query {shlex.quote(_phase_query(phase))}{region}"
        if build.log_group and build.log_stream:
            yield _log(build.log_group, build.log_stream, region)
    deployment = rollback(record, execution)
    if deployment is None:
        return
    yield f"aws ecs describe-service-deployments --service-deployment-arns {shlex.quote(deployment.arn)}{region}"
    cluster = next((s.cluster for s in record.services if s.name == deployment.service), "")
    tasks = failed_tasks(record, deployment)
    if tasks:
        task = tasks[-1]
        yield f"aws ecs describe-tasks --cluster {shlex.quote(cluster)} --tasks {shlex.quote(task.id)}{region}"
        for container in task.containers:
            if container.log_group and container.log_stream:
                yield _log(container.log_group, container.log_stream, region)
    yield (
        f"aws ecs describe-services --cluster {shlex.quote(cluster)} --services {shlex.quote(deployment.service)} "
        f"--query {shlex.quote('services[0].events[:20].[createdAt,message]')}{region}"
    )


def _closer_tests(record: Record) -> Iterator[str]:
    failed = [test.id for test in record.tests if test.outcome == "failed"]
    if failed:
        yield f"pytest {shlex.quote(failed[0])} --target {shlex.quote(record.run.target)}"
    for finding in record.findings[:_SHOWN]:
        if finding.address:
            yield f"terraform state show {shlex.quote(finding.address)}"


def _phase_query(phase: Phase) -> str:
    return f"builds[0].phases[?phaseType==`{phase.name}`]"


def _log(group: str, stream: str, region: str) -> str:
    return (
        f"aws logs get-log-events --log-group-name {shlex.quote(group)} --log-stream-name {shlex.quote(stream)}{region}"
    )


# Words.


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, with hours where there are any."""
    whole = int(max(0.0, seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"


def _commit(execution: Execution) -> str:
    short = execution.commit[:7] or "an unknown commit"
    return f"{short} ({_quoted(_first(execution.message))})" if execution.message else short


def _quoted(text: str) -> str:
    return f"“{text}”"


def _short(reason: str) -> str:
    """Return a stop reason without the ARN in it."""
    return re.sub(r" in \(target-group [^)]*\)", "", _first(reason))


def _first(text: str) -> str:
    lines = text.strip().splitlines()
    first = lines[0].strip() if lines else ""
    return first if len(first) <= 400 else f"{first[:400]} …"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _place(file: str, line: int) -> str:
    return f", {file}:{line}" if file and line else f", {file}" if file else ""
