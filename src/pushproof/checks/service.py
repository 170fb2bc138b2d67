"""The ECS service behind its load balancer: does a bad revision roll back, and does a good one arrive unnoticed?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pushproof.base.origin import Addresses
from pushproof.checks.check import Checks, Clients, NothingToLookAt, check
from pushproof.checks.finding import Finding

_DEPLOYMENTS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html"
_BREAKER = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"
_HEALTH = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"
_TARGETS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"
_TLS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"
_INSIGHTS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContainerInsights.html"
_LOGS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"
_CURRENT_TLS = re.compile(r"ELBSecurityPolicy-TLS13-1-[23]-")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# What any shell has, or is.
_SHELL = {"exit", "test", "[", "true", "false", "kill", "echo", "exec", "sh", "bash"}


class ServiceChecks(Checks):
    """Checks of one service, by cluster and name."""

    family = "service"

    def __init__(self, aws: Clients, *, cluster: str, service: str, addresses: Addresses | None = None) -> None:
        super().__init__(aws, addresses=addresses)
        self.cluster, self.service = cluster, service

    # Deployments.

    @check
    def rolls_back_by_itself(self) -> Iterator[Finding]:
        """The deployment circuit breaker is on, and rolls back."""
        service = self._describe()
        breaker = service.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
        if not (breaker.get("enable") and breaker.get("rollback")):
            yield Finding(
                resource=service["serviceArn"],
                expected="deploymentCircuitBreaker with enable and rollback",
                found=f"enable {bool(breaker.get('enable'))}, rollback {bool(breaker.get('rollback'))}",
                why="A revision that never becomes healthy is tried again for ever, and nobody puts the last good one back.",
                change="In aws_ecs_service: deployment_circuit_breaker { enable = true, rollback = true }",
                page=_BREAKER,
            )
        if service.get("deploymentController", {}).get("type", "ECS") != "ECS":
            yield Finding(
                resource=service["serviceArn"],
                expected="the ECS (rolling update) deployment controller",
                found=service["deploymentController"]["type"],
                why="The circuit breaker works with the ECS controller only.",
                change='deployment_controller { type = "ECS" }',
                page=_BREAKER,
            )

    @check
    def keeps_its_capacity_while_it_deploys(self) -> Iterator[Finding]:
        """A rolling deployment never goes below the desired count, and has room for new tasks."""
        service = self._describe()
        configuration = service.get("deploymentConfiguration", {})
        low, high = configuration.get("minimumHealthyPercent", 100), configuration.get("maximumPercent", 200)
        # A service scaled to nothing is judged as it will be once it runs.
        desired = service["desiredCount"] or 1
        # ECS rounds the minimum up and the maximum down.
        kept, room = -(-desired * low // 100), desired * high // 100
        if low < 100:
            yield Finding(
                resource=service["serviceArn"],
                expected="minimumHealthyPercent 100",
                found=f"minimumHealthyPercent {low}",
                why=f"A deployment may stop {desired - kept} of {desired} tasks before their successors are healthy: the rest"
                " take all the requests."
                if kept < desired
                else f"With {desired} tasks none may be stopped early, because ECS rounds up; with more of them it may.",
                change="deployment_minimum_healthy_percent = 100",
                page=_DEPLOYMENTS,
            )
        if room <= desired and kept >= desired:
            yield Finding(
                resource=service["serviceArn"],
                expected=f"a maximumPercent that lets at least one task more than {desired} run",
                found=f"maximumPercent {high}, with minimumHealthyPercent {low}",
                why="ECS may neither stop an old task nor start a new one: the deployment never begins.",
                change="deployment_maximum_percent = 200",
                page=_DEPLOYMENTS,
            )

    # Health.

    @check
    def health_checks_agree(self) -> Iterator[Finding]:
        """Container check, target group and port mapping speak of the same port and path, in times that fit together."""
        service, definition = self._describe(), self._definition()
        containers = {c["name"]: c for c in definition["containerDefinitions"]}
        if not service.get("loadBalancers"):
            yield Finding(
                resource=service["serviceArn"],
                expected="a target group",
                found="the service registers nowhere",
                why="Nothing but the container's own check would tell ECS that a revision does not answer.",
                change="Add a load_balancer block.",
                page=_TARGETS,
            )
        for balancer in service.get("loadBalancers", []):
            container = containers.get(balancer["containerName"], {})
            group = self.aws("elbv2").describe_target_groups(TargetGroupArns=[balancer["targetGroupArn"]])[
                "TargetGroups"
            ][0]
            ports = [p["containerPort"] for p in container.get("portMappings", [])]
            if balancer["containerPort"] not in ports:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"a port mapping for {balancer['containerPort']}, which the target group sends to",
                    found=f"port mappings {ports}",
                    why="No request reaches the container; every deployment fails its health checks.",
                    change="Use one variable for the container port.",
                    page=_TARGETS,
                )
            yield from self._group(group)
            own = container.get("healthCheck")
            if own is None:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"a health check of container {balancer['containerName']}",
                    found="none",
                    why="A HEALTHCHECK in the image is ignored by ECS; a hung process goes on serving until the load"
                    " balancer notices.",
                    change="Add healthCheck to the container definition.",
                    page=_HEALTH,
                )
                continue
            yield from self._agreement(definition["taskDefinitionArn"], container, group, balancer["containerPort"])

    def _group(self, group: dict[str, Any]) -> Iterator[Finding]:
        if group["TargetType"] != "ip":
            yield Finding(
                resource=group["TargetGroupArn"],
                expected="target type ip",
                found=group["TargetType"],
                why="Fargate tasks have addresses of their own and no instance: they cannot be registered.",
                change='target_type = "ip"',
                page=_TARGETS,
            )
        if group["HealthCheckTimeoutSeconds"] >= group["HealthCheckIntervalSeconds"]:
            yield Finding(
                resource=group["TargetGroupArn"],
                expected="a timeout shorter than the interval",
                found=f"timeout {group['HealthCheckTimeoutSeconds']} s, interval {group['HealthCheckIntervalSeconds']} s",
                why="Checks overlap, and a slow target flaps.",
                change="health_check { timeout = 5, interval = 30 }",
                page=_TARGETS,
            )
        codes = group.get("Matcher", {}).get("HttpCode", "200")
        if re.search(r"[45]\d\d", codes):
            yield Finding(
                resource=group["TargetGroupArn"],
                expected="a matcher of success codes",
                found=codes,
                why="A target that answers with errors counts as healthy, so a broken revision is never rolled back.",
                change='matcher = "200"',
                page=_TARGETS,
            )

    def _agreement(self, arn: str, container: dict[str, Any], group: dict[str, Any], port: int) -> Iterator[Finding]:
        own = container["healthCheck"]
        environment = {variable["name"]: variable["value"] for variable in container.get("environment", [])}
        for written in _urls(own["command"]):
            url = _VARIABLE.sub(lambda match: environment.get(match[1] or match[2], match[0]), written)
            parts = urlsplit(url)
            try:
                asked = parts.port or (443 if parts.scheme == "https" else 80)
            except ValueError:
                # A port that only the running container knows, such as ${PORT} set by its image.
                asked = port
            if asked != port:
                yield Finding(
                    resource=arn,
                    expected=f"a container check that asks port {port}",
                    found=f"it asks {url}",
                    why="The container's own check judges something else than what the load balancer sends requests to.",
                    change="Derive both from one variable.",
                    page=_HEALTH,
                )
            if group.get("HealthCheckPath") and (parts.path or "/") != urlsplit(group["HealthCheckPath"]).path:
                yield Finding(
                    resource=arn,
                    expected=f"a container check of {group['HealthCheckPath']}, as the target group has it",
                    found=f"it asks {url}",
                    why="Two definitions of healthy: a task can be killed by one check while the other is content.",
                    change="Derive both from one variable.",
                    page=_HEALTH,
                )
        if own.get("timeout", 5) >= own.get("interval", 30):
            yield Finding(
                resource=arn,
                expected="a container check whose timeout is shorter than its interval",
                found=f"timeout {own.get('timeout', 5)} s, interval {own.get('interval', 30)} s",
                why="The next check begins before the last one has been given up: a slow start looks like a failure.",
                change="healthCheck = { interval = 30, timeout = 5, … }",
                page=_HEALTH,
            )

    @check
    def health_check_is_in_the_image(self, dockerfile: str) -> Iterator[Finding]:
        """The program that each container's health check runs is copied or installed by this Dockerfile.

        A name that stands nowhere in the Dockerfile is found; that one which does stand there also works is for a run to show.
        """
        definition = self._definition()
        there = set(re.findall(r"[\w.+-]+", "\n".join(_instructions(dockerfile))))
        for container in definition["containerDefinitions"]:
            program = _program(container.get("healthCheck", {}).get("command", []))
            name = (program or "").rsplit("/", 1)[-1]
            if not name or name in _SHELL or name in there:
                continue
            yield Finding(
                resource=definition["taskDefinitionArn"],
                expected=f"an image that has what the health check of container {container['name']} runs",
                found=f"the check runs {program}, which the Dockerfile neither copies nor installs",
                why="A check that cannot run fails: every task is stopped as unhealthy, however well it serves, and every"
                " deployment is rolled back. Slim images have no curl.",
                change=f"Let the image bring a check of its own (COPY healthcheck ./), or install {name} in it.",
                page=_HEALTH,
            )

    # The way in.

    @check
    def redirects_http_to_https(self) -> Iterator[Finding]:
        """Every HTTP listener answers 301 to HTTPS and serves nothing itself."""
        listeners = list(self._listeners())
        if not listeners:
            raise self._no_listener()
        for listener in listeners:
            if listener["Protocol"] != "HTTP":
                continue
            action = listener["DefaultActions"][0]
            redirect = action.get("RedirectConfig", {})
            if (
                action["Type"] != "redirect"
                or redirect.get("Protocol") != "HTTPS"
                or redirect.get("StatusCode") != "HTTP_301"
            ):
                yield Finding(
                    resource=listener["ListenerArn"],
                    expected="a redirect to HTTPS with status 301",
                    found=_said(action),
                    why="Requests, and their cookies, cross the internet in the clear.",
                    change='default_action { type = "redirect", redirect { protocol = "HTTPS", port = "443",'
                    ' status_code = "HTTP_301" } }',
                    page="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html",
                )

            rules = self.aws("elbv2").describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            for rule in rules:
                if not rule.get("IsDefault") and any(a["Type"] == "forward" for a in rule["Actions"]):
                    yield Finding(
                        resource=rule["RuleArn"],
                        expected="no rule that serves over HTTP",
                        found=f"rule {rule['Priority']} of the listener on {listener['Port']} forwards",
                        why="What this rule matches crosses the internet in the clear, whatever the default does.",
                        change="Move the rule to the HTTPS listener.",
                        page="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html",
                    )

    @check
    def speaks_current_tls(self) -> Iterator[Finding]:
        """There is an HTTPS listener, and each has a TLS 1.3 policy."""
        secure = [listener for listener in self._listeners() if listener["Protocol"] == "HTTPS"]
        if not secure:
            raise self._no_listener()
        for listener in secure:
            if not _CURRENT_TLS.match(listener.get("SslPolicy", "")):
                yield Finding(
                    resource=listener["ListenerArn"],
                    expected="a policy with TLS 1.3 and nothing below TLS 1.2, such as ELBSecurityPolicy-TLS13-1-2-2021-06",
                    found=listener.get("SslPolicy", "none"),
                    why="Clients may be talked down to versions with known attacks. Left out, the policy is one from 2016.",
                    change='ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"',
                    page=_TLS,
                )

    def _no_listener(self) -> NothingToLookAt:
        return NothingToLookAt(
            "a load balancer with an HTTPS listener for the service",
            resource=self._describe()["serviceArn"],
            change="Add aws_lb_listener resources for ports 80 and 443.",
            page=_TARGETS,
        )

    # What is kept.

    @check
    def logs_are_kept(self, *, at_least_days: int = 7) -> Iterator[Finding]:
        """Every container logs to a group that exists and whose retention is set."""
        days = at_least_days
        definition = self._definition()
        for container in definition["containerDefinitions"]:
            configuration = container.get("logConfiguration", {})
            group = configuration.get("options", {}).get("awslogs-group")
            if configuration.get("logDriver") != "awslogs" or not group:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"awslogs for container {container['name']}",
                    found=configuration.get("logDriver", "no log configuration"),
                    why="When a task fails to start, its last words are the only thing there is to go by.",
                    change="Add logConfiguration with awslogs-group, awslogs-region and awslogs-stream-prefix.",
                    page=_LOGS,
                )
                continue
            groups = self.aws("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            found = next((g for g in groups if g["logGroupName"] == group), None)
            if found is None or (found.get("retentionInDays") or 0) < days:
                yield Finding(
                    resource=group,
                    expected=f"a log group kept for at least {days} days",
                    found="the group does not exist"
                    if found is None
                    else f"retention {found.get('retentionInDays', 'not set: for ever, and billed')}",
                    why="Without the group no task starts (ResourceInitializationError); without retention the bill only grows.",
                    change="Add aws_cloudwatch_log_group with retention_in_days.",
                    page=_LOGS,
                )

    @check
    def container_insights_is_on(self) -> Iterator[Finding]:
        """The cluster reports Container Insights."""
        clusters = self.aws("ecs").describe_clusters(clusters=[self.cluster], include=["SETTINGS"])["clusters"]
        if not clusters:
            raise LookupError(f"there is no cluster {self.cluster}; check the name, the account and the region")
        cluster = clusters[0]
        setting = {s["name"]: s["value"] for s in cluster.get("settings", [])}.get("containerInsights", "disabled")
        if setting not in ("enabled", "enhanced"):
            yield Finding(
                resource=cluster["clusterArn"],
                expected="containerInsights enabled or enhanced",
                found=setting,
                why="Memory and processor of tasks are not recorded: an OutOfMemory stop leaves no trace of how it came about.",
                change='setting { name = "containerInsights", value = "enabled" }',
                page=_INSIGHTS,
            )

    @check
    def deletion_is_protected(self) -> Iterator[Finding]:
        """The load balancer cannot be deleted by mistake: for production."""
        balancers = dict.fromkeys(listener["LoadBalancerArn"] for listener in self._listeners())
        if not balancers:
            raise self._no_listener()
        for arn in balancers:
            attributes = self.aws("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
            if {a["Key"]: a["Value"] for a in attributes}.get("deletion_protection.enabled") != "true":
                yield Finding(
                    resource=arn,
                    expected="deletion_protection.enabled",
                    found="false",
                    why="One wrong destroy and the address that DNS points to is gone for good.",
                    change="enable_deletion_protection = true",
                    page="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html",
                )

    # What is asked.

    def _describe(self) -> dict[str, Any]:
        ecs = self.aws("ecs")
        try:
            answer = ecs.describe_services(cluster=self.cluster, services=[self.service])["services"]
        except ecs.exceptions.ClusterNotFoundException:
            raise LookupError(
                f"there is no cluster {self.cluster}; check the name, the account and the region"
            ) from None
        # A deleted service is still described for a while.
        found: list[dict[str, Any]] = [service for service in answer if service.get("status") != "INACTIVE"]
        if not found:
            raise LookupError(
                f"cluster {self.cluster} has no service {self.service}; check both names (outputs of the module)"
            )
        return found[0]

    def _definition(self) -> dict[str, Any]:
        arn = self._describe()["taskDefinition"]
        definition: dict[str, Any] = self.aws("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        return definition

    def _listeners(self) -> Iterator[dict[str, Any]]:
        elb = self.aws("elbv2")
        for balancer in self._describe().get("loadBalancers", []):
            group = elb.describe_target_groups(TargetGroupArns=[balancer["targetGroupArn"]])["TargetGroups"][0]
            for arn in group["LoadBalancerArns"]:
                yield from elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]


def _urls(command: list[str]) -> list[str]:
    """URLs that a health check's command asks."""
    words: list[str] = []
    for part in command[1:]:
        try:
            words += shlex.split(part)
        except ValueError:
            words += part.split()
    return [match[0] for word in words if (match := re.search(r"https?://[^\s'\"|;]+", word))]


def _program(command: list[str]) -> str | None:
    """The program that a health check's command begins with; None where it runs none."""
    if len(command) < 2 or command[0] not in ("CMD", "CMD-SHELL"):
        return None
    try:
        words = shlex.split(command[1]) if command[0] == "CMD-SHELL" else command[1:]
    except ValueError:
        words = command[1].split()
    return next((word for word in words if "=" not in word), None)


def _instructions(dockerfile: str) -> list[str]:
    """What a Dockerfile does, without comments and health checks of its own, which ECS does not look at."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*$", "", dockerfile))
    return [line for line in joined.splitlines() if not line.lstrip().upper().startswith("HEALTHCHECK")]


def _said(action: dict[str, Any]) -> str:
    redirect = action.get("RedirectConfig")
    if not redirect:
        return f"its default action is {action['Type']}"
    return f"a redirect to {redirect.get('Protocol')} on {redirect.get('Port')} with {redirect.get('StatusCode')}"
