"""A small target and a small Terraform for pytest sessions inside of tests, and a log of what they were asked."""

from __future__ import annotations

import stat
import sys

import pytest

CONFTEST = """
import os, pathlib, pytest
from pushproof import Target

class Recording(Target):
    name, region, account_id = "recording", "eu-west-1", "123456789012"
    place = pathlib.Path(__file__).parent / "world"

    def environment(self):
        return dict(os.environ)

    def directory(self, name):
        path = self.place / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def client(self, service, region=None):
        return object()

    def lacks(self, capability):
        return "it has no containers" if capability == "containers" else None

    def close(self):
        (self.place.parent / "closed").touch()

@pytest.hookimpl(tryfirst=True)
def pytest_pushproof_make_target(config, name):
    return Recording() if name == "recording" else None
"""

_TERRAFORM = """#!{python}
import json, os, pathlib, sys
command = sys.argv[1]
if command == "version":
    print(json.dumps({{"terraform_version": "1.11.4"}}))
    sys.exit(0)
done = pathlib.Path({log!r})
with done.open("a") as log:
    log.write(command + " " + pathlib.Path.cwd().name + "\\n")
if command == os.environ.get("HANGING"):
    import signal, time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pathlib.Path({log!r}).with_name("hanging").write_text(str(os.getpid()))
    time.sleep(60)
if command == os.environ.get("MEETING"):
    import time
    mine = pathlib.Path({log!r}).with_name("met-" + pathlib.Path.cwd().name)
    mine.touch()
    until = time.monotonic() + 30
    while len(list(mine.parent.glob("met-*"))) < 2:
        if time.monotonic() > until:
            sys.exit("nobody else ran meanwhile")
        time.sleep(0.01)
if command == "apply" and any("-" + name + "-" in pathlib.Path.cwd().name for name in os.environ.get("BROKEN", "").split()):
    sys.stderr.write({error!r})
    sys.exit(1)
if command == "apply":
    resource = {{"mode": "managed", "type": "aws_vpc", "name": "main", "instances": []}}
    pathlib.Path("terraform.tfstate").write_text(json.dumps({{"version": 4, "serial": 1, "resources": [resource]}}))
    print("aws_vpc.main: Creation complete after 2s [id=vpc-1]")
if command in os.environ.get("FAILING", "").split():
    sys.stderr.write({error!r})
    sys.exit(1)
if command == "show":
    change = {{"address": "aws_vpc.main", "change": {{"actions": ["create"], "after": {{"cidr_block": "10.0.0.0/16"}}}}}}
    print(json.dumps({{"resource_changes": [change]}}))
if command == "output":
    print(json.dumps({{"zones": {{"value": ["a", "b"]}}, "vpc_id": {{"value": "vpc-1"}}}}))
"""

_ERROR = """
Error: creating EC2 VPC: VpcLimitExceeded

  with aws_vpc.main,
  on main.tf line 1, in resource "aws_vpc" "main":
   1: resource "aws_vpc" "main" {
"""


def furnish(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make a directory with a module, a conftest that provides the target, and a Terraform that logs its commands."""
    binary = pytester.path / "terraform-that-logs"
    log = str(pytester.path / "commands")
    binary.write_text(_TERRAFORM.format(python=sys.executable, log=log, error=_ERROR))
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PUSHPROOF_TERRAFORM", str(binary))
    for name in ("network", "other"):
        (pytester.path / "modules" / name).mkdir(parents=True)
        (pytester.path / "modules" / name / "main.tf").write_text('variable "cidr" {\n  default = null\n}\n')
    pytester.makeconftest(CONFTEST)
    return pytester


def run(session: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    session.makepyfile(test)
    return session.runpytest("--target", "recording", "-p", "no:cacheprovider", "-p", "no:timeout", *options)


def commands(session: pytest.Pytester) -> list[str]:
    """Terraform's commands, as `command directory`."""
    log = session.path / "commands"
    return log.read_text().splitlines() if log.exists() else []
