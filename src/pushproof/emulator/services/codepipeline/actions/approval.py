"""Manual approval: publishes a request, and waits for PutApprovalResult.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html
"""

from __future__ import annotations

import json

from pushproof.emulator.kernel.instants import iso
from pushproof.emulator.services.codepipeline.actions.base import Job


class ManualApproval(Job):
    """Publishes the request to the topic, if any. The answer comes through the API, the expiry from the engine."""

    about = "SNS"

    def start(self) -> None:
        if self.configuration.get("NotificationArn"):
            self.work(self._publish, lambda _: None)

    def _publish(self) -> None:
        topic = self.configuration["NotificationArn"]
        pipeline, run = self.pipeline.name, self.run
        console = (
            f"https://console.aws.amazon.com/codesuite/codepipeline/pipelines/{pipeline}/view?region={self.region}"
        )
        approval = {
            "pipelineName": pipeline,
            "stageName": run.stage,
            "actionName": run.action.name,
            "token": run.token,
            "expires": iso(self.site.clock.stamp(run.deadline), "minutes"),
            "externalEntityLink": self.configuration.get("ExternalEntityLink"),
            "approvalReviewLink": f"{console}#/{run.stage}/{run.action.name}/approve/{run.token}",
            "customData": self.configuration.get("CustomData"),
        }
        message = {"region": self.region, "consoleLink": console, "approval": approval}
        self.client("sns").publish(
            TopicArn=topic,
            Subject=f"APPROVAL NEEDED: AWS CodePipeline {pipeline} for action {run.action.name}"[:100],
            Message=json.dumps(message),
        )
