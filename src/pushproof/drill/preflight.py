"""Checks before anything is started: unusable input and missing tools are refused here."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pushproof.drill.badinput import BadInput
from pushproof.drill.breakages.breakage import Breakage
from pushproof.drill.breakages.choice import USUAL, choose_breakages
from pushproof.drill.breakages.files import has_dockerfile
from pushproof.drill.settings import DrillSettings
from pushproof.drill.variables import conventional_variables
from pushproof.drill.workflowroad import GITHUB, ROADS, deploying_workflow
from pushproof.terraform.binary import TerraformBinary, find_terraform
from pushproof.terraform.providers import require_provider
from pushproof.terraform.working_copy import require_configuration

#: The variable by which an environment takes the command of its task before a deployment.
BEFORE = "before_deploy_command"


@dataclass(frozen=True, slots=True)
class Preflight:
    """The means of a drill: the Terraform to use, and the breakages to push."""

    binary: TerraformBinary
    breakages: tuple[Breakage, ...]


def preflight(settings: DrillSettings) -> Preflight:
    """Look at everything a drill needs, and start nothing.

    Raises BadInput, NoConfiguration, TerraformMissing or ProviderMissing, each saying what to do.
    """
    require_configuration(settings.environment)
    if not settings.application.is_dir():
        raise BadInput(
            f"{settings.application} is no application repository: it is not a directory. Name one with --app"
        )
    if not any(settings.application.iterdir()):
        raise BadInput(f"{settings.application} is empty: nothing can be pushed. Name the repository with --app")
    for path in settings.var_files:
        if not path.is_file():
            raise BadInput(f"--var-file {path} is no file")
    names = settings.breakages or (() if settings.variant else usual_breakages(settings))
    breakages = choose_breakages(names, settings.application, settings.variant)
    needing = [breakage.name for breakage in breakages if breakage.needs_dockerfile]
    if len(needing) == len(breakages) and settings.dockerfile is None and not has_dockerfile(settings.application):
        raise BadInput(
            f"{settings.application} has no Dockerfile, which {', '.join(needing)} would break. Name the repository with --app, "
            "or choose another breakage with --break"
        )
    if settings.dockerfile is not None and not (settings.application / settings.dockerfile).is_file():
        raise BadInput(f"dockerfile = {str(settings.dockerfile)!r} is no file of {settings.application}")
    if settings.road not in ROADS:
        raise BadInput(f"--road {settings.road!r} is no road; expected {' or '.join(ROADS)}")
    if settings.actions is not None and not settings.actions.is_dir():
        raise BadInput(
            f"--actions {settings.actions} is no directory; expected one with the code of actions in folders owner/name"
        )
    require_before(settings)
    if settings.road == GITHUB:
        deploying_workflow(settings.application, settings.workflow, settings.actions)
    binary = find_terraform(settings.terraform)
    require_provider()
    return Preflight(binary, breakages)


def usual_breakages(settings: DrillSettings) -> tuple[str, ...]:
    """Return the breakages that suit the settings where nobody names any; () for the application's usual one."""
    names: tuple[str, ...] = ()
    if settings.shift.strategy:
        names = ("unhealthy", "alarm") if settings.shift.strategy == "rolling" else ("unhealthy", "hook", "alarm")
    if settings.before:
        names = (*(names or (USUAL,)), "before")
    return names


def mentions_before(settings: DrillSettings) -> bool:
    """Return whether a person hands the command to a Terraform variable by name."""
    return f"${{{BEFORE}}}" in json.dumps(settings.variables, default=str)


def require_before(settings: DrillSettings) -> None:
    """Raise BadInput where nothing of the environment would run the task that `--before` asks for."""
    if not settings.before:
        return
    if settings.road == GITHUB:
        raise BadInput(
            "--before is for a pipeline; a workflow runs its task itself (run-task of amazon-ecs-deploy-task-definition). "
            "Leave out --before or --road"
        )
    if not mentions_before(settings) and BEFORE not in conventional_variables(
        settings.environment.resolve(), settings.var_files
    ):
        raise BadInput(
            f"--before: {settings.environment} takes no {BEFORE}, the variable of a command that its pipeline runs before a "
            'deployment. Declare it (list of strings, default []), or pass "${before_deploy_command}" to one of your own '
            "under [drill.variables]; docs/before.md has a pipeline that does it"
        )
