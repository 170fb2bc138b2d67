"""Deployments that shift traffic between two revisions, and their way back.

A rollout goes through its stages one by one. In each it shifts traffic, runs hooks, and waits for tasks or for the bake time.
A failure turns it round: the previous revision gets all traffic before the new one stops.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
"""

from __future__ import annotations

from dataclasses import replace

from . import wording
from .exchange import CheckListeners, ListenersChecked, ShiftObservation, ShiftTraffic, TrafficShifted
from .hooking import Hooking
from .outcomes import BREAKER, Cause
from .stages import Moment, course, way_back
from .state import Deployment, LoadBalancer, Revision, Rollout


class Shifting(Hooking):
    """Rollouts, and the part of the scheduler's answers that depends on them."""

    # Beginnings and ends --------------------------------------------------------------------------------------

    def begin(self, revision: Revision) -> None:
        """Begin a deployment on the target groups that the serving revision leaves free."""
        state, before = self.state, self.state.rollout
        strategy = state.configuration.strategy
        if before is not None:
            self.abandon_hooks(before)
            if before.rolling_back and state.completed is None and state.primary.completed_once:
                # The revision that a rollback was restoring is what the next one returns to.
                state.completed = state.primary
            elif before.cleaning and not before.rolling_back:
                # All traffic is on the new revision, and the tasks of the former one have begun to go.
                state.completed = state.primary
        source = state.completed or self._serving()
        used = {balancer.group for balancer in source.revision.load_balancers} if source is not None else set()
        shifts = strategy.name != "ROLLING"
        revision = replace(
            revision, load_balancers=tuple(_side(balancer, used, shifts) for balancer in revision.load_balancers)
        )
        active = [deployment for deployment in state.deployments if deployment.active]
        super().begin(revision)
        left = _ordered(before) if before is not None and before.target_arn != _arn(source) else (0, 0)
        moments = course(
            strategy,
            reconcile=(shifts and len(active) > 1) or any(left),
            source=source is not None,
            at_once=state.settings.first_shifts_at_once,
        )
        state.rollout = None
        if moments:
            state.rollout = Rollout(
                deployment_id=state.primary.id,
                target_arn=revision.arn,
                source_arn=_arn(source),
                strategy=strategy,
                balancers=tuple(
                    balancer for balancer in revision.load_balancers if balancer.alternate_target_group_arn
                ),
                moments=moments,
                started_at=self.now,
                entered_at=self.now,
                # The groups are the same ones: what the last deployment left on them is what this one finds.
                production=left[0],
                test=left[1],
            )
        state.put_record(rollout=state.rollout)

    def fail(self, rollback: bool, reason: str, *, bridge: bool, cause: Cause = BREAKER, status: str = "") -> None:
        """Turn a rollout round, or leave it where it is. The first deployment of a service has nothing to return to."""
        state, rollout = self.state, self.state.rollout
        if rollout is None or rollout.rolling_back:
            super().fail(rollback, reason, bridge=bridge, cause=cause, status=status)
            return
        if cause is BREAKER and not status:
            status = wording.BREAKER_STATUS if bridge else reason
        if rollback and state.completed is None:
            status = wording.NO_CANDIDATE
        self.abandon_hooks(rollout)
        super().fail(rollback, reason, bridge=bridge, cause=cause, status=status)
        if state.record.rollback is None:
            rollout.parked = True
            return
        production, test = _ordered(rollout)
        back = replace(
            rollout,
            moments=way_back(production=production, test=test, restored=rollout.cleaning),
            production=production,
            test=test,
            index=0,
            phase="SHIFT",
            waiting_for="",
            bake_until=None,
            entered_at=self.now,
            rolling_back=True,
        )
        state.rollout = back
        state.put_record(rollout=back)

    def _fail_rollout(self, status: str) -> None:
        cause = Cause(status.removesuffix("."), "lifecycle")
        self.fail(True, status, bridge=True, cause=cause, status=status)

    def complete(self, primary: Deployment) -> None:
        super().complete(primary)
        self.state.rollout = None

    def _serving(self) -> Deployment | None:
        """Return the deployment that serves although none has completed."""
        return next((deployment for deployment in self.state.deployments if deployment.active), None)

    # Answers ---------------------------------------------------------------------------------------------------

    def take_shift(self, answer: ShiftObservation) -> None:
        """Apply what the load balancer, or a hook's function, answered."""
        rollout = self.state.rollout
        if rollout is None or rollout.parked or self.state.deleting:
            return
        match answer:
            case ListenersChecked(deployment_arn=arn, problem=problem):
                if rollout.phase != "CHECK" or rollout.waiting_for != arn:
                    return
                rollout.waiting_for = ""
                if problem:
                    self._fail_rollout(problem)
                else:
                    rollout.phase = "HOOKS" if self._hooks_first(rollout) else "SHIFT"
                    self._enter_phase(rollout)
            case TrafficShifted(order=order, problem=problem):
                if not order or rollout.waiting_for != order:
                    return
                rollout.waiting_for = ""
                self._shifted(rollout, problem)
            case _:
                self.take_answer(answer)

    def _shifted(self, rollout: Rollout, problem: str) -> None:
        moment = rollout.moment
        assert moment is not None
        if problem and rollout.rolling_back:
            # The traffic stays where it is: nothing else can be done for it.
            self.state.put_record(
                status="ROLLBACK_FAILED", status_reason=problem, finished_at=self.now, updated_at=self.now
            )
            self.state.primary.rollout_state = "FAILED"
            rollout.parked = True
        elif problem:
            self._fail_rollout(problem)
        elif moment.production is not None and rollout.production != moment.production:
            rollout.production = moment.production
            self._shift(rollout)
        elif moment.test is not None and rollout.test != moment.test:
            rollout.test = moment.test
            self._shift(rollout)

    # The course -------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Go as far through the stages as is possible now."""
        rollout = self.state.rollout
        while rollout is not None and not rollout.over and not rollout.parked:
            if not rollout.rolling_back and self._too_long(rollout):
                rollout = self.state.rollout
                continue
            if not self._step(rollout):
                return
            rollout = self.state.rollout
        if rollout is not None and rollout.over and rollout.strategy.name == "ROLLING" and not rollout.rolling_back:
            self.state.rollout = None

    def _step(self, rollout: Rollout) -> bool:
        """Do the next thing of a stage. Return False if it has to wait."""
        if rollout.waiting_for:
            return False
        match rollout.phase:
            case "CHECK":
                return self._check(rollout)
            case "SHIFT":
                if self._shift(rollout):
                    return False
                self._next_phase(rollout)
            case "HOOKS":
                if not self.hooks_over(rollout):
                    return False
                problem = "" if rollout.rolling_back else self.hooks_problem(rollout)
                if problem:
                    self._fail_rollout(problem)
                else:
                    self._next_phase(rollout)
            case "WORK":
                if not self._worked(rollout):
                    return False
                self._next_moment(rollout)
        return True

    def _check(self, rollout: Rollout) -> bool:
        """Check the listeners once, before the new revision starts."""
        if rollout.stage == "PRE_SCALE_UP" and rollout.balancers and not rollout.rolling_back:
            rollout.waiting_for = self.state.record.arn
            self.decision.actions.append(CheckListeners(rollout.waiting_for, rollout.balancers))
            return False
        rollout.phase = "HOOKS" if self._hooks_first(rollout) else "SHIFT"
        self._enter_phase(rollout)
        return True

    def _hooks_first(self, rollout: Rollout) -> bool:
        return self.state.settings.hooks_before_shift and not rollout.rolling_back

    def _next_phase(self, rollout: Rollout) -> None:
        order = ("HOOKS", "SHIFT", "WORK") if self._hooks_first(rollout) else ("SHIFT", "HOOKS", "WORK")
        rollout.phase = order[order.index(rollout.phase) + 1]  # type: ignore[assignment]
        self._enter_phase(rollout)

    def _enter_phase(self, rollout: Rollout) -> None:
        if rollout.phase == "HOOKS":
            self.start_hooks(rollout)

    def _next_moment(self, rollout: Rollout) -> None:
        rollout.index += 1
        rollout.entered_at, rollout.bake_until = self.now, None
        rollout.phase = "CHECK"
        if rollout.stage == "CLEAN_UP" and not rollout.rolling_back:
            rollout.cleaning = True
            self.state.put_record(**self.monitors_ended())
        self.state.put_record(updated_at=self.now)

    def _shift(self, rollout: Rollout) -> bool:
        """Order the next shift of the stage. Return False if there is none."""
        moment = rollout.moment
        assert moment is not None
        if moment.production is not None and moment.production != rollout.production:
            if rollout.balancers:
                return self._order(rollout, test=False, weight=moment.production)
            rollout.production = moment.production
        if moment.test is not None and moment.test != rollout.test:
            if rollout.tests:
                return self._order(rollout, test=True, weight=moment.test)
            rollout.test = moment.test
        return False

    def _order(self, rollout: Rollout, *, test: bool, weight: int) -> bool:
        rollout.waiting_for = self.state.new_id("shift")
        self.decision.actions.append(ShiftTraffic(rollout.waiting_for, test, weight, rollout.balancers))
        return True

    def _worked(self, rollout: Rollout) -> bool:
        """Return whether the tasks, or the time, that the stage waits for are there."""
        state, moment = self.state, rollout.moment
        assert moment is not None
        match moment.stage:
            case "RECONCILE_SERVICE":
                return not self.leftovers() or rollout.strategy.name == "ROLLING"
            case "SCALE_UP":
                return len(state.primary.groups["HEALTHY"]) == state.desired_count == state.primary.active
            case "CLEAN_UP":
                return not any(any(deployment.groups.values()) for deployment in state.older())
        return self._waited(rollout, moment)

    def _waited(self, rollout: Rollout, moment: Moment) -> bool:
        if rollout.bake_until is None:
            rollout.bake_until = self.now + moment.bake
        if self.now < rollout.bake_until:
            self.wake(rollout.bake_until)
            return False
        return True

    def _too_long(self, rollout: Rollout) -> bool:
        """Fail a deployment that has taken too long, and return whether it did."""
        settings, stage = self.state.settings, rollout.stage
        whole = rollout.started_at + settings.deployment_seconds
        part = rollout.entered_at + settings.stage_seconds
        if self.now >= whole:
            self._fail_rollout(wording.timed_out("the deployment"))
            return True
        if stage in ("RECONCILE_SERVICE", "SCALE_UP") and rollout.phase == "WORK":
            if self.now >= part:
                self._fail_rollout(wording.timed_out(stage))
                return True
            self.wake(part)
        self.wake(whole)
        return False

    # Tasks --------------------------------------------------------------------------------------------------------

    def leftovers(self) -> list[Deployment]:
        """Return the deployments that neither begin nor serve: those that a newer one replaced."""
        rollout = self.state.rollout
        kept = (rollout.source_arn, rollout.target_arn) if rollout is not None else ()
        return [
            deployment
            for deployment in self.state.older()
            if deployment.revision.arn not in kept and any(deployment.groups.values())
        ]

    @property
    def two_sided(self) -> bool:
        """True while a rollout keeps two revisions whole, whatever the percentages say."""
        rollout = self.state.rollout
        if rollout is None or (rollout.strategy.name == "ROLLING" and not rollout.rolling_back):
            return False
        return not rollout.over


def _arn(deployment: Deployment | None) -> str:
    return deployment.revision.arn if deployment is not None else ""


def _ordered(rollout: Rollout) -> tuple[int, int]:
    """Return the weights of production and test traffic, as they are or as an order on its way may make them."""
    production, test, moment = rollout.production, rollout.test, rollout.moment
    if moment is not None and rollout.waiting_for and rollout.phase == "SHIFT":
        if moment.production is not None and moment.production != production:
            production = max(production, moment.production)
        elif moment.test is not None:
            test = max(test, moment.test)
    return production, test


def _side(balancer: LoadBalancer, used: set[str], shifts: bool) -> LoadBalancer:
    """Return a balancer of a new revision: on the other side than the serving one if traffic shifts, else on the same."""
    if not balancer.alternate_target_group_arn:
        return balancer
    if balancer.target_group_arn in used:
        return replace(balancer, alternates=shifts)
    if balancer.alternate_target_group_arn in used:
        return replace(balancer, alternates=not shifts)
    return replace(balancer, alternates=False)
