"""Deadlines: the seconds that a step may take on AWS, as AWS documents them or its users report them."""

from __future__ import annotations

# Sources: quotas of CodeBuild (the project's own limit is 20 minutes) and CodePipeline
# (https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html); EventBridge and connections start pipelines within
# a minute or two; NAT gateways and load balancers take 2 to 5 minutes each way.
# A rollback after failed health checks takes 4 to 16 minutes. One after an image that cannot be pulled may never come
# (https://github.com/aws/containers-roadmap/issues/1206), so the drill breaks images that pull.
SECONDS: dict[str, float] = {
    "apply": 30 * 60,
    "pipeline": 65 * 60,
    "serving": 15 * 60,
    "replaced": 30 * 60,
    "rollback": 30 * 60,
    "restored": 30 * 60,
    "destroy": 45 * 60,
    # The resources that AWS removes by itself after a destroy: interfaces of tasks and load balancers.
    "gone": 15 * 60,
    # The way through EventBridge, SNS and SQS: seconds, minutes at worst.
    "notified": 3 * 60,
}


def deadline(step: str, otherwise: float) -> float:
    """Return the seconds for a step; `otherwise` for a step without a deadline of its own."""
    return SECONDS.get(step, otherwise)
