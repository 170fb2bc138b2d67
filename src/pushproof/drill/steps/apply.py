"""Steps (a) and (b): the target is up, and Terraform applies the environment unmodified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pushproof.drill.badinput import BadInput
from pushproof.drill.certificate import Trust, trust
from pushproof.drill.context import Context
from pushproof.drill.delivery import Delivery
from pushproof.drill.discovery.discover import discover
from pushproof.drill.discovery.workflows import discover_workflow, outputs_of, variables_of
from pushproof.drill.evidence import AppliedStack, Workplace
from pushproof.drill.preflight import BEFORE, mentions_before
from pushproof.drill.secrets import put_missing_values
from pushproof.drill.settings import ProofFailed
from pushproof.drill.shifting.strategies import require_fit
from pushproof.drill.steps.state import prepare_state
from pushproof.drill.steps.step import Step
from pushproof.drill.variables import terraform_variables
from pushproof.drill.workflowroad import GITHUB, deploying_workflow
from pushproof.terraform.configuration import declared_variables
from pushproof.terraform.driver import Terraform
from pushproof.terraform.resources import managed_resources

HOST = "shop.example.test"
_NOWHERE = Workplace("", "", "")


class Apply(Step):
    """Make the place of the state, apply the environment as it is in the tree, and find the path that a push takes.

    The plan right after is empty.
    """

    name = "apply"
    letter = "b"

    def perform(self, context: Context) -> AppliedStack:
        target, narrator, settings = context.target, context.narrator, context.settings
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
        with narrator.step(self.letter, f"Terraform applies {_short(settings.environment)}, unmodified"):
            place = prepare_state(context)
            certificate = _Certificate(context, "" if earlier is None else earlier.certificate_arn)
            own: dict[str, Callable[[], object]] = {
                "repository": lambda: settings.repository,
                "certificate_arn": certificate.arn,
                "webhook_url": lambda: None if target.lacks("webhooks") else context.webhook.url,
                "build_environment": lambda: build_environment,
                "base_image": lambda: build_environment.get("BASE_IMAGE", ""),
            }
            if settings.shift.strategy:
                own |= {"deployment_alarm": lambda: True, "traffic_shift": lambda: settings.shift.shifts}
            if settings.before or mentions_before(settings):
                own[BEFORE] = lambda: list(settings.before)
            variables, used = terraform_variables(
                settings.environment.resolve(), _explicit(context), own, settings.var_files
            )
            stack = context.environment_run(variables)
            prepared = earlier is None and target.disposable
            before = set(target.leftovers()) if prepared else set()
            made: set[str] = set()
            stack.limit = context.deadline("apply", stack.limit)
            spent = stack.timings.get("apply", 0.0)

            def initialised() -> None:
                if prepared:
                    # Buckets and roles that the first init was given are the world's, and go with it.
                    made.update(set(target.leftovers()) - before)
                    stack.provided = stack.provided or bool(made)

            applied = context.ways.apply(stack, place.backend, initialised)
            there_before = tuple(sorted({*there_before, *made}))
            seconds = stack.timings.get("apply", 0.0) - spent
            state = stack.state()
            resources = len(managed_resources(state))
            delivery, undelivered = _discover(context, state)
            trusted = _trust(context, delivery)
            given = put_missing_values(target.client, delivery.secrets, settings.secrets)
            duration = f"in {seconds:.1f} s" if applied else "as an earlier run has left them"
            narrator.claim(f"{resources} resources {duration}; state in {place.where}")
            if used:
                narrator.claim(f"the environment takes the drill's own {', '.join(sorted(used))}")
            if delivery.pipeline or delivery.workflow:
                narrator.claim(describe(delivery))
            if given:
                narrator.claim(f"secrets without a value have one now: {', '.join(given)}")
            require_empty_plan(stack, "right after apply")
            narrator.claim("terraform plan is empty right after")
            context.listen(delivery)
        return AppliedStack(
            delivery=delivery,
            undelivered=undelivered,
            webhook="webhook_url" in used,
            bootstrap=_NOWHERE if place.bootstrap is None else _workplace(place.bootstrap),
            stack=_workplace(stack),
            certificate_arn=certificate.made,
            host=trusted.host,
            certificates=trusted.certificates,
            there_before=there_before,
            resources=resources,
            seconds=seconds,
        )


class _Certificate:
    """The drill's own certificate in ACM, imported when it is asked for. `made` is its ARN; "" when nobody asked."""

    def __init__(self, context: Context, made: str) -> None:
        self._context, self.made = context, made

    def arn(self) -> str:
        if not self.made:
            signed = self._context.ways.sign(HOST)
            self.made = self._context.target.certificate(signed.certificate, signed.private_key)
        return self.made


def describe(delivery: Delivery) -> str:
    """Return the delivery path in a line."""
    source = delivery.source
    origin = source.repository or source.bucket or source.kind
    parts = [
        f"{origin} ({source.branch})" if source.branch else origin,
        f"workflow {delivery.workflow}" if delivery.workflow else f"pipeline {delivery.pipeline}",
        *([f"build {delivery.build.project}"] if delivery.build.project else []),
        f"image {delivery.repository}",
        f"service {delivery.cluster}/{delivery.service}",
        entrance_of(delivery),
    ]
    return "a push goes " + " → ".join(parts)


def entrance_of(delivery: Delivery) -> str:
    """Return the way to the service as a URL without its path; for a worker, that it has none."""
    entrance = delivery.entrance
    if not entrance.dns_name:
        return "no load balancer"
    usual = 443 if entrance.tls else 80
    port = "" if entrance.port == usual else f":{entrance.port}"
    return f"{'https' if entrance.tls else 'http'}://{entrance.dns_name}{port}"


def require_empty_plan(stack: Terraform, when: str) -> None:
    """Raise ProofFailed, with the changes and the readable plan, when a plan wants changes."""
    changes = stack.changes()
    if changes:
        listed = "\n".join(f"  {address}: {', '.join(actions)}" for address, actions in sorted(changes.items()))
        raise ProofFailed(f"{when}, terraform plan wants changes:\n{listed}\n{stack.plan_text()}")


def _explicit(context: Context) -> Mapping[str, object]:
    """Return the variables that a person has set; on the road of a workflow also the reference's switch for it."""
    settings = context.settings
    if settings.road != GITHUB or "github_deploy" not in declared_variables(settings.environment.resolve()):
        return settings.variables
    return {"github_deploy": True, **settings.variables}


def _discover(context: Context, state: Mapping[str, object]) -> tuple[Delivery, str]:
    """Return the delivery path; an empty one, and the reason, where the environment has none."""
    settings = context.settings
    try:
        if settings.road == GITHUB:
            workflow = deploying_workflow(settings.application, settings.workflow, settings.actions)
            variables = {**variables_of(outputs_of(state)), **settings.workflow_variables}
            client = context.target.client
            return discover_workflow(client, state, settings.choices, workflow, variables, settings.repository), ""
        delivery = discover(context.target.client, state, settings.choices, _short(settings.environment))
        require_fit(settings.shift.strategy, delivery)
        return delivery, ""
    except BadInput as error:
        return Delivery("", "", "", ""), str(error)


def _trust(context: Context, delivery: Delivery) -> Trust:
    """Return what a client needs to verify the listener's certificate; nothing without TLS."""
    arn = delivery.entrance.certificate_arn
    return trust(context.target.client("acm"), arn) if arn else Trust("", "")


def _workplace(terraform: Terraform) -> Workplace:
    copy = terraform.copy
    return Workplace(source=str(copy.source), directory=str(copy.directory), root=str(copy.root))


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
