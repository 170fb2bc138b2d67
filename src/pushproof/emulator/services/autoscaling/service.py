"""The Application Auto Scaling API.

Limits take effect on ECS services: a desired count outside them is set to the nearer one. Policies follow metrics, which Pushproof
does not measure, and schedules have no effect: both are kept and described.
https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html
"""

from __future__ import annotations

import copy
import hashlib
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypedDict, TypeVar

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of, arn_of_role
from pushproof.aws.tags import MOST_TAGS, Rule, broken_rule
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import PascalMore, PascalPaged, pascal_page
from pushproof.emulator.services import Service

from .alarms import tracking_alarms
from .model import (
    DIMENSIONS,
    NOT_SUSPENDED,
    Activity,
    Key,
    Region,
    ScalableTarget,
    ScalingPolicy,
    Schedule,
    ScheduledAction,
)
from .rules import check_key, check_limits, check_scheduled, invalid, policy_configuration

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.literals import ScalableDimensionType, ServiceNamespaceType
    from types_boto3_application_autoscaling.type_defs import (
        ScalableTargetTypeDef,
        ScalingPolicyTypeDef,
        ScheduledActionTypeDef,
    )

    from pushproof.emulator.kernel.shapes.application_autoscaling import (
        DeleteScalingPolicyAnswer,
        DeleteScalingPolicyRequest,
        DeleteScheduledActionAnswer,
        DeleteScheduledActionRequest,
        DeregisterScalableTargetAnswer,
        DeregisterScalableTargetRequest,
        DescribeScalableTargetsAnswer,
        DescribeScalableTargetsRequest,
        DescribeScalingActivitiesAnswer,
        DescribeScalingActivitiesRequest,
        DescribeScalingPoliciesAnswer,
        DescribeScalingPoliciesRequest,
        DescribeScheduledActionsAnswer,
        DescribeScheduledActionsRequest,
        ListTagsForResourceAnswer,
        ListTagsForResourceRequest,
        PutScalingPolicyAnswer,
        PutScalingPolicyRequest,
        PutScheduledActionAnswer,
        PutScheduledActionRequest,
        RegisterScalableTargetAnswer,
        RegisterScalableTargetRequest,
        TagResourceAnswer,
        TagResourceRequest,
        UntagResourceAnswer,
        UntagResourceRequest,
    )
    from pushproof.emulator.kernel.site import Site

T = TypeVar("T")


