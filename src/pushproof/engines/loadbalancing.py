"""Decisions of an Application Load Balancer about one request, as pure functions.

The data plane (`pushproof.emulator.runtime.loadbalancer`) describes a request as `HttpRequest`. `matching_rule` selects the
rule; `redirect_location`, `choose_target_group`, `eligible` and the header functions carry it out. Times and random numbers
are arguments; no function here reads a clock or opens a socket.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html ,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html ,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html .
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from pushproof.base import expressions


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as a listener sees it.

    `protocol` is `HTTP` or `HTTPS`, `port` the listener's port, `host` the Host header without its port, `path` the
    path as sent (percent-encoded), `query` the raw query without `?`, `headers` name and value pairs in order.
    """

    protocol: str
    method: str
    host: str
    port: int
    path: str
    query: str
    source_ip: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HostHeader:
    """Any pattern matches the host name, ignoring case; `regexes` are searched for in it."""

    values: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PathPattern:
    """Any pattern matches the path, with regard to case and without the query."""

    values: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpHeader:
    """Any pattern matches any value of the named header, ignoring case."""

    name: str
    values: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpRequestMethod:
    """The method is one of these, exactly."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueryString:
    """Any pair of key pattern (None for any key) and value pattern matches a parameter, ignoring case."""

    pairs: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True, slots=True)
class SourceIp:
    """The connection's source address lies in one of these CIDR blocks (never X-Forwarded-For)."""

    cidrs: tuple[str, ...]


Condition = HostHeader | PathPattern | HttpHeader | HttpRequestMethod | QueryString | SourceIp


@dataclass(frozen=True, slots=True)
class WeightedTargetGroup:
    """A target group of a forward action and its share (0-999)."""

    arn: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Forward:
    """Send the request to one of the groups; `stickiness_seconds` keeps a client with its group."""

    target_groups: tuple[WeightedTargetGroup, ...]
    stickiness_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with a Location built from these parts; the defaults keep what the request had."""

    status_code: int
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


@dataclass(frozen=True, slots=True)
class FixedResponse:
    """Answer from the load balancer itself."""

    status_code: int
    content_type: str = "text/plain"
    body: str = ""


Action = Forward | Redirect | FixedResponse


@dataclass(frozen=True, slots=True)
class Rule:
    """A listener rule: all conditions must hold. `priority` None is the default rule, which has none."""

    arn: str
    priority: int | None
    conditions: tuple[Condition, ...]
    action: Action


class NoRuleError(ValueError):
    """The rules lack a default rule, so that a request can match none of them."""


def matching_rule(rules: Iterable[Rule], request: HttpRequest) -> Rule:
    """The rule that takes the request: lowest priority number first, the default rule last.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html

    Raises:
        NoRuleError: no rule matched and no default rule was among them.
    """
    default: Rule | None = None
    for rule in in_order(rules):
        if rule.priority is None:
            default = rule
        elif all(holds(condition, request) for condition in rule.conditions):
            return rule
    if default is None:
        raise NoRuleError("no rule matched and there is no default rule: a listener always has one, pass it too")
    return default


def in_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules in the order they are evaluated."""
    return tuple(sorted(rules, key=lambda rule: (rule.priority is None, rule.priority or 0)))


def holds(condition: Condition, request: HttpRequest) -> bool:
    """Return whether this condition holds for the request."""
    match condition:
        case HostHeader(values, regexes):
            return _any(values, regexes, (request.host,), ignore_case=True)
        case PathPattern(values, regexes):
            return _any(values, regexes, (request.path,), ignore_case=False)
        case HttpHeader(name, values, regexes):
            headers = tuple(value for key, value in request.headers if key.lower() == name.lower())
            return _any(values, regexes, headers, ignore_case=True)
        case HttpRequestMethod(values):
            return request.method in values
        case QueryString(pairs):
            parameters = _parameters(request.query)
            return any(
                (key is None or matches(key, name, ignore_case=True)) and matches(value, content, ignore_case=True)
                for key, value in pairs
                for name, content in parameters
            )
        case SourceIp(cidrs):
            return any(_contains(cidr, request.source_ip) for cidr in cidrs)


def matches(pattern: str, text: str, *, ignore_case: bool) -> bool:
    """Return whether the whole text matches the pattern: `*` is any run, `?` exactly one character, a backslash quotes either.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
    """
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


