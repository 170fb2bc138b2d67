"""The sandbox target: a real account, admitted by the guard. Everything in it is tagged, announced, and removed."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pushproof.aws.tags import pascal_tags
from pushproof.base.clock import Clock, ScaledClock
from pushproof.base.environment import clean_environment
from pushproof.base.needs import Needs, Provision
from pushproof.base.target import Address, TargetUnavailable
from pushproof.engines.github import Job
from pushproof.sandbox import certificates, cost, deadlines, naming, source
from pushproof.sandbox.access import Access, SweepAccount
from pushproof.sandbox.failures import explain
from pushproof.sandbox.mailbox import Mailbox
from pushproof.sandbox.runs import Run, RunJournal
from pushproof.sandbox.settings import SandboxSettings
from pushproof.sandbox.sweep import KnownRun, Outcome, Sweep, SweepScope
from pushproof.sandbox.sweep.belonging import ANNOUNCED
from pushproof.sandbox.sweep.resource import StillGoing, gone_is_fine
from pushproof.targets.faults import Faults
from pushproof.targets.journal import WORLD_VARIABLE, end_marked, kill_marked
from pushproof.terraform.configuration import declared_variables

# Resources that AWS's services create during deployments, outside any Terraform configuration.
_BESIDE_TERRAFORM = ("ecs task-definition ", "logs log-group /aws/ecs/containerinsights/")
# Suffixes of a run's further projects: one character, because names of load balancers have no room for more.
_SUFFIXES = "0123456789abcdefghijklmnopqrstuvwxyz"


class SandboxTarget:
    """One run in a sandbox account. Nothing is created or recorded before the guard has admitted the account.

    Closing it sweeps the run's own leftovers; `say` receives the cost estimate and what is removed. `resumed`: a run of this
    machine's
    journal to continue, instead of a new one. Raises TargetUnavailable when that run is another account's, over, or still at work.
    """

    name = "sandbox"
    # CodePipeline's deploy action may stay in progress after a rollback until it times out, so the service decides.
    after_rollback = frozenset({"InProgress", "Failed"})

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        journal: RunJournal | None = None,
        access: Access | None = None,
        say: Callable[[str], None] = print,
        quantities: cost.Quantities = cost.REFERENCE,
        resumed: Run | None = None,
    ) -> None:
        self.settings = settings or SandboxSettings.from_environment(os.environ)
        self.access = access or Access(self.settings)
        self.facts = self.access.admit()
        self.region = self.settings.region
        self.account_id = self.facts.account_id
        if self.settings.connection_arn is not None:
            source.require_available(self.access.client, self.settings.connection_arn)
        if self.settings.certificate_arn is not None:
            certificates.require_issued(self.access.client, self.settings.certificate_arn, self.region)
        self._say = say
        self._prices = cost.prices(self.settings.region)
        estimate = cost.estimate(quantities, hours=self.settings.hours, prices=self._prices)
        alias = ", ".join(self.facts.aliases) or "no alias"
        say(f"account {self.facts.account_id} ({alias}), {self.region}, as {self.facts.caller}")
        say(str(estimate))
        self._require_affordable(estimate)
        self._planned = cost.Quantities()
        self._projects: dict[str | None, int] = {}
        self._journal = journal or RunJournal()
        self.clock: Clock = ScaledClock(1.0)
        self.run: Run = self._open_run() if resumed is None else self._adopt(resumed)
        say(f"run {self.run.id}; its journal is {self.run.directory}")
        self._closed = False

    def _open_run(self) -> Run:
        return self._journal.open(
            account_id=self.facts.account_id,
            region=self.region,
            owner=self.settings.owner,
            endpoint=self.settings.endpoint,
            expires_at=time.time() + self.settings.hours * 3600,
        )

    def _adopt(self, run: Run) -> Run:
        where = (self.facts.account_id, self.region, self.settings.endpoint)
        if (run.account_id, run.region, run.endpoint) != where:
            raise TargetUnavailable(
                f"run {run.id} is in account {run.account_id}, {run.region}; the credentials are for {where[0]}, "
                f"{where[1]}."
            )
        if run.alive:
            raise TargetUnavailable(f"run {run.id} is at work in process {run.pid}; wait for its end, or end it.")
        if run.expires_at <= time.time():
            raise TargetUnavailable(
                f"the time of run {run.id} is over. `pushproof sweep --run {run.id} --yes` removes what is left of it."
            )
        # Processes that the dead run left would go on changing the account.
        for pid, process in kill_marked(run.id):
            self._say(f"ended {process} ({pid}) of run {run.id}")
        return self._journal.adopt(run)

    @property
    def project(self) -> str:
        """Return the prefix of the run's names."""
        return naming.project(self.run.id)

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of everything in the run."""
        return naming.tags(self.run.id, expires_at=self.run.expires_at, owner=self.settings.owner)

    # For the parts that apply infrastructure.

    def environment(self) -> dict[str, str]:
        """Return the credentials that the guard examined, the run's tags for the provider, and its mark for the sweep."""
        return {
            **clean_environment(),
            **self.access.variables(),
            **naming.environment(self.tags),
            # No profile and no instance role may replace the credentials that the guard examined.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            WORLD_VARIABLE: self.run.id,
        }

    def client(self, service: str, region: str | None = None) -> Any:
        if region is not None and region not in self.settings.regions:
            allowed = ", ".join(sorted(self.settings.regions))
            raise TargetUnavailable(
                f"a client of {service} was requested in {region}; PUSHPROOF_SANDBOX_REGIONS allows {allowed}."
            )
        return self.access.client(service, region)

    def variables(self, source: Path, explicit: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the run's `project` and `tags`, and its source, as far as a configuration declares such variables.

        A caller with a project other than the first gets another name too, so that several suites fit in one account.
        """
        own: dict[str, Any] = {"project": self._project_for((explicit or {}).get("project")), "tags": self.tags}
        declared = declared_variables(source)
        if {"source_type", "certificate_arn"} <= declared:  # An environment, not the pipeline's module alone.
            if self.settings.connection_arn is None:
                own["source_type"] = "s3"
            else:
                own |= {"connection_arn": self.settings.connection_arn, "repository": self.settings.repository}
        return {name: value for name, value in own.items() if name in declared}

    def _project_for(self, name: str | None) -> str:
        number = self._projects.setdefault(name, len(self._projects))
        if number >= len(_SUFFIXES):
            raise TargetUnavailable(
                f"project {name!r} is the {number + 1}th of this run; a run has room for {len(_SUFFIXES)}"
            )
        return self.project if number == 0 else f"{self.project}-{_SUFFIXES[number]}"

    @property
    def announces(self) -> bool:
        return True

    #: What the account has before a run is its owner's affair.
    disposable = False
    capabilities: frozenset[str] = frozenset()

    def provide(self, needs: Needs) -> Provision:
        return Provision()

    def announce(self, name: str, changes: list[dict[str, Any]]) -> None:
        """Record a plan before it is applied. Raises TargetUnavailable when it would cost more than the ceiling."""
        self._planned = self._planned + cost.of_plan(changes)
        self._require_affordable(cost.estimate(self._planned, hours=self.settings.hours, prices=self._prices))
        self._journal.announce(self.run, name, changes)

    def directory(self, name: str) -> Path:
        """Return a directory of the run's own; it is deleted when nothing of the run is left."""
        path = Path(self.run.directory) / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def lacks(self, capability: str) -> str | None:
        return {
            "webhooks": "AWS cannot reach this machine, so it does not receive what Slack would",
            "pending-connection": "the source is authorised beforehand, so AWS refuses nothing",
            "faults": "Pushproof cannot inject faults into AWS",
            "mistakes": "mistakes are tried only where they can do no harm",
            "git-push": None
            if self.settings.connection_arn
            else "a bucket is the source: there is no branch to push to",
        }.get(capability)

    def faults(self) -> Faults:
        """Raise TargetUnavailable: AWS has no faults for Pushproof to begin."""
        raise TargetUnavailable("Pushproof cannot inject faults into AWS")

    def deadline(self, step: str, otherwise: float) -> float:
        """Return the seconds that a step may take here."""
        return deadlines.deadline(step, otherwise)

    # For the parts that push.

    def workflow_identity(self, job: Job) -> dict[str, str]:
        """Raise TargetUnavailable: GitHub issues the tokens that AWS takes, to its own runners."""
        raise TargetUnavailable(
            f"only GitHub issues tokens for {job.repository.full_name} that AWS takes: push to GitHub itself, or run the drill of "
            "the workflow on the target embedded"
        )

    def build_environment(self) -> dict[str, str]:
        """Return the environment that builds need: a configured base image, if any.

        Everything else comes from public registries.
        """
        return {"BASE_IMAGE": self.settings.base_image} if self.settings.base_image else {}

    def certificate(self, certificate: str, private_key: str) -> str:
        """Return the ARN of the configured certificate, or that of this one, imported."""
        if self.settings.certificate_arn is not None:
            return self.settings.certificate_arn
        self._journal.announce_one(self.run, "aws_acm_certificate", None)
        arn: str = self.client("acm").import_certificate(
            Certificate=certificate.encode(),
            PrivateKey=private_key.encode(),
            Tags=pascal_tags(self.tags),
        )["CertificateArn"]
        return arn

    def forget_certificate(self, arn: str) -> None:
        """Delete an imported certificate; keep a configured one."""
        if arn != self.settings.certificate_arn:
            # A certificate that is already gone is fine: an earlier attempt may have succeeded although its answer was lost.
            gone_is_fine(self.client("acm").delete_certificate, CertificateArn=arn)

    def repository_url(self, repository: str) -> str:
        """Return the URL to push to; with a bucket as the source, git's remote is this machine's own."""
        if self.settings.connection_arn is None:
            return str(self.directory("checkout"))
        return self.settings.repository_url or f"https://github.com/{self.settings.repository}.git"

    def push(self, checkout: Any, commit: str, outputs: Mapping[str, Any]) -> tuple[str, str]:
        """Bring a commit to the pipeline. Return the revision under which the pipeline lists it, and the remote's answer."""
        if self.settings.connection_arn is not None:
            return commit, str(checkout.push())
        bucket = outputs.get("source_bucket_name")
        if not bucket:
            raise TargetUnavailable(
                "the environment has no output source_bucket_name, so there is no bucket to push to. "
                "Set PUSHPROOF_SANDBOX_CONNECTION_ARN to push over a connection."
            )
        pipeline = outputs.get("pipeline_name")
        key = outputs.get("source_object_key") or "source.zip"
        version = source.upload_until_heard(
            self.client, str(bucket), checkout.directory, commit=commit, pipeline=pipeline, say=self._say, key=key
        )
        return version, f"s3://{bucket}/{key} version {version}"

    def notification_listener(self, outputs: Mapping[str, Any]) -> Mailbox | None:
        """Return a queue on the environment's topic; None when it has no topic."""
        topic = outputs.get("topic_arn")
        if not topic:
            return None
        name = f"{self.project}-heard"
        self._journal.announce_one(self.run, "aws_sqs_queue", name)
        return Mailbox.open(self.client, name=name, topic_arn=str(topic), tags=self.tags)

    def authorise_connection(self, arn: str) -> None:
        """Raise: only a person can authorise a connection on AWS."""
        source.require_available(self.access.client, arn)

    def address(self, host: str, port: int) -> Address:
        return Address(host, port)

    # The end of a run.

    def tidy(self, kept: frozenset[str] = frozenset()) -> list[str]:
        """Remove the revisions and log groups that services created, except those `kept`; nothing while Terraform's own exist."""
        sweep = self._sweep()
        removers = {kind.name: kind.remove for kind in sweep.kinds}
        removed: dict[str, None] = {}
        # AWS lists a family's older revisions only after the newer ones are gone.
        for _ in range(3):
            items = [item for item, _ in sweep.look().selection.removable if str(item) not in kept]
            if not all(str(item).startswith(_BESIDE_TERRAFORM) for item in items):
                break
            for item in items:
                # A resource that refuses counts as a leftover.
                with contextlib.suppress(ClientError, StillGoing, RuntimeError):
                    removers[item.kind](sweep.account, item)
                    removed[str(item)] = None
        return list(removed)

    def leftovers(self) -> list[str]:
        """List the resources of this run."""
        outcome = self._sweep().look()
        return [str(item) for item, _ in outcome.selection.removable] + outcome.unknown

    def sweep(self) -> Outcome:
        """Remove whatever is left of this run."""
        return self._sweep().remove()

    def remains(self) -> list[str]:
        """Return the run's journal after `close`, if something could not be removed."""
        return [self.run.directory] if Path(self.run.directory).exists() else []

    def close(self) -> None:
        """Sweep the run. Its journal and states stay if anything is left."""
        if self._closed:
            return
        self._closed = True
        # A Terraform that was killed leaves its provider, which may still be at a call.
        end_marked(self.run.id)
        outcome = self.sweep()
        if outcome.clean:
            self._journal.forget(self.run)
            return
        for line in describe_leftovers(outcome):
            self._say(line)
        self._say(f"`pushproof sweep --run {self.run.id} --yes` tries again; journal and states: {self.run.directory}")

    def keep(self) -> None:
        """Leave the run in the account until its time is over, or until a sweep; `close` then does nothing."""
        self._closed = True
        until = time.strftime("%F %T", time.localtime(self.run.expires_at))
        self._say(f"run {self.run.id} stays in the account until {until}; its journal is {self.run.directory}")
        self._say(f"`pushproof sweep --run {self.run.id} --yes` removes it")

    def __enter__(self) -> SandboxTarget:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            self._say(f"failed: {explain(error)}")
            self._say(
                "next: the run's resources are being removed; "
                f"`pushproof sweep --run {self.run.id} --yes` removes what is left if this process ends early"
            )
        self.close()

    def _sweep(self) -> Sweep:
        account = SweepAccount(self.access, lambda name, content: self._journal.keep_state(self.run, name, content))
        run = known_run(self._journal, self.run, ended=None)
        return Sweep(account, [run], SweepScope(run=self.run.id), lambda line: self._say(f"sweep: {line}"))

    def _require_affordable(self, estimate: cost.Estimate) -> None:
        try:
            cost.require_affordable(estimate, self.settings.max_usd)
        except cost.TooExpensive as error:
            raise TargetUnavailable(str(error)) from error


def known_run(journal: RunJournal, run: Run, *, ended: bool | None) -> KnownRun:
    """Convert a run of the journal to the form that the sweep decides on."""
    announced = frozenset(
        (ANNOUNCED[i.type], i.name) for i in journal.intents(run) if i.type in ANNOUNCED and i.name is not None
    )
    return KnownRun(run.id, run.expires_at, run.opened_at, ended, announced)


def describe_leftovers(outcome: Outcome) -> Iterable[str]:
    """Yield a line for each resource that a sweep left, and for each kind that it could not list."""
    for item, why in outcome.left:
        yield f"left: {item}: {why}"
    for arn in outcome.unknown:
        yield f"left: {arn}: the sweep does not cover this kind; remove it by hand"
    for kind, why in outcome.unlisted:
        yield f"not listed: {kind}: {why}"


def sweep_account(
    settings: SandboxSettings,
    scope: SweepScope,
    *,
    act: bool,
    journal: RunJournal | None = None,
    access: Access | None = None,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Sweep the account: pass the guard, then list (and, with `act`, remove) what runs left.

    Processes that a dead run left on this machine are ended first: they would go on creating. Raises TargetUnavailable.
    """
    access = access or Access(settings)
    facts = access.admit()
    journal = journal or RunJournal()
    runs = journal.runs(facts.account_id, settings.endpoint)
    known_runs = [known_run(journal, run, ended=not run.alive) for run in runs]
    if act:
        for run in runs:
            if not run.alive:
                for pid, process in kill_marked(run.id):
                    say(f"ended {process} ({pid}) of run {run.id}")
    dead = {run.id: run for run in runs if not run.alive}

    def keep(name: str, content: bytes) -> Path | None:
        run_id = naming.run_of_name(name.partition("/")[0])
        return journal.keep_state(dead[run_id], name, content) if run_id in dead else None

    sweep = Sweep(SweepAccount(access, keep), known_runs, scope, say)
    outcome = sweep.remove() if act else sweep.look()
    if act and outcome.clean:
        for run_id, run in dead.items():
            still = any(entry.run == run_id for entry in outcome.selection.kept)
            if not still and run.region == settings.region and scope.run in (None, run_id):
                journal.forget(run)
    return outcome
