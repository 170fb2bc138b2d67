"""Simulation results have IAM's shape and say which statement of which policy matched.

Page: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

from __future__ import annotations

from pushproof.engines.policy import Kind, Policies, parse, principal_of, simulate

ALICE = principal_of("arn:aws:iam::123456789012:user/alice")
TEXT = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
  {"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": {"StringEquals": {"ec2:Region": "eu-west-1"}}},
  {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::b/secret"}]}"""


def test_decisions_and_statements() -> None:
    """One result a pair, in order, with the statement's source and place."""
    mine = Policies(identity=(parse(TEXT, name="PolicyInputList.1"),))
    first, second = simulate(mine, ALICE, ["s3:GetObject"], ["arn:aws:s3:::b/x", "arn:aws:s3:::b/secret"])
    assert (first["EvalActionName"], first["EvalResourceName"]) == ("s3:GetObject", "arn:aws:s3:::b/x")
    assert first["EvalDecision"] == "allowed"
    assert first["MatchedStatements"] == [
        {
            "SourcePolicyId": "PolicyInputList.1",
            "SourcePolicyType": "none",
            "StartPosition": {"Line": 2, "Column": 3},
            "EndPosition": {"Line": 2, "Column": 79},
        }
    ]
    assert second["EvalDecision"] == "explicitDeny"
    assert [m["StartPosition"]["Line"] for m in second["MatchedStatements"]] == [4]


def test_missing_context_values() -> None:
    """Keys that conditions need and the request lacks are named."""
    mine = Policies(identity=(parse(TEXT),))
    (result,) = simulate(mine, ALICE, ["ec2:StopInstances"])
    assert result["EvalDecision"] == "implicitDeny"
    assert result["MissingContextValues"] == ["ec2:Region"]
    (given,) = simulate(mine, ALICE, ["ec2:StopInstances"], context={"ec2:Region": "eu-west-1"})
    assert given["EvalDecision"] == "allowed"
    assert given["MissingContextValues"] == []


def test_boundary_is_reported() -> None:
    """A boundary that does not allow changes the result, and is reported."""
    boundary = parse(TEXT.replace("s3:GetObject", "s3:List*"), Kind.BOUNDARY)
    (result,) = simulate(Policies((parse(TEXT),), boundary=boundary), ALICE, ["s3:GetObject"], ["arn:aws:s3:::b/x"])
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
