"""The stand-in for AWS on Docker: builds, tasks and load balancers are real, so that the whole drill can be rehearsed.

Prints one line of JSON with its endpoint, then serves until its standard input ends.

python standin_docker.py [speed]
"""

from __future__ import annotations

import json
import sys

from standin import ACCOUNT, REGION, furnished

from pushproof.emulator.runtime.images import ensure_base_image
from pushproof.emulator.world import WorldSettings
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget


def main() -> None:
    speed = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    base = ensure_base_image()
    settings = WorldSettings(account_id=ACCOUNT, region=REGION, speed=speed, enforce_iam=True)
    with EmbeddedTarget(EmbeddedSettings(world=settings)) as target:
        furnished(target.world)
        told = {"endpoint": target.endpoint, "account": ACCOUNT, "region": REGION, "base_image": base}
        print(json.dumps(told), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
