"""Traffic-routing configurations and templates of the pipeline's action.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.codedeploy import (
    ALL,
    PREDEFINED,
    CodeDeployError,
    ImageArtifact,
    PlaceholderError,
    Routing,
    fill_appspec,
    fill_task_definition,
    read_image_detail,
)


@pytest.mark.parametrize(
    ("name", "weights", "seconds"),
    [
        ("ECSAllAtOnce", [100], 0),
        ("ECSCanary10Percent5Minutes", [10, 100], 300),
        ("ECSCanary10Percent15Minutes", [10, 100], 900),
        ("ECSLinear10PercentEvery1Minutes", list(range(10, 101, 10)), 60),
        ("ECSLinear10PercentEvery3Minutes", list(range(10, 101, 10)), 180),
    ],
)
def test_the_predefined_configurations(name: str, weights: list[int], seconds: float) -> None:
    """Each name has the shares and the time that it says."""
    steps = PREDEFINED[f"CodeDeployDefault.{name}"].steps()
    assert [step.weight for step in steps] == weights
    assert {step.seconds for step in steps[:-1]} <= {seconds}


@given(st.integers(1, 99), st.integers(1, 29), st.booleans())
def test_shares_grow_until_all_traffic_has_moved(percentage: int, interval: int, linear: bool) -> None:
    """Every configuration ends with all traffic, begins with its percentage, and only grows."""
    routing = Routing.linear(percentage, interval) if linear else Routing.canary(percentage, interval)
    weights = [step.weight for step in routing.steps()]
    assert weights[-1] == ALL
    assert weights == sorted(set(weights))
    assert weights[0] == percentage
    assert sum(step.seconds for step in routing.steps()) <= 2880 * 60


def test_two_days_are_the_longest_shift() -> None:
    """The time between the first and the last shift has a limit of 2880 minutes."""
    Routing.linear(50, 2880)
    with pytest.raises(CodeDeployError, match="at most 2880 minutes"):
        Routing.linear(10, 400)


@pytest.mark.parametrize(("percentage", "interval"), [(0, 1), (100, 1), (10, 0), (10, 2881), (True, 1), (None, 1)])
def test_other_values_are_refused(percentage: object, interval: object) -> None:
    """Percentages are 1 to 99, intervals at least a minute."""
    for make in (Routing.canary, Routing.linear):
        with pytest.raises(CodeDeployError) as error:
            make(percentage, interval)
        assert error.value.code == "InvalidTrafficRoutingConfigurationException"


def test_templates_are_filled() -> None:
    """Images take the place of their names in angle brackets, the registered revision that of <TASK_DEFINITION>."""
    template = json.dumps({"family": "app", "containerDefinitions": [{"name": "app", "image": "<IMAGE1_NAME>"}]})
    uri = read_image_detail(b'{"ImageURI": "registry/app@sha256:0"}', "Build")
    filled = fill_task_definition(template, [ImageArtifact("IMAGE1_NAME", uri)])
    assert filled["containerDefinitions"] == [{"name": "app", "image": "registry/app@sha256:0"}]
    assert fill_appspec("TaskDefinition: <TASK_DEFINITION>", "arn:1") == "TaskDefinition: arn:1"


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"ImageURI": 1}', b"\xff", b'[{"name": "app", "imageUri": "x"}]'])
def test_another_file_than_image_detail_is_refused(content: bytes) -> None:
    """The file of the rolling action, above all, is none."""
    with pytest.raises(PlaceholderError, match="parse the image URI file from the artifact: Build"):
        read_image_detail(content, "Build")
