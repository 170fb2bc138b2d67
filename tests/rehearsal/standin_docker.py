"""A world with Docker in place of AWS: builds, tasks and load balancers are real, so that whole drills can be rehearsed.

Its owner has done what docs/sandbox.md says, and nothing else: applied infrastructure/sandbox-account. Prints one line of JSON with
the endpoint and the deployer role, serves until its standard input ends, then prints the deployer's refused calls.

python standin_docker.py [fail|timeout]: the report of the pipeline's action after a rollback
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pushproof.emulator.kernel.settings import CodePipelineSettings, WorldSettings
from pushproof.emulator.runtime.docker.images import ensure_base_image
from pushproof.engines.pipeline import Settings
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.terraform.applied import apply_module

ACCOUNT, REGION = "210987654321", "eu-west-1"
PREPARED = Path(__file__).parents[2] / "infrastructure/sandbox-account"


def main(after_rollback: str = "fail") -> None:
    base = ensure_base_image()
    settings = WorldSettings(
        account_id=ACCOUNT,
        region=REGION,
        speed=20.0,
        enforce_iam=True,
        codepipeline=CodePipelineSettings(engine=Settings(ecs_rollback=after_rollback)),
    )
    with EmbeddedTarget(EmbeddedSettings(world=settings)) as target:
        variables = {"trusted_principal_arns": [f"arn:aws:iam::{ACCOUNT}:root"]}
        role = str(apply_module(target, PREPARED, name="sandbox-account", variables=variables)["deployer_role_arn"])
        account = {"endpoint": target.endpoint, "account": ACCOUNT, "region": REGION, "keys": target.keys}
        told = {**account, "role": role, "base_image": base}
        print(json.dumps(told), flush=True)
        sys.stdin.read()
        denied = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
        calls = [call for call in target.world.gateway.calls if call.context.principal.role_arn == role]
        refused = sorted({call.name for call in calls if call.error_code in denied})
        print(json.dumps({"calls": len(calls), "refused": refused}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
