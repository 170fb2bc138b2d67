"""The actions that are performed here: each makes the calls of the real one, in the same order.

Versions and their code: configure-aws-credentials 6.2.3, amazon-ecr-login 2.1.7, amazon-ecs-render-task-definition 1.9.0,
amazon-ecs-deploy-task-definition 2.6.3 (and what earlier ones leave out).
"""

from __future__ import annotations

from collections.abc import Mapping

from pushproof.workflows.actions.configureawscredentials import configure_aws_credentials
from pushproof.workflows.actions.ecrlogin import amazon_ecr_login
from pushproof.workflows.actions.ecsdeploy import deploy_task_definition, deploy_without_verification
from pushproof.workflows.actions.ecsrender import render_task_definition
from pushproof.workflows.call import Action

ACTIONS: Mapping[str, Action] = {
    "aws-actions/configure-aws-credentials": configure_aws_credentials,
    "aws-actions/amazon-ecr-login": amazon_ecr_login,
    "aws-actions/amazon-ecs-render-task-definition": render_task_definition,
    "aws-actions/amazon-ecs-deploy-task-definition": deploy_task_definition,
}
#: Performed by the runner itself, since it knows the repository.
CHECKOUT = "actions/checkout"
_DEPLOY = "aws-actions/amazon-ecs-deploy-task-definition"


def action_for(uses: str) -> Action | None:
    """Return the action of `owner/name@version`; None for one that is not performed here.

    Version 2.6.2 of the deploy action began to notice rollbacks: a full version before it does not.
    """
    name, _, version = uses.partition("@")
    if name == _DEPLOY and _before(version, (2, 6, 2)):
        return deploy_without_verification
    return ACTIONS.get(name)


def _before(version: str, first: tuple[int, int, int]) -> bool:
    """Return whether a version is earlier than another; a tag such as v2, which moves, and a commit are not."""
    parts = version.removeprefix("v").split(".")
    return len(parts) == 3 and all(part.isdecimal() for part in parts) and tuple(map(int, parts)) < first