def redirect_location(redirect: Redirect, request: HttpRequest) -> str:
    """The Location header of a redirect. The port is always written out, as the load balancer does.

    `#{path}` is the path without its leading slash.
    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
    """
    keywords = {
        "#{protocol}": request.protocol.lower(),
        "#{host}": request.host,
        "#{port}": str(request.port),
        "#{path}": request.path.removeprefix("/"),
        "#{query}": request.query,
    }

    def filled(template: str) -> str:
        return re.sub(r"#\{(?:protocol|host|port|path|query)\}", lambda match: keywords[match.group()], template)

    query = filled(redirect.query)
    return (
        f"{filled(redirect.protocol).lower()}://{filled(redirect.host)}:{filled(redirect.port)}{filled(redirect.path)}"
        + (f"?{query}" if query else "")
    )


def choose_target_group(groups: Sequence[WeightedTargetGroup], draw: float) -> str | None:
    """The group a request goes to; `draw` is uniform in [0, 1). None when every weight is zero.

    Health plays no part: a group without healthy targets keeps its share.
    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html
    """
    total = sum(group.weight for group in groups)
    point = draw * total
    for group in groups:
        point -= group.weight
        if point < 0:
            return group.arn
    return None


T = TypeVar("T")


def eligible(targets: Iterable[tuple[T, str]]) -> tuple[T, ...]:
    """Return the targets that may receive a new request, from pairs of target and target-health state.

    Healthy targets; when there is none, the group fails open to every registered one. Draining and unused targets
    receive nothing new. Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    registered = [
        (target, state) for target, state in targets if state in ("healthy", "initial", "unhealthy", "unavailable")
    ]
    healthy = tuple(target for target, state in registered if state == "healthy")
    return healthy or tuple(target for target, _ in registered)


def trace_id(incoming: str | None, at: float, unique: str) -> str:
    """X-Amzn-Trace-Id for the target: a new Root, or a Self beside the Root that came in.

    `at` is seconds since the epoch, `unique` 24 hexadecimal digits.
    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
    """
    own = f"1-{int(at):08x}-{unique}"
    if not incoming:
        return f"Root={own}"
    fields = [field.strip() for field in incoming.split(";") if field.strip()]
    if any(field.startswith("Root=") for field in fields):
        others = [field for field in fields if not field.startswith("Self=")]
        return ";".join([f"Self={own}", *others])
    return ";".join([f"Root={own}", *fields])


def certificate_for(server_name: str | None, names: Sequence[Sequence[str]]) -> int:
    """Index of the certificate to present for a TLS server name; the first is the listener's default.

    An exact name wins over a wildcard, which matches one label.
    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
    """
    if server_name:
        exact = server_name.rstrip(".").lower()
        wildcard = "*." + exact.partition(".")[2]
        for candidate in (exact, wildcard):
            for index, own in enumerate(names):
                if candidate in (name.lower() for name in own):
                    return index
    return 0


def _any(values: Sequence[str], regexes: Sequence[str], texts: Sequence[str], *, ignore_case: bool) -> bool:
    return any(matches(value, text, ignore_case=ignore_case) for value in values for text in texts) or any(
        expressions.compiled(regex, ignore_case=ignore_case).is_in(text) for regex in regexes for text in texts
    )


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    # Literal stretches between runs. Their leftmost places are as good as any, so no place is tried twice.
    stretches, literal = [""], False
    for character in pattern:
        if literal:
            stretches[-1] += re.escape(character)
            literal = False
        elif character == "\\":
            literal = True
        elif character == "*":
            stretches.append("")
        else:
            stretches[-1] += "." if character == "?" else re.escape(character)
    if literal:
        stretches[-1] += re.escape("\\")
    first, *others = stretches
    expression = first
    if others:
        expression += "".join(f"(?>.*?{stretch})" for stretch in others[:-1] if stretch) + f".*{others[-1]}"
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _parameters(query: str) -> list[tuple[str, str]]:
    # The rule sees the query as sent: nothing is percent-decoded.
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(name, value) for name, _, value in pairs]


def _contains(cidr: str, address: str) -> bool:
    ip = ipaddress.ip_address(address)
    network = ipaddress.ip_network(cidr, strict=False)
    return ip.version == network.version and ip in network
