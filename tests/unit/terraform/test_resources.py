"""Resources of a state by type."""

from __future__ import annotations

from pushproof.emulator.coverage.resourcetypes import coverage_of_type
from pushproof.terraform.resources import Resource, managed_resources, of_type, stored_resources


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


def test_a_stored_state_lists_what_show_prints() -> None:
    """Addresses have their module and their key, data sources and deposed objects are left out, and attributes stay as they are."""
    instances = [{"index_key": 'a"b', "attributes": {"id": "1"}}, {"deposed": "00", "attributes": {"id": "old"}}]
    state = {
        "version": 4,
        "resources": [
            {"mode": "data", "type": "aws_region", "name": "here", "instances": [{"attributes": {}}]},
            {"mode": "managed", "type": "aws_vpc", "name": "main", "instances": [{"index_key": 0, "attributes": None}]},
            {"module": "module.a[1]", "mode": "managed", "type": "aws_subnet", "name": "s", "instances": instances},
        ],
    }
    assert stored_resources(state) == [
        Resource("aws_vpc", "aws_vpc.main[0]", {}),
        Resource("aws_subnet", r'module.a[1].aws_subnet.s["a\"b"]', {"id": "1"}),
    ]
    assert stored_resources({}) == []
