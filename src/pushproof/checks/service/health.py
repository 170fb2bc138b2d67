"""Health checks: they agree with each other, decide in time, and can run in the image."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.service.described import TARGETS_PAGE, DescribedService

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef
    from types_boto3_elbv2.type_defs import TargetGroupTypeDef

_HEALTH = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"
_GRACE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-healthcheck.html"
_DRAINING = (
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html"
    "#deregistration-delay"
)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# Variables that set a program's port.
_PORT_VARIABLES = re.compile(r"(?:^|.*_)(?:HTTP_|LISTEN_|SERVER_|APP_|CONTAINER_)?PORT$")
_FOREIGN_PORTS = re.compile(r"DB|DATABASE|POSTGRES|PG|MYSQL|REDIS|MONGO|SMTP|METRICS|DEBUG|ADMIN", re.IGNORECASE)
# Transports of a target group's protocol, where it is not TCP alone.
_TRANSPORTS = {"UDP": ("udp",), "TCP_UDP": ("tcp", "udp"), "QUIC": ("udp",), "TCP_QUIC": ("tcp", "udp")}
# Shells and their built-in commands.
_SHELL = {"exit", "test", "[", "true", "false", "kill", "echo", "exec", "sh", "bash"}


class HealthChecks(DescribedService):
    """Checks of health checks."""

    @check
    def health_checks_agree(self) -> Iterator[Finding]:
        """Container check, target group and port mapping have the same port and path, and timings that fit together."""
        service, definition = self._describe(), self._definition()
        containers = {c["name"]: c for c in definition["containerDefinitions"]}
        if not service.get("loadBalancers"):
            yield Finding(
                resource=service["serviceArn"],
                expected="a target group",
                found="the service registers nowhere",
                why="Nothing but the container's own check would tell ECS that a revision does not answer.",
                change="Add a load_balancer block.",
                page=TARGETS_PAGE,
            )
        for balancer, group in self._groups():
            container = containers.get(balancer["containerName"], {})
            mappings = container.get("portMappings", [])
            ports = [f"{p['containerPort']}/{p.get('protocol', 'tcp')}" for p in mappings]
            transport = _TRANSPORTS.get(group.get("Protocol", ""), ("tcp",))
            if not {f"{balancer['containerPort']}/{each}" for each in transport} & set(ports):
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"a port mapping for {balancer['containerPort']}, by {' or '.join(transport)}, which the target group"
                    " sends to",
                    found=f"port mappings {ports}",
                    why="No request reaches the container; every deployment fails its health checks.",
                    change="Use one variable for the container port.",
                    page=TARGETS_PAGE,
                )
            yield from self._group(group, balancer["containerPort"])
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

    def _group(self, group: TargetGroupTypeDef, container_port: int) -> Iterator[Finding]:
        fault = partial(Finding, resource=group["TargetGroupArn"], page=TARGETS_PAGE)
        port = group.get("HealthCheckPort", "traffic-port")
        if port not in ("traffic-port", str(container_port)):
            yield fault(
                expected=f"a health check on the port that requests go to, {container_port}",
                found=f"a health check on port {port}",
                why="What answers there says nothing about what serves; and if nothing answers, no deployment completes.",
                change='health_check { port = "traffic-port" }',
            )
        spoken, asked = group.get("Protocol", ""), group.get("HealthCheckProtocol", "")
        if {spoken, asked} == {"HTTP", "HTTPS"} and port in ("traffic-port", str(container_port)):
            yield fault(
                expected=f"a health check in the protocol of requests, {spoken}",
                found=f"the health check speaks {asked} to the same port",
                why="A port speaks one of them: either no target is ever healthy, or every request ends in 502.",
                change=f'health_check {{ protocol = "{spoken}" }}',
            )
        if group.get("Port", container_port) != container_port:
            yield fault(
                expected=f"the port of the container, {container_port}",
                found=f"port {group['Port']}",
                why="ECS registers tasks with the container's port; whatever else is registered is sent to the other one, where"
                " nothing listens.",
                change="Use one variable for the container port.",
            )
        if group.get("HealthCheckEnabled") is False:
            yield fault(
                expected="health checks that are on",
                found="health checks are off",
                why="Every target counts as healthy: a broken revision is never rolled back for what it answers.",
                change="health_check { enabled = true }",
            )
        if group["TargetType"] != "ip":
            yield fault(
                expected="target type ip",
                found=group["TargetType"],
                why="Fargate tasks have addresses of their own and no instance: they cannot be registered.",
                change='target_type = "ip"',
            )
        if group["HealthCheckTimeoutSeconds"] >= group["HealthCheckIntervalSeconds"]:
            yield fault(
                expected="a timeout shorter than the interval",
                found=f"timeout {group['HealthCheckTimeoutSeconds']} s, interval {group['HealthCheckIntervalSeconds']} s",
                why="Checks overlap, and a slow target flaps.",
                change="health_check { timeout = 5, interval = 30 }",
            )
        codes = group.get("Matcher", {}).get("HttpCode", "200")
        if re.search(r"[45]\d\d", codes):
            yield fault(
                expected="a matcher of success codes",
                found=codes,
                why="A target that answers with errors counts as healthy, so a broken revision is never rolled back.",
                change='matcher = "200"',
            )

    def _agreement(
        self, arn: str, container: ContainerDefinitionOutputTypeDef, group: TargetGroupTypeDef, port: int
    ) -> Iterator[Finding]:
        own = container["healthCheck"]
        fault = partial(Finding, resource=arn, page=_HEALTH)
        environment = {variable["name"]: variable["value"] for variable in container.get("environment", [])}
        mapped = {str(mapping["containerPort"]) for mapping in container.get("portMappings", [])}
        for name, value in environment.items():
            own_port = _PORT_VARIABLES.match(name) and not _FOREIGN_PORTS.search(name)
            if own_port and value.isdigit() and value not in mapped:
                yield Finding(
                    resource=arn,
                    expected=f"{name} = {port}, the port that requests go to",
                    found=f"{name} = {value}",
                    why="A program that listens where its environment says is asked where it does not: no deployment completes.",
                    change="Use one variable for the container port.",
                    page=TARGETS_PAGE,
                )
        for written in _urls(own["command"]):
            url = _VARIABLE.sub(lambda match: environment.get(match[1] or match[2], match[0]), written)
            parts = urlsplit(url)
            try:
                health_port = parts.port or (443 if parts.scheme == "https" else 80)
            except ValueError:
                # A port that only the running container knows, such as ${PORT} set by its image.
                health_port = port
            if parts.scheme != group.get("Protocol", parts.scheme.upper()).lower():
                yield Finding(
                    resource=group["TargetGroupArn"],
                    expected=f"the protocol that the container's own check speaks, {parts.scheme.upper()}",
                    found=f"the target group sends {group['Protocol']}",
                    why="The application is spoken to in a protocol that it does not answer in: every target is unhealthy, and"
                    " every request ends in 502.",
                    change=f'protocol = "{parts.scheme.upper()}" in the target group, or a container check of the same.',
                    page=TARGETS_PAGE,
                )
            if health_port != port:
                yield fault(
                    expected=f"a container check that asks port {port}",
                    found=f"it asks {url}",
                    why="The container's own check judges something else than what the load balancer sends requests to.",
                    change="Derive both from one variable.",
                )
            if group.get("HealthCheckPath") and (parts.path or "/") != urlsplit(group["HealthCheckPath"]).path:
                yield fault(
                    expected=f"a container check of {group['HealthCheckPath']}, as the target group has it",
                    found=f"it asks {url}",
                    why="Two definitions of healthy: a task can be killed by one check while the other is content.",
                    change="Derive both from one variable.",
                )
        if own.get("retries", 3) < 2:
            yield fault(
                expected="at least two failed checks before a container counts as unhealthy",
                found=f"retries {own['retries']}",
                why="One slow answer, as during a collection of garbage, and a task that serves is stopped.",
                change="healthCheck = { retries = 3, … }",
            )
        if own.get("timeout", 5) >= own.get("interval", 30):
            yield fault(
                expected="a container check whose timeout is shorter than its interval",
                found=f"timeout {own.get('timeout', 5)} s, interval {own.get('interval', 30)} s",
                why="The next check begins before the last one has been given up: a slow start looks like a failure.",
                change="healthCheck = { interval = 30, timeout = 5, … }",
            )

    @check
    def health_is_decided_in_time(self, *, within: int = 180) -> Iterator[Finding]:
        """A target is unhealthy within these seconds of its first failed check, and healthy within these of a passed one.

        A container is unhealthy by its own check within these seconds, too.
        """
        yield from self._containers_in_time(within)
        for _, group in self._some(self._groups(), "a target group", page=TARGETS_PAGE):
            interval = group["HealthCheckIntervalSeconds"]
            for count, times, state in (
                ("UnhealthyThresholdCount", group.get("UnhealthyThresholdCount", 2), "unhealthy"),
                ("HealthyThresholdCount", group.get("HealthyThresholdCount", 2), "healthy"),
            ):
                seconds = interval * times
                if seconds > within:
                    yield Finding(
                        resource=group["TargetGroupArn"],
                        expected=f"a target counts as {state} within {within} s",
                        found=f"{group.get(count, 2)} checks, {interval} s apart: {seconds} s",
                        why="Requests go on to a target that no longer answers."
                        if state == "unhealthy"
                        else "Each deployment waits for it, for each batch of tasks.",
                        change="health_check { interval = 30, healthy_threshold = 2, unhealthy_threshold = 3 }",
                        page=TARGETS_PAGE,
                    )

    def _containers_in_time(self, within: int) -> Iterator[Finding]:
        definition = self._definition()
        for container in definition["containerDefinitions"]:
            own = container.get("healthCheck")
            if own is None:
                continue
            interval, retries = own.get("interval", 30), own.get("retries", 3)
            if interval * retries > within:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"container {container['name']} counts as unhealthy within {within} s",
                    found=f"{retries} checks, {interval} s apart: {interval * retries} s",
                    why="A hung container stays for so long, and a deployment waits for the verdict on each of its tasks.",
                    change="healthCheck = { interval = 30, retries = 3, … }",
                    page=_HEALTH,
                )

    @check
    def slow_starts_are_forgiven(self) -> Iterator[Finding]:
        """Failed checks of a starting task do not count, by the container's start period and the service's grace period."""
        service, definition = self._describe(), self._definition()
        periods = {
            container["name"]: container["healthCheck"].get("startPeriod", 0)
            for container in definition["containerDefinitions"]
            if container.get("healthCheck")
        }
        for name, seconds in periods.items():
            if seconds <= 0:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"a start period of container {name}",
                    found="none",
                    why="Checks that fail before the application listens count: a slow day of a dependency, and a good revision is"
                    " stopped and rolled back.",
                    change="healthCheck = { startPeriod = 60, … }",
                    page=_HEALTH,
                )
        grace, needed = service.get("healthCheckGracePeriodSeconds") or 0, max(periods.values(), default=1)
        if service.get("loadBalancers") and grace < max(needed, 1):
            yield Finding(
                resource=service["serviceArn"],
                expected=f"a grace period of at least {max(needed, 1)} s, the time that a container is given to start",
                found=f"healthCheckGracePeriodSeconds {grace}",
                why="The load balancer's verdict on a task counts before the container's own start period has ended: ECS stops what"
                " is still starting, and starts it again.",
                change="health_check_grace_period_seconds = 60",
                page=_GRACE,
            )

    @check
    def finishes_requests_before_it_stops(self, *, at_least: int = 5) -> Iterator[Finding]:
        """A leaving task keeps its open requests for at least these seconds."""
        for _, group in self._some(self._groups(), "a target group", page=TARGETS_PAGE):
            arn = group["TargetGroupArn"]
            attributes = self.aws("elbv2").describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
            delay = {a["Key"]: a["Value"] for a in attributes}.get("deregistration_delay.timeout_seconds", "300")
            if float(delay) < at_least:
                yield Finding(
                    resource=arn,
                    expected=f"a deregistration delay of at least {at_least} s",
                    found=f"{delay} s",
                    why="Requests that are open when a task leaves are cut off: users see errors with each deployment.",
                    change="deregistration_delay = 30",
                    page=_DRAINING,
                )

    @check
    def health_check_is_in_the_image(self, dockerfile: str) -> Iterator[Finding]:
        """The program that each container's health check runs is copied or installed by this Dockerfile.

        The check reports a program whose name is not in the Dockerfile. Only a run shows that a named program works.
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


def _urls(command: list[str]) -> list[str]:
    """URLs that a health check's command requests."""
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
    """Return a Dockerfile's instructions without comments and HEALTHCHECK, which ECS ignores."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*$", "", dockerfile))
    return [line for line in joined.splitlines() if not line.lstrip().upper().startswith("HEALTHCHECK")]
