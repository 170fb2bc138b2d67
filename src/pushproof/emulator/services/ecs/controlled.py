"""Refusals for services whose deployments CodeDeploy makes, as AWS words them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-bluegreen.html ; the texts about task definition,
network and forced deployments are recorded (github.com/aws/aws-cdk/issues/23564), the others follow their form.
"""

from __future__ import annotations

from collections.abc import Mapping

from .amounts import invalid

_FORM = "{} on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
# Members of UpdateService that only a deployment changes.
_DEPLOYED = {
    "taskDefinition": "Unable to update task definition",
    "forceNewDeployment": "Cannot force a new deployment",
    "networkConfiguration": "Unable to update network parameters",
    "loadBalancers": "Unable to update load balancers",
    "platformVersion": "Unable to update platform version",
    "serviceRegistries": "Unable to update service registries",
    "serviceConnectConfiguration": "Unable to update Service Connect configuration",
    "capacityProviderStrategy": "Unable to update capacity provider strategy",
}


def check_update(request: Mapping[str, object]) -> None:
    """Refuse a request that names anything but counts, configuration, grace period, placement and tags."""
    for member, words in _DEPLOYED.items():
        value = request.get(member)
        if value is not None and value is not False:
            raise invalid(_FORM.format(words))


def check_controlled(own: Mapping[str, object], revised: Mapping[str, object]) -> None:
    """Refuse a service that CodeDeploy could not deploy to."""
    if not revised.get("loadBalancers"):
        raise invalid("Services with a CODE_DEPLOY deployment controller must use a load balancer.")
    configuration = own.get("deploymentConfiguration")
    members = configuration if isinstance(configuration, Mapping) else {}
    breaker, alarms = members.get("deploymentCircuitBreaker") or {}, members.get("alarms") or {}
    for name, enabled in (
        ("DeploymentCircuitBreaker", breaker.get("enable")),
        ("DeploymentAlarms", alarms.get("enable")),
        ("DeploymentStrategy", (members.get("strategy") or "ROLLING") != "ROLLING"),
    ):
        if enabled:
            raise invalid(f"{name} feature can be configured only with ECS deployment controller.")
