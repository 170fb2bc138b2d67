"""aws-actions/amazon-ecs-render-task-definition: an image in a task definition, from a file or from DescribeTaskDefinition.

Source: https://github.com/aws-actions/amazon-ecs-render-task-definition/blob/v1.9.0/index.js
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.workflows.call import Call, StepFailed

#: A task definition as JSON has it.
Definition: TypeAlias = dict[str, Any]
#: Members of DescribeTaskDefinition's answer that RegisterTaskDefinition does not take.
ONLY_DESCRIBED = (
    "compatibilities", "taskDefinitionArn", "requiresAttributes", "revision", "status", "registeredAt", "deregisteredAt",
    "registeredBy",
)  # fmt: skip
_ROLE = re.compile(r"arn:aws(-cn|-us-gov|-iso|-iso-b|-iso-e|-iso-f)?:iam::[0-9]{12}:role/.+")


def render_task_definition(call: Call) -> None:
    """Write the task definition with the image into a file of its own."""
    names, image = call.input("container-name", required=True), call.input("image", required=True)
    definition = _definition(call)
    if not re.fullmatch(r"([^,]+,)*[^,]+", names):
        raise StepFailed("Invalid format for container name. Please use a single value or comma separated values")
    for name in names.split(","):
        containers = definition.get("containerDefinitions")
        if not isinstance(containers, list):
            raise StepFailed(
                "Invalid task definition format: containerDefinitions section is not present or is not an array"
            )
        container = next((entry for entry in containers if entry.get("name") == name), None)
        if container is None:
            raise StepFailed("Invalid task definition: Could not find container definition with matching name")
        container["image"] = image
        _adjust(call, container)
    for member, name in (("taskRoleArn", "task-role-arn"), ("executionRoleArn", "execution-role-arn")):
        if arn := call.input(name):
            if not _ROLE.fullmatch(arn):
                raise StepFailed(
                    f"Invalid ARN format for {name}. Expected format: arn:aws:iam::<account-id>:role/<role-name>"
                )
            definition[member] = arn
    for member in ONLY_DESCRIBED:
        definition.pop(member, None)
    with tempfile.NamedTemporaryFile(
        "w", dir=call.temporary, prefix="task-definition-", suffix=".json", delete=False
    ) as file:
        json.dump(definition, file, indent=2, default=str)
    call.outputs["task-definition"] = file.name


def _definition(call: Call) -> Definition:
    if name := call.input("task-definition"):
        call.say("Task definition file will be used.")
        path = Path(call.workspace, name)
        if not path.exists():
            raise StepFailed(f"Task definition file does not exist: {name}")
        try:
            content: Definition = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StepFailed(f"{name} is no JSON: {error}") from error
        return content
    arn, family, revision = (call.input(f"task-definition-{part}") for part in ("arn", "family", "revision"))
    if not arn and not family:
        if revision:
            raise StepFailed(
                "You can't fetch task definition with just revision: Either use task definition file, arn or family name"
            )
        raise StepFailed("Either task definition, task definition arn or task definition family must be provided")
    source = arn or (f"{family}:{revision}" if revision else family)
    which = "arn" if arn else "specified revision" if revision else "latest revision"
    call.say(f"The task definition {which} will be used to fetch task definition")
    try:
        answer = call.ecs().describe_task_definition(taskDefinition=source, include=["TAGS"])
    except ClientError as error:
        raise StepFailed(f"Failed to describe task definition in ECS: {error.response['Error']['Message']}") from error
    except BotoCoreError as error:
        raise StepFailed(str(error)) from error
    described: Definition = {**answer["taskDefinition"], "tags": answer.get("tags", [])}
    return described


def _adjust(call: Call, container: Definition) -> None:
    """Apply the inputs beside the image."""
    if command := call.input("command"):
        container["command"] = command.split(" ")
    if files := _lines(call, "env-files"):
        container["environmentFiles"] = [{"value": value, "type": "s3"} for value in files]
    for name, member, value_name, what in (
        ("environment-variables", "environment", "value", "environment variable"),
        ("secrets", "secrets", "valueFrom", "secret"),
    ):
        for line in _lines(call, name):
            key, equals, value = line.partition("=")
            if not equals:
                raise StepFailed(f"Cannot parse the {what} '{line}'. Pairs must be of the form NAME={value_name}.")
            entries: list[dict[str, str]] = container.setdefault(member, [])
            known = next((entry for entry in entries if entry["name"] == key), None)
            if known is None:
                entries.append({"name": key, value_name: value})
            else:
                known[value_name] = value
    if driver := call.input("log-configuration-log-driver"):
        container.setdefault("logConfiguration", {})["logDriver"] = driver
    for name, section in (("log-configuration-options", "options"), ("docker-labels", "")):
        for line in _lines(call, name):
            key, equals, value = line.partition("=")
            if not equals:
                raise StepFailed(
                    f"Can't parse logConfiguration option {line}. Must be in key=value format, one per line"
                )
            outer = container.setdefault("logConfiguration", {}) if section else container
            into = outer.setdefault(section or "dockerLabels", {})
            into[key] = value


def _lines(call: Call, name: str) -> list[str]:
    return [line.strip() for line in call.input(name).splitlines() if line.strip()]
