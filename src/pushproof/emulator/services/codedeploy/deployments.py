"""Operations on deployments, their targets, and the results of their hooks.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html and the pages beside it
"""

from __future__ import annotations

import copy
import hashlib
import secrets
import string
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.engines.codedeploy import (
    Begin,
    CodeDeployError,
    ContinueRequested,
    HookReported,
    StopRequested,
    create,
    create_rollback,
)

from .base import check_batch, page
from .checks import check_alarms, check_rollback
from .conductor import Conductor
from .deploymentshapes import deployment_shape, plan_of, revision_of
from .groups import GroupOperations
from .model import DeploymentGroup, Options, Record, Region
from .targets import target_shape

if TYPE_CHECKING:
    from types_boto3_codedeploy.type_defs import RevisionLocationTypeDef

    from pushproof.emulator.kernel.shapes.codedeploy import (
        BatchGetDeploymentsAnswer,
        BatchGetDeploymentsRequest,
        BatchGetDeploymentTargetsAnswer,
        BatchGetDeploymentTargetsRequest,
        ContinueDeploymentRequest,
        CreateDeploymentAnswer,
        CreateDeploymentRequest,
        GetDeploymentAnswer,
        GetDeploymentRequest,
        GetDeploymentTargetAnswer,
        GetDeploymentTargetRequest,
        ListDeploymentsAnswer,
        ListDeploymentsRequest,
        ListDeploymentTargetsAnswer,
        ListDeploymentTargetsRequest,
        PutLifecycleEventHookExecutionStatusAnswer,
        PutLifecycleEventHookExecutionStatusRequest,
        StopDeploymentAnswer,
        StopDeploymentRequest,
    )

_LETTERS = string.ascii_uppercase + string.digits