class AutoScalingService(Service):
    """Scalable targets of every namespace; targets of ECS must name services that exist."""

    kept: ClassVar[frozenset[str]] = frozenset(
        {"PutScheduledAction", "DeleteScheduledAction", "DescribeScheduledActions"}
    )

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self._regions: dict[tuple[str, str], Region] = {}

    # Scalable targets ---------------------------------------------------------------------------------------

    def register_scalable_target(
        self, context: RequestContext, request: RegisterScalableTargetRequest
    ) -> RegisterScalableTargetAnswer:
        region, key = self._region(context), _key(request)
        target = region.targets.get(key)
        minimum, maximum = request.get("MinCapacity"), request.get("MaxCapacity")
        if target is not None:
            minimum = target.minimum if minimum is None else minimum
            maximum = target.maximum if maximum is None else maximum
        if minimum is None or maximum is None:
            raise invalid("Both MinCapacity and MaxCapacity must be specified when registering a new scalable target")
        check_limits(minimum, maximum)
        tags = request.get("Tags") or {}
        if target is not None and tags:
            raise invalid("Tags can only be specified when registering a new scalable target")
        _check_tags(tags)
        desired = self._desired(context, key)
        if target is None:
            target = ScalableTarget(
                key=key,
                arn=self._arn(context, key),
                role_arn=request.get("RoleARN") or _linked_role(context, key),
                minimum=minimum,
                maximum=maximum,
                created_at=self.site.clock.now(),
                tags=dict(tags),
            )
            region.targets[key] = target
        target.minimum, target.maximum = minimum, maximum
        target.role_arn = request.get("RoleARN") or target.role_arn
        if request.get("SuspendedState"):
            target.suspended = NOT_SUSPENDED | request["SuspendedState"]
        if desired is not None:
            self._keep_within(context, region, target, desired)
        return {"ScalableTargetARN": target.arn}

    def deregister_scalable_target(
        self, context: RequestContext, request: DeregisterScalableTargetRequest
    ) -> DeregisterScalableTargetAnswer:
        region = self._region(context)
        target = self._target(region, _key(request), "found")
        for policy in target.policies.values():
            self._delete_alarms(context, policy)
        del region.targets[target.key]
        return {}

    def describe_scalable_targets(
        self, context: RequestContext, request: DescribeScalableTargetsRequest
    ) -> DescribeScalableTargetsAnswer:
        ids = request.get("ResourceIds")
        targets = [
            target
            for target in self._region(context).targets.values()
            if _matches(target.key, request["ServiceNamespace"], None, request.get("ScalableDimension"))
            and (not ids or target.key[1] in ids)
        ]
        shown, rest = _page(targets, request)
        return {"ScalableTargets": [self._target_shape(target) for target in shown], **rest}

    # Policies -----------------------------------------------------------------------------------------------

    def put_scaling_policy(self, context: RequestContext, request: PutScalingPolicyRequest) -> PutScalingPolicyAnswer:
        region, key, name = self._region(context), _key(request), request["PolicyName"]
        target = self._target(region, key, "registered")
        earlier = target.policies.get(name)
        kind = request.get("PolicyType") or (earlier.type if earlier else "StepScaling")
        configuration = policy_configuration(key, kind, request)
        if earlier is not None and earlier.type != kind:
            raise invalid("The type of a scaling policy cannot be changed")
        policy = ScalingPolicy(
            name=name,
            arn=earlier.arn if earlier else self._named(context, key, "scalingPolicy", "policyName", name),
            type=kind,
            configuration=copy.deepcopy(configuration),
            created_at=earlier.created_at if earlier else self.site.clock.now(),
        )
        if kind == "TargetTrackingScaling":
            self._put_alarms(context, key, policy)
        if earlier is not None:
            self._delete_alarms(context, earlier)
        target.policies[name] = policy
        return {"PolicyARN": policy.arn, "Alarms": policy.alarms}

    def delete_scaling_policy(
        self, context: RequestContext, request: DeleteScalingPolicyRequest
    ) -> DeleteScalingPolicyAnswer:
        key, name = _key(request), request["PolicyName"]
        target = self._region(context).targets.get(key)
        policy = target.policies.pop(name, None) if target else None
        if policy is None:
            raise _missing(f"No scaling policy found for {_words(key)}, policy name: {name}")
        self._delete_alarms(context, policy)
        return {}

    def describe_scaling_policies(
        self, context: RequestContext, request: DescribeScalingPoliciesRequest
    ) -> DescribeScalingPoliciesAnswer:
        names = request.get("PolicyNames")
        policies = [
            (target, policy)
            for target in self._region(context).targets.values()
            for policy in target.policies.values()
            if _matches(
                target.key, request["ServiceNamespace"], request.get("ResourceId"), request.get("ScalableDimension")
            )
            and (not names or policy.name in names or policy.arn in names)
        ]
        shown, rest = _page(policies, request)
        return {"ScalingPolicies": [self._policy_shape(target, policy) for target, policy in shown], **rest}

    def _policy_shape(self, target: ScalableTarget, policy: ScalingPolicy) -> ScalingPolicyTypeDef:
        shape: ScalingPolicyTypeDef = {
            "PolicyARN": policy.arn,
            "PolicyName": policy.name,
            "ServiceNamespace": target.key[0],
            "ResourceId": target.key[1],
            "ScalableDimension": target.key[2],
            "PolicyType": policy.type,
            "Alarms": policy.alarms,
            "CreationTime": self.site.clock.stamp(policy.created_at),
        }
        configuration = policy.configuration
        if "StepScalingPolicyConfiguration" in configuration:
            shape["StepScalingPolicyConfiguration"] = configuration["StepScalingPolicyConfiguration"]
        if "TargetTrackingScalingPolicyConfiguration" in configuration:
            tracking = configuration["TargetTrackingScalingPolicyConfiguration"]
            shape["TargetTrackingScalingPolicyConfiguration"] = tracking
        if "PredictiveScalingPolicyConfiguration" in configuration:
            shape["PredictiveScalingPolicyConfiguration"] = configuration["PredictiveScalingPolicyConfiguration"]
        return shape

    # Scheduled actions --------------------------------------------------------------------------------------

    def put_scheduled_action(
        self, context: RequestContext, request: PutScheduledActionRequest
    ) -> PutScheduledActionAnswer:
        region, key, name = self._region(context), _key(request), request["ScheduledActionName"]
        target = self._target(region, key, "registered")
        action = target.actions.get(name)
        # Members that an update leaves out stay, except start and end, which are deleted.
        members: Schedule = action.members.copy() if action else {}
        members.pop("StartTime", None)
        members.pop("EndTime", None)
        members.update(_scheduled(request))
        check_scheduled(members)
        target.actions[name] = ScheduledAction(
            name=name,
            arn=action.arn if action else self._named(context, key, "scheduledAction", "scheduledActionName", name),
            created_at=action.created_at if action else self.site.clock.now(),
            members=copy.deepcopy(members),
        )
        return {}

    def delete_scheduled_action(
        self, context: RequestContext, request: DeleteScheduledActionRequest
    ) -> DeleteScheduledActionAnswer:
        key, name = _key(request), request["ScheduledActionName"]
        target = self._region(context).targets.get(key)
        if target is None or target.actions.pop(name, None) is None:
            raise _missing(f"No scheduled action found for {_words(key)}, scheduled action name: {name}")
        return {}

    def describe_scheduled_actions(
        self, context: RequestContext, request: DescribeScheduledActionsRequest
    ) -> DescribeScheduledActionsAnswer:
        names = request.get("ScheduledActionNames")
        actions = [
            (target, action)
            for target in self._region(context).targets.values()
            for action in target.actions.values()
            if _matches(
                target.key, request["ServiceNamespace"], request.get("ResourceId"), request.get("ScalableDimension")
            )
            and (not names or action.name in names or action.arn in names)
        ]
        shown, rest = _page(actions, request)
        return {
            "ScheduledActions": [self._action_shape(target, action) for target, action in shown],
            **rest,
        }

    def _action_shape(self, target: ScalableTarget, action: ScheduledAction) -> ScheduledActionTypeDef:
        shape: ScheduledActionTypeDef = {
            "ScheduledActionName": action.name,
            "ScheduledActionARN": action.arn,
            "ServiceNamespace": target.key[0],
            "ResourceId": target.key[1],
            "ScalableDimension": target.key[2],
            "Schedule": action.members["Schedule"],
            "CreationTime": self.site.clock.stamp(action.created_at),
        }
        members = action.members
        if "Timezone" in members:
            shape["Timezone"] = members["Timezone"]
        if "StartTime" in members:
            shape["StartTime"] = members["StartTime"]
        if "EndTime" in members:
            shape["EndTime"] = members["EndTime"]
        if "ScalableTargetAction" in members:
            shape["ScalableTargetAction"] = members["ScalableTargetAction"]
        return shape

    # Activities and tags ------------------------------------------------------------------------------------

    def describe_scaling_activities(
        self, context: RequestContext, request: DescribeScalingActivitiesRequest
    ) -> DescribeScalingActivitiesAnswer:
        activities = [
            activity
            for activity in reversed(self._region(context).activities)
            if _matches(
                activity.key, request["ServiceNamespace"], request.get("ResourceId"), request.get("ScalableDimension")
            )
        ]
        shown, rest = _page(activities, request)
        return {
            "ScalingActivities": [
                {
                    "ActivityId": activity.id,
                    "ServiceNamespace": activity.key[0],
                    "ResourceId": activity.key[1],
                    "ScalableDimension": activity.key[2],
                    "Description": activity.description,
                    "Cause": activity.cause,
                    "StartTime": self.site.clock.stamp(activity.at),
                    "EndTime": self.site.clock.stamp(activity.at),
                    "StatusCode": "Successful" if activity.succeeded else "Failed",
                    "StatusMessage": activity.message,
                }
                for activity in shown
            ],
            **rest,
        }

    def list_tags_for_resource(
        self, context: RequestContext, request: ListTagsForResourceRequest
    ) -> ListTagsForResourceAnswer:
        return {"Tags": self._tagged(context, request["ResourceARN"]).tags}

    def tag_resource(self, context: RequestContext, request: TagResourceRequest) -> TagResourceAnswer:
        target = self._tagged(context, request["ResourceARN"])
        tags = {**target.tags, **request["Tags"]}
        _check_tags(tags, request["ResourceARN"])
        target.tags = tags
        return {}

    def untag_resource(self, context: RequestContext, request: UntagResourceRequest) -> UntagResourceAnswer:
        target = self._tagged(context, request["ResourceARN"])
        target.tags = {key: value for key, value in target.tags.items() if key not in request["TagKeys"]}
        return {}

    # Inside -------------------------------------------------------------------------------------------------

    def _region(self, context: RequestContext) -> Region:
        return self._regions.setdefault(context.scope, Region())

    def _target(self, region: Region, key: Key, verb: str) -> ScalableTarget:
        target = region.targets.get(key)
        if target is None:
            raise _missing(f"No scalable target {verb} for {_words(key)}")
        return target

    def _tagged(self, context: RequestContext, arn: str) -> ScalableTarget:
        for target in self._region(context).targets.values():
            if target.arn == arn:
                return target
        raise AwsError("ResourceNotFoundException", f"The resource {arn} could not be found.", ResourceName=arn)

    def _arn(self, context: RequestContext, key: Key) -> str:
        digest = hashlib.blake2b("/".join((self.site.id, *key)).encode(), digest_size=16).hexdigest()
        identity = f"0{key[0][:2].encode().hex()[:3]}{digest[:28]}"
        return arn_of(
            "application-autoscaling",
            f"scalable-target/{identity}",
            region=context.region,
            account=context.account_id,
        )

    def _named(self, context: RequestContext, key: Key, kind: str, label: str, name: str) -> str:
        resource = f"{kind}:{uuid.uuid4()}:resource/{key[0]}/{key[1]}:{label}/{name}"
        return arn_of("autoscaling", resource, region=context.region, account=context.account_id)

    def _target_shape(self, target: ScalableTarget) -> ScalableTargetTypeDef:
        return {
            "ServiceNamespace": target.key[0],
            "ResourceId": target.key[1],
            "ScalableDimension": target.key[2],
            "MinCapacity": target.minimum,
            "MaxCapacity": target.maximum,
            "RoleARN": target.role_arn,
            "CreationTime": self.site.clock.stamp(target.created_at),
            "SuspendedState": target.suspended,
            "ScalableTargetARN": target.arn,
        }

    def _desired(self, context: RequestContext, key: Key) -> int | None:
        """Return the desired count of an ECS service; None for other namespaces. Raises ValidationException."""
        if key[0] != "ecs":
            return None
        _, cluster, service = key[1].split("/")
        try:
            ecs = self.site.client("ecs", region=context.region)
            services = ecs.describe_services(cluster=cluster, services=[service])["services"]
        except ClientError:
            services = []
        if not services or services[0]["status"] == "INACTIVE":
            raise invalid(f"ECS service doesn't exist: {key[1]}")
        count: int = services[0]["desiredCount"]
        return count

    def _keep_within(self, context: RequestContext, region: Region, target: ScalableTarget, desired: int) -> None:
        """Set the nearer limit as the desired count, if that is outside the limits.

        https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
        """
        if target.minimum <= desired <= target.maximum:
            return
        side, count = ("minimum", target.minimum) if desired < target.minimum else ("maximum", target.maximum)
        _, cluster, service = target.key[1].split("/")
        message = f"Successfully set desired count to {count}. Change successfully fulfilled by ecs."
        succeeded = True
        try:
            ecs = self.site.client("ecs", region=context.region)
            ecs.update_service(cluster=cluster, service=service, desiredCount=count)
        except ClientError as error:
            message = f"Failed to set desired count to {count}. Reason: {error.response['Error']['Message']}"
            succeeded = False
        region.activities.append(
            Activity(
                key=target.key,
                cause=f"{side} capacity was set to {count}",
                description=f"Setting desired count to {count}.",
                message=message,
                at=self.site.clock.now(),
                succeeded=succeeded,
            )
        )

    def _put_alarms(self, context: RequestContext, key: Key, policy: ScalingPolicy) -> None:
        cloudwatch = self.site.client("cloudwatch", region=context.region)
        for alarm in tracking_alarms(key, policy):
            cloudwatch.put_metric_alarm(**alarm)
            arn = arn_of("cloudwatch", f"alarm:{alarm['AlarmName']}", region=context.region, account=context.account_id)
            policy.alarms.append({"AlarmName": alarm["AlarmName"], "AlarmARN": arn})

    def _delete_alarms(self, context: RequestContext, policy: ScalingPolicy) -> None:
        if policy.alarms:
            cloudwatch = self.site.client("cloudwatch", region=context.region)
            cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in policy.alarms])


