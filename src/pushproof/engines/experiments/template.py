"""Experiment templates: what is refused, which actions may start, which of the targets are selected.

https://docs.aws.amazon.com/fis/latest/userguide/experiment-template-components.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from .actions import ACTIONS, ActionKind

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
# The form of AWS's actions, those that do not run here included.
_ACTION = re.compile(r"aws:[a-z0-9-]+:[a-z0-9-]+")
_MODE = re.compile(r"ALL|COUNT\(([1-9]\d*)\)|PERCENT\(([1-9]\d?|100)\)")
# "1 minute to 12 hours": every action's `duration`.
_SHORTEST, _LONGEST = 60.0, 12 * 3600.0
_API_SERVICES = ("ec2", "kinesis")
# Parameters of the network actions of tasks.
_NUMBERS = {
    "port": (1, 65535),
    "lossPercent": (1, 100),
    "flowsPercent": (1, 100),
    "delayMilliseconds": (1, 9_999_999),
    "jitterMilliseconds": (0, 9_999_999),
}
_WORDS = {"trafficType": ("ingress", "egress"), "protocol": ("tcp", "udp")}
_SCOPES = ("all", "availability-zone", "dynamodb", "prefix-list", "s3", "s3express", "vpc")


class InvalidExperiment(Exception):
    """A template that FIS, or this emulation of it, refuses. `code` is the API's."""

    def __init__(self, message: str, code: str = "ValidationException") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class ExperimentTarget:
    """A target: the type of its resources, and their ARNs, tags, filters or parameters."""

    resource_type: str
    selection_mode: str = "ALL"
    arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """An action with the names of its targets, by the action's own name for them."""

    action_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    start_after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """The targets and actions of a template, by name."""

    targets: Mapping[str, ExperimentTarget]
    actions: Mapping[str, Action]