class DeploymentOperations(GroupOperations):
    """Operations on deployments."""

    conductor: Conductor

    def create_deployment(self, context: RequestContext, request: CreateDeploymentRequest) -> CreateDeploymentAnswer:
        region = self.region(context)
        group = self.find_group(region, request["applicationName"], request.get("deploymentGroupName"))
        for member in ("targetInstances", "ec2DeploymentOptions"):
            if request.get(member):
                raise AwsError("InvalidInputException", f"For ECS deployment, {member} can not be specified")
        active = next((record for record in _of(region, group) if not record.state.ended), None)
        if active is not None:
            raise AwsError(
                "DeploymentLimitExceededException",
                f"The Deployment Group '{group.name}' already has an active Deployment '{active.id}'",
            )
        revision = request.get("revision")
        if not revision:
            raise AwsError("RevisionRequiredException", "The revision ID was not specified.")
        check_revision(revision)
        options = group.options
        if request.get("deploymentConfigName"):
            options = replace(options, config_name=request.get("deploymentConfigName", ""))
        if request.get("autoRollbackConfiguration"):
            check_rollback(request.get("autoRollbackConfiguration"))
            options = replace(options, rollback=copy.deepcopy(request.get("autoRollbackConfiguration")))
        override = copy.deepcopy(request.get("overrideAlarmConfiguration"))
        if override is not None:
            check_alarms(override)
            options = replace(options, alarms=override)
        routing = self.find_config(region, options.config_name).routing
        identifier = _new_id()
        record = Record(
            application=group.application,
            group=group.name,
            region=region.name,
            options=options,
            revision=copy.deepcopy(revision),
            state=create(identifier, plan_of(options, routing), self.site.clock.now(), self.site.settings.codedeploy),
            description=request.get("description", ""),
            previous=group.revision,
            override_alarms=override,
        )
        self._begin(region, group, record)
        return {"deploymentId": identifier}

    def get_deployment(self, context: RequestContext, request: GetDeploymentRequest) -> GetDeploymentAnswer:
        record = self.find_deployment(self.region(context), request["deploymentId"])
        return {"deploymentInfo": deployment_shape(record, self.site.clock)}

    def batch_get_deployments(
        self, context: RequestContext, request: BatchGetDeploymentsRequest
    ) -> BatchGetDeploymentsAnswer:
        check_batch(request["deploymentIds"])
        region = self.region(context)
        records = [self.find_deployment(region, identifier) for identifier in request["deploymentIds"]]
        return {"deploymentsInfo": [deployment_shape(record, self.site.clock) for record in records]}

    def list_deployments(self, context: RequestContext, request: ListDeploymentsRequest) -> ListDeploymentsAnswer:
        region = self.region(context)
        application, group = request.get("applicationName"), request.get("deploymentGroupName")
        if bool(application) != bool(group):
            name = "ApplicationName" if group else "DeploymentGroupName"
            raise AwsError(
                f"{name}RequiredException", "applicationName and deploymentGroupName must be specified together."
            )
        if application:
            self.find_group(region, application, group)
        statuses = request.get("includeOnlyStatuses") or []
        between = request.get("createTimeRange", {})
        clock = self.site.clock
        chosen = [
            record.id
            for record in reversed(region.deployments.values())
            if (not application or (record.application, record.group) == (application, group))
            and (not statuses or record.state.status in statuses)
            and between.get("start", clock.stamp(record.state.created_at))
            <= clock.stamp(record.state.created_at)
            <= between.get("end", clock.stamp(record.state.created_at))
        ]
        shown, rest = page(chosen, request)
        return {"deployments": shown, **rest}

    def stop_deployment(self, context: RequestContext, request: StopDeploymentRequest) -> StopDeploymentAnswer:
        region = self.region(context)
        record = self.find_deployment(region, request["deploymentId"])
        with refusals_of(CodeDeployError):
            self.conductor.feed(region, record, StopRequested(request.get("autoRollbackEnabled")))
        if record.state.ended:
            return {"status": "Succeeded", "statusMessage": "Deployment stopped."}
        return {"status": "Pending", "statusMessage": "Deployment is being stopped."}

    def continue_deployment(self, context: RequestContext, request: ContinueDeploymentRequest) -> None:
        region = self.region(context)
        record = self.find_deployment(region, request.get("deploymentId"))
        wait = request.get("deploymentWaitType") or "READY_WAIT"
        if wait not in ("READY_WAIT", "TERMINATION_WAIT"):
            raise AwsError("InvalidDeploymentWaitTypeException", "The wait type is invalid.")
        with refusals_of(CodeDeployError):
            self.conductor.feed(region, record, ContinueRequested(wait))

    def put_lifecycle_event_hook_execution_status(
        self, context: RequestContext, request: PutLifecycleEventHookExecutionStatusRequest
    ) -> PutLifecycleEventHookExecutionStatusAnswer:
        region = self.region(context)
        record = self.find_deployment(region, request.get("deploymentId"))
        execution, status = request.get("lifecycleEventHookExecutionId", ""), request.get("status")
        if not execution.startswith(f"{record.id}/"):
            raise AwsError(
                "InvalidLifecycleEventHookExecutionIdException",
                "A lifecycle event hook is invalid. Review the hooks section in your AppSpec file to ensure the lifecycle "
                "events and hooks functions are valid.",
            )
        if status not in ("Succeeded", "Failed"):
            raise AwsError(
                "InvalidLifecycleEventHookExecutionStatusException",
                "The result of a Lambda validation function that verifies a lifecycle event is invalid. It should return "
                "Succeeded or Failed.",
            )
        with refusals_of(CodeDeployError):
            self.conductor.feed(region, record, HookReported(execution, status == "Succeeded"))
        return {"lifecycleEventHookExecutionId": execution}

    # Targets --------------------------------------------------------------------------------------------------------

    def list_deployment_targets(
        self, context: RequestContext, request: ListDeploymentTargetsRequest
    ) -> ListDeploymentTargetsAnswer:
        record = self._started(context, request["deploymentId"])
        filters = request.get("targetFilters", {})
        if "ServerInstanceLabel" in filters:
            raise AwsError(
                "InvalidInstanceTypeException", "Only targets of the Server compute platform have an instance label."
            )
        statuses = filters.get("TargetStatus", [])
        shape = target_shape(record, self.site.clock, context.account_id)
        wrong = bool(statuses) and shape.get("ecsTarget", {}).get("status") not in statuses
        return {"targetIds": [] if wrong else [record.target_id]}

    def get_deployment_target(
        self, context: RequestContext, request: GetDeploymentTargetRequest
    ) -> GetDeploymentTargetAnswer:
        record = self._target(context, request["deploymentId"], [request["targetId"]])
        return {"deploymentTarget": target_shape(record, self.site.clock, context.account_id)}

    def batch_get_deployment_targets(
        self, context: RequestContext, request: BatchGetDeploymentTargetsRequest
    ) -> BatchGetDeploymentTargetsAnswer:
        record = self._target(context, request["deploymentId"], request["targetIds"])
        return {"deploymentTargets": [target_shape(record, self.site.clock, context.account_id)]}

    # Inside ---------------------------------------------------------------------------------------------------------

    def _started(self, context: RequestContext, identifier: str) -> Record:
        record = self.find_deployment(self.region(context), identifier)
        if record.state.status == "Created":
            raise AwsError("DeploymentNotStartedException", "The specified deployment has not started.")
        return record

    def _target(self, context: RequestContext, identifier: str, targets: list[str]) -> Record:
        record = self._started(context, identifier)
        if len(targets) != 1:
            raise AwsError(
                "DeploymentTargetListSizeExceededException",
                "The target list of an Amazon ECS deployment must have exactly one item.",
            )
        if targets[0] != record.target_id:
            raise AwsError(
                "DeploymentTargetDoesNotExistException",
                f"The deployment target {targets[0]} does not belong to the deployment {record.id}.",
            )
        if not record.state.ended:
            self.conductor.look_again(record)
        return record

    def _begin(self, region: Region, group: DeploymentGroup | None, record: Record) -> None:
        region.deployments[record.id] = record
        if group is not None:
            group.attempted = record.id
        start = partial(self.conductor.feed, region, record, Begin())
        self.site.loop.call_soon(start, name=f"deployment {record.id}")

    def roll_back(self, region: Region, failed: Record) -> None:
        """Create the deployment that takes a failed one back, with the revision of before."""
        identifier = _new_id()
        state = create_rollback(identifier, failed.state, self.site.clock.now())
        record = Record(
            application=failed.application,
            group=failed.group,
            region=failed.region,
            options=_quiet(failed.options),
            revision=failed.previous or revision_of(failed),
            state=state,
            description=f"Automatic rollback of deployment {failed.id}",
            creator="codeDeployRollback",
            previous=failed.previous,
            rollback_message=f"Deployment {failed.id} is rolled back by deployment {identifier}.",
            appspec=failed.appspec,
            blue=failed.blue,
            green=failed.green,
            seen=copy.deepcopy(failed.seen),
        )
        failed.state.rolled_back_by = identifier
        failed.rollback_message = record.rollback_message
        self._begin(region, region.group(failed), record)


