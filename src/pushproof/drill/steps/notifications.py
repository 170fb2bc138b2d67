"""Step (g): Slack or subscribers receive the notifications."""

from __future__ import annotations

from pushproof.drill.context import Context
from pushproof.drill.evidence import BrokenPushes, Deployed, NotHeard, Notified, PushRefused
from pushproof.drill.settings import ProofFailed
from pushproof.drill.steps.step import Step
from pushproof.drill.workflowroad import GITHUB


class Notifications(Step):
    """Wait for messages about the pipeline's starts, its successes, and the failures that there were."""

    name = "notifications"
    letter = "g"
    needs = (("apply",), ("first-deployment", "refused-before-authorisation"))
    pushes = True

    def perform(self, context: Context) -> Notified | NotHeard:
        if context.delivery.road == GITHUB:
            reason = "the workflow's run shows its own end: no pipeline sends notifications on this road"
            with context.narrator.step(self.letter, "Notifications are not judged"):
                context.narrator.claim(reason)
            return NotHeard(reason)
        unheard = context.target.lacks("webhooks")
        if unheard is None:
            if context.applied.webhook:
                return self._over_the_webhook(context)
            reason = (
                "the environment does not take the drill's webhook: give it one of its variables, "
                'such as slack_webhook_url = "${webhook_url}" under [drill.variables] of pushproof.toml'
            )
            with context.narrator.step(self.letter, "Notifications are not judged"):
                context.narrator.claim(reason)
            return NotHeard(reason)
        if context.listener is None:
            with context.narrator.step(self.letter, "Notifications are not judged"):
                context.narrator.claim(unheard)
            return NotHeard(unheard)
        return self._over_the_topic(context, unheard)

    def _over_the_webhook(self, context: Context) -> Notified:
        narrator, webhook = context.narrator, context.webhook
        texts = []
        with narrator.step(self.letter, "Slack receives the notifications"):
            for state in expected_states(context):
                message = webhook.wait_for(context.delivery.pipeline, state, timeout=15)
                if message is None:
                    heard = [m.text for m in webhook.messages] or "nothing"
                    raise ProofFailed(f"no message about {state} reached the webhook; it heard: {heard}")
                narrator.moment("slack", message.text, at=narrator.at(message.at), quiet=True)
                narrator.claim(message.text)
                texts.append(message.text)
            if webhook.refused:
                raise ProofFailed(f"the webhook was sent what Slack refuses: {webhook.refused[0]}")
            narrator.claim(f"{len(webhook.messages)} messages in all")
        return Notified(tuple(texts))

    def _over_the_topic(self, context: Context, unheard: str) -> Notified:
        """Hear the topic that people subscribe to; an execution that still waits has not ended yet."""
        listener, narrator = context.listener, context.narrator
        assert listener is not None
        # What an earlier performance took from the queue is not in it any more.
        earlier = context.record.of(self.name)
        if isinstance(earlier, Notified):
            listener.heard.extend(text for text in earlier.messages if text not in listener.heard)
        texts = []
        with narrator.step(self.letter, "Subscribers receive the notifications"):
            narrator.claim(unheard)
            for state in expected_states(context):
                text = listener.wait_for(context.delivery.pipeline, state, timeout=context.deadline("notified", 60.0))
                if text is None:
                    raise ProofFailed(f"no message about {state} came over the topic; it sent: {listener.heard}")
                narrator.claim(text)
                texts.append(text)
        return Notified(tuple(texts))


def expected_states(context: Context) -> tuple[str, ...]:
    """Return the states that the pipeline must have sent a notification of, by what the steps before have shown."""
    broken = context.record.latest(BrokenPushes)
    failed = broken is not None and any(push.execution and not push.undecided for push in broken.pushes)
    states = ["STARTED"]
    if context.record.latest(Deployed) is not None:
        states.append("SUCCEEDED")
    if failed or context.record.latest(PushRefused) is not None:
        states.append("FAILED")
    return tuple(states)
