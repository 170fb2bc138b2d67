"""Reads the delivery path of a workflow: the service that it deploys to, and the image repository that it pushes to."""

from __future__ import annotations

import json
from collections.abc import Mapping

from botocore.exceptions import ClientError

from pushproof.drill.badinput import BadInput
from pushproof.drill.delivery import Build, Delivery, Source
from pushproof.drill.discovery.choices import Choices, choose
from pushproof.drill.discovery.discover import entrance_to, service_named
from pushproof.drill.discovery.services import (
    breaker_of,
    choose_container,
    choose_repository,
    container_of,
    require_controller,
    secrets_of,
    urls_of,
)
from pushproof.drill.discovery.shapes import Clients
from pushproof.drill.workflowroad import DEPLOY, GITHUB, steps_of_road
from pushproof.engines.workflow import ExpressionError, Scope, Workflow, interpolate, value_of
from pushproof.terraform.resources import managed_resources, of_type

#: Outputs of an environment that hold the variables of the repository on GitHub.
OUTPUTS = ("github_variables", "workflow_variables")


def variables_of(outputs: Mapping[str, object]) -> dict[str, str]:
    """Return the variables for the workflow among the outputs of an environment; none where it has no such output."""
    for name in OUTPUTS:
        value = outputs.get(name)
        if isinstance(value, Mapping):
            return {str(key): str(inner) for key, inner in value.items()}
    return {}


def outputs_of(state: Mapping[str, object]) -> dict[str, object]:
    """Return the outputs in a state (`terraform show -json`)."""
    values = state.get("values")
    outputs = values.get("outputs") if isinstance(values, Mapping) else None
    return {name: body.get("value") for name, body in outputs.items()} if isinstance(outputs, Mapping) else {}


def discover_workflow(
    clients: Clients,
    state: Mapping[str, object],
    choices: Choices,
    workflow: Workflow,
    variables: Mapping[str, str],
    repository: str,
) -> Delivery:
    """Return the delivery path of a workflow into one service. Raises BadInput that says what is missing, or lists what fits."""
    resources = managed_resources(state)
    named = _input(workflow, variables, "service") or choices.service.rpartition("/")[2]
    services = {
        (resource.text("cluster").rpartition("/")[2] or "default", resource.text("name"))
        for resource in of_type(resources, "aws_ecs_service")
    }
    cluster, name = choose(
        "service", sorted(services), lambda pair: (f"{pair[0]}/{pair[1]}", pair[1]), named,
        setting="service", missing="the environment has no ECS service that a workflow could deploy to",
    )  # fmt: skip
    service = service_named(clients, cluster, name, f"workflow {workflow.path}")
    require_controller(service, "ECS", "a workflow updates it")
    definition = clients("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    repositories = of_type(resources, "aws_ecr_repository")
    balanced, entrance, group = entrance_to(clients, service, choices)
    container = choose_container(definition, balanced.get("containerName", ""), urls_of(repositories))
    builds, deploys = steps_of_road(workflow)
    return Delivery(
        pipeline="",
        deploy_stage=deploys,
        cluster=cluster,
        service=name,
        repository=choose_repository(container["image"], repositories, list(variables.values()), choices, name),
        source=Source(kind="GitHub Actions", repository=repository, branch=_branch(clients, workflow, variables)),
        build=Build(stage=builds),
        entrance=entrance,
        container=container_of(definition, container, int(balanced.get("containerPort", 0)), group),
        breaker=breaker_of(service),
        secrets=secrets_of(definition),
        workflow=workflow.path,
        road=GITHUB,
    )


def _input(workflow: Workflow, variables: Mapping[str, str], name: str) -> str:
    """Return an input of the step that deploys, as far as the repository's variables decide it; "" otherwise."""
    for job in workflow.jobs:
        for step in job.steps:
            if step.action == DEPLOY and name in step.inputs:
                environment = {**workflow.environment, **job.environment, **step.environment}
                try:
                    settled = {
                        key: interpolate(text, Scope({"vars": dict(variables)})) for key, text in environment.items()
                    }
                    return interpolate(step.inputs[name], Scope({"vars": dict(variables), "env": value_of(settled)}))
                except ExpressionError:
                    return ""
    return ""


def _branch(clients: Clients, workflow: Workflow, variables: Mapping[str, str]) -> str:
    """Return the branch to push to: of those that start the workflow, the one that the role's trust policy names."""
    plain = [pattern for pattern in workflow.branches or () if not set(pattern) & set("*?![")] or ["main"]
    trust = _trust_text(clients, variables)
    named = [branch for branch in plain if f"refs/heads/{branch}" in trust]
    return (named or plain)[0]


def _trust_text(clients: Clients, variables: Mapping[str, str]) -> str:
    roles = [value for value in variables.values() if value.startswith("arn:") and ":role/" in value]
    if not roles:
        return ""
    try:
        role = clients("iam").get_role(RoleName=roles[0].rpartition("/")[2])["Role"]
    except ClientError as error:
        raise BadInput(f"the workflow's role {roles[0]} cannot be read: {error}") from None
    return json.dumps(role["AssumeRolePolicyDocument"])
