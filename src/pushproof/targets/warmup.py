"""Warm-up of a process that forks itself: what worlds import, parse and cache is there before the first fork, and shared by all."""

from __future__ import annotations

from datetime import datetime

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.substrate.moto_backends import discard_backends
from pushproof.emulator.world import World

#: A call to each service that stacks commonly use: the first one imports, parses and caches what later ones need.
_CALLS = {
    "acm": "list_certificates",
    "application-autoscaling": "",
    "cloudwatch": "describe_alarms",
    "codebuild": "list_projects",
    "codecommit": "list_repositories",
    "codeconnections": "list_connections",
    "codedeploy": "list_applications",
    "codepipeline": "list_pipelines",
    "dynamodb": "list_tables",
    "ec2": "describe_vpcs",
    "ecr": "describe_repositories",
    "ecs": "list_clusters",
    "elbv2": "describe_load_balancers",
    "events": "list_rules",
    "iam": "list_roles",
    "kms": "list_keys",
    "lambda": "list_functions",
    "logs": "describe_log_groups",
    "s3": "list_buckets",
    "secretsmanager": "list_secrets",
    "sns": "list_topics",
    "ssm": "describe_parameters",
    "sts": "get_caller_identity",
}


#: The world that was used, and its substrate's state. What would be freed leaves holes in pages that forks share, and each fork
#: that fills them gets pages of its own.
_used: list[object] = []


def warm_up() -> None:
    """Use a scripted world and close it. Starts no thread, so that the process can be forked afterwards."""
    # What a world imports when it first parses a date, listens, or has containers.
    datetime.strptime("2026", "%Y")
    import pushproof.emulator.runtime.docker.builder
    import pushproof.emulator.runtime.docker.functions
    import pushproof.emulator.runtime.docker.tasks
    import pushproof.emulator.runtime.loadbalancer.runtime
    import pushproof.emulator.wire.server  # noqa: F401

    world = World.virtual(WorldSettings(), equip=scripted_equipment)
    try:
        for service, operation in _CALLS.items():
            client = world.administrator(service)
            if operation:
                getattr(client, operation)()
    except ClientError as error:
        raise RuntimeError(f"a world refused what warms it up: {error}") from error
    finally:
        _used.extend((world, world.substrate.state()))
        world.close()
        # What the next world would forget of this one: here once, and not in every fork.
        discard_backends()
