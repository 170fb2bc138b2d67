"""The guard says no before the first write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pushproof.base.target import TargetUnavailable
from pushproof.emulator.world import World
from pushproof.sandbox.guard import Facts, Refused, admit, looks_like_production, refusals, says_sandbox
from pushproof.sandbox.settings import SandboxSettings

GOOD = Facts("123456789012", "arn:aws:sts::123456789012:assumed-role/deployer/ci", "eu-west-1", True, ("acme-sandbox",))
READS = ("Get", "List", "Describe")


def only_read(world: World) -> bool:
    return all(call.context.operation.startswith(READS) for call in world.gateway.calls)


def test_an_allowed_account_that_says_sandbox_is_admitted(aws: Callable[[str], Any], settings: SandboxSettings) -> None:
    """Allowed account and region, an alias that says sandbox, temporary credentials: nothing against it."""
    aws("iam").create_account_alias(AccountAlias="acme-sandbox")
    assert admit(aws, settings, temporary=True).aliases == ("acme-sandbox",)


def test_the_marker_parameter_does_instead_of_an_alias(aws: Callable[[str], Any], settings: SandboxSettings) -> None:
    """A parameter that says sandbox is enough where the account has no alias."""
    aws("ssm").put_parameter(Name="/pushproof/sandbox", Type="String", Value="sandbox")
    assert admit(aws, settings, temporary=True).marker == "sandbox"


@pytest.mark.parametrize(
    ("prepare", "change", "temporary", "said"),
    [
        pytest.param(
            "acme-sandbox", {"accounts": frozenset({"210987654321"})}, True, "PUSHPROOF_SANDBOX_ACCOUNTS", id="account"
        ),
        pytest.param(
            "acme-sandbox", {"regions": frozenset({"us-east-1"})}, True, "PUSHPROOF_SANDBOX_REGIONS", id="region"
        ),
        pytest.param("acme-tools", {}, True, "aws ssm put-parameter", id="no-marker"),
        pytest.param("acme-sandbox-prod", {}, True, "looks like production", id="production"),
        pytest.param(
            "acme-sandbox", {}, False, "PUSHPROOF_SANDBOX_ALLOW_LONG_LIVED_KEYS=123456789012", id="long-lived-keys"
        ),
    ],
)
def test_what_is_wrong_is_refused_before_any_write(
    world: World, aws: Callable[[str], Any], settings: SandboxSettings,
    prepare: str, change: dict[str, Any], temporary: bool, said: str,
) -> None:  # fmt: skip
    """Each refusal says what to do, and the call log holds nothing but reads."""
    aws("iam").create_account_alias(AccountAlias=prepare)
    world.gateway.calls.clear()
    with pytest.raises(Refused, match=said):
        admit(aws, replace(settings, **change), temporary=temporary)
    assert world.gateway.calls
    assert only_read(world)


def test_a_strange_account_is_asked_for_nothing_but_its_number(
    world: World, aws: Callable[[str], Any], settings: SandboxSettings
) -> None:
    """The guard reads not even the alias of an account that is not allowed."""
    with pytest.raises(Refused):
        admit(aws, replace(settings, accounts=frozenset({"210987654321"})), temporary=True)
    assert [call.context.operation for call in world.gateway.calls] == ["GetCallerIdentity"]


def test_long_lived_keys_are_put_up_with_for_the_named_account_only(settings: SandboxSettings) -> None:
    """The override names the account; any other account's number is no override."""
    keys = replace(GOOD, temporary=False)
    assert refusals(keys, replace(settings, long_lived_keys_for="123456789012")) == ()
    assert refusals(keys, replace(settings, long_lived_keys_for="210987654321"))


def test_every_reason_is_told_at_once(settings: SandboxSettings) -> None:
    """One run reports all reasons at once."""
    assert (
        len(refusals(replace(GOOD, region="us-west-1", aliases=("acme-production",), temporary=False), settings)) == 4
    )


@pytest.mark.parametrize("name", ["prod", "acme-production", "preprod-sandbox", "live-eu", "acme-prd", "billing"])
def test_names_of_production_accounts(name: str) -> None:
    """Usual names of production accounts look like production."""
    assert looks_like_production(name)


@pytest.mark.parametrize("name", ["acme-sandbox", "non-prod-sandbox", "nonproduction", "delivery", "olive-sandbox"])
def test_names_of_other_accounts(name: str) -> None:
    """A name that merely contains such letters, or denies production, does not look like production."""
    assert not looks_like_production(name)


def test_sandbox_is_a_word_of_the_name() -> None:
    """`sandboxes` in the middle of another word says nothing."""
    assert says_sandbox("team-sbx-1")
    assert not says_sandbox("sandboxed")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "PUSHPROOF_SANDBOX_ACCOUNTS"),
        ({"PUSHPROOF_SANDBOX_ACCOUNTS": "12"}, "12 digits"),
        ({"PUSHPROOF_SANDBOX_ACCOUNTS": "123456789012"}, "AWS_REGION"),
        ({"PUSHPROOF_SANDBOX_ACCOUNTS": "123456789012", "AWS_REGION": "eu-west-1"}, "PUSHPROOF_SANDBOX_REGIONS"),
    ],
)
def test_a_missing_setting_is_named(variables: dict[str, str], said: str) -> None:
    """A missing setting is never assumed."""
    with pytest.raises(TargetUnavailable, match=said):
        SandboxSettings.from_environment(variables)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUSHPROOF_SANDBOX_HOURS", "soon"),
        ("PUSHPROOF_SANDBOX_MAX_USD", "-1"),
        ("PUSHPROOF_SANDBOX_CONNECTION_ARN", "my-connection"),
        ("PUSHPROOF_SANDBOX_CERTIFICATE_ARN", "my-certificate"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    """The message contains the variable, its value and the expected form."""
    good = {
        "PUSHPROOF_SANDBOX_ACCOUNTS": "123456789012",
        "PUSHPROOF_SANDBOX_REGIONS": "eu-west-1",
        "AWS_REGION": "eu-west-1",
    }
    with pytest.raises(TargetUnavailable, match=f"{name} is '{value}'; expected"):
        SandboxSettings.from_environment({**good, name: value})
