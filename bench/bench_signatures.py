"""The cost of verifying signatures: the same calls over the wire, verified and not, turn by turn.

`python bench/bench_signatures.py [rounds]` prints ratios of medians of processor time, client and server together: taking turns
and counting processor time make the ratio hold on a busy machine.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from pushproof.emulator.world import World


def main(rounds: int = 200) -> None:
    with World.virtual() as world:
        world.serve()
        owner, verifier = world.keys.administrator, world.gateway.verifier
        session = boto3.session.Session(owner.access_key_id, owner.secret_access_key, region_name="eu-west-1")
        config = Config(s3={"addressing_style": "path"})

        def client(service: str) -> Any:
            return session.client(service, endpoint_url=world.endpoint, config=config)

        ecs, sts, ec2, s3 = (client(name) for name in ("ecs", "sts", "ec2", "s3"))
        s3.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        calls: dict[str, Callable[[], object]] = {
            "ecs:ListClusters": ecs.list_clusters,
            "sts:GetCallerIdentity": sts.get_caller_identity,
            "ec2:DescribeVpcs": ec2.describe_vpcs,
            "s3:PutObject of 1 KiB": lambda: s3.put_object(Bucket="shop", Key="k", Body=b"x" * 1024),
            "s3:PutObject of 1 MiB": lambda: s3.put_object(Bucket="shop", Key="k", Body=b"x" * 2**20),
        }
        for name, call in calls.items():
            seconds: dict[bool, list[float]] = {True: [], False: []}
            for turn in range(2 * rounds):
                verified = turn % 2 == 0
                world.gateway.verifier = verifier if verified else None
                begun = time.process_time()
                call()
                seconds[verified].append(time.process_time() - begun)
            on, off = (statistics.median(seconds[key]) for key in (True, False))
            print(f"{name:24} verified {on * 1000:6.2f} ms, not {off * 1000:6.2f} ms: ratio {on / off:.3f}")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
