"""A data plane without sockets, for worlds on a virtual clock: nothing listens, and the scripted runtime answers probes."""

from __future__ import annotations

from collections.abc import Callable

from pushproof.emulator.kernel.balancing import AccessLogEntry, Counted, ListenerSpec, Target, TargetGroupSpec
from pushproof.emulator.kernel.faults import ActiveFaults
from pushproof.emulator.kernel.tasks import HttpProbe, TargetProber
from pushproof.emulator.kernel.traffic import Traffic
from pushproof.emulator.runtime.loadbalancer.groups import Group
from pushproof.engines.loadbalancing import (
    FixedResponse,
    Forward,
    HttpRequest,
    Redirect,
    Rule,
    choose_target_group,
    matching_rule,
)

# The seconds that a load balancer waits for a connection to a target, and for its answer.
_CONNECTING, _WAITING = 10.0, 60.0


class ScriptedLoadBalancer:
    """Keeps its configuration and answers `route`: the rule and the target for a request; `send` also answers it.

    `prober` answers health probes and requests; without one every probe is refused, as if nothing ran.
    """

    def __init__(
        self,
        prober: Callable[[], TargetProber | None] = lambda: None,
        now: Callable[[], float] = float,
        faults: ActiveFaults | None = None,
    ) -> None:
        self._faults = faults or ActiveFaults()
        self._prober = prober
        self._now = now
        self.listeners: dict[str, ListenerSpec] = {}
        self.groups: dict[str, Group] = {}
        self._log: list[AccessLogEntry] = []
        self._traffic = Traffic()

    def start(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def put_listener(self, spec: ListenerSpec) -> None:
        self.listeners[spec.arn] = spec

    def remove_listener(self, arn: str) -> None:
        self.listeners.pop(arn, None)

    def put_target_group(self, spec: TargetGroupSpec) -> None:
        if spec.arn in self.groups:
            self.groups[spec.arn].update(spec)
        else:
            self.groups[spec.arn] = Group(spec)

    def remove_target_group(self, arn: str) -> None:
        self.groups.pop(arn, None)

    def probe(self, address: str, port: int, *, path: str, protocol: str, timeout: float) -> HttpProbe:
        prober = self._prober()
        if prober is None:
            return HttpProbe(None, "refused")
        return prober.probe(address, port, path=path, protocol=protocol, timeout=timeout)

    def access_log(self, accepts: Callable[[AccessLogEntry], bool] | None = None) -> list[AccessLogEntry]:
        """Return the requests that `send` sent, oldest first."""
        return [entry for entry in self._log if accepts is None or accepts(entry)]

    def traffic(self, until: float) -> list[Counted]:
        """Return the requests that `send` sent in the minutes that are over at `until`, once."""
        return self._traffic.take(until)

    def route(self, address: str, port: int, request: HttpRequest, draw: float = 0.0) -> tuple[Rule, Target | None]:
        """Return the rule for a request, and the next target of the group that `draw`, in [0, 1), chooses by weight.

        Raises LookupError if nothing listens there.
        """
        rule, _, target = self._route(address, port, request, draw)
        return rule, target

    def send(self, address: str, port: int, request: HttpRequest, draw: float = 0.0) -> AccessLogEntry:
        """Answer a request as `route` says, by the target's script, and log it.

        Raises LookupError if nothing listens there, and ConnectionError if a fault takes the node.
        """
        spec = self._listening(address, port)
        if self._faults.node_is_lost(spec.zones):
            raise ConnectionError(f"the node of the load balancer that {address}:{port} is reached by is lost")
        rule, group, target = self._route(address, port, request, draw)
        answer = HttpProbe(None, "refused")
        delay = 0.0
        blocked = target is not None and target.refusal is not None
        if target is not None and not blocked:
            answer, delay = self._served(target, request)
        forwards = isinstance(rule.action, Forward)
        own = 503 if target is None else 504 if blocked or answer.error == "timeout" else 502
        if isinstance(rule.action, FixedResponse | Redirect):
            own = rule.action.status_code
        entry = AccessLogEntry(
            at=self._now(),
            listener=self._listening(address, port).arn,
            client=request.source_ip,
            method=request.method,
            host=request.host,
            path=request.path,
            status=answer.status if answer.status is not None else own,
            target_group=group,
            target=target.key if target is not None else None,
            target_status=answer.status,
            duration=0.01 + delay,
            trace_id="",
            error=(target.refusal if target is not None and blocked else answer.error) if forwards else None,
        )
        self._log.append(entry)
        self._traffic.add(entry)
        return entry

    def _served(self, target: Target, request: HttpRequest) -> tuple[HttpProbe, float]:
        """Return a target's answer to a request, and the seconds by which a fault delays it."""
        condition = self._faults.condition(target.address, target.address_port)
        if not condition.reachable:
            return HttpProbe(None, "timeout"), _CONNECTING
        if condition.drops:
            return HttpProbe(None, "reset"), 0.0
        if condition.delay > _WAITING:
            return HttpProbe(None, "timeout"), _WAITING
        answer = self.probe(target.address, target.address_port, path=request.path, protocol="HTTP", timeout=_WAITING)
        return answer, condition.delay

    def _listening(self, address: str, port: int) -> ListenerSpec:
        for spec in self.listeners.values():
            if (spec.address, spec.port) == (address, port):
                return spec
        raise LookupError(f"nothing listens on {address}:{port}; listeners: {sorted(self.listeners) or 'none'}")

    def _route(
        self, address: str, port: int, request: HttpRequest, draw: float
    ) -> tuple[Rule, str | None, Target | None]:
        rule = matching_rule(self._listening(address, port).rules, request)
        if not isinstance(rule.action, Forward):
            return rule, None, None
        arn = choose_target_group(rule.action.target_groups, draw)
        group = self.groups.get(arn) if arn is not None else None
        return rule, arn, group.choose() if group is not None else None
