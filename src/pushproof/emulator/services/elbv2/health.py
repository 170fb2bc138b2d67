"""Targets of a group over time: registered, probed, draining, gone; and the subscribers to their changes.

The engine decides (`engines/deployment/target_health.py`); this module has its timers, its probes and its subscribers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushproof.base.clock import start_room
from pushproof.emulator.kernel.loop import Outcome
from pushproof.emulator.kernel.tasks import HttpProbe, TargetProber
from pushproof.emulator.services.elbv2.model import PathAnswer, RegisteredTarget, TargetGroup
from pushproof.emulator.services.elbv2.paths import TargetPaths
from pushproof.engines.deployment.target_health import (
    Matcher,
    Probe,
    TargetCheck,
    TargetHealth,
    target_deregistered,
    target_probed,
    target_registered,
    target_unused,
)

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)

# (target id, port, state, reason code); state `unused` with Target.NotRegistered when the target is gone.
Subscriber = Callable[[str, int, str, str], None]


@dataclass(frozen=True, slots=True)
class _Checked:
    """The outcome of one check: the path, and the target's answer."""

    path: PathAnswer | None
    answer: HttpProbe

    @property
    def blocked(self) -> bool:
        return self.path is not None and self.path.refusal is not None


class HealthMonitor:
    """The health of every target. It calls `changed` whenever a group's targets, their states or their paths change."""

    def __init__(
        self, site: Site, prober: TargetProber, changed: Callable[[TargetGroup], None], paths: TargetPaths
    ) -> None:
        self._site = site
        self._prober = prober
        self._changed = changed
        self._paths = paths
        self._reviewing = threading.Event()
        self._subscribers: dict[str, list[Subscriber]] = {}
        self._closed = False

    def subscribe(self, target_group_arn: str, callback: Subscriber) -> Callable[[], None]:
        """Call `callback` at every change of state in a group. Return a function that ends this."""
        self._subscribers.setdefault(target_group_arn, []).append(callback)

        def end() -> None:
            if callback in self._subscribers.get(target_group_arn, []):
                self._subscribers[target_group_arn].remove(callback)

        return end

    def register(
        self, group: TargetGroup, target_id: str, port: int, address: str, *, zone: str | None, in_use: bool
    ) -> None:
        """Add a target. A registered target stays as it is, unless it is draining or has moved."""
        current = group.targets.get((target_id, port))
        if current is not None:
            if current.health.state not in ("draining", "unhealthy.draining") and current.address == address:
                return
            _stop(current)
        now = self._site.clock.now()
        health = target_registered(now) if in_use else target_unused()
        target = RegisteredTarget(target_id, port, address, health, zone, since=now)
        group.targets[target.key] = target
        self._tell(group, target)
        if in_use:
            self._probe_at(group, target, now)

    def deregister(self, group: TargetGroup, target: RegisteredTarget) -> None:
        """Begin to drain a target; it leaves the group when its delay is over (at once where nothing used the group)."""
        if target.health.state in ("draining", "unhealthy.draining"):
            return
        _stop(target)
        if target.health.state == "unused":
            self._gone(group, target)
            return
        delay = float(group.attributes["deregistration_delay.timeout_seconds"])
        now = self._site.clock.now()
        self._set(group, target, target_deregistered(target.health, now, delay))
        target.timer = self._site.loop.call_at(
            now + delay, lambda: self._gone(group, target), name=f"drain {group.name} {target.id}:{target.port}"
        )

    def put_to_use(self, group: TargetGroup) -> None:
        """Begin to check a group's targets, now that a listener forwards to it."""
        now = self._site.clock.now()
        for target in list(group.targets.values()):
            if target.health.state == "unused":
                target.since = now
                self._set(group, target, target_registered(now))
                self._probe_at(group, target, now)

    def put_out_of_use(self, group: TargetGroup) -> None:
        """End a group's checks, and let draining targets leave, now that no listener forwards to it."""
        for target in list(group.targets.values()):
            _stop(target)
            if target.health.state in ("draining", "unhealthy.draining"):
                self._gone(group, target)
            else:
                self._set(group, target, target_unused())

    def forget(self, group: TargetGroup) -> None:
        """Remove a deleted group."""
        for target in group.targets.values():
            _stop(target)
        self._subscribers.pop(group.arn, None)

    def review_paths(self, groups: Callable[[], list[TargetGroup]]) -> None:
        """Judge the paths to all targets anew, soon: the network has changed. Requests notice it before the next check does."""
        if self._closed or self._reviewing.is_set():
            return
        self._reviewing.set()

        def review() -> None:
            self._reviewing.clear()
            for group in groups():
                for target in group.targets.values():
                    if target.path is not None:
                        self._review(group, target)

        self._site.loop.call_soon(review, name="review of network paths")

    def _review(self, group: TargetGroup, target: RegisteredTarget) -> None:
        question, known = self._paths.question(group, target, _check_port(group, target)), target.path

        def done(outcome: Outcome[PathAnswer | None]) -> None:
            if outcome.error is None and group.targets.get(target.key) is target and target.path is known:
                self._set_path(group, target, outcome.value)

        name = f"path {group.name} {target.id}:{target.port}"
        self._site.loop.submit(lambda: self._paths.answer(question, known), done, name=name)

    def _set_path(self, group: TargetGroup, target: RegisteredTarget, path: PathAnswer | None) -> None:
        before = target.refusal
        target.path = path
        if target.refusal != before:
            self._changed(group)

    def close(self) -> None:
        """Stop all probes."""
        self._closed = True

    def _gone(self, group: TargetGroup, target: RegisteredTarget) -> None:
        if group.targets.get(target.key) is target:
            del group.targets[target.key]
            target.health = target_unused("Target.NotRegistered")
            self._tell(group, target)

    def _probe_at(self, group: TargetGroup, target: RegisteredTarget, when: float) -> None:
        target.timer = self._site.loop.call_at(
            when, lambda: self._probe(group, target), name=f"check {group.name} {target.id}:{target.port}"
        )

    def _probe(self, group: TargetGroup, target: RegisteredTarget) -> None:
        if self._closed:
            return
        prober = self._prober
        port = _check_port(group, target)
        started = self._site.clock.now()
        address, path, protocol, timeout = target.address, group.check_path, group.check_protocol, group.check_timeout
        question, known = self._paths.question(group, target, port), target.path

        def work() -> _Checked:
            judged = self._paths.answer(question, known)
            if judged is not None and judged.refusal is not None:
                # Security groups and network ACLs drop packets: nothing comes back, not even a refusal.
                return _Checked(judged, HttpProbe(None, "timeout"))
            return _Checked(judged, prober.probe(address, port, path=path, protocol=protocol, timeout=timeout))

        def done(outcome: Outcome[_Checked]) -> None:
            # If the target was deregistered, replaced or retired meanwhile, the result does not matter.
            if self._closed or group.targets.get(target.key) is not target or target.timer is not timer:
                return
            if outcome.error is not None:
                log.error("the health check of %s:%d failed inside: %r", target.id, port, outcome.error)
            checked = outcome.value or _Checked(known, HttpProbe(None, "error"))
            answer = checked.answer
            self._set_path(group, target, checked.path)
            if not checked.blocked and self._starts(group, target, answer):
                self._probe_at(group, target, started + group.check_interval)
                return
            probe = Probe(answer.status, timed_out=answer.error == "timeout", accepted=answer.accepted)
            after = target_probed(check(group), target.health, started, probe)
            self._set(group, target, after)
            self._probe_at(group, target, after.next_check_at or started + group.check_interval)

        timer = target.timer
        self._site.loop.submit(work, done, name=f"check {group.name} {target.id}:{target.port}")

    def _starts(self, group: TargetGroup, target: RegisteredTarget, probe: HttpProbe) -> bool:
        """Return whether nothing listens yet, in the time that a program takes to start however fast the clock runs."""
        if probe.status is not None or probe.accepted or target.health.state != "initial":
            return False
        clock, patience = self._site.clock, float(group.check_interval * group.unhealthy_threshold)
        return clock.now() < target.since + start_room(clock, patience)

    def _set(self, group: TargetGroup, target: RegisteredTarget, health: TargetHealth) -> None:
        before = target.health
        target.health = health
        if (before.state, before.reason) != (health.state, health.reason):
            self._tell(group, target)

    def _tell(self, group: TargetGroup, target: RegisteredTarget) -> None:
        self._changed(group)
        for subscriber in list(self._subscribers.get(group.arn, ())):
            subscriber(target.id, target.port, target.health.state, target.health.reason)


def _check_port(group: TargetGroup, target: RegisteredTarget) -> int:
    return target.port if group.check_port == "traffic-port" else int(group.check_port)


def check(group: TargetGroup) -> TargetCheck:
    """Convert a group's health check to the engine's form."""
    return TargetCheck(
        Matcher.parse(group.matcher),
        float(group.check_interval),
        float(group.check_timeout),
        group.healthy_threshold,
        group.unhealthy_threshold,
    )


def _stop(target: RegisteredTarget) -> None:
    if target.timer is not None:
        target.timer.cancel()
    target.timer = None
