"""AWS Fault Injection Service: experiment templates, and experiments that cause faults of this world."""

from __future__ import annotations

import copy
import secrets
import string
from typing import TYPE_CHECKING, TypeVar

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.context import Call, RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.emulator.kernel.paging import page_of
from pushproof.emulator.services import Service
from pushproof.engines.experiments import ACTIONS, ActionKind, InvalidExperiment, check

from .model import ActionState, Experiment, StoredTemplate, action_shape, state_shape, template_of
from .running import Runner
from .shapes import (
    ActionShape,
    ById,
    ExperimentAnswer,
    ExperimentList,
    ExperimentListRequest,
    ExperimentShape,
    KindAnswer,
    KindList,
    KindSummary,
    Listed,
    Nothing,
    ResourceRequest,
    StartRequest,
    StopConditionShape,
    TagAnswer,
    TagRequest,
    TargetShape,
    TemplateAnswer,
    TemplateList,
    TemplateRequest,
    TemplateShape,
    TemplateUpdate,
    UntagRequest,
)

if TYPE_CHECKING:
    from pushproof.emulator.kernel.faults import FaultInjector
    from pushproof.emulator.kernel.site import Site

T = TypeVar("T")
_LETTERS = string.ascii_letters + string.digits
_MOST = 100
_SOURCES = ("none", "aws:cloudwatch:alarm")


