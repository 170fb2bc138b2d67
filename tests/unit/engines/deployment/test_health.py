"""Target health.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
"""

from __future__ import annotations

import pytest

from pushproof.engines.deployment import (
    InvalidDeploymentConfiguration,
    Matcher,
    Probe,
    TargetCheck,
    TargetHealth,
    routable,
    target_deregistered,
    target_probed,
    target_registered,
    target_unused,
)


def test_matcher_takes_lists_and_ranges_together() -> None:
    """ "200-299,301" admits 204 and 301, and not 300."""
    matcher = Matcher.parse("200-299,301")
    assert [matcher.matches(code) for code in (200, 204, 299, 300, 301, 500)] == [True, True, True, False, True, False]


@pytest.mark.parametrize("text", ["", "20", "600", "299-200", "200-", "ok", "200;201"])
def test_malformed_matchers_are_refused(text: str) -> None:
    """A matcher AWS would refuse is refused by name."""
    with pytest.raises(InvalidDeploymentConfiguration, match=r"Matcher\.HttpCode"):
        Matcher.parse(text)


def probed(check: TargetCheck, *probes: Probe) -> TargetHealth:
    health = target_registered(0.0)
    for probe in probes:
        assert health.next_check_at is not None
        health = target_probed(check, health, health.next_check_at, probe)
    return health


def test_a_new_target_is_initial_and_then_healthy_after_one_success() -> None:
    """Registration shows Elb.RegistrationInProgress; the first passed check makes the target healthy."""
    check = TargetCheck(healthy_threshold=5)
    new = target_registered(0.0)
    assert (new.state, new.reason) == ("initial", "Elb.RegistrationInProgress")
    assert probed(check, Probe(code=200)).state == "healthy"


def test_a_new_target_stays_initial_until_the_unhealthy_threshold() -> None:
    """Below the threshold it is Elb.InitialHealthChecking; at it, unhealthy with the code it answered."""
    check = TargetCheck(unhealthy_threshold=3)
    early = probed(check, Probe(code=500), Probe(code=500))
    assert (early.state, early.reason) == ("initial", "Elb.InitialHealthChecking")
    late = probed(check, *[Probe(code=500)] * 3)
    assert (late.state, late.reason) == ("unhealthy", "Target.ResponseCodeMismatch")
    assert late.description == "Health checks failed with these codes: [500]"


@pytest.mark.parametrize(
    ("probe", "reason", "description"),
    [
        (Probe(timed_out=True), "Target.Timeout", "Request timed out"),
        (Probe(), "Target.FailedHealthChecks", "Health checks failed"),
    ],
)
def test_reason_codes(probe: Probe, reason: str, description: str) -> None:
    """A timeout and a refused connection carry AWS's own codes and words."""
    health = probed(TargetCheck(unhealthy_threshold=2), probe, probe)
    assert (health.state, health.reason, health.description) == ("unhealthy", reason, description)


def test_an_unhealthy_target_needs_the_healthy_threshold_in_a_row() -> None:
    """Recovery takes healthy_threshold consecutive successes, not one."""
    check = TargetCheck(healthy_threshold=3, unhealthy_threshold=2)
    bad = [Probe(code=503)] * 2
    good = Probe(code=200)
    assert probed(check, *bad, good, good).state == "unhealthy"
    assert probed(check, *bad, good, good, bad[0], good).state == "unhealthy"
    assert probed(check, *bad, good, good, good).state == "healthy"


def test_a_healthy_target_survives_failures_below_the_threshold() -> None:
    """One failed check out of two does not take a target out of service."""
    check = TargetCheck(unhealthy_threshold=2)
    assert probed(check, Probe(code=200), Probe(), Probe(code=200), Probe()).state == "healthy"


def test_deregistered_targets_drain_and_are_no_longer_probed() -> None:
    """Draining lasts the deregistration delay and ignores probes; unhealthy targets say so."""
    draining = target_deregistered(probed(TargetCheck(), Probe(code=200)), 50.0, 300.0)
    assert (draining.state, draining.reason, draining.drained_at) == (
        "draining",
        "Target.DeregistrationInProgress",
        350.0,
    )
    assert target_probed(TargetCheck(), draining, 60.0, Probe(code=500)) == draining
    bad = probed(TargetCheck(), Probe(), Probe())
    assert target_deregistered(bad, 0.0, 1.0).state == "unhealthy.draining"


def test_with_no_healthy_target_requests_go_to_all() -> None:
    """The load balancer fails open; draining and unused targets get nothing either way."""
    bad, draining = probed(TargetCheck(), Probe(), Probe()), target_deregistered(target_registered(0.0), 0.0, 1.0)
    good = probed(TargetCheck(), Probe(code=200))
    assert routable([bad, draining, target_unused()]) == [0]
    assert routable([bad, good, draining]) == [1]
