"""One run of the sandbox target: apply, deploy (the whole environment only), destroy. Its standard output tells where it is.

python run.py reduced|dev
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from pushproof.drill.certificate import self_signed
from pushproof.sandbox.source import upload
from pushproof.targets.sandbox import SandboxTarget
from pushproof.terraform.applied import prepare

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = {"reduced": Path(__file__).parent / "reduced", "dev": ROOT / "infrastructure/environments/dev"}


def say(step: str) -> None:
    print(f"{time.strftime('%T')} {step}", flush=True)


def main(which: str) -> None:
    with SandboxTarget(say=say) as target:
        say("BOOTSTRAP")
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
        bootstrap.destroy()
        if which == "dev":
            target.forget_certificate(variables["certificate_arn"])
        say("CLOSE")
    say("DONE")


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
    main(sys.argv[1])
