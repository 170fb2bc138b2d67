"""The context that all steps of a drill share."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pushproof.aws.codecommit import place_of
from pushproof.drill.breakages.breakage import Breakage
from pushproof.drill.delivery import Delivery
from pushproof.drill.discovery.workflows import variables_of
from pushproof.drill.evidence import AppliedStack, Asking, BrokenPush, Deployed, Record, Workplace
from pushproof.drill.faultplan import FaultPlan
from pushproof.drill.narration import Narrator
from pushproof.drill.observation import Observer
from pushproof.drill.preflight import Preflight
from pushproof.drill.prober import Front, ProbeReport
from pushproof.drill.repository import Checkout
from pushproof.drill.rollouts.codedeploy import CodeDeployRollouts
from pushproof.drill.rollouts.ecs import EcsRollouts
from pushproof.drill.rollouts.rollouts import Rollouts
from pushproof.drill.settings import BadInput, DrillSettings
from pushproof.drill.standin import Webhook
from pushproof.drill.tasksbefore import TasksBefore
from pushproof.drill.ways import Ways
from pushproof.drill.workflowroad import (
    GITHUB,
    WorkflowObserver,
    WorkflowRuns,
    deploying_workflow,
    environment_of_steps,
)
from pushproof.targets.base import DrillTarget, NotificationListener
from pushproof.terraform.applied import prepare, reopen
from pushproof.terraform.driver import Terraform
from pushproof.terraform.working_copy import WorkingCopy
from pushproof.workflows.runner import Runner, RunnerSettings
from pushproof.workflows.runs import Push

#: The name of the environment's Terraform run.
STACK = "stack"


@dataclass(slots=True)
class Result:
    """The result of a drill.

    The verdict, the steps that nobody has shown, the counts of each prober by its step's letter, and the fate of each bad push.
    """

    passed: bool = False
    skipped: tuple[str, ...] = ()
    probes: dict[str, ProbeReport] = field(default_factory=dict)
    broken: list[BrokenPush] = field(default_factory=list)


class Context:
    """Everything that steps share: target, settings, narrator, Terraform runs, clients, the webhook, and the evidence so far.

    `resumed`: the evidence comes from another process, so that the world may have moved on since.
    """

    def __init__(
        self,
        target: DrillTarget,
        settings: DrillSettings,
        narrator: Narrator,
        means: Preflight,
        webhook: Webhook,
        record: Record | None = None,
        ways: Ways | None = None,
    ) -> None:
        self.target, self.settings, self.narrator = target, settings, narrator
        self.binary, self.breakages = means.binary, means.breakages
        self.webhook, self.ways = webhook, ways or Ways()
        self.record = record or Record()
        self.resumed = record is not None
        self.result = Result()
        if settings.faults and (reason := target.lacks("faults")) is not None:
            raise BadInput(f"--fault needs a world of Pushproof's own; target {target.name}: {reason}")
        self.plan = FaultPlan(settings.faults, lambda: target.faults(), narrator, self._real_delay, self._checks)
        self._runs: dict[str, Terraform] = {}
        self._outputs: dict[str, Any] | None = None

    def _real_delay(self, seconds: float) -> float:
        # A world that is continued has a clock of its own.
        return self.target.clock.real_delay(seconds)

    # What the apply has shown.

    @property
    def applied(self) -> AppliedStack:
        """The applied environment. Raises BadInput before there is one."""
        applied = self.record.latest(AppliedStack)
        if applied is None:
            raise BadInput("nothing is applied yet: perform the step apply first")
        return applied

    @property
    def delivery(self) -> Delivery:
        """The path that a push takes. Raises BadInput when the environment has none."""
        if self.applied.undelivered:
            raise BadInput(self.applied.undelivered)
        return self.applied.delivery

    @property
    def all_outputs(self) -> dict[str, Any]:
        """Every output of the environment, as Terraform has it."""
        if self._outputs is None:
            self._outputs = self.stack.outputs()
        return self._outputs

    def deployed(self) -> Deployed:
        """The newest good push. Raises BadInput before there is one."""
        deployed = self.record.latest(Deployed)
        if deployed is None:
            raise BadInput("nothing is deployed yet: perform the step first-deployment first")
        return deployed

    # Terraform.

    def terraform(self, source: Path, name: str, variables: Mapping[str, object]) -> Terraform:
        """Return the run of a configuration, prepared when it is asked for first; a repeated step works in the same copy."""
        if name not in self._runs:
            self._runs[name] = prepare(
                self.target,
                source,
                name=name,
                variables=variables,
                listener=self._hear_terraform,
                binary=self.binary,
                secrets=self.settings.secrets,
            )
        return self._runs[name]

    @property
    def stack(self) -> Terraform:
        """The environment's Terraform run."""
        return self._run(STACK, self.applied.stack)

    @property
    def bootstrap(self) -> Terraform | None:
        """The Terraform run that made the state bucket; None where there was none."""
        return self._run("bootstrap", self.applied.bootstrap) if self.applied.bootstrap.source else None

    def environment_run(self, variables: Mapping[str, object]) -> Terraform:
        """Return the environment's run before its apply, in its workspace, with its files of variables beside it."""
        run = self.terraform(self.settings.environment, STACK, variables)
        for number, path in enumerate(self.settings.var_files):
            # Terraform reads these after terraform.tfvars, in the order of their names, and before the drill's own values.
            suffix = ".auto.tfvars.json" if path.name.endswith(".json") else ".auto.tfvars"
            shutil.copyfile(path, run.copy.directory / f"yy-pushproof-{number:03}{suffix}")
        return self._in_workspace(run)

    def _in_workspace(self, run: Terraform) -> Terraform:
        if self.settings.workspace:
            run.environment["TF_WORKSPACE"] = self.settings.workspace
        return run

    def _run(self, name: str, workplace: Workplace) -> Terraform:
        if name not in self._runs:
            copy = WorkingCopy(Path(workplace.source), Path(workplace.directory), Path(workplace.root))
            run = reopen(self.target, copy, name=name, listener=self._hear_terraform, binary=self.binary)
            self._runs[name] = self._in_workspace(run) if name == STACK else run
        return self._runs[name]

    def _hear_terraform(self, line: str) -> None:
        if " complete after " in line and ("Creation" in line or "Destruction" in line):
            address, _, rest = line.partition(":")
            self.narrator.moment("terraform", f"{address}: {rest.strip().split(' [')[0].lower()}", quiet=True)
        elif line.startswith("pushproof: "):
            # What the world has made before the first `init`, since the environment takes it for granted.
            self.narrator.moment("world", line.removeprefix("pushproof: "))

    # The application's repository.

    @cached_property
    def checkout(self) -> Checkout:
        """The application's repository, as a developer has it; in a resumed drill, the checkout that there is."""
        directory = self.target.directory("checkout") / "app"
        return Checkout(
            self.settings.application,
            directory,
            remote=self.target.repository_url(self.repository),
            branch=self.branch,
            images=self._images(),
            environment=self.target.environment(),
            reopened=self.resumed and (directory / ".git").is_dir(),
        )

    def _images(self) -> dict[str, str]:
        """Return the base images to replace; "${base_image}" stands for the target's own, where it has one."""
        place, base = "${base_image}", ""
        if any(place in local for local in self.settings.image_map.values()):
            base = self.target.build_environment().get("BASE_IMAGE", "")
        named = {public: local.replace(place, base) for public, local in self.settings.image_map.items()}
        return {public: local for public, local in named.items() if local}

    @cached_property
    def branch(self) -> str:
        """The branch that the pipeline watches."""
        return self.delivery.source.branch or "main"

    @property
    def repository(self) -> str:
        """The owner and name of the repository that is pushed to: the pipeline's, or the settings' where it names none."""
        source = self.delivery.source
        if source.kind == "CodeCommit":
            return place_of(source.repository, self.target.region)
        return source.repository or self.settings.repository

    def commit(self, message: str, breakage: Breakage | None = None) -> str:
        """Commit the application, broken by a breakage. Raises NotApplicable."""
        return self.checkout.commit(
            message, breakage=breakage, delivery=self.delivery, dockerfile=self.settings.dockerfile
        )

    def push(self, commit: str) -> str:
        """Push, and put it on the timeline; returns the revision that the pipeline knows it by."""
        if self.delivery.road == GITHUB:
            self.checkout.push()
            revision, answer = commit, self.workflow_runs.start(self._workflow_push(commit))
        else:
            revision, answer = self.target.push(self.checkout, commit, self.delivery.outputs())
        self.narrator.moment("push", f"{commit[:7]} to {self.checkout.branch}: {answer or 'no answer'}")
        return revision

    # The workflow's road.

    @cached_property
    def workflow_runs(self) -> WorkflowRuns:
        """The runs of the workflow that this drill's pushes start."""
        settings, environment = self.settings, self.target.environment()
        variables = {
            **variables_of(self.all_outputs), **self.target.build_environment(), **settings.workflow_variables,
        }  # fmt: skip
        runner = RunnerSettings(
            environment=environment_of_steps(environment),
            git=environment,
            source=self.target.repository_url(self.repository),
            identity=self.target.workflow_identity,
            clock=self.target.clock,
            directory=self.target.directory("workflows"),
            variables=variables,
            actions=settings.actions,
        )
        return WorkflowRuns(
            lambda: deploying_workflow(self.checkout.directory, settings.workflow, settings.actions),
            lambda say: Runner(runner, say),
        )

    def _workflow_push(self, commit: str) -> Push:
        ids = self.settings.variables.get("github_repository_ids")
        owner, number = (str(ids.get(key, "")) if isinstance(ids, Mapping) else "" for key in ("owner", "repository"))
        return Push(self.repository, self.branch, commit, owner_id=owner, repository_id=number)

    # What serves and what is said.

    @cached_property
    def observer(self) -> Observer:
        """The eyes on the service and its pipeline."""
        observer = self._observer()
        if self.resumed:
            # What happened before is no progress of this drill.
            observer.new_events()
        return observer

    def _observer(self) -> Observer:
        delivery = self.delivery
        names = {"cluster": delivery.cluster, "service": delivery.service, "container": delivery.container.name}
        if delivery.road == GITHUB:
            observer = WorkflowObserver(self.target.client, pipeline="", **names)
            observer.runs = self.workflow_runs
            return observer
        return Observer(self.target.client, pipeline=delivery.pipeline, **names)

    def front(self, asking: Asking | None = None) -> Front:
        """Return the way to the application that its users take. `asking`: the newest good push's, unless it is given."""
        applied, entrance = self.applied, self.delivery.entrance
        asking = asking or self.deployed().asking
        return Front(
            lambda: self.target.address(entrance.dns_name, entrance.port),
            entrance.host or applied.host,
            applied.certificates if entrance.tls else None,
            path=asking.path,
            place=self.settings.version if asking.tells else None,
            certified=applied.host,
            passes_connections=entrance.passes_connections,
        )

    @cached_property
    def rollouts(self) -> Rollouts:
        """The rollouts of the service, as whoever deploys it shows them."""
        client, delivery = self.target.client, self.delivery
        if delivery.codedeploy.name:
            return CodeDeployRollouts(client("codedeploy"), client("elbv2"), delivery.codedeploy, self.observer)
        return EcsRollouts(client("ecs"), delivery, self.observer)

    @cached_property
    def tasks_before(self) -> TasksBefore | None:
        """The tasks that run before deployments; None where the settings ask for none."""
        if not self.settings.before:
            return None
        delivery = self.delivery
        return TasksBefore(
            self.target.client("ecs"),
            cluster=delivery.cluster,
            container=delivery.container.name,
            command=self.settings.before,
        )

    def show_progress(self) -> None:
        """Put the service's new events on the timeline."""
        if self.tasks_before is not None:
            self.tasks_before.look()
        for message in self.observer.new_events():
            self.narrator.moment("ecs", message)
        self.plan.look(self.observer)

    def _checks(self) -> float:
        """Return the AWS seconds after which the load balancer's health checks show a target that is gone."""
        arns = [balancer["targetGroupArn"] for balancer in self.observer.service().get("loadBalancers", [])]
        groups = (
            self.target.client("elbv2").describe_target_groups(TargetGroupArns=arns)["TargetGroups"] if arns else []
        )
        return max(
            (
                (group["UnhealthyThresholdCount"] + 1) * group["HealthCheckIntervalSeconds"]
                + group["HealthCheckTimeoutSeconds"]
                for group in groups
            ),
            default=0.0,
        )

    @cached_property
    def listener(self) -> NotificationListener | None:
        """The listener for notifications where the target cannot reach the webhook; None where it can."""
        return self.target.notification_listener(self.delivery.outputs())

    def listen(self, delivery: Delivery) -> None:
        """Begin to hear notifications where the target cannot reach the webhook: what comes before is not heard."""
        if self.target.lacks("webhooks") is not None:
            self.__dict__["listener"] = self.target.notification_listener(delivery.outputs())

    def close_listener(self) -> None:
        """End the listener, if there is one: it is a resource of the account."""
        listener = self.__dict__.pop("listener", None)
        if listener is not None:
            listener.close()

    def deadline(self, step: str, otherwise: float) -> float:
        """Return the AWS seconds that a step may take on this target."""
        return self.target.deadline(step, otherwise)

    def forget(self) -> None:
        """Forget what the evidence was shown of: it is gone."""
        self.record.clear()
        self._runs.clear()
        self._outputs = None
        for name in ("checkout", "branch", "observer", "listener", "rollouts", "tasks_before"):
            with suppress(KeyError):
                del self.__dict__[name]
