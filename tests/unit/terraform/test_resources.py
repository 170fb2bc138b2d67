"""Resources of a state by type."""

from __future__ import annotations

from pushproof.emulator.coverage.resourcetypes import coverage_of_type
from pushproof.terraform.resources import managed_resources, of_type


def test_the_older_name_of_load_balancers_is_the_same_type() -> None:
    """`aws_alb` and its parts are `aws_lb` under another name: found, and known to be emulated."""
    entries = [
        {"mode": "managed", "type": kind, "address": f"{kind}.x"} for kind in ("aws_alb", "aws_lb", "aws_albert")
    ]
    resources = managed_resources({"values": {"root_module": {"resources": entries}}})
    assert [resource.address for resource in of_type(resources, "aws_lb")] == ["aws_alb.x", "aws_lb.x"]
    assert [resource.address for resource in of_type(resources, "aws_alb")] == ["aws_alb.x", "aws_lb.x"]
    for part in ("", "_listener", "_listener_rule", "_target_group"):
        assert coverage_of_type(f"aws_alb{part}").state is coverage_of_type(f"aws_lb{part}").state
