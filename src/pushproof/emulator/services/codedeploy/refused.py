"""Calls of CodeDeploy that failed, as a deployment reports them."""

from __future__ import annotations

from pushproof.engines.codedeploy import Problem


class Refused(Exception):
    """A call that failed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def elb_refused(cause: str) -> Refused:
    """Return a failure of the load balancer in CodeDeploy's words."""
    words = f"The ELB could not be updated due to the following error: {cause}"
    return Refused(Problem("ELASTIC_LOAD_BALANCING_INVALID", words))