def check_revision(revision: RevisionLocationTypeDef) -> None:
    """Refuse what is no AppSpec file, or not the one whose checksum it says."""
    kind = revision.get("revisionType")
    content = revision.get("appSpecContent", revision.get("string", {}))
    if kind == "S3":
        location = revision.get("s3Location", {})
        if not location.get("bucket") or not location.get("key"):
            raise AwsError("InvalidRevisionException", "An S3 revision must name its bucket and key.")
        return
    if kind not in ("AppSpecContent", "String") or not content.get("content"):
        raise AwsError(
            "InvalidRevisionException",
            "For ECS deployment, the revision must be an AppSpec file: AppSpecContent or String with its content, or S3.",
        )
    checksum = content.get("sha256")
    if checksum and checksum.lower() != hashlib.sha256(content.get("content", "").encode()).hexdigest():
        raise AwsError("InvalidRevisionException", "The SHA256 hash value does not match the revision content.")


def _of(region: Region, group: DeploymentGroup) -> list[Record]:
    return [
        record
        for record in region.deployments.values()
        if (record.application, record.group) == (group.application, group.name)
    ]


def _quiet(options: Options) -> Options:
    """Return the options of a rollback, which no alarm stops."""
    return replace(options, alarms=None)


def _new_id() -> str:
    return "d-" + "".join(secrets.choice(_LETTERS) for _ in range(9))