class FisService(Service):
    """Fault Injection Service. Experiments act with the permissions of their role."""

    def __init__(self, site: Site, name: str, *, injector: FaultInjector) -> None:
        super().__init__(site, name)
        self.templates: dict[str, StoredTemplate] = {}
        self.experiments: dict[str, Experiment] = {}
        # Client tokens of calls, with the id that each made.
        self.tokens: dict[str, str] = {}
        self.runner = Runner(site, injector)
        # A state that is set by hand may be over before the next look.
        site.calls.observe("cloudwatch", self._alarm_set, "SetAlarmState")

    def _alarm_set(self, _: Call) -> None:
        for experiment in self.experiments.values():
            self.runner.look(experiment)

    def close(self) -> None:
        self.runner.close(list(self.experiments.values()))

    # Templates -------------------------------------------------------------------------------------------------

    def create_experiment_template(self, context: RequestContext, request: TemplateRequest) -> TemplateAnswer:
        targets, actions = request.get("targets") or {}, request["actions"]
        _check(targets, actions, request["stopConditions"])
        token = f"{context.region} template {request['clientToken']}"
        if token in self.tokens:
            return {"experimentTemplate": self._shown(self._template(context, self.tokens[token]))}
        now = self.site.clock.now()
        template_id = _new_id("EXT")
        template = StoredTemplate(
            id=template_id,
            arn=_arn(context, f"experiment-template/{template_id}"),
            description=request["description"],
            role_arn=request["roleArn"],
            targets=targets,
            actions=actions,
            stop_conditions=request["stopConditions"],
            options={
                "accountTargeting": "single-account",
                "emptyTargetResolutionMode": "fail",
                **(request.get("experimentOptions") or {}),
            },
            created_at=now,
            updated_at=now,
            tags=dict(request.get("tags") or {}),
            log_configuration=request.get("logConfiguration"),
        )
        if template.options["accountTargeting"] != "single-account":
            raise AwsError("NotImplemented", "Pushproof runs experiments of a single account only.", 501)
        self.templates[template_id] = template
        self.tokens[token] = template_id
        return {"experimentTemplate": self._shown(template)}

    def update_experiment_template(self, context: RequestContext, request: TemplateUpdate) -> TemplateAnswer:
        template = self._template(context, request["id"])
        targets = request.get("targets", template.targets)
        actions = request.get("actions", template.actions)
        conditions = request.get("stopConditions", template.stop_conditions)
        _check(targets, actions, conditions)
        template.targets, template.actions, template.stop_conditions = targets, actions, conditions
        template.description = request.get("description", template.description)
        template.role_arn = request.get("roleArn", template.role_arn)
        template.log_configuration = request.get("logConfiguration", template.log_configuration)
        template.options = {**template.options, **(request.get("experimentOptions") or {})}
        template.updated_at = self.site.clock.now()
        return {"experimentTemplate": self._shown(template)}

    def get_experiment_template(self, context: RequestContext, request: ById) -> TemplateAnswer:
        return {"experimentTemplate": self._shown(self._template(context, request["id"]))}

    def delete_experiment_template(self, context: RequestContext, request: ById) -> TemplateAnswer:
        template = self._template(context, request["id"])
        del self.templates[template.id]
        return {"experimentTemplate": self._shown(template)}

    def list_experiment_templates(self, context: RequestContext, request: Listed) -> TemplateList:
        mine = [each for each in self.templates.values() if _is_in(each.arn, context)]
        chosen, more = _page(mine, request)
        stamp = self.site.clock.stamp
        answer: TemplateList = {
            "experimentTemplates": [
                {
                    "id": each.id,
                    "arn": each.arn,
                    "description": each.description,
                    "creationTime": stamp(each.created_at),
                    "lastUpdateTime": stamp(each.updated_at),
                    "tags": each.tags,
                }
                for each in chosen
            ]
        }
        if more:
            answer["nextToken"] = more
        return answer

    # Experiments -----------------------------------------------------------------------------------------------

    def start_experiment(self, context: RequestContext, request: StartRequest) -> ExperimentAnswer:
        template = self._template(context, request["experimentTemplateId"])
        if (request.get("experimentOptions") or {}).get("actionsMode", "run-all") != "run-all":
            raise AwsError("NotImplemented", "Pushproof runs the actions of experiments: no actionsMode skip-all.", 501)
        token = f"{context.region} experiment {request['clientToken']}"
        if token in self.tokens:
            return {"experiment": self._experiment_shown(self._experiment(context, self.tokens[token]))}
        experiment_id = _new_id("EXP")
        experiment = Experiment(
            id=experiment_id,
            arn=_arn(context, f"experiment/{experiment_id}"),
            region=context.region,
            account_id=context.account_id,
            origin=_copy(template),
            created_at=self.site.clock.now(),
            tags=dict(request.get("tags") or {}),
            actions={name: ActionState(shape) for name, shape in template.actions.items()},
        )
        self.experiments[experiment_id] = experiment
        self.tokens[token] = experiment_id
        self.runner.start(experiment)
        return {"experiment": self._experiment_shown(experiment)}

    def stop_experiment(self, context: RequestContext, request: ById) -> ExperimentAnswer:
        experiment = self._experiment(context, request["id"])
        if experiment.over:
            raise AwsError("ValidationException", f"Experiment {experiment.id} is already {experiment.status}.")
        self.runner.stop(experiment, "Experiment halted by user.")
        return {"experiment": self._experiment_shown(experiment)}

    def get_experiment(self, context: RequestContext, request: ById) -> ExperimentAnswer:
        return {"experiment": self._experiment_shown(self._experiment(context, request["id"]))}

    def list_experiments(self, context: RequestContext, request: ExperimentListRequest) -> ExperimentList:
        template_id = request.get("experimentTemplateId")
        mine = [
            each
            for each in self.experiments.values()
            if _is_in(each.arn, context) and template_id in (None, each.origin.id)
        ]
        chosen, more = _page(mine, request)
        answer: ExperimentList = {
            "experiments": [
                {
                    "id": each.id,
                    "arn": each.arn,
                    "experimentTemplateId": each.origin.id,
                    "state": state_shape(each.status, each.reason),
                    "creationTime": self.site.clock.stamp(each.created_at),
                    "tags": each.tags,
                }
                for each in chosen
            ]
        }
        if more:
            answer["nextToken"] = more
        return answer

    # Actions ---------------------------------------------------------------------------------------------------

    def get_action(self, context: RequestContext, request: ById) -> KindAnswer:
        kind = ACTIONS.get(request["id"])
        if kind is None:
            raise AwsError("ResourceNotFoundException", f"Action {request['id']} not found.")
        parameters = {name: {"required": required} for name, required in kind.parameters.items()}
        return {"action": {**_summary(context, kind), "parameters": parameters}}  # type: ignore[typeddict-item]

    def list_actions(self, context: RequestContext, request: Listed) -> KindList:
        chosen, more = _page(list(ACTIONS.values()), request)
        answer: KindList = {"actions": [_summary(context, kind) for kind in chosen]}
        if more:
            answer["nextToken"] = more
        return answer

    # Tags ------------------------------------------------------------------------------------------------------

    def list_tags_for_resource(self, context: RequestContext, request: ResourceRequest) -> TagAnswer:
        return {"tags": self._tags(request["resourceArn"])}

    def tag_resource(self, context: RequestContext, request: TagRequest) -> Nothing:
        self._tags(request["resourceArn"]).update(request["tags"])
        return {}

    def untag_resource(self, context: RequestContext, request: UntagRequest) -> Nothing:
        tags = self._tags(request["resourceArn"])
        for key in request.get("tagKeys") or list(tags):
            tags.pop(key, None)
        return {}

    def _tags(self, arn: str) -> dict[str, str]:
        tags = {template.arn: template.tags for template in self.templates.values()}
        tags |= {experiment.arn: experiment.tags for experiment in self.experiments.values()}
        if arn in tags:
            return tags[arn]
        # The model has no error of its own for the operations of tags.
        raise AwsError("ValidationException", f"Resource {arn} not found.", 400)

    # Look-ups and shapes ---------------------------------------------------------------------------------------

    def _template(self, context: RequestContext, template_id: str) -> StoredTemplate:
        template = self.templates.get(template_id)
        if template is None or not _is_in(template.arn, context):
            raise AwsError("ResourceNotFoundException", f"Experiment template {template_id} not found.")
        return template

    def _experiment(self, context: RequestContext, experiment_id: str) -> Experiment:
        experiment = self.experiments.get(experiment_id)
        if experiment is None or not _is_in(experiment.arn, context):
            raise AwsError("ResourceNotFoundException", f"Experiment {experiment_id} not found.")
        return experiment

    def _shown(self, template: StoredTemplate) -> TemplateShape:
        stamp = self.site.clock.stamp
        shape: TemplateShape = {
            "id": template.id,
            "arn": template.arn,
            "description": template.description,
            "targets": template.targets,
            "actions": template.actions,
            "stopConditions": template.stop_conditions,
            "creationTime": stamp(template.created_at),
            "lastUpdateTime": stamp(template.updated_at),
            "roleArn": template.role_arn,
            "tags": template.tags,
            "experimentOptions": template.options,
            "targetAccountConfigurationsCount": 0,
        }
        if template.log_configuration is not None:
            shape["logConfiguration"] = template.log_configuration
        return shape

    def _experiment_shown(self, experiment: Experiment) -> ExperimentShape:
        stamp, origin = self.site.clock.stamp, experiment.origin
        shape: ExperimentShape = {
            "id": experiment.id,
            "arn": experiment.arn,
            "experimentTemplateId": origin.id,
            "roleArn": origin.role_arn,
            "state": state_shape(experiment.status, experiment.reason),
            "targets": origin.targets,
            "actions": {},
            "stopConditions": origin.stop_conditions,
            "creationTime": stamp(experiment.created_at),
            "tags": experiment.tags,
            "experimentOptions": {**origin.options, "actionsMode": "run-all"},
            "targetAccountConfigurationsCount": 0,
        }
        for name, state in experiment.actions.items():
            shown = action_shape(state)
            if state.started_at is not None:
                shown["startTime"] = stamp(state.started_at)
            if state.ended_at is not None:
                shown["endTime"] = stamp(state.ended_at)
            shape["actions"][name] = shown
        if experiment.started_at is not None:
            shape["startTime"] = stamp(experiment.started_at)
        if experiment.ended_at is not None:
            shape["endTime"] = stamp(experiment.ended_at)
        if origin.log_configuration is not None:
            shape["logConfiguration"] = origin.log_configuration
        return shape


