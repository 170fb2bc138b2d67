"""Lifecycle hooks of a stage: calls, call-backs, pauses, time-outs, and the payload that functions receive.

Hooks of a stage run side by side; all end before the first that failed decides.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
"""

from __future__ import annotations

import base64
import hashlib
import uuid

from . import wording
from .announcing import HOOK_STATE_CHANGE
from .errors import InvalidHook
from .exchange import HookAnswered, InvokeHook
from .hookanswers import function_timed_out
from .state import HookRun, HookStatus, Rollout
from .strategy import ALL, HookAction, percent
from .watching import Watching

_EVENTS = {
    "AWAITING_ACTION": "HOOK_AWAITING_ACTION",
    "IN_PROGRESS": "HOOK_IN_PROGRESS",
    "SUCCEEDED": "HOOK_SUCCEEDED",
    "FAILED": "HOOK_FAILED",
    "TIMED_OUT": "HOOK_TIMED_OUT",
}


class Hooking(Watching):
    """Hooks of the stage that a rollout is in."""

    def start_hooks(self, rollout: Rollout) -> None:
        """Begin the hooks of the stage. A rollback has those of the two shifts, whose functions are invoked again."""
        moment = rollout.moment
        assert moment is not None
        for place in rollout.strategy.hooks_at(moment.stage):
            hook = rollout.strategy.hooks[place]
            kind = "pause" if hook.target_type == "PAUSE" else "lambda"
            run = HookRun(
                id=f"ecs-{kind}-{self._token()}",
                execution_id=str(uuid.UUID(self.state.new_id("execution"))),
                hook=place,
                stage=moment.stage,
                target_type=hook.target_type,
                target_arn=hook.target_arn,
                status="AWAITING_ACTION" if hook.target_type == "PAUSE" else "IN_PROGRESS",
                expires_at=self.now + 60.0 * hook.timeout_minutes,
                timeout_action=hook.timeout_action,
            )
            rollout.hooks.append(run)
            self._announce_hook(run)
            if hook.target_type == "AWS_LAMBDA":
                self._invoke(rollout, run)

    def hooks_over(self, rollout: Rollout) -> bool:
        """Call hooks again that asked for it, end those that took too long, and return whether all of them have ended."""
        over = True
        for run in rollout.hooks:
            if run.over:
                continue
            if self.now >= run.expires_at:
                self._end(run, "TIMED_OUT")
                continue
            if run.next_call_at is not None and self.now >= run.next_call_at:
                run.next_call_at = None
                self._invoke(rollout, run)
            self.wake(min(run.expires_at, run.next_call_at or run.expires_at))
            over = False
        return over

    def hooks_problem(self, rollout: Rollout) -> str:
        """Return the reason of the first hook of the stage that failed; empty if the deployment may go on."""
        for run in rollout.hooks:
            if run.stage != rollout.stage:
                continue
            if run.status == "TIMED_OUT" and run.timeout_action == "ROLLBACK":
                if run.target_type == "PAUSE":
                    return wording.pause_timed_out(run.stage)
                return wording.hooks_failed(run.stage, function_timed_out(run.target_arn))
            if run.status == "FAILED":
                if run.target_type == "PAUSE":
                    return run.problem
                return wording.hooks_failed(run.stage, run.problem)
        return ""

    def take_answer(self, answer: HookAnswered) -> None:
        """Apply a function's answer. An answer to a hook that has ended, or that nobody waits for, changes nothing."""
        rollout = self.state.rollout
        run = next((run for run in rollout.hooks if run.id == answer.hook_id), None) if rollout else None
        if rollout is None or run is None or run.over or run.next_call_at is not None:
            return
        rollout.details.setdefault(run.hook, {}).update(answer.details)
        if answer.status == "IN_PROGRESS":
            delay = (
                self.state.settings.call_back_seconds if answer.call_back_seconds is None else answer.call_back_seconds
            )
            run.next_call_at = self.now + delay
            return
        run.problem = answer.problem
        self._end(run, answer.status)

    def continue_hook(self, hook_id: str, action: HookAction) -> None:
        """Let a paused deployment go on, or roll back. Raises InvalidHook."""
        rollout = self.state.rollout
        kind, _, token = hook_id.removeprefix("ecs-").partition("-")
        if not hook_id.startswith("ecs-") or not kind or not token:
            raise InvalidHook("Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}")
        run = next((run for run in rollout.hooks if run.id == hook_id), None) if rollout else None
        if run is None:
            raise InvalidHook(f"The hook {hook_id} does not belong to this service deployment.")
        if run.status != "AWAITING_ACTION":
            raise InvalidHook(f"The hook {hook_id} is {run.status}; only one that is AWAITING_ACTION can be continued.")
        if action == "ROLLBACK":
            run.problem = self.state.settings.continue_reason
        self._end(run, "SUCCEEDED" if action == "CONTINUE" else "FAILED")

    def abandon_hooks(self, rollout: Rollout) -> None:
        """End the hooks of a deployment that something else failed; their answers no longer count."""
        for run in rollout.hooks:
            if not run.over:
                run.status, run.next_call_at = "FAILED", None

    def _end(self, run: HookRun, status: HookStatus) -> None:
        run.status, run.next_call_at = status, None
        self._announce_hook(run)

    def _invoke(self, rollout: Rollout, run: HookRun) -> None:
        hook = rollout.strategy.hooks[run.hook]
        payload: dict[str, object] = {
            "executionId": run.execution_id,
            "lifecycleStage": run.stage,
            "resourceArn": self.state.record.arn,
            "executionDetails": {
                "serviceArn": self.state.service_arn,
                "targetServiceRevisionArn": rollout.target_arn,
                "testTrafficWeights": self._test_weights(rollout),
                "productionTrafficWeights": self._production_weights(rollout),
            },
        }
        details = {**hook.details, **rollout.details.get(run.hook, {})}
        if details:
            payload["hookDetails"] = details
        self.decision.actions.append(InvokeHook(run.id, hook.target_arn, hook.role_arn, payload))

    def _test_weights(self, rollout: Rollout) -> dict[str, float]:
        moment = rollout.moment
        if moment is None or moment.stage != "TEST_TRAFFIC_SHIFT" or moment.test is None:
            return {}
        return _weights(rollout, moment.test)

    def _production_weights(self, rollout: Rollout) -> dict[str, float]:
        moment = rollout.moment
        if moment is not None and moment.stage == "PRE_PRODUCTION_TRAFFIC_SHIFT":
            return _weights(rollout, rollout.production)
        if moment is None or moment.stage != "PRODUCTION_TRAFFIC_SHIFT" or moment.production is None:
            return {}
        return _weights(rollout, moment.production)

    def _announce_hook(self, run: HookRun) -> None:
        """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_hook_state_change_events.html"""
        state = self.state
        detail: dict[str, object] = {
            "eventType": "INFO",
            "eventName": _EVENTS[run.status],
            "hookId": run.id,
            "hookType": run.target_type,
            "lifecycleStage": run.stage,
            "clusterArn": state.cluster_arn,
            "serviceArn": state.service_arn,
            "serviceDeploymentArn": state.record.arn,
        }
        self.bridge(HOOK_STATE_CHANGE, detail, "updatedAt", (state.record.arn,), {"expiresAt": run.expires_at})

    def _token(self) -> str:
        """The next 43 characters of a hook's id."""
        digest = hashlib.blake2b(self.state.new_id("hook").encode(), digest_size=32).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _weights(rollout: Rollout, weight: int) -> dict[str, float]:
    """Return the weights of both revisions in percent, whole where they are."""

    def shown(tenths: int) -> float:
        return tenths // 10 if tenths % 10 == 0 else percent(tenths)

    weights = {rollout.target_arn: shown(weight)}
    if rollout.source_arn:
        weights[rollout.source_arn] = shown(ALL - weight)
    return weights
