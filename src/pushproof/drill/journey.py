"""The journey of a push, step by step, each step judged by what serves."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushproof.drill.certificate import SelfSigned, Trust, self_signed, trust
from pushproof.drill.narration import Narrator
from pushproof.drill.observation import Observer, Serving, wait_for
from pushproof.drill.preflight import preflight
from pushproof.drill.prober import Front, Prober, ProbeReport, wait_for_version
from pushproof.drill.repository import Checkout
from pushproof.drill.settings import BadInput, DrillSettings, ProofFailed
from pushproof.drill.standin import SlackStandIn
from pushproof.targets.base import DrillTarget, Ears
from pushproof.terraform.applied import prepare
from pushproof.terraform.driver import Terraform
from pushproof.terraform.errors import OutputMissing

HOST = "shop.example.test"
# What compilers, test runners and Docker begin their complaints with.
_COMPLAINT = re.compile(r"\b(FAIL: |COPY failed|failed to compute|failed to solve)")
# Outputs of the environment that the journey goes by.
_NEEDED = ("cluster_name", "service_name", "pipeline_name", "repository_name", "load_balancer_dns_name")
_ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


@dataclass(slots=True)
class Result:
    """The result of a drill: the verdict, and the counts of each prober."""

    passed: bool = False
    probes: dict[str, ProbeReport] | None = None
    apply_seconds: float = 0.0
    timings: dict[str, dict[str, float]] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an execution: its status, and the stage and message of the action that failed ("" when none did)."""

    status: str
    stage: str
    message: str


