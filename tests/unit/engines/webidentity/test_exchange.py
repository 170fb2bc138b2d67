"""The order in which STS refuses a token."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.webidentity import Presented, Refused, Signature, accepted_audience, provider_path

GITHUB = "https://token.actions.githubusercontent.com"
GOOD = Presented(GITHUB, "repo:o/r:ref:refs/heads/main", ("sts.amazonaws.com",), 1000, Signature.VALID)
FAULTS = {
    "provider": f"No OpenIDConnect provider found in your account for {GITHUB}",
    "key": "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity"
    " documentation for requirements",
    "expiry": "Token expired: current date/time 2000 must be before the expiration date/time 1000",
    "audience": "Incorrect token audience",
}  # fmt: skip


def refusal(presented: Presented, client_ids: tuple[str, ...] | None, now: float) -> str:
    with pytest.raises(Refused) as refused:
        accepted_audience(presented, client_ids, now)
    return str(refused.value)


@given(st.sets(st.sampled_from(list(FAULTS)), min_size=1))
def test_the_first_fault_in_order_is_told(faults: set[str]) -> None:
    """Of several faults STS names the first: provider, then signature, then expiry, then audience."""
    presented = dataclasses.replace(GOOD, signature=Signature.NO_KEY) if "key" in faults else GOOD
    if "audience" in faults:
        presented = dataclasses.replace(presented, audiences=("https://github.com/o",))
    refused = refusal(
        presented,
        None if "provider" in faults else ("sts.amazonaws.com",),
        2000 if "expiry" in faults else 999,
    )
    assert refused == FAULTS[next(fault for fault in FAULTS if fault in faults)]


def test_a_good_token_is_good_for_the_providers_audience() -> None:
    """A token is accepted for the audience that the provider lists, and up to the second of its expiry."""
    several = dataclasses.replace(GOOD, audiences=("other", "sts.amazonaws.com"))
    assert accepted_audience(several, ("sts.amazonaws.com",), 999.9) == "sts.amazonaws.com"
    assert "Token expired" in refusal(several, ("sts.amazonaws.com",), 1000)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"subject": ""}, "Missing a required claim: sub"),
        ({"audiences": ()}, "Missing a required claim: aud"),
        ({"expires": None}, "Missing a required claim: exp"),
        ({"signature": Signature.FORGED}, "could not be validated by AWS"),
    ],
)
def test_incomplete_and_forged_tokens_are_refused(changes: dict[str, object], says: str) -> None:
    """A claim that is missing is named; a signature that does not fit is no token."""
    assert says in refusal(dataclasses.replace(GOOD, **changes), ("sts.amazonaws.com",), 0)  # type: ignore[arg-type]


def test_an_issuer_is_written_without_its_scheme() -> None:
    """The ARN of a provider contains its issuer without `https://`, path included."""
    assert (
        provider_path("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC/") == "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
    )
