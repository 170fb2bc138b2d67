"""The process that forks worlds, and the parts of it that they share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pushproof.emulator.world import World

POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"

PROGRAM = """
import sys, tempfile, threading
from pathlib import Path
from pushproof.targets import forkhost
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.warmup import warm_up

warm_up()
assert threading.active_count() == 1, threading.enumerate()
known = set(sys.modules)
with EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as target:
    target.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    target.client("iam").list_roles()
    target.keep(Path(sys.argv[1]))
    target.continue_from(Path(sys.argv[1]), "test")
    assert len(target.client("ec2").describe_vpcs()["Vpcs"]) == 2
print(*sorted(set(sys.modules) - known))
"""


def test_a_fork_imports_nothing(tmp_path: Path) -> None:
    """The process that forks has one thread and everything that a world imports, so that no fork imports it once more."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_aws_policies_are_not_copied(furnished: World, continued: Callable[[Path], World], tmp_path: Path) -> None:
    """A kept world contains no document of AWS's own policies; a world that continues it shows them, and their attachments."""

    def shown(world: World) -> tuple[int, object]:
        iam = world.administrator("iam")
        policy = iam.get_policy(PolicyArn=POLICY)["Policy"]
        version = iam.get_policy_version(PolicyArn=POLICY, VersionId=policy["DefaultVersionId"])
        return policy["AttachmentCount"], version["PolicyVersion"]["Document"]

    furnished.administrator("iam").attach_role_policy(RoleName="execution", PolicyArn=POLICY)
    before = shown(furnished)
    assert before[0] == 1
    furnished.keep(tmp_path)
    assert b"ecr:GetAuthorizationToken" not in (tmp_path / "state").read_bytes()
    furnished.close()
    assert shown(continued(tmp_path)) == before