class Drill:
    """One run against a target. `run()` goes all the way; `raise_world()` stops after the apply."""

    def __init__(self, target: DrillTarget, settings: DrillSettings, narrator: Narrator) -> None:
        self.target, self.settings, self.narrator = target, settings, narrator
        checked = preflight(settings)
        self.binary, self.variant = checked.binary, checked.variant
        self.slack = SlackStandIn()
        self.result = Result(probes={}, timings={})
        self.bootstrap: Terraform | None = None
        self.stack: Terraform | None = None
        self.outputs: dict[str, Any] = {}
        self._certificate: SelfSigned = self_signed(HOST)
        self._certificate_arn = ""
        self._trust: Trust | None = None
        self._ears: Ears | None = None
        # Whether the broken push's execution had still not ended when the service was judged.
        self._undecided = False
        # What was in the account already is somebody else's.
        self._there_before: set[str] = set()

    # The whole way.

    def run(self) -> Result:
        """Every step. Raises ProofFailed when something does not hold; the world is left to the caller."""
        with closing(self.slack):
            self.run_and_keep()
            self.everything_gone()
        return self.result

    def run_and_keep(self) -> Result:
        """Every step but the last: the world stays as the drill left it. The webhook stays too."""
        self.apply()
        for name in _NEEDED:
            if name not in self.outputs:
                raise OutputMissing(name, str(self.settings.environment), list(self.outputs))
        checkout = self.checkout()
        self.refused_before_authorisation(checkout)
        first = self.first_deployment(checkout)
        second = self.second_deployment(checkout, first)
        self.broken_deployment(checkout, second)
        self.notified()
        self.plan_is_empty()
        self.result.passed = True
        return self.result

    # (a), (b)

    def apply(self) -> None:
        """Bootstrap the state bucket, then apply the environment as it stands in the tree."""
        say = self.narrator
        endpoint = getattr(self.target, "endpoint", None)
        with say.step("a", "An embedded world is up" if endpoint else f"The {self.target.name} account is admitted"):
            if endpoint:
                say.claim(f"one endpoint for terraform, aws, docker and git: {endpoint}")
            else:
                say.claim(f"account {self.target.account_id}, {self.target.region}")
            build_environment = self.target.build_environment()
            self._there_before = set(self.target.leftovers())
        relative = _short(self.settings.environment)
        with say.step("b", f"Terraform applies {relative}, unmodified"):
            backend = self._bootstrap()
            self._certificate_arn = self.target.certificate(
                self._certificate.certificate, self._certificate.private_key
            )
            variables: dict[str, Any] = {
                "repository": self.settings.repository,
                "certificate_arn": self._certificate_arn,
                "slack_webhook_url": None if self.target.lacks("webhooks") else self.slack.url,
                "build_environment": build_environment,
                **self.settings.variables,
            }
            self._trust = trust(self.target.client("acm"), variables["certificate_arn"])
            self.stack = self._terraform(self.settings.environment, "stack", variables)
            self.stack.init(backend=backend)
            self.stack.limit = self.target.deadline("apply", self.stack.limit)
            self.stack.apply()
            self.result.apply_seconds = self.stack.timings["apply"]
            self.outputs = self.stack.outputs()
            resources = len(_resources(self.stack.state()))
            self._put_secret()
            say.claim(
                f"{resources} resources in {self.result.apply_seconds:.1f} s; state in s3://{backend['bucket']}/{backend['key']}"
            )
            changes = self.stack.changes()
            if changes:
                raise ProofFailed(
                    f"right after apply, terraform plan wants changes:\n{_listed(changes)}\n{self.stack.plan_text()}"
                )
            say.claim("terraform plan is empty right after")
            if self.target.lacks("webhooks") is not None:
                self._ears = self.target.ears(self.outputs)
        self.observer = Observer(
            self.target.client,
            cluster=self.outputs.get("cluster_name", ""),
            service=self.outputs.get("service_name", ""),
            pipeline=self.outputs.get("pipeline_name", ""),
        )

    def checkout(self) -> Checkout:
        """The application's repository, as a developer has it."""
        return Checkout(
            self.settings.application,
            self.target.directory("checkout") / "app",
            remote=self.target.repository_url(self.settings.repository),
            branch=self.branch(),
            environment=self.target.environment(),
        )

    # (c)

    def refused_before_authorisation(self, checkout: Checkout) -> None:
        beforehand = self.target.lacks("pending-connection")
        if beforehand is not None:
            with self.narrator.step("c", "The source needs no hand"):
                self.narrator.claim(beforehand)
            return
        with self.narrator.step("c", "A push before the connection is authorised fails at Source"):
            commit = checkout.commit("First version")
            self.push(checkout, commit)
            # An execution that dies at Source never learns its commit, so the newest one is meant.
            execution = self._ended(lambda: self._newest_ended(), "the execution of a push over a PENDING connection")
            stage, message = self.observer.failure(execution["pipelineExecutionId"])
            if execution["status"] != "Failed" or stage != "Source":
                found = f"{execution['status']} at {stage or 'no stage'}"
                raise ProofFailed(f"over a PENDING connection the execution is {found}; expected Failed at Source")
            self.narrator.claim(f"Failed at Source: {message}")
            if self.outputs.get("connection_arn"):
                self.target.authorise_connection(self.outputs["connection_arn"])
                self.narrator.claim("the connection is authorised, as a person does it once in the console")

    # (d)

    def first_deployment(self, checkout: Checkout) -> str:
        with self.narrator.step("d", "A good push deploys"):
            commit = self.push(checkout, checkout.commit("First version, again"))
            self._succeeded(commit)
            served = wait_for_version(
                self._front(), commit, clock=self.target.clock, within=self.target.deadline("serving", 900)
            )
            self._claim_serving(commit)
            self.narrator.claim(f"https://{self.outputs['load_balancer_dns_name']}/version answers {served[:7]}")
            return commit

    # (e)

    def second_deployment(self, checkout: Checkout, first: str) -> str:
        with self.narrator.step("e", "A second good push deploys; no request fails meanwhile"):
            before = self.observer.serving()
            with Prober(self._front()) as prober:
                commit = self.push(checkout, checkout.commit("Second version"))
                self._succeeded(commit)
                wait_for(
                    lambda: self._replaced(before),
                    what="the old tasks to be gone",
                    clock=self.target.clock,
                    within=self.target.deadline("replaced", 1800),
                    watch=self._progress,
                )
            report = prober.report
            self.result.probes = {**(self.result.probes or {}), "e": report}
            self._claim_serving(commit)
            self._judge(report, {first, commit})
            if not report.commits.get(commit) or not report.commits.get(first):
                raise ProofFailed(f"the prober saw {dict(report.commits)}; expected both {first[:7]} and {commit[:7]}")
            return commit

    # (f)

    def broken_deployment(self, checkout: Checkout, good: str) -> None:
        variant = self.variant
        outcome = "is rolled back" if variant.rolls_back else f"stops at {variant.stage}"
        with self.narrator.step("f", f"A bad push ({variant.name}) {outcome}; nobody notices"):
            before, deployment = self.observer.serving(), self._deployment()
            with Prober(self._front()) as prober:
                commit = self.push(checkout, checkout.commit(f"Broken: {variant.title}", variant=variant))
                if variant.rolls_back:
                    self._rolled_back(commit, before)
                    execution = self._ended(
                        lambda: self._execution_after_rollback(commit), f"the execution of {commit[:7]} to end"
                    )
                else:
                    execution = self._ended(
                        lambda: self._ended_execution(commit), f"the execution of {commit[:7]} to end"
                    )
                self._progress()
            report = prober.report
            self.result.probes = {**(self.result.probes or {}), "f": report}
            stage, message = self.observer.failure(execution["pipelineExecutionId"])
            self._undecided = undecided = variant.rolls_back and execution["status"] in self.target.after_rollback - {
                "Failed"
            }
            if undecided:
                stage, message = variant.stage, "the action still waits; what serves is judged"
            elif execution["status"] != "Failed" or stage != variant.stage:
                found = f"{execution['status']} at {stage or 'no stage'} ({message})"
                raise ProofFailed(f"the broken push's execution is {found}; expected Failed at {variant.stage}")
            self.narrator.claim(
                f"the execution {'is ' if undecided else ''}{execution['status']} at {stage}:"
                f" {message.splitlines()[0] if message else 'no message'}"
            )
            if not variant.rolls_back:
                self._untouched(commit, deployment)
            after = self.observer.serving()
            if after.task_definitions != before.task_definitions or after.digests != before.digests:
                raise ProofFailed(f"before the broken push {before} served, now {after} does")
            self.narrator.claim(f"what served before serves {'again' if variant.rolls_back else 'still'}: {after}")
            self._judge(report, {good})

    # (g), (h), (i)

    def notified(self) -> None:
        unheard = self.target.lacks("webhooks")
        if unheard is not None and self._ears is None:
            with self.narrator.step("g", "Slack is not asked"):
                self.narrator.claim(unheard)
            return
        if unheard is not None:
            self._notified_otherwise(unheard)
            return
        with self.narrator.step("g", "Slack was told"):
            name = self.outputs["pipeline_name"]
            for state in ("STARTED", "SUCCEEDED", "FAILED"):
                message = self.slack.wait_for(name, state, timeout=15)
                if message is None:
                    heard = [m.text for m in self.slack.messages] or "nothing"
                    raise ProofFailed(f"no message about {state} reached the webhook; it heard: {heard}")
                self.narrator.moment("slack", message.text, at=self.narrator.at(message.at), quiet=True)
                self.narrator.claim(message.text)
            if self.slack.refused:
                raise ProofFailed(f"the webhook was sent what Slack refuses: {self.slack.refused[0]}")
            self.narrator.claim(f"{len(self.slack.messages)} messages in all")

    def _notified_otherwise(self, unheard: str) -> None:
        """The topic that people subscribe to is heard instead; an execution that still waits has not ended yet."""
        assert self._ears is not None
        with self.narrator.step("g", "Subscribers were told"):
            self.narrator.claim(unheard)
            name = self.outputs["pipeline_name"]
            for state in ("STARTED", "SUCCEEDED") if self._undecided else ("STARTED", "SUCCEEDED", "FAILED"):
                text = self._ears.wait_for(name, state, timeout=self.target.deadline("notified", 60.0))
                if text is None:
                    raise ProofFailed(f"no message about {state} came over the topic; it told: {self._ears.heard}")
                self.narrator.claim(text)
            self._ears.close()

    def plan_is_empty(self) -> None:
        with self.narrator.step("h", "Terraform does not want to undo it"):
            assert self.stack is not None
            changes = self.stack.changes()
            if changes:
                raise ProofFailed(
                    f"after two deployments, terraform plan wants changes:\n{_listed(changes)}\n{self.stack.plan_text()}"
                )
            self.narrator.claim("terraform plan is empty after the deployments")

    def everything_gone(self) -> None:
        with self.narrator.step("i", "Everything is gone at the end"):
            assert self.stack is not None
            assert self.bootstrap is not None
            self.stack.limit = self.target.deadline("destroy", self.stack.limit)
            self.stack.destroy()
            self.narrator.claim("terraform destroy ended without error")
            self.target.forget_certificate(self._certificate_arn)
            self.bootstrap.destroy()
            tidied = self.target.tidy(frozenset(self._there_before))
            if tidied:
                self.narrator.claim(f"swept, as no Terraform knows them: {', '.join(tidied)}")
            wait_for(
                lambda: None if self._left() else True,
                what="everything to be gone",
                clock=self.target.clock,
                within=self.target.deadline("gone", 0.0),
                last=lambda: f"destroy left behind: {', '.join(self._left())}",
            )
            self.narrator.claim("no resource of the drill is left in the account, no container on the Engine")

    # Helpers.

    def outcome(self, commit: str) -> Outcome:
        """Wait for the end of a commit's pipeline execution. Raises ProofFailed when it does not end."""
        execution = self._ended(lambda: self._ended_execution(commit), f"the execution of {commit[:7]} to end")
        stage, message = self.observer.failure(execution["pipelineExecutionId"])
        return Outcome(execution["status"], stage, message)

    def push(self, checkout: Checkout, commit: str) -> str:
        """Push, and put it on the timeline; returns the revision that the pipeline knows it by."""
        revision, said = self.target.push(checkout, commit, self.outputs)
        self.narrator.moment("push", f"{commit[:7]} to {checkout.branch}: {said or 'no answer'}")
        return revision

    def _bootstrap(self) -> dict[str, Any]:
        source = self.settings.bootstrap or self.settings.environment.resolve().parents[1] / "bootstrap"
        if not source.is_dir():
            raise BadInput(f"{source} is missing: it makes the state bucket. Name it with --bootstrap")
        variables = {"force_destroy": True}
        if "project" in self.settings.variables:
            variables["project"] = self.settings.variables["project"]
        self.bootstrap = self._terraform(source, "bootstrap", variables)
        self.bootstrap.init()
        self.bootstrap.apply()
        bucket = self.bootstrap.output("state_bucket_name")
        key = f"{self.settings.environment.resolve().name}/terraform.tfstate"
        backend = {"bucket": bucket, "key": key, "region": self.target.region}
        if self.binary.native_locking:
            backend["use_lockfile"] = "true"
        return backend

    def _terraform(self, source: Path, name: str, variables: dict[str, Any]) -> Terraform:
        return prepare(self.target, source, name=name, variables=variables, listener=self._terraform_says)

    def _terraform_says(self, line: str) -> None:
        if " complete after " in line and ("Creation" in line or "Destruction" in line):
            address, _, rest = line.partition(":")
            self.narrator.moment("terraform", f"{address}: {rest.strip().split(' [')[0].lower()}", quiet=True)

    def _left(self) -> list[str]:
        return [name for name in self.target.leftovers() if name not in self._there_before]

    def _put_secret(self) -> None:
        arn = self.outputs.get("database_secret_arn")
        if arn:
            self.target.client("secretsmanager").put_secret_value(
                SecretId=arn, SecretString="postgresql://shop:not-a-real-password@db.internal:5432/shop"
            )

    def branch(self) -> str:
        """The branch the pipeline watches."""
        if "branch" in self.settings.variables:
            return str(self.settings.variables["branch"])
        pipeline = self.target.client("codepipeline").get_pipeline(name=self.outputs["pipeline_name"])["pipeline"]
        return str(pipeline["stages"][0]["actions"][0]["configuration"].get("BranchName", "main"))

    def _front(self) -> Front:
        host = self.outputs["load_balancer_dns_name"]
        assert self._trust is not None
        return Front(lambda: self.target.address(host, 443), self._trust.host, self._trust.certificates)

    def _progress(self) -> None:
        for message in self.observer.new_events():
            self.narrator.moment("ecs", message)

    def _newest_ended(self) -> dict[str, Any] | None:
        newest = self.observer.executions()[:1]
        return (
            newest[0]
            if newest and newest[0]["status"] in _ENDED and newest[0]["trigger"]["triggerType"] != "CreatePipeline"
            else None
        )

    def _ended_execution(self, commit: str) -> dict[str, Any] | None:
        execution = self.observer.execution_of(commit)
        return execution if execution is not None and execution["status"] in _ENDED else None

    def _execution_after_rollback(self, commit: str) -> dict[str, Any] | None:
        execution = self.observer.execution_of(commit)
        ended = execution is not None and execution["status"] in {*_ENDED, *self.target.after_rollback}
        return execution if ended else None

    def _ended(self, question: Callable[[], dict[str, Any] | None], what: str) -> dict[str, Any]:
        return wait_for(
            question,
            what=what,
            clock=self.target.clock,
            within=self.target.deadline("pipeline", self.settings.patience),
            watch=self._progress,
            last=self.observer.summary,
        )

    def _succeeded(self, commit: str) -> None:
        execution = self._ended(lambda: self._ended_execution(commit), f"the execution of {commit[:7]} to end")
        if execution["status"] != "Succeeded":
            stage, message = self.observer.failure(execution["pipelineExecutionId"])
            raise ProofFailed(
                f"the execution of the good commit {commit[:7]} is {execution['status']} at {stage}: {message}\n"
                f"{_busy(self.narrator.speed) if stage == 'Deploy' else ''}{self._build_log()}"
            )
        for action in self.observer.actions(execution["pipelineExecutionId"]):
            spent = (action["lastUpdateTime"] - action["startTime"]).total_seconds()
            self.narrator.moment(
                "pipeline", f"{action['stageName']} {action['status']} after {spent:.1f} s (real)", quiet=True
            )
        self.narrator.claim(f"execution {execution['pipelineExecutionId'][:8]} Succeeded")

    def _rolled_back(self, commit: str, before: Serving) -> None:
        """Wait for the breaker: a deployment of another revision that failed, then the old one COMPLETED again."""

        def failed() -> str | None:
            for deployment in self.observer.service()["deployments"]:
                if deployment["taskDefinition"] not in before.task_definitions:
                    state = deployment.get("rolloutState")
                    return deployment["rolloutStateReason"] if state == "FAILED" else None
            return None

        def begun() -> bool | None:
            deployed = {deployment["taskDefinition"] for deployment in self.observer.service()["deployments"]}
            return True if deployed - before.task_definitions or self._rollback_record() else None

        def restored() -> bool | None:
            service = self.observer.service()
            primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
            serving = self.observer.serving()
            done = (
                primary["taskDefinition"] in before.task_definitions
                and primary.get("rolloutState") == "COMPLETED"
                and len(service["deployments"]) == 1
                and serving.task_definitions == before.task_definitions
            )
            return True if done else None

        wait_for(
            lambda: begun() or self._failed_early(commit),
            what=f"the deployment of {commit[:7]} to begin",
            clock=self.target.clock,
            within=self.target.deadline("pipeline", self.settings.patience),
            watch=self._progress,
            last=self.observer.summary,
        )
        rolled = wait_for(
            lambda: self._rollback_record() or failed() or self._failed_early(commit),
            what="the circuit breaker to trip",
            clock=self.target.clock,
            within=self.target.deadline("rollback", self.settings.patience),
            watch=self._progress,
            last=lambda: str(
                [
                    (d["status"], d.get("rolloutState"), d.get("failedTasks"))
                    for d in self.observer.service()["deployments"]
                ]
            ),
        )
        self.narrator.claim(rolled)
        wait_for(
            restored,
            what="the previous revision to be COMPLETED again",
            clock=self.target.clock,
            within=self.target.deadline("restored", self.settings.patience),
            watch=self._progress,
            last=lambda: str(self.observer.serving()),
        )
        self.narrator.claim("the previous revision is COMPLETED again, unaided")

    def _deployment(self) -> str:
        """The id of the service's newest deployment."""
        return str(max(self.observer.service()["deployments"], key=lambda d: d["createdAt"])["id"])

    def _untouched(self, commit: str, deployment: str) -> None:
        """Of a push that stopped before Deploy: what the build said, that no image came of it, that the service heard nothing."""
        said = [line for line in self._build_log(last=None).splitlines() if _COMPLAINT.search(line)]
        if said:
            self.narrator.claim(f"the build's log says: {said[0].strip()}")
        name = self.outputs["repository_name"]
        images = self.target.client("ecr").describe_images(repositoryName=name)["imageDetails"]
        tags = [tag for image in images for tag in image.get("imageTags", []) if commit[:7] in tag]
        if tags:
            raise ProofFailed(f"the broken push's build failed, and still pushed {', '.join(tags)} to {name}")
        now = self._deployment()
        if now != deployment:
            raise ProofFailed(f"the broken push never came to Deploy, and still the service began deployment {now}")
        self.narrator.claim(f"no image of {commit[:7]} is in {name}; the service still has deployment {deployment}")

    def _rollback_record(self) -> str | None:
        """Return the newest service deployment's record of a rollback."""
        client = self.target.client("ecs")
        found = client.list_service_deployments(
            cluster=self.outputs["cluster_name"], service=self.outputs["service_name"]
        )
        newest = max(found["serviceDeployments"], key=lambda d: d["createdAt"], default=None)
        if newest is None or not str(newest["status"]).startswith("ROLLBACK"):
            return None
        record = client.describe_service_deployments(serviceDeploymentArns=[newest["serviceDeploymentArn"]])
        breaker = record["serviceDeployments"][0].get("deploymentCircuitBreaker", {})
        counted = f"{breaker.get('failureCount')} of {breaker.get('threshold')}"
        return f"circuit breaker {breaker.get('status')} at {counted} failed tasks"

    def _failed_early(self, commit: str) -> str | None:
        execution = self._ended_execution(commit)
        if execution is None:
            return None
        stage, message = self.observer.failure(execution["pipelineExecutionId"])
        if stage in ("", self.variant.stage):
            return None
        found = f"{execution['status']} at {stage}: {message}"
        raise ProofFailed(f"the broken push should fail at {self.variant.stage}; it is {found}\n{self._build_log()}")

    def _replaced(self, old: Serving) -> bool | None:
        """True once tasks run and none of them is of an old revision."""
        serving = self.observer.serving()
        return True if serving.running and not serving.task_definitions & old.task_definitions else None

    def _claim_serving(self, commit: str) -> None:
        serving = self.observer.serving()
        repository = self.outputs["repository_name"]
        images = self.target.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
        pushed = {
            image["imageDigest"] for image in images if any(commit[:7] in tag for tag in image.get("imageTags", []))
        }
        if not pushed:
            raise ProofFailed(f"no image in {repository} carries a tag with {commit[:7]}")
        if serving.digests != pushed:
            raise ProofFailed(f"{serving} serves; expected the image of {commit[:7]}, {', '.join(pushed)}")
        self.narrator.claim(f"{serving} serves: the image that was pushed for {commit[:7]}")

    def _judge(self, report: ProbeReport, allowed: set[str]) -> None:
        if report.failed:
            first = report.failed[0]
            raise ProofFailed(
                f"{len(report.failed)} of {report.sent} requests failed; the first: {first.status or first.error}"
            )
        strangers = report.strangers(allowed)
        if strangers:
            raise ProofFailed(f"commits answered that should not have: {strangers}")
        if report.sent < 50:
            raise ProofFailed(f"only {report.sent} requests were sent: that proves nothing")
        self.narrator.claim(
            f"{report.sent} requests sent meanwhile, 0 failed, answered by {', '.join(sorted(c[:7] for c in report.commits))}"
        )

    def _build_log(self, last: int | None = 40) -> str:
        """The last lines of the newest build's log, for a message; all of them where `last` is None."""
        logs = self.target.client("logs")
        group = self.outputs.get("build_log_group_name", "")
        try:
            streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)[
                "logStreams"
            ]
            events = logs.get_log_events(
                logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=False
            )["events"]
        except Exception as error:
            return f"(no build log: {error})"
        return "\n".join(event["message"].rstrip() for event in (events if last is None else events[-last:]))