def duration(text: str) -> float:
    """Return the seconds of an ISO 8601 duration, such as PT5M. Raises InvalidExperiment."""
    match = _DURATION.fullmatch(text)
    if match is None or text in ("P", "PT") or text.endswith("T"):
        raise InvalidExperiment(f"The duration {text} is not a valid ISO 8601 duration.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def check(template: Template) -> None:
    """Refuse a template that cannot run. Raises InvalidExperiment; an action that does not run here has the code NotImplemented."""
    if not template.actions:
        raise InvalidExperiment("An experiment template must have at least one action.")
    for name, action in template.actions.items():
        kind = ACTIONS.get(action.action_id)
        if kind is None and not _ACTION.fullmatch(action.action_id):
            raise InvalidExperiment(f"Action {name}: {action.action_id} is not a valid action.")
        if kind is None:
            raise InvalidExperiment(
                f"Pushproof does not run the action {action.action_id} (action {name}). It runs: {', '.join(ACTIONS)}.",
                "NotImplemented",
            )
        _check_action(name, action, kind, template)
    _check_order(template)
    for name, target in template.targets.items():
        _check_target(name, target)
        if not any(name in action.targets.values() for action in template.actions.values()):
            raise InvalidExperiment(f"Target {name} is not used by any action.")


def _check_action(name: str, action: Action, kind: ActionKind, template: Template) -> None:
    for parameter, required in kind.parameters.items():
        if required and not action.parameters.get(parameter):
            raise InvalidExperiment(f"Action {name}: the required parameter {parameter} is missing.")
    for parameter in action.parameters:
        if parameter not in kind.parameters:
            raise InvalidExperiment(f"Action {name}: {action.action_id} has no parameter {parameter}.")
    if kind.lasting and not _SHORTEST <= duration(action.parameters["duration"]) <= _LONGEST:
        raise InvalidExperiment(f"Action {name}: the duration must be from one minute to 12 hours.")
    expected = {kind.target[0]} if kind.target is not None else set()
    if set(action.targets) != expected:
        words = f"the target {min(expected)}" if expected else "no target"
        raise InvalidExperiment(f"Action {name}: {action.action_id} takes {words}.")
    for other in action.targets.values():
        if other not in template.targets:
            raise InvalidExperiment(f"Action {name}: the target {other} is not defined.")
        assert kind.target is not None
        if template.targets[other].resource_type != kind.target[1]:
            raise InvalidExperiment(f"Action {name}: the target {other} must have the resource type {kind.target[1]}.")
    for other in action.start_after:
        if other not in template.actions:
            raise InvalidExperiment(f"Action {name}: the action {other} in startAfter is not defined.")
    if action.action_id.startswith("aws:fis:inject-api-"):
        if action.parameters["service"] not in _API_SERVICES:
            raise InvalidExperiment(f"Action {name}: the service must be one of {', '.join(_API_SERVICES)}.")
        percentage = action.parameters.get("percentage", "100")
        if not (percentage.isdecimal() and 1 <= int(percentage) <= 100):
            raise InvalidExperiment(f"Action {name}: the percentage must be from 1 to 100.")
    if action.action_id.startswith("aws:ecs:task-network-"):
        _check_network(name, action)
    scope = action.parameters.get("scope", "all")
    if scope not in _SCOPES:
        raise InvalidExperiment(f"Action {name}: the scope must be one of {', '.join(_SCOPES)}.")
    if scope != "all":
        raise InvalidExperiment(
            f"Pushproof does not run {action.action_id} with the scope {scope} (action {name}). It runs the scope all.",
            "NotImplemented",
        )


def _check_network(name: str, action: Action) -> None:
    """Refuse values of a network action of tasks. https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html"""
    parameters = action.parameters
    for parameter, (least, most) in _NUMBERS.items():
        text = parameters.get(parameter)
        if text is not None and not (text.isdecimal() and least <= int(text) <= most):
            raise InvalidExperiment(f"Action {name}: {parameter} must be a number from {least} to {most}.")
    for parameter, values in _WORDS.items():
        text = parameters.get(parameter)
        if text is not None and text not in values:
            raise InvalidExperiment(f"Action {name}: {parameter} must be one of {', '.join(values)}.")
    for parameter, only in (("sources", "ALL"), ("flowsPercent", "100")):
        if parameters.get(parameter, only) != only:
            raise InvalidExperiment(
                f"Pushproof does not run {action.action_id} with {parameter} {parameters[parameter]} (action {name}). "
                f"It runs {only}.",
                "NotImplemented",
            )


def _check_target(name: str, target: ExperimentTarget) -> None:
    if not _MODE.fullmatch(target.selection_mode):
        raise InvalidExperiment(f"Target {name}: the selection mode must be ALL, COUNT(n) or PERCENT(n).")
    ways = [bool(target.arns), bool(target.tags or target.parameters or target.filters)]
    if sum(ways) != 1:
        raise InvalidExperiment(f"Target {name}: name resources by ARNs, or by tags, filters and parameters.")


def _check_order(template: Template) -> None:
    """Refuse actions that wait for each other."""
    done: set[str] = set()
    while len(done) < len(template.actions):
        free = {
            name for name, action in template.actions.items() if name not in done and set(action.start_after) <= done
        }
        if not free:
            waiting = ", ".join(sorted(set(template.actions) - done))
            raise InvalidExperiment(f"The actions {waiting} wait for each other in startAfter.")
        done |= free


def ready(template: Template, completed: Collection[str], begun: Collection[str]) -> list[str]:
    """Return the names of the actions that may start now."""
    return [
        name
        for name, action in template.actions.items()
        if name not in begun and set(action.start_after) <= set(completed)
    ]


def selected(mode: str, resources: Sequence[str]) -> list[str]:
    """Return the resources that a selection mode takes: the first of them, so that a run can be repeated."""
    match = _MODE.fullmatch(mode)
    if match is None or mode == "ALL":
        return list(resources)
    count = int(match[1]) if match[1] else ceil(len(resources) * int(match[2]) / 100)
    return list(resources[:count])