class _Keyed(TypedDict):
    ServiceNamespace: ServiceNamespaceType
    ResourceId: str
    ScalableDimension: ScalableDimensionType


def _key(request: _Keyed) -> Key:
    key = (request["ServiceNamespace"], request["ResourceId"], request["ScalableDimension"])
    check_key(key)
    return key


def _scheduled(request: PutScheduledActionRequest) -> Schedule:
    """Return the members of a scheduled action that a request sets."""
    members: Schedule = {}
    if "Schedule" in request:
        members["Schedule"] = request["Schedule"]
    if "Timezone" in request:
        members["Timezone"] = request["Timezone"]
    if "StartTime" in request:
        members["StartTime"] = request["StartTime"]
    if "EndTime" in request:
        members["EndTime"] = request["EndTime"]
    if "ScalableTargetAction" in request:
        members["ScalableTargetAction"] = request["ScalableTargetAction"]
    return members


def _words(key: Key) -> str:
    return f"service namespace: {key[0]}, resource ID: {key[1]}, scalable dimension: {key[2]}"


def _matches(key: Key, namespace: str, resource: str | None, dimension: str | None) -> bool:
    """Return whether a target matches the request of a description."""
    return key[0] == namespace and resource in (None, key[1]) and dimension in (None, key[2])


def _linked_role(context: RequestContext, key: Key) -> str:
    host = f"{key[0]}.application-autoscaling.amazonaws.com"
    name = f"AWSServiceRoleForApplicationAutoScaling_{DIMENSIONS[key[2]][1] or 'CustomResource'}"
    return arn_of_role(context.account_id, f"aws-service-role/{host}/{name}")


def _check_tags(tags: dict[str, str], arn: str = "") -> None:
    broken = broken_rule(tags.items(), rules=frozenset(Rule) - {Rule.CHARACTERS})
    if broken is not None and broken.rule is Rule.NUMBER:
        raise AwsError("TooManyTagsException", f"A resource can have at most {MOST_TAGS} tags.", ResourceName=arn)
    if broken is not None:
        raise invalid(f"Invalid tag key {broken.key!r}")


def _missing(message: str) -> AwsError:
    return AwsError("ObjectNotFoundException", message)


def _page(items: Sequence[T], request: PascalPaged) -> tuple[list[T], PascalMore]:
    refusal = AwsError("InvalidNextTokenException", "The next token is not valid.")
    return pascal_page(items, request, refusal, size=request.get("MaxResults"), default=50, most=50)
