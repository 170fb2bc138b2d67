"""The proxy of ECS Service Connect in a task's network namespace: HAProxy, in the place of the Envoy that AWS runs there.

As on AWS, a name of an endpoint is in /etc/hosts with an address from 127.255.0.0/16, on which the proxy listens. It tries another
task after a failed connection, twice at most, and leaves out a task after five failures in a row, for 30 seconds of AWS time.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
https://docs.haproxy.org/2.6/configuration.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pushproof.emulator.kernel.tasks import Upstream

PACKAGE = "haproxy"
# Failures in a row, and the seconds for which a task is left out then.
_FAILURES, _EJECTION = 5, 30.0
_CONNECT_SECONDS = 5.0
_RETRIES = 2
_HEAD = """\
global
    user nobody
    group nogroup
    maxconn 2000
    hard-stop-after 30s
defaults
    balance roundrobin
    retries {retries}
    option redispatch 1
    timeout connect {connect}
    timeout queue {connect}
    timeout tunnel 1h
"""
# The words of the proxy on AWS, where it finds nobody.
_HTTP = """\
    mode http
    retry-on conn-failure empty-response
    http-error status 503 content-type text/plain string "no healthy upstream"
    http-error status 504 content-type text/plain string "upstream request timeout"
"""


def loopback_addresses(upstreams: Iterable[Upstream]) -> dict[str, str]:
    """Return the address of each endpoint's name, in the order of the names."""
    names = sorted({upstream.name for upstream in upstreams})
    return {name: f"127.255.{number // 254}.{number % 254 + 1}" for number, name in enumerate(names)}


def configuration(
    upstreams: Sequence[Upstream], forwards: Sequence[tuple[int, int]], limit: Callable[[float], float]
) -> str:
    """Return HAProxy's configuration; "" where there is nothing to do.

    `forwards`: ports on which the task itself is reached, with the container ports behind them. `limit` turns AWS seconds
    into those of real work.
    """
    if not upstreams and not forwards:
        return ""
    addresses = loopback_addresses(upstreams)
    parts = [_HEAD.format(retries=_RETRIES, connect=_time(limit(_CONNECT_SECONDS)))]
    parts += [_listen(number, addresses[each.name], each, limit) for number, each in enumerate(upstreams)]
    for port, container in forwards:
        parts.append(
            f"listen forward-{port}\n    mode tcp\n    bind *:{port}\n    timeout client 1h\n    timeout server 1h\n"
            f"    server own 127.0.0.1:{container}\n"
        )
    return "".join(parts)


def _listen(number: int, address: str, upstream: Upstream, limit: Callable[[float], float]) -> str:
    http = upstream.protocol != "tcp"
    proto = " proto h2" if upstream.protocol in ("http2", "grpc") else ""
    idle = _time(limit(upstream.idle_seconds)) if upstream.idle_seconds else "24d"
    request = _time(limit(upstream.request_seconds)) if upstream.request_seconds else idle
    observed = "layer7" if http else "layer4"
    # HAProxy looks at a task by itself only to take it back: on AWS, ECS says which tasks there are.
    checked = (
        f"check inter 24d downinter {_time(limit(_EJECTION))} rise 1 fall 1 observe {observed} "
        f"error-limit {_FAILURES} on-error mark-down"
    )
    lines = [
        f"listen endpoint-{number}",
        f"    bind {address}:{upstream.port}{proto}",
        f"    timeout client {idle}",
        f"    timeout server {request}",
    ]
    lines += [*_HTTP.rstrip().splitlines(), f"    timeout http-keep-alive {idle}"] if http else ["    mode tcp"]
    lines += [
        f"    server task-{position} {target}:{port}{proto} {checked}"
        for position, (target, port) in enumerate(upstream.targets)
    ]
    return "\n".join(lines) + "\n"


def _time(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
