"""Discovery of the entrance: the listener and rule that forward to a service's target group, and requests that satisfy them.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pushproof.drill.delivery import Entrance
from pushproof.drill.discovery.choices import Choices

if TYPE_CHECKING:
    from pushproof.drill.discovery.shapes import Listener, LoadBalancer, Rule, RuleAction, RuleCondition, TargetGroup

#: Protocols of a Network Load Balancer's listeners.
NETWORK = ("TCP", "TLS", "UDP", "TCP_UDP")
#: Protocols of listeners that speak TLS.
_TLS = ("HTTPS", "TLS")
_USUAL = (80, 443)


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener and one of its rules. `rule` is as DescribeRules shows it."""

    listener: Listener
    rule: Rule

    @property
    def tls(self) -> bool:
        """True for a listener that speaks TLS."""
        return self.listener["Protocol"] in _TLS

    def forwards_to(self, group: str) -> bool:
        """Return whether the rule forwards to a target group, given by its ARN, with a weight above zero."""
        return group in set(_forwarded(self.rule.get("Actions", ())))

    def values(self, condition: str) -> list[str]:
        """Return the values of the rule's condition on a field, such as host-header."""
        return [
            value
            for entry in self.rule.get("Conditions", ())
            if entry.get("Field") == condition
            for value in entry.get("Values") or _configured(entry)
        ]

    @property
    def askable(self) -> bool:
        """True when a plain GET can satisfy the rule: its conditions are on host and path alone."""
        return all(c.get("Field") in ("host-header", "path-pattern") for c in self.rule.get("Conditions", ()))


def _configured(condition: RuleCondition) -> list[str]:
    """Return the values of a condition that has them in a configuration of its own."""
    for configuration in (condition.get("HostHeaderConfig"), condition.get("PathPatternConfig")):
        if configuration:
            return list(configuration.get("Values", ()))
    return []


def _forwarded(actions: Sequence[RuleAction]) -> Iterator[str]:
    for action in actions:
        if action.get("Type") == "forward":
            groups = action.get("ForwardConfig", {}).get("TargetGroups", ())
            yield from (str(g["TargetGroupArn"]) for g in groups if g.get("Weight", 1) > 0)
            if not groups and "TargetGroupArn" in action:
                yield str(action["TargetGroupArn"])


def choose_listening(listenings: Sequence[Listening], group: str) -> Listening | None:
    """Return the rule to send requests by: one that forwards to the group, TLS first, a plain GET's rather than another's."""
    fitting = [listening for listening in listenings if listening.forwards_to(group)]
    return min(fitting, key=_preference, default=None)


def _preference(listening: Listening) -> tuple[bool, bool, bool]:
    """Return what makes a listener a worse way for users: a test listener has a port that no browser takes by itself."""
    return not listening.askable, not listening.tls, int(listening.listener.get("Port", 443)) not in _USUAL


def entrance_of(listening: Listening, balancer: LoadBalancer, group: TargetGroup, choices: Choices) -> Entrance:
    """Return the entrance through a listener's rule to a target group."""
    certificates = listening.listener.get("Certificates") or [{}]
    host = next(iter(listening.values("host-header")), "")
    return Entrance(
        dns_name=str(balancer["DNSName"]),
        port=int(listening.listener["Port"]),
        tls=listening.tls,
        host=choices.host or concrete(host),
        paths=choices.paths or tuple(candidate_paths(listening.values("path-pattern"), health_path(group))),
        certificate_arn=str(certificates[0].get("CertificateArn", "")) if listening.tls else "",
        codes=health_codes(group),
        passes_connections=listening.listener["Protocol"] in NETWORK,
    )


def health_path(group: TargetGroup) -> str:
    """Return the path that a target group's health check asks for; "/" where it asks for none."""
    return str(group.get("HealthCheckPath") or "/")


def health_codes(group: TargetGroup) -> str:
    """Return the statuses that a target group takes for healthy, as its matcher writes them; "200" where it has none."""
    matcher = group.get("Matcher", {})
    return str(matcher.get("HttpCode") or matcher.get("GrpcCode") or "200")


def candidate_paths(patterns: Sequence[str], health: str) -> Iterator[str]:
    """Yield paths that satisfy a rule's patterns, best first: the health check's, the same below the pattern, the pattern's own."""
    if not patterns or any(fnmatchcase(health, pattern) for pattern in patterns):
        yield health
        return
    for pattern in patterns:
        prefix = pattern.split("*", 1)[0].split("?", 1)[0]
        if "*" in pattern and fnmatchcase(below := prefix.rstrip("/") + health, pattern):
            yield below
        yield concrete(pattern) or "/"


def concrete(pattern: str) -> str:
    """Return a text that a pattern of a listener's rule matches: "*" becomes "drill" in a host's label and nothing at the end."""
    text = pattern.replace("*.", "drill.", 1) if pattern.startswith("*.") else pattern
    return text.replace("*", "").replace("?", "x")


def accepts(codes: str, status: int) -> bool:
    """Return whether a matcher such as "200,301-302" accepts a status."""
    for part in codes.split(","):
        low, _, high = part.strip().partition("-")
        if low.isdigit() and int(low) <= status <= int(high if high.isdigit() else low):
            return True
    return False
