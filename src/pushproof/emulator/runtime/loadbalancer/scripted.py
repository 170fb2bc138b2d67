"""A data plane without sockets, for worlds on a virtual clock: nothing listens, and the scripted runtime answers probes."""

from __future__ import annotations

from collections.abc import Callable

from pushproof.emulator.kernel.balancing import AccessLogEntry, ListenerSpec, Target, TargetGroupSpec
from pushproof.emulator.kernel.tasks import HttpProbe, TargetProber
from pushproof.emulator.runtime.loadbalancer.groups import Group
from pushproof.engines.loadbalancing import FixedResponse, Forward, HttpRequest, Redirect, Rule, matching_rule


class ScriptedLoadBalancer:
    """Keeps its configuration and answers `route`: the rule and the target for a request.

    `prober` answers health probes; without one every probe is refused, as if nothing ran.
    """

    def __init__(self, prober: Callable[[], TargetProber | None] = lambda: None) -> None:
        self._prober = prober
        self.listeners: dict[str, ListenerSpec] = {}
        self.groups: dict[str, Group] = {}

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
        """Return an empty list: no request ever passes here."""
        return []

    def route(self, address: str, port: int, request: HttpRequest) -> tuple[Rule, Target | None]:
        """Return the rule for a request, and the next target of the (first weighted) group it forwards to.

        Raises LookupError if nothing listens there.
        """
        for spec in self.listeners.values():
            if (spec.address, spec.port) == (address, port):
                rule = matching_rule(spec.rules, request)
                return rule, self._target(rule.action)
        raise LookupError(f"nothing listens on {address}:{port}; listeners: {sorted(self.listeners) or 'none'}")

    def _target(self, action: Forward | Redirect | FixedResponse) -> Target | None:
        if not isinstance(action, Forward):
            return None
        for weighted in action.target_groups:
            if weighted.weight and weighted.arn in self.groups:
                return self.groups[weighted.arn].choose()
        return None
