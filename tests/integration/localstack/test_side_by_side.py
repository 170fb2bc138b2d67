"""Embedded and LocalStack, side by side: what differs has a known reason."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pushproof.parity import MODULES, Difference, Run, differences, normalised, reason


# A process of its own: it opens two targets, beside whatever this session has open.
@pytest.mark.docker
def test_every_module_is_the_same_on_both(pytestconfig: pytest.Config) -> None:
    """All modules apply on both with empty second plans, the same findings, and no difference without a reason."""
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.parity"],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=850,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for module in MODULES:
        assert f"| {module} |" in done.stdout
    assert "failed" not in done.stdout


def state(**attributes: object) -> dict[str, object]:
    return {"root_module": {"resources": [{"address": "aws_vpc.this", "values": attributes}]}}


def test_ids_and_accounts_are_no_differences() -> None:
    """Values that AWS chooses for every resource, and the account's number, are normalised."""
    first = normalised(
        state(id="vpc-0a1b2c3d4e5f60718", owner_id="111111111111", cidr_block="10.0.0.0/16"), "111111111111"
    )
    second = normalised(
        state(id="vpc-1a1b2c3d4e5f60718", owner_id="222222222222", cidr_block="10.0.0.0/16"), "222222222222"
    )
    assert first == second


def test_a_real_difference_is_found_and_has_no_reason() -> None:
    """An attribute that matters, a plan that is not empty, and a finding of one target alone are differences."""
    first = Run("networking", answers=normalised(state(cidr_block="10.0.0.0/16"), "1" * 12))
    second = Run(
        "networking",
        answers=normalised(state(cidr_block="10.1.0.0/16"), "1" * 12),
        changes={"aws_vpc.this": ["update"]},
        findings={("networking.any", "vpc")},
    )
    found = differences(first, second)
    assert [difference.where for difference in found] == ["second plan", "findings", "aws_vpc.this.cidr_block"]
    assert found[2] == Difference("networking", "aws_vpc.this.cidr_block", "10.0.0.0/16", "10.1.0.0/16")
    assert [reason(difference) for difference in found] == [None, None, None]


def test_a_known_difference_is_known_between_its_answers_only() -> None:
    """A reason holds for the answers it was found for: the same attribute with others is a defect."""
    where = "aws_vpc_endpoint.s3.policy"
    everything, nothing = '{"Statement": ["everything"]}', '{"Statement": []}'
    versioned = '{"Statement": ["everything"], "Version": "2008-10-17"}'
    assert reason(Difference("networking", where, versioned, everything))
    assert reason(Difference("networking", where, versioned, nothing)) is None
    assert reason(Difference("codepipeline", "aws_s3_bucket.artifacts.request_payer", "", "Requester")) is None
