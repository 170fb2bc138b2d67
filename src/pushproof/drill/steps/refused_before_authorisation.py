"""Step (c): a push before the connection is authorised fails at Source."""

from __future__ import annotations

from pushproof.drill.context import Context
from pushproof.drill.evidence import PushRefused, SourceReady
from pushproof.drill.executions import ended, newest_ended
from pushproof.drill.settings import BadInput, ProofFailed
from pushproof.drill.steps.authorisation import authorise, awaits_authorisation
from pushproof.drill.steps.step import Step


class RefusedBeforeAuthorisation(Step):
    """Push over a PENDING connection, see it refused, and authorise the connection."""

    name = "refused-before-authorisation"
    letter = "c"
    needs = (("apply",),)
    pushes = True

    def perform(self, context: Context) -> PushRefused | SourceReady:
        narrator = context.narrator
        beforehand = context.target.lacks("pending-connection")
        if beforehand is not None:
            with narrator.step(self.letter, "The source needs no hand"):
                narrator.claim(beforehand)
            return SourceReady(beforehand)
        source = context.delivery.source
        if not source.connection_arn:
            reason = f"the source is {source.kind}: nobody has to authorise a connection"
            with narrator.step(self.letter, "The source needs no hand"):
                narrator.claim(reason)
            return SourceReady(reason)
        if not awaits_authorisation(context):
            raise BadInput(
                "the connection is authorised already, and nothing makes it PENDING again: "
                f"leave {self.name} out, and begin with first-deployment"
            )
        with narrator.step(self.letter, "A push before the connection is authorised fails at Source"):
            earlier = {execution["pipelineExecutionId"] for execution in context.observer.executions()}
            commit = context.commit("First version")
            context.push(commit)
            # An execution that dies at Source never learns its commit, so the newest one is meant.
            execution = ended(
                context, lambda: newest_ended(context, earlier), "the execution of a push over a PENDING connection"
            )
            identity = str(execution["pipelineExecutionId"])
            stage, message = context.observer.failure(identity)
            if execution["status"] != "Failed" or stage != source.stage:
                actual = f"{execution['status']} at {stage or 'no stage'}"
                raise ProofFailed(
                    f"over a PENDING connection the execution is {actual}; expected Failed at {source.stage}"
                )
            narrator.claim(f"Failed at {source.stage}: {message}")
            authorise(context)
        return PushRefused(commit, identity, message)
