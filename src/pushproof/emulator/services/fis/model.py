"""Records of FIS: templates and experiments. Times are AWS seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from pushproof.emulator.kernel.loop import Timer
from pushproof.engines.experiments import Action, ExperimentTarget, Template

from .shapes import (
    ActionShape,
    LogConfigurationShape,
    OptionsShape,
    RunningActionShape,
    StateShape,
    StopConditionShape,
    TargetShape,
)


@dataclass(slots=True)
class StoredTemplate:
    """A template, in the shapes of the API."""

    id: str
    arn: str
    description: str
    role_arn: str
    targets: dict[str, TargetShape]
    actions: dict[str, ActionShape]
    stop_conditions: list[StopConditionShape]
    options: OptionsShape
    created_at: float
    updated_at: float
    tags: dict[str, str]
    log_configuration: LogConfigurationShape | None = None

    @property
    def template(self) -> Template:
        """The template in the engine's form."""
        return template_of(self.targets, self.actions)


@dataclass(slots=True)
class ActionState:
    """An action of an experiment; `faults` are the ids of its faults, `timer` ends it."""

    shape: ActionShape
    status: str = "pending"
    reason: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    faults: list[str] = field(default_factory=list)
    timer: Timer | None = None


@dataclass(slots=True)
class Experiment:
    """An experiment; `resources` are the ARNs of its targets' resources, once they are resolved."""

    id: str
    arn: str
    region: str
    account_id: str
    origin: StoredTemplate
    created_at: float
    tags: dict[str, str]
    actions: dict[str, ActionState]
    status: str = "initiating"
    reason: str = "Experiment is initiating."
    started_at: float | None = None
    ended_at: float | None = None
    resources: dict[str, list[str]] = field(default_factory=dict)
    watch: Timer | None = None

    @property
    def over(self) -> bool:
        """True for an experiment that has ended."""
        return self.status in ("completed", "stopped", "failed", "cancelled")


def template_of(targets: dict[str, TargetShape], actions: dict[str, ActionShape]) -> Template:
    """Convert targets and actions to the engine's form."""
    return Template(
        {
            name: ExperimentTarget(
                shape["resourceType"],
                shape["selectionMode"],
                tuple(shape.get("resourceArns") or ()),
                dict(shape.get("resourceTags") or {}),
                dict(shape.get("parameters") or {}),
                tuple((each["path"], tuple(each["values"])) for each in shape.get("filters") or ()),
            )
            for name, shape in targets.items()
        },
        {
            name: Action(
                shape["actionId"],
                dict(shape.get("parameters") or {}),
                dict(shape.get("targets") or {}),
                tuple(shape.get("startAfter") or ()),
            )
            for name, shape in actions.items()
        },
    )


def state_shape(status: str, reason: str) -> StateShape:
    """Return a state as the API shows it."""
    return {"status": status, "reason": reason} if reason else {"status": status}


def action_shape(state: ActionState) -> RunningActionShape:
    """Return an action of an experiment without its times."""
    shape: RunningActionShape = {
        "actionId": state.shape["actionId"],
        "state": state_shape(state.status, state.reason),
    }
    if "description" in state.shape:
        shape["description"] = state.shape["description"]
    if "parameters" in state.shape:
        shape["parameters"] = state.shape["parameters"]
    if "targets" in state.shape:
        shape["targets"] = state.shape["targets"]
    if "startAfter" in state.shape:
        shape["startAfter"] = state.shape["startAfter"]
    return shape