def _check(
    targets: dict[str, TargetShape], actions: dict[str, ActionShape], conditions: list[StopConditionShape]
) -> None:
    with refusals_of(InvalidExperiment):
        check(template_of(targets, actions))
    if not conditions:
        raise AwsError("ValidationException", "An experiment template must have at least one stop condition.")
    for condition in conditions:
        if condition["source"] not in _SOURCES:
            raise AwsError("ValidationException", f"The stop condition source {condition['source']} is not valid.")
        if (condition["source"] == "none") == bool(condition.get("value")):
            raise AwsError(
                "ValidationException", "A stop condition of CloudWatch, and no other, has an alarm's ARN as value."
            )


def _copy(template: StoredTemplate) -> StoredTemplate:
    """Return a template as an experiment keeps it: later changes do not concern it."""
    return copy.deepcopy(template)


def _summary(context: RequestContext, kind: ActionKind) -> KindSummary:
    targets = {} if kind.target is None else {kind.target[0]: {"resourceType": kind.target[1]}}
    return {
        "id": kind.id,
        "arn": _arn(context, f"action/{kind.id}"),
        "description": kind.description,
        "targets": targets,  # type: ignore[typeddict-item]
        "tags": {},
    }


def _arn(context: RequestContext, resource: str) -> str:
    return arn_of("fis", resource, region=context.region, account=context.account_id)


def _is_in(arn: str, context: RequestContext) -> bool:
    return arn.split(":")[3:5] == [context.region, context.account_id]


def _new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(15))


def _page(items: list[T], request: Listed) -> tuple[list[T], str | None]:
    refusal = AwsError("ValidationException", "Invalid nextToken.")
    chosen, more = page_of(items, request.get("nextToken"), refusal, size=request.get("maxResults"), default=_MOST)
    return chosen, more
