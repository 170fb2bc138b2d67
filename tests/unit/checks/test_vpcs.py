"""Endpoint policies read for the role that calls."""

from __future__ import annotations

from typing import Any

import pytest

from pushproof.aws.network import endpoint_policies_as
from pushproof.engines.policy import PolicyError

ROLE = "arn:aws:iam::123456789012:role/execution"
LAYERS = "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"


def policy(**statement: Any) -> dict[str, Any]:
    given = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", **statement}
    return {"Version": "2012-10-17", "Statement": [given]}


@pytest.mark.parametrize(
    ("document", "allowed"),
    [
        (policy(), True),
        (policy(Principal={"AWS": ROLE}), True),
        (policy(Principal={"AWS": "arn:aws:iam::123456789012:role/other"}), False),
        (policy(Resource="arn:aws:s3:::mine/*"), False),
        (policy(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), True),
        (policy(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-2"}}), False),
    ],
)
def test_endpoint_policies_are_evaluated_for_the_caller(document: dict[str, Any], allowed: bool) -> None:
    """Principals, resources and conditions of an endpoint policy are read for the role and its organisation.

    https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
    """
    allows = endpoint_policies_as(ROLE, context={"aws:PrincipalOrgID": "o-1"})
    assert allows(document, "s3:GetObject", LAYERS) is allowed


def test_an_invalid_endpoint_policy_is_named() -> None:
    """A document that is no policy is refused with the policy engine's error."""
    with pytest.raises(PolicyError):
        endpoint_policies_as(ROLE)("{", "s3:GetObject", LAYERS)
