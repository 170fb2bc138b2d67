"""News of deployments: events on the bus, and messages of the group's triggers.

https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-sns-event-notifications-json-format.html
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.loop import Outcome
from pushproof.engines.codedeploy import Announcement

from .calls import RoleCalls
from .model import Record, Region

if TYPE_CHECKING:
    from types_boto3_codedeploy.literals import TriggerEventTypeType

    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)

_TRIGGERS: dict[Announcement, TriggerEventTypeType] = {
    "START": "DeploymentStart",
    "READY": "DeploymentReady",
    "SUCCESS": "DeploymentSuccess",
    "FAILURE": "DeploymentFailure",
    "STOP": "DeploymentStop",
}
_STATUS = {
    "START": "CREATED",
    "READY": "READY",
    "SUCCESS": "SUCCEEDED",
    "FAILURE": "FAILED",
    "STOP": "STOPPED",
}


class Notices:
    """Publishes what becomes of deployments."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def announce(self, region: Region, record: Record, announcement: Announcement, calls: RoleCalls) -> None:
        """Put the event on the bus, and send the messages of triggers with the group's role."""
        group = region.group(record)
        detail = {
            "instanceGroupId": group.id if group else "",
            "region": record.region,
            "application": record.application,
            "deploymentId": record.id,
            "state": announcement,
            "deploymentGroup": record.group,
        }
        self._site.events.publish(
            "aws.codedeploy",
            "CodeDeploy Deployment State-change Notification",
            detail,
            resources=[
                region.arn(f"application:{record.application}"),
                region.arn(f"deploymentgroup:{record.application}/{record.group}"),
            ],
            region=record.region,
        )
        kinds = {_TRIGGERS[announcement]}
        if announcement == "START" and record.state.rolls_back:
            kinds.add("DeploymentRollback")
        for trigger in record.options.triggers:
            if kinds & set(trigger.get("triggerEvents", ())):
                message = self._message(region, record, trigger.get("triggerName", ""), announcement)
                self._send(record, trigger.get("triggerTargetArn", ""), announcement, message, calls)

    def _message(self, region: Region, record: Record, trigger: str, announcement: Announcement) -> dict[str, object]:
        state, clock = record.state, self._site.clock
        message: dict[str, object] = {
            "region": record.region,
            "accountId": region.account_id,
            "eventTriggerName": trigger,
            "applicationName": record.application,
            "deploymentId": record.id,
            "deploymentGroupName": record.group,
            "createTime": f"{clock.stamp(state.created_at):%a %b %d %H:%M:%S UTC %Y}",
            "completeTime": None
            if state.completed_at is None
            else f"{clock.stamp(state.completed_at):%a %b %d %H:%M:%S UTC %Y}",
            "status": _STATUS[announcement],
        }
        if state.problem is not None:
            error = {"ErrorCode": state.problem.code, "ErrorMessage": state.problem.message}
            message["errorInformation"] = json.dumps(error)
        return message

    def _send(
        self, record: Record, topic: str, announcement: Announcement, message: dict[str, object], calls: RoleCalls
    ) -> None:
        subject = f"{_STATUS[announcement]}: AWS CodeDeploy {record.id} in {record.region} to {record.application}"

        def work() -> None:
            client = self._site.client("sns", region=record.region, credentials=calls.session())
            client.publish(TopicArn=topic, Subject=subject[:100], Message=json.dumps(message))

        def done(outcome: Outcome[None]) -> None:
            if outcome.error is not None:
                # A deployment goes on without its messages.
                log.warning("a trigger of %s could not publish to %s: %s", record.id, topic, outcome.error)

        self._site.loop.submit(work, done, name=f"trigger of {record.id}")
