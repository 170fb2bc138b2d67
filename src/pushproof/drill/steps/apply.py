"""Steps (a) and (b): the target is up, and Terraform applies the environment unmodified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pushproof.drill.certificate import self_signed, trust
from pushproof.drill.context import Context
from pushproof.drill.evidence import AppliedStack, Outputs, Workplace
from pushproof.drill.settings import BadInput, ProofFailed
from pushproof.drill.steps.step import Step
from pushproof.terraform.driver import Terraform

HOST = "shop.example.test"


class Apply(Step):
    """Bootstrap the state bucket, then apply the environment as it is in the tree. Its plan right after is empty."""

    name = "apply"
    letter = "b"

    def perform(self, context: Context) -> AppliedStack:
        target, narrator = context.target, context.narrator
        endpoint = getattr(target, "endpoint", None)
        with narrator.step("a", "An embedded world is up" if endpoint else f"The {target.name} account is admitted"):
            if endpoint:
                narrator.claim(f"one endpoint for terraform, aws, docker and git: {endpoint}")
            else:
                narrator.claim(f"account {target.account_id}, {target.region}")
            build_environment = target.build_environment()
            earlier = context.record.latest(AppliedStack)
            # What was in the account already is somebody else's.
            there_before = earlier.there_before if earlier is not None else tuple(sorted(target.leftovers()))
        with narrator.step(self.letter, f"Terraform applies {_short(context.settings.environment)}, unmodified"):
            bootstrap, backend = self._bootstrap(context)
            if earlier is None:
                made = self_signed(HOST)
                certificate_arn = target.certificate(made.certificate, made.private_key)
            else:
                certificate_arn = earlier.certificate_arn
            variables: dict[str, Any] = {
                "repository": context.settings.repository,
                "certificate_arn": certificate_arn,
                "slack_webhook_url": None if target.lacks("webhooks") else context.webhook.url,
                "build_environment": build_environment,
                **context.settings.variables,
            }
            trusted = trust(target.client("acm"), variables["certificate_arn"])
            stack = context.terraform(context.settings.environment, "stack", variables)
            stack.init(backend=backend)
            stack.limit = context.deadline("apply", stack.limit)
            spent = stack.timings.get("apply", 0.0)
            stack.apply()
            seconds = stack.timings["apply"] - spent
            outputs = Outputs.of(stack.outputs())
            resources = len(_resources(stack.state()))
            _put_secret(context, outputs)
            narrator.claim(
                f"{resources} resources in {seconds:.1f} s; state in s3://{backend['bucket']}/{backend['key']}"
            )
            require_empty_plan(stack, "right after apply")
            narrator.claim("terraform plan is empty right after")
            context.listen(outputs)
        return AppliedStack(
            outputs=outputs,
            bootstrap=_workplace(bootstrap),
            stack=_workplace(stack),
            certificate_arn=certificate_arn,
            host=trusted.host,
            certificates=trusted.certificates,
            there_before=there_before,
            resources=resources,
            seconds=seconds,
        )

    def _bootstrap(self, context: Context) -> tuple[Terraform, dict[str, Any]]:
        """Make the state bucket; returns the run that made it, and the environment's backend."""
        settings = context.settings
        source = settings.bootstrap or settings.environment.resolve().parents[1] / "bootstrap"
        if not source.is_dir():
            raise BadInput(f"{source} is missing: it makes the state bucket. Name it with --bootstrap")
        variables: dict[str, Any] = {"force_destroy": True}
        if "project" in settings.variables:
            variables["project"] = settings.variables["project"]
        bootstrap = context.terraform(source, "bootstrap", variables)
        bootstrap.init()
        bootstrap.apply()
        bucket = bootstrap.output("state_bucket_name")
        key = f"{settings.environment.resolve().name}/terraform.tfstate"
        backend = {"bucket": bucket, "key": key, "region": context.target.region}
        if context.binary.native_locking:
            backend["use_lockfile"] = "true"
        return bootstrap, backend


def require_empty_plan(stack: Terraform, when: str) -> None:
    """Raise ProofFailed, with the changes and the readable plan, when a plan wants changes."""
    changes = stack.changes()
    if changes:
        listed = "\n".join(f"  {address}: {', '.join(actions)}" for address, actions in sorted(changes.items()))
        raise ProofFailed(f"{when}, terraform plan wants changes:\n{listed}\n{stack.plan_text()}")


def _put_secret(context: Context, outputs: Outputs) -> None:
    if outputs.database_secret_arn:
        context.target.client("secretsmanager").put_secret_value(
            SecretId=outputs.database_secret_arn,
            SecretString="postgresql://shop:not-a-real-password@db.internal:5432/shop",
        )


def _workplace(terraform: Terraform) -> Workplace:
    copy = terraform.copy
    return Workplace(source=str(copy.source), directory=str(copy.directory), root=str(copy.root))


def _resources(state: dict[str, Any]) -> list[dict[str, Any]]:
    def walk(module: dict[str, Any]) -> list[dict[str, Any]]:
        own = [r for r in module.get("resources", []) if r["mode"] == "managed"]
        return own + [r for child in module.get("child_modules", []) for r in walk(child)]

    return walk(state.get("values", {}).get("root_module", {}))


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
