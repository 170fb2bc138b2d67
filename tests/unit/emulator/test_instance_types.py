"""EC2's instance types are read when they are asked for, and are then what moto has."""

from __future__ import annotations

import subprocess
import sys

# What moto's module holds when it reads everything itself, and when it reads late.
_COMPARISON = """
import sys
from importlib import util

import moto.ec2.models.instance_types as eager
from pushproof.emulator.substrate import moto_instance_types

assert type(eager.INSTANCE_TYPES) is dict
del sys.modules[moto_instance_types._MODULE]
moto_instance_types.read_instance_types_late()
spec = util.find_spec(moto_instance_types._MODULE)
late = util.module_from_spec(spec)
reads = []
original = moto_instance_types.utils.load_resource
moto_instance_types.utils.load_resource = lambda name: (reads.append(name), original(name))[1]
spec.loader.exec_module(late)
assert reads == [], reads
assert moto_instance_types.utils.load_resource is not original

assert set(late.INSTANCE_TYPE_OFFERINGS) == set(eager.INSTANCE_TYPE_OFFERINGS)
zones = late.INSTANCE_TYPE_OFFERINGS["availability-zone"]
assert zones["eu-west-1"] == eager.INSTANCE_TYPE_OFFERINGS["availability-zone"]["eu-west-1"]
assert len(reads) == 1, reads
assert zones.get("nowhere", []) == [] and "nowhere" not in zones
for place, regions in eager.INSTANCE_TYPE_OFFERINGS.items():
    assert dict(late.INSTANCE_TYPE_OFFERINGS[place]) == regions
assert dict(late.INSTANCE_TYPES) == eager.INSTANCE_TYPES
assert sorted(late.INSTANCE_FAMILIES) == sorted(eager.INSTANCE_FAMILIES) and "m5" in late.INSTANCE_FAMILIES
assert [dict(each) for each in late.InstanceTypeBackend.instance_types] == [
    dict(each) for each in eager.InstanceTypeBackend.instance_types
]
(only,) = late.InstanceTypeBackend().describe_instance_types(["t3.micro"])
assert only["InstanceType"] == "t3.micro"
print("equal")
"""


def test_types_and_offerings_are_motos() -> None:
    """The module reads nothing on import, one file for the offerings of a region, and has the same values."""
    done = subprocess.run([sys.executable, "-c", _COMPARISON], capture_output=True, text=True, check=False)
    assert done.stdout == "equal\n", done.stderr
