"""Percentages, thresholds, and malformed deployment configurations.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushproof.engines.deployment import (
    DeploymentConfiguration,
    DeploymentError,
    FailureThreshold,
    InvalidDeploymentConfiguration,
    Matcher,
)


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "fewest", "most"),
    [(4, 50, 200, 2, 8), (2, 75, 200, 2, 4), (4, 100, 200, 4, 8), (3, 100, 125, 3, 3), (3, 50, 150, 2, 4)],
)
def test_percentages_round_as_published(desired: int, minimum: int, maximum: int, fewest: int, most: int) -> None:
    """The minimum is rounded up and the maximum down, as API_DeploymentConfiguration works it out."""
    configuration = DeploymentConfiguration(minimum_healthy_percent=minimum, maximum_percent=maximum)
    assert (configuration.minimum_healthy(desired), configuration.maximum(desired)) == (fewest, most)


@pytest.mark.parametrize(("desired", "threshold"), [(1, 3), (25, 13), (400, 200), (800, 200)])
def test_default_threshold_is_the_published_one(desired: int, threshold: int) -> None:
    """The circuit breaker's examples on its page come out."""
    assert FailureThreshold().tasks(desired) == threshold


@pytest.mark.parametrize(
    ("kind", "value", "desired", "threshold"),
    [
        ("COUNT", 7, 400, 7),
        ("UNBOUNDED_PERCENT", 10, 4000, 400),
        ("UNBOUNDED_PERCENT", 1, 3, 1),
        ("BOUNDED_PERCENT", 10, 4000, 200),
        ("BOUNDED_PERCENT", 10, 5, 3),
    ],
)
def test_threshold_types(kind: str, value: int, desired: int, threshold: int) -> None:
    """COUNT is the number itself, percentages multiply the desired count, BOUNDED_PERCENT stays within 3..200."""
    document = {"deploymentCircuitBreaker": {"enable": True, "thresholdConfiguration": {"type": kind, "value": value}}}
    assert DeploymentConfiguration.parse(document).breaker.threshold.tasks(desired) == threshold


def test_absent_configuration_is_the_default_of_a_replica_service() -> None:
    """A service without a configuration deploys at 100/200 with the breaker off."""
    configuration = DeploymentConfiguration.parse(None)
    assert (configuration.minimum_healthy_percent, configuration.maximum_percent) == (100, 200)
    assert not configuration.breaker.enable
    assert configuration.breaker.reset_on_healthy_task


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"minimumHealthyPercent": 101}, "minimumHealthyPercent"),
        ({"minimumHealthyPercent": "50"}, "minimumHealthyPercent"),
        ({"maximumPercent": True}, "maximumPercent"),
        ({"minimumHealthyPercent": 100, "maximumPercent": 50}, "maximumPercent"),
        ({"deploymentCircuitBreaker": []}, "deploymentCircuitBreaker"),
        ({"deploymentCircuitBreaker": {"enable": "yes"}}, "deploymentCircuitBreaker.enable"),
        ({"deploymentCircuitBreaker": {"thresholdConfiguration": {"type": "HALF"}}}, "thresholdConfiguration.type"),
        ({"deploymentCircuitBreaker": {"thresholdConfiguration": {"value": 0}}}, "thresholdConfiguration.value"),
        ({"earlySuccessCriteria": {"enable": True, "healthyPercent": 120}}, "earlySuccessCriteria.healthyPercent"),
        ({"earlySuccessCriteria": {"enable": False, "healthyPercent": 120}}, "earlySuccessCriteria.healthyPercent"),
    ],
)
def test_malformed_configuration_names_the_field(document: dict[str, object], field: str) -> None:
    """A malformed member is refused by name, with what was given."""
    with pytest.raises(InvalidDeploymentConfiguration) as error:
        DeploymentConfiguration.parse(document)
    assert error.value.field.endswith(field)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"minimumHealthyPercent": 101}, "minimumHealthyPercent must be at most 100"),
        ({"maximumPercent": 99}, "maximumPercent must be at least 100"),
        (
            {"maximumPercent": 100},
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments",
        ),
    ],
)
def test_percentages_are_refused_in_awss_words(document: dict[str, object], words: str) -> None:
    """Recorded answers of CreateService (cdk-preflight, rules pf-ecs-service-deployment-percent and -min-healthy-over-max)."""
    with pytest.raises(InvalidDeploymentConfiguration, match=f"^{words}$"):
        DeploymentConfiguration.parse(document)


def test_hooks_of_rolling_updates_are_refused_by_name() -> None:
    """Lifecycle hooks are not quietly left out of a rolling update."""
    with pytest.raises(
        InvalidDeploymentConfiguration, match="can only be specified with the deployment strategies BLUE_GREEN"
    ):
        DeploymentConfiguration.parse(
            {"lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"]}]}
        )


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_members = st.sampled_from(
    [
        "minimumHealthyPercent",
        "maximumPercent",
        "deploymentCircuitBreaker",
        "earlySuccessCriteria",
        "strategy",
        "enable",
        "rollback",
        "thresholdConfiguration",
        "type",
        "value",
        "healthyPercent",
        "sourceServiceRevisionCleanup",
    ]
)
_documents = st.recursive(_json, lambda inner: st.dictionaries(_members, inner, max_size=5), max_leaves=12)


@settings(max_examples=2000, deadline=None)
@given(_documents)
def test_no_document_escapes_as_anything_but_a_typed_error(document: object) -> None:
    """Any value for a deployment configuration parses, or raises DeploymentError."""
    try:
        parsed = DeploymentConfiguration.parse(document)  # type: ignore[arg-type]
    except DeploymentError:
        return
    assert parsed.minimum_healthy_percent <= parsed.maximum_percent


@settings(max_examples=1000, deadline=None)
@given(st.text(alphabet="0123456789,- ٣", max_size=16))
def test_no_matcher_escapes_as_anything_but_a_typed_error(text: str) -> None:
    """Any value for a matcher parses to codes within 200..599, or raises DeploymentError."""
    try:
        matcher = Matcher.parse(text)
    except DeploymentError:
        return
    assert all(200 <= low <= high <= 599 for low, high in matcher.ranges)
