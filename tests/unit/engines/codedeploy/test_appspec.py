"""AppSpec files of ECS deployments.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-example.html#appspec-file-example-ecs
"""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.codedeploy import AppSpec, InvalidAppSpec, Network, Provider, read_appspec

# The documented example.
YAML = """
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "arn:aws:ecs:us-east-1:111222333444:task-definition/my-task-definition-family-name:1"
        LoadBalancerInfo:
          ContainerName: "SampleApplicationName"
          ContainerPort: 80
# Optional properties
        PlatformVersion: "LATEST"
        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets: ["subnet-1234abcd","subnet-5678abcd"]
            SecurityGroups: ["sg-12345678"]
            AssignPublicIp: "ENABLED"
        CapacityProviderStrategy:
          - Base: 1
            CapacityProvider: "FARGATE_SPOT"
            Weight: 2
          - Base: 0
            CapacityProvider: "FARGATE"
            Weight: 1
Hooks:
  - BeforeInstall: "LambdaFunctionToValidateBeforeInstall"
  - AfterInstall: "LambdaFunctionToValidateAfterInstall"
  - AfterAllowTestTraffic: "LambdaFunctionToValidateAfterTestTrafficStarts"
  - BeforeAllowTraffic: "LambdaFunctionToValidateBeforeAllowingProductionTraffic"
  - AfterAllowTraffic: "LambdaFunctionToValidateAfterAllowingProductionTraffic"
"""
SMALL = {
    "version": 0.0,
    "Resources": [
        {
            "TargetService": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "TaskDefinition": "app:1",
                    "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
                },
            }
        }
    ],
}


def test_the_documented_example_is_read() -> None:
    """Every member of AWS's example has its value."""
    spec = read_appspec(YAML)
    assert spec.task_definition.endswith("my-task-definition-family-name:1")
    assert (spec.container_name, spec.container_port, spec.platform_version) == ("SampleApplicationName", 80, "LATEST")
    assert spec.network == Network(("subnet-1234abcd", "subnet-5678abcd"), ("sg-12345678",), "ENABLED")
    assert spec.providers == (Provider("FARGATE_SPOT", 1, 2), Provider("FARGATE", 0, 1))
    assert list(spec.hooks) == [
        "BeforeInstall",
        "AfterInstall",
        "AfterAllowTestTraffic",
        "BeforeAllowTraffic",
        "AfterAllowTraffic",
    ]


def test_json_is_read_too() -> None:
    """JSON with tabs, which YAML would refuse, and a port in quotes, as templates leave it."""
    text = json.dumps(SMALL, indent="\t").replace("8080", '"8080"')
    assert read_appspec(text) == AppSpec("app:1", "app", 8080)
    assert read_appspec(read_appspec(text).content()) == AppSpec("app:1", "app", 8080)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"version": 0.0', '"version": 1', "version 1; the only allowed version is 0.0"),
        ("AWS::ECS::Service", "AWS::Lambda::Function", "Type is AWS::Lambda::Function; expected AWS::ECS::Service"),
        ('"TaskDefinition": "app:1",', "", "Properties.TaskDefinition is missing"),
        ('"ContainerName": "app",', "", "ContainerName is missing"),
        ("8080", "0", "ContainerPort is 0; expected a port from 1 to 65535"),
        ("8080", "true", "ContainerPort is True"),
        ('"Resources": [', '"Other": [', "Resources is missing; expected a list"),
        ('"version"', '"Hooks": [{"ApplicationStop": "f"}], "version"', "names the lifecycle event ApplicationStop"),
        ('"version"', '"Hooks": {"AfterInstall": "f"}, "version"', "Hooks is a mapping; expected a list"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(before: str, after: str, words: str) -> None:
    """The refusal names the member, what was expected, and what was there."""
    text = json.dumps(SMALL)
    assert before in text
    with pytest.raises(InvalidAppSpec, match=r".*" + words.replace("[", r"\[")):
        read_appspec(text.replace(before, after))


_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["version", "Resources", "Hooks", "Type"]), inner, max_size=4)
    ),
)


@given(st.text(max_size=60) | _values.map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    """A refusal is the only error of the reader."""
    with contextlib.suppress(InvalidAppSpec):
        read_appspec(text)
