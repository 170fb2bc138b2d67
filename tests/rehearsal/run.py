"""One run of the sandbox target: apply, deploy (the whole environment only), destroy. Its standard output reports its progress.

python run.py light|reduced|dev: a reduced environment with a state bucket made by hand or by the bootstrap module; the whole one.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.base.target import TargetUnavailable
from pushproof.drill.certificate import self_signed
from pushproof.sandbox.source import upload
from pushproof.targets.sandbox import SandboxTarget
from pushproof.terraform.applied import prepare
from pushproof.terraform.driver import Terraform
from pushproof.terraform.errors import TerraformError

ROOT = Path(__file__).parents[2]
REDUCED = Path(__file__).parent / "reduced"
ENVIRONMENTS = {"light": REDUCED, "reduced": REDUCED, "dev": ROOT / "infrastructure/environments/dev"}


def say(step: str) -> None:
    print(f"{time.strftime('%T')} {step}", flush=True)


def main(which: str) -> None:
    with SandboxTarget(say=say) as target:
        say("BOOTSTRAP")
        bootstrap: Terraform | None = None
        if which == "light":
            bucket = state_bucket(target)
        else:
            bootstrap = prepare(
                target, ROOT / "infrastructure/bootstrap", name="bootstrap", variables={"force_destroy": True}
            )
            bootstrap.init()
            bootstrap.apply()
            bucket = bootstrap.output("state_bucket_name")
        backend = {"bucket": bucket, "key": "dev/terraform.tfstate", "region": target.region, "use_lockfile": "true"}
        variables: dict[str, Any] = {}
        if which == "dev":
            made = self_signed("shop.example.test")
            variables["certificate_arn"] = target.certificate(made.certificate, made.private_key)
        stack = prepare(target, ENVIRONMENTS[which], name="stack", variables=variables)
        stack.init(backend=backend)
        say("PLAN")
        announce = stack.announce
        assert announce is not None

        def announced(changes: list[dict[str, Any]]) -> None:
            announce(changes)
            say("APPLY")

        stack.announce = announced
        stack.apply()
        if which == "dev":
            say("DEPLOY")
            deploy(target, stack.outputs())
        say("DESTROY")
        stack.destroy()
        if bootstrap is not None:
            bootstrap.destroy()
        if which == "dev":
            target.forget_certificate(variables["certificate_arn"])
        say("CLOSE")
    say("DONE")


def state_bucket(target: SandboxTarget) -> str:
    """A bucket for states, as people make it who have no module for it; the run's end sweeps it."""
    bucket, s3 = f"{target.project}-states", target.client("s3")
    # Ours already: an earlier attempt was carried out, and its answer lost. Nobody else's names carry the run's id.
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": target.region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def deploy(target: SandboxTarget, outputs: dict[str, Any]) -> None:
    """Push through the bucket, and wait until the pipeline has ended."""
    if outputs.get("database_secret_arn"):
        target.client("secretsmanager").put_secret_value(SecretId=outputs["database_secret_arn"], SecretString="x")
    upload(target.client("s3"), outputs["source_bucket_name"], ROOT / "app", commit="0" * 40)
    pipelines = target.client("codepipeline")
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        executions = pipelines.list_pipeline_executions(pipelineName=outputs["pipeline_name"])[
            "pipelineExecutionSummaries"
        ]
        if len(executions) > 1 and executions[0]["status"] != "InProgress":
            actions = pipelines.list_action_executions(
                pipelineName=outputs["pipeline_name"],
                filter={"pipelineExecutionId": executions[0]["pipelineExecutionId"]},
            )["actionExecutionDetails"]
            ended = ", ".join(f"{a['stageName']} {a['status']}" for a in reversed(actions))
            say(f"the execution is {executions[0]['status']}: {ended}")
            return
        time.sleep(0.5)
    say("the execution goes on")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (TargetUnavailable, TerraformError, BotoCoreError, ClientError) as error:
        say(f"ended: {error}")
        sys.exit(1)