def _busy(speed: float) -> str:
    """A word on the machine where it is too busy for the speed: what starts late there looks as if it did not start."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if speed <= 1 or load <= 4 * processors:
        return ""
    return (
        f"This machine is busy: load {load:.0f} on {processors} processors. An application that takes 3 seconds to start"
        f" looks at speed {speed:g} as if it took {3 * speed:.0f}, longer than health checks wait."
        f" Try again with --speed {speed / 4:g}.\n"
    )


def _resources(state: dict[str, Any]) -> list[dict[str, Any]]:
    def walk(module: dict[str, Any]) -> list[dict[str, Any]]:
        own = [r for r in module.get("resources", []) if r["mode"] == "managed"]
        return own + [r for child in module.get("child_modules", []) for r in walk(child)]

    return walk(state.get("values", {}).get("root_module", {}))


def _listed(changes: dict[str, list[str]]) -> str:
    return "\n".join(f"  {address}: {', '.join(actions)}" for address, actions in sorted(changes.items()))


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def dump(result: Result) -> str:
    """The figures of a drill as JSON."""
    probes = {k: {"sent": r.sent, "failed": len(r.failed)} for k, r in (result.probes or {}).items()}
    return json.dumps({"passed": result.passed, "apply_seconds": result.apply_seconds, "probes": probes}, indent=2)
