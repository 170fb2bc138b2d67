"""The course of a strategy: its stages in order, with the traffic that each leaves behind.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
"""

from __future__ import annotations

from dataclasses import dataclass

from .strategy import ALL, Stage, Strategy


@dataclass(frozen=True, slots=True)
class Moment:
    """One stage, or one step of a stage. `production` and `test` are the new revision's weights that it shifts to, if it does.

    `bake` is the time, in seconds, for which nothing else happens at its end.
    """

    stage: Stage
    production: int | None = None
    test: int | None = None
    bake: float = 0.0


def course(strategy: Strategy, *, reconcile: bool, source: bool, at_once: bool) -> tuple[Moment, ...]:
    """Return the stages of a deployment.

    `reconcile`: other revisions than one are active at its start. `source`: there is a previous revision; without one, and with
    `at_once`, production traffic shifts in one step.
    """
    first = (Moment("RECONCILE_SERVICE", production=0, test=0),) if reconcile else ()
    if strategy.name == "ROLLING":
        return first
    steps = strategy.steps() if source or not at_once else (ALL,)
    shifts: list[Moment] = []
    for weight in steps:
        bake = 60.0 * strategy.step_bake_minutes if weight < ALL else 0.0
        shifts += [
            Moment("PRE_PRODUCTION_TRAFFIC_SHIFT"),
            Moment("PRODUCTION_TRAFFIC_SHIFT", production=weight, bake=bake),
        ]
    return (
        *first,
        Moment("PRE_SCALE_UP"),
        Moment("SCALE_UP"),
        Moment("POST_SCALE_UP"),
        Moment("TEST_TRAFFIC_SHIFT", test=ALL),
        Moment("POST_TEST_TRAFFIC_SHIFT"),
        *shifts,
        Moment("POST_PRODUCTION_TRAFFIC_SHIFT"),
        Moment("BAKE_TIME", bake=60.0 * strategy.bake_minutes),
        Moment("CLEAN_UP"),
    )


def way_back(*, production: int, test: int, restored: bool) -> tuple[Moment, ...]:
    """Return the stages of a rollback: the shifts that were made are undone, production first.

    `restored`: the previous revision had begun to go, and comes up again before it gets traffic.
    """
    moments: list[Moment] = [Moment("SCALE_UP")] if restored else []
    if production:
        moments.append(Moment("PRODUCTION_TRAFFIC_SHIFT", production=0))
    if test:
        moments.append(Moment("TEST_TRAFFIC_SHIFT", test=0))
    return (*moments, Moment("CLEAN_UP"))
