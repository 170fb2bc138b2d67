"""Policy decisions a second, warm, at three sizes: a decision should grow no faster than its statements."""

from __future__ import annotations

import time

from pushproof.engines.policy import Policies, Request, decide, parse, principal_of, request

ACCOUNT = "123456789012"
CALLER = principal_of(f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/run")
SERVICES = ("s3", "ecs", "ecr", "logs", "sns", "sqs", "kms", "events")


def policies(statements: int) -> Policies:
    """Return three identity policies and a boundary, with that many statements in all; a fifth apply to any one action."""
    listed = []
    for n in range(statements):
        service = SERVICES[n % len(SERVICES)]
        listed.append(
            {
                "Sid": f"S{n}",
                "Effect": "Deny" if n % 10 == 9 else "Allow",
                "Action": [f"{service}:Get*", f"{service}:Put{n}*"] if n % 5 else "*",
                "Resource": [
                    f"arn:aws:{service}:*:{ACCOUNT}:thing/{n}/*",
                    f"arn:aws:{service}:*:*:other/${{aws:PrincipalAccount}}/{n}",
                ],
                "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}, "Bool": {"aws:SecureTransport": "true"}},
            }
        )  # fmt: skip
    third = max(1, len(listed) // 3)
    parts = [part for part in (listed[:third], listed[third : 2 * third], listed[2 * third :]) if part]
    identity = tuple(parse({"Version": "2012-10-17", "Statement": part}, name=f"p{n}") for n, part in enumerate(parts))
    boundary = parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    return Policies(identity=identity, boundary=boundary)


def requests(statements: int) -> list[Request]:
    """Return a mix: allowed early, allowed late, denied, and matched by nothing."""
    context = {"aws:RequestedRegion": "eu-west-1", "aws:SecureTransport": "true"}
    out = []
    for n in (1, statements // 2, statements - 1, statements * 2):
        service = SERVICES[n % len(SERVICES)]
        out.append(
            request(CALLER, f"{service}:GetThing", f"arn:aws:{service}:eu-west-1:{ACCOUNT}:thing/{n}/x", context)
        )
    return out


def main() -> None:
    for size, rounds in ((50, 5_000), (500, 500), (5_000, 50)):
        bearing, batch = policies(size), requests(size)
        for call in batch:
            decide(call, bearing)
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            for _ in range(rounds):
                for call in batch:
                    decide(call, bearing)
            best = min(best, time.perf_counter() - start)
        rate = rounds * len(batch) / best
        print(f"policy decisions  {size:>7} statements {1e6 / rate:9.1f} us  {rate:12,.0f} decisions/s")


if __name__ == "__main__":
    main()
