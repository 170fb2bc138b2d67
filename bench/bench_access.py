"""The cost of verification and authorisation together, beside an open world: the same calls over the wire, turn by turn.

`python bench/bench_access.py [rounds]` prints, for each call, the ratio of medians of processor time (client and server together)
between a world that verifies signatures and decides on policies, and the same world open to all: 1.15 at most.
A role with a policy of its own makes the calls, since policies never bind the administrator.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from pushproof.emulator.world import World

_TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    "Version": "2012-10-17",
}
_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ecs:List*", "ecs:Describe*"], "Resource": "*"},
        {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::shop/*"},
        {"Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
}


def calls_of(world: World) -> dict[str, Callable[[], object]]:
    """Return the calls, made by a role of the world."""
    world.serve()
    iam, administrator = world.administrator("iam"), world.administrator("s3")
    arn = iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="app", PolicyName="app", PolicyDocument=json.dumps(_POLICY))
    administrator.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    keys = world.administrator("sts").assume_role(RoleArn=arn, RoleSessionName="bench")["Credentials"]
    session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "eu-west-1")

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=world.endpoint, config=Config(s3={"addressing_style": "path"}))

    ecs, ec2, s3 = (client(name) for name in ("ecs", "ec2", "s3"))
    return {
        "ecs:ListClusters": ecs.list_clusters,
        "ec2:DescribeVpcs": ec2.describe_vpcs,
        "s3:PutObject of 1 KiB": lambda: s3.put_object(Bucket="shop", Key="k", Body=b"x" * 1024),
        "s3:GetObject of 1 KiB": lambda: s3.get_object(Bucket="shop", Key="k")["Body"].read(),
    }


class Everybody:
    """Lets everybody do everything, as an open world lets the administrator."""

    def authorise(self, *_: object) -> None:
        """Refuse nothing."""


def main(rounds: int = 200) -> None:
    with World.virtual() as world:
        calls, judge, verifier = calls_of(world), world.admission.authority, world.gateway.verifier
        ratios = []
        for name, call in calls.items():
            taken: dict[bool, list[float]] = {True: [], False: []}
            for turn in range(2 * rounds):
                checked = turn % 2 == 0
                world.gateway.verifier = verifier if checked else None
                world.admission.authority = judge if checked else Everybody()
                begun = time.process_time()
                call()
                taken[checked].append(time.process_time() - begun)
            on, off = (statistics.median(taken[key]) for key in (True, False))
            ratios.append(on / off)
            print(f"{name:24} checked {on * 1000:6.2f} ms, open {off * 1000:6.2f} ms: ratio {on / off:.3f}")
        print(f"{'median of the ratios':24} {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
