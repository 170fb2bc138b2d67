"""A build on its way through its phases: the engine chooses the next phase, this module does its work.

Everything that blocks runs off the world's lock, one piece of work at a time. Whatever cuts a build short (StopBuild, the
time limit) ends the turn of the work in progress, whose outcome is then dropped.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.builds import BuildContainer, BuilderError, BuildJob, BuildPlan, CloneReference
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.loop import Outcome as WorkOutcome
from pushproof.emulator.kernel.source import NoSuchRepository
from pushproof.emulator.services.codebuild import transfers
from pushproof.emulator.services.codebuild.builds import Build, PhaseRecord, phase_change, state_change
from pushproof.emulator.services.codebuild.failures import ACCESS_DENIED, PhaseFailure, words
from pushproof.emulator.services.codebuild.logs import LogStream
from pushproof.emulator.services.codebuild.variables import configured, resolve, supplied
from pushproof.engines.buildspec import (
    COMMAND_PHASES,
    ArtifactError,
    Buildspec,
    BuildspecError,
    Outcome,
    Phase,
    Progress,
    Variable,
    advance,
    check_runtimes,
    combine,
    exported,
    from_buildspec,
    parse,
    with_supplied,
)
from pushproof.engines.reachability import Place

if TYPE_CHECKING:
    from pushproof.emulator.kernel.builds import Builder
    from pushproof.emulator.kernel.loop import Timer
    from pushproof.emulator.kernel.settings import CodeBuildSettings
    from pushproof.emulator.kernel.site import Site
    from pushproof.emulator.kernel.source import GitSource

log = logging.getLogger(__name__)

_DEFAULT_BUILDSPEC = "buildspec.yml"


@dataclass(frozen=True, slots=True)
class PhaseEnd:
    """The result of a phase's work; `seconds` of AWS time still pass before it ends."""

    outcome: Outcome = Outcome.SUCCEEDED
    status_code: str = ""
    message: str = ""
    seconds: float = 0.0


_SUCCEEDED = PhaseEnd()


class BuildHost(Protocol):
    """The service, as a run uses it."""

    site: Site
    builder: Builder | None
    settings: CodeBuildSettings
    git: GitSource | None

    def queue(self, run: BuildRun) -> None:
        """Queue a run until there is room."""

    def build_limit(self, seconds: float) -> float:
        """Return the AWS seconds after which a build is TIMED_OUT."""

    def cache_generation(self, build: Build) -> int:
        """Return the number of the project's cache, which InvalidateProjectCache increments."""

    def local_cache(self, build: Build) -> bytes | None:
        """Return the project's local cache; None if it has none."""

    def keep_local_cache(self, build: Build, archive: bytes) -> None:
        """Keep the project's local cache."""


class BuildRun:
    """Runs one build; `finished` is called under the lock once it is COMPLETED."""

    def __init__(self, service: BuildHost, build: Build, finished: Callable[[BuildRun], None]) -> None:
        self.build = build
        self.progress = Progress(retried=build.retried)
        self._service = service
        self._site = service.site
        self._builder = service.builder
        self._finished = finished
        self._turn = 0
        self._admitted = False
        self._deadline: Timer | None = None
        self._spec: Buildspec | None = None
        self._variables: dict[str, Variable] = {}
        self._container: BuildContainer | None = None
        self._credentials: Credentials | None = None
        self._log = LogStream(self._site, None, "", "")

    # The course of a build; under the lock.

    def start(self) -> None:
        self._announce_state()
        self._enter()

    def cut(self, outcome: Outcome, status_code: str = "", message: str = "") -> None:
        """End the build now: STOPPED or TIMED_OUT. A build that is already ending is not changed."""
        if self.progress.phase in (Phase.FINALIZING, Phase.COMPLETED):
            return
        self._turn += 1
        container = self._container
        if container is not None:
            self._site.loop.submit(container.kill, name=f"stop {self.build.id}")
        self._leave(PhaseEnd(outcome, status_code, message))

    def admit(self) -> None:
        """Leave the queue: there is room."""
        self._admitted = True
        self._after(self._turn, PhaseEnd(seconds=self._service.settings.queue_seconds))

    @property
    def holds_slot(self) -> bool:
        """Return whether it uses one of the account's concurrent builds."""
        return self._admitted and not self.progress.done

    def _enter(self) -> None:
        phase = self.progress.phase
        now = self._site.clock.now()
        self.build.phases.append(PhaseRecord(phase, now))
        if phase is Phase.COMPLETED:
            self._complete(now)
            return
        if phase is Phase.QUEUED:
            minutes = self.build.settings["queuedTimeoutInMinutes"]
            self._limit(minutes * 60, f"Build has timed out in the queue after {minutes} minutes.")
            self._service.queue(self)
            return
        if phase is Phase.PROVISIONING:
            minutes = self.build.settings["timeoutInMinutes"]
            self._limit(self._service.build_limit(minutes * 60), f"Build has timed out. ({minutes} minutes)")
        work = {
            Phase.SUBMITTED: self._submit,
            Phase.PROVISIONING: self._provision,
            Phase.DOWNLOAD_SOURCE: self._download_source,
            Phase.UPLOAD_ARTIFACTS: self._upload_artifacts,
            Phase.FINALIZING: self._finalize,
        }.get(phase, lambda: self._run_commands(phase))
        turn, build_id = self._turn, self.build.id

        def done(outcome: WorkOutcome[PhaseEnd]) -> None:
            self._after(turn, _end_of(outcome, build_id))

        self._site.loop.submit(work, done, name=f"{phase} of {build_id}")

    def _after(self, turn: int, end: PhaseEnd) -> None:
        if turn != self._turn:
            return
        if end.seconds > 0:
            later = PhaseEnd(end.outcome, end.status_code, end.message)
            self._site.loop.call_later(end.seconds, lambda: self._after(turn, later), name=self.build.id)
            return
        self._leave(end)

    def _leave(self, end: PhaseEnd) -> None:
        record = self.build.phases[-1]
        record.end = self._site.clock.now()
        record.status, record.status_code, record.message = end.outcome.value, end.status_code, end.message
        self._publish("CodeBuild Build Phase Change", phase_change(self.build, record, self._site.clock.stamp))
        if record.phase in (Phase.DOWNLOAD_SOURCE, *COMMAND_PHASES, Phase.UPLOAD_ARTIFACTS):
            self._log.agent(f"Phase complete: {record.phase} State: {record.status}")
            self._log.agent(f"Phase context status code: {record.status_code} Message: {record.message}")
        self.progress = advance(
            self._spec, self.progress, end.outcome, message=end.message, settings=self._service.settings.transitions
        )
        if record.phase is Phase.QUEUED and self._deadline is not None:
            self._deadline.cancel()
        self._enter()

    def _limit(self, seconds: float, message: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._site.loop.call_later(
            seconds, lambda: self.cut(Outcome.TIMED_OUT, "BUILD_TIMED_OUT", message), name=f"limit of {self.build.id}"
        )

    def _complete(self, now: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        # Timers of turns that were cut short still refer to this run.
        self._container = None
        self.build.phases[-1].end = now
        self.build.end = now
        self.build.status = self.progress.status.value
        self._announce_state()
        self._finished(self)

    def _announce_state(self) -> None:
        self._publish("CodeBuild Build State Change", state_change(self.build, self._site.clock.stamp))

    def _publish(self, detail_type: str, detail: dict[str, object]) -> None:
        # A managed build is no build of the account's own.
        if self.build.managed is not None:
            return
        self._site.events.publish(
            "aws.codebuild", detail_type, detail, resources=[self.build.arn], region=self.build.region
        )

    # The work of the phases; off the lock.

    def _client(self, service: str) -> Any:
        """Return a client with the project role's credentials."""
        return self._site.client(service, region=self.build.region, credentials=self._credentials)

    def _submit(self) -> PhaseEnd:
        build, role = self.build, self.build.settings["serviceRole"]
        try:
            self._credentials = build.managed or self._site.assume(
                role, "codebuild.amazonaws.com", f"AWSCodeBuild-{build.uuid}", source_arn=build.project_arn
            )
        except AwsError as error:
            raise PhaseFailure(
                "ACCESS_DENIED",
                f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}. Error message: {error.message}",
            ) from error
        config = (build.settings.get("logsConfig") or {}).get("cloudWatchLogs") or {"status": "ENABLED"}
        if config["status"] != "ENABLED":
            return _SUCCEEDED
        group = config.get("groupName") or f"/aws/codebuild/{build.project}"
        stream = f"{config['streamName']}/{build.uuid}" if config.get("streamName") else build.uuid
        opened = LogStream(self._site, self._client("logs"), group, stream)
        try:
            opened.open()
        except ClientError as error:
            raise PhaseFailure(
                "ACCESS_DENIED" if error.response["Error"]["Code"] in ACCESS_DENIED else "CLIENT_ERROR",
                f"Service role {role} does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams for "
                f"build "
                f"{build.arn}. Error message: {error.response['Error'].get('Message')}",
            ) from error
        self._log, build.log_group, build.log_stream = opened, group, stream
        return _SUCCEEDED

    def _provision(self) -> PhaseEnd:
        build = self.build
        builder = self._builder
        if builder is None:
            raise PhaseFailure(
                "INTERNAL_ERROR", "this world has no builder, because it was created without a container runtime"
            )
        turn = self._turn
        environment = build.settings["environment"]
        if environment["privilegedMode"] and not self._site.settings.privileged:
            raise PhaseFailure(
                "INTERNAL_ERROR",
                f"the project {build.project} has privileged_mode, and this world gives no build privileges "
                "(--no-privileged): build its images without a Docker daemon and turn privileged_mode off, or leave the option out",
            )
        place = self._place()
        container = builder.open(
            BuildJob(
                build.uuid,
                build.project,
                environment["image"],
                environment["privilegedMode"],
                build.region,
                None if place is None else self._site.paths.open_outwards(region=build.region, source=place),
                place,
            )
        )
        with self._site.loop.lock:
            self._container = container
            stale = turn != self._turn
        if stale:
            container.kill()
            return _SUCCEEDED
        self._log.agent("Running on CodeBuild On-demand")
        self._log.agent("Waiting for agent ping")
        self._log.agent("Waiting for DOWNLOAD_SOURCE")
        return PhaseEnd(seconds=container.seconds)

    def _download_source(self) -> PhaseEnd:
        build, container = self.build, self._container
        assert container is not None
        self._log.agent("Phase is DOWNLOAD_SOURCE")
        most = self._service.site.settings.limits.archive_bytes
        sources = transfers.fetch(build, self._client("s3"), most, self._clone)
        with transfers.readable("the source"):
            container.put_source(sources.primary, container.source)
        secondary = {
            name: (f"/codebuild/output/secondary/{name}", further) for name, further in sources.secondary.items()
        }
        for directory, further in secondary.values():
            with transfers.readable("a secondary source"):
                container.put_source(further.archive, directory)
        self._log.agent(f"CODEBUILD_SRC_DIR={container.source}")
        for name, (directory, _) in secondary.items():
            self._log.agent(f"CODEBUILD_SRC_DIR_{name}={directory}")
        self._spec = self._read_buildspec(sources, container)
        self._log.agent("Processing environment variables")
        for line in check_runtimes(self._spec, build.settings["environment"]["image"]):
            self._log.agent(line)
        settings = build.settings
        self._variables = combine(
            start_build=configured(build.overrides),
            project=configured(settings["environment"]["environmentVariables"]),
            buildspec=from_buildspec(self._spec.env),
        )
        own = supplied(
            build,
            source=container.source,
            secondary=secondary,
            endpoint=self._site.endpoint.url,
            credentials=self._role_variables(),
            start_milliseconds=int(self._site.clock.stamp(build.start).timestamp() * 1000),
        )
        # A project may not change CODEBUILD_ names; it may change all others, the region included.
        reserved = {name: value for name, value in own.items() if name.startswith("CODEBUILD_")}
        environment = with_supplied({**own, **resolve(self._variables, self._client)}, reserved)
        shell = self._spec.env.shell or "/bin/sh"
        container.prepare(BuildPlan(environment, self._spec.phases, shell, self._spec.one_shell))
        self._restore_cache(self._spec, container)
        self._log.agent(f"Moving to directory {container.source}")
        self._log.agent(f"Phases found in YAML: {len(self._spec.phases)}")
        for phase, spec in self._spec.phases.items():
            self._log.agent(f" {phase}: {len(spec.commands)} commands")
        for notice in self._spec.notices:
            self._log.agent(f"buildspec line {notice.line}: {notice.message}")
        return _SUCCEEDED

    def _clone(self, reference: CloneReference, rank: str) -> bytes:
        """Clone a commit with the build's role. Raises PhaseFailure."""
        assert self._credentials is not None
        where = f"for {rank} source and source version {reference.commit}"
        caller = self._site.permissions.principal(self._credentials.access_key_id)
        try:
            self._site.permissions.require(caller, reference.permission, reference.arn, region=self.build.region)
        except AwsError as error:
            raise PhaseFailure("CLIENT_ERROR", f"authorization failed {where}: {error.message}") from error
        git = self._service.git
        if git is None:
            raise PhaseFailure("CLIENT_ERROR", f"this world has no git host {where}")
        try:
            return git.clone(reference.repository, reference.branch, reference.commit)
        except NoSuchRepository as error:
            raise PhaseFailure("CLIENT_ERROR", f"repository not found {where}") from error
        except subprocess.CalledProcessError as error:
            raise PhaseFailure("CLIENT_ERROR", f"reference not found {where}") from error

    def _role_variables(self) -> dict[str, str]:
        role = self._credentials
        assert role is not None
        place = self._place()
        if place is not None:
            self._site.paths.settle(
                role.access_key_id,
                region=self.build.region,
                subnet_id=place.subnet_id,
                security_group_ids=place.security_group_ids,
                public_ip=place.public_ip,
            )
        variables = {"AWS_ACCESS_KEY_ID": role.access_key_id, "AWS_SECRET_ACCESS_KEY": role.secret_access_key}
        return variables | ({"AWS_SESSION_TOKEN": role.session_token} if role.session_token else {})

    def _place(self) -> Place | None:
        """Return the network interface of a build in a VPC, which has no public address; None for other builds.

        https://docs.aws.amazon.com/codebuild/latest/userguide/vpc-support.html
        """
        vpc = self.build.settings.get("vpcConfig") or {}
        subnets = vpc.get("subnets") or ()
        return Place(subnets[0], tuple(vpc.get("securityGroupIds") or ())) if subnets else None

    def _read_buildspec(self, sources: transfers.Sources, container: BuildContainer) -> Buildspec:
        written = self.build.settings["source"].get("buildspec") or _DEFAULT_BUILDSPEC
        text: str | None = written
        # A buildspec is either inline in the project, in a bucket, or at a path in the source.
        if written.startswith("arn:"):
            text = transfers.text(self._client("s3"), written)
            self._log.agent(f"YAML location is {written}")
        elif "\n" not in written and not written.lstrip().startswith("{"):
            text = transfers.member(sources.primary, written)
            location = f"{container.source}/{written}"
            if text is None:
                raise PhaseFailure("YAML_FILE_ERROR", f"stat {location}: no such file or directory")
            self._log.agent(f"YAML location is {location}")
        else:
            self._log.agent("YAML location is /codebuild/readonly/buildspec.yml")
        assert text is not None
        return parse(text)

    def _run_commands(self, phase: Phase) -> PhaseEnd:
        container, spec = self._container, self._spec
        assert container is not None
        assert spec is not None
        self._log.agent(f"Entering phase {phase}")
        if phase not in spec.phases:
            return _SUCCEEDED
        result = container.run(phase, succeeding=self.progress.succeeding, log=self._log.line)
        self._log.flush()
        if result.failed_command is None:
            return PhaseEnd(seconds=result.seconds)
        return PhaseEnd(
            Outcome.FAILED,
            "COMMAND_EXECUTION_ERROR",
            f"Error while executing command: {result.failed_command}. Reason: exit status {result.exit_status}",
            result.seconds,
        )

    def _upload_artifacts(self) -> PhaseEnd:
        container, spec = self._container, self._spec
        assert container is not None
        assert spec is not None
        values = exported(spec, self._variables, container.environment())
        self.build.exported = [{"name": name, "value": value} for name, value in values]
        transfers.upload(self.build, spec, container, self._client("s3"), self._log)
        return _SUCCEEDED

    def _finalize(self) -> PhaseEnd:
        container = self._container
        if container is not None:
            try:
                if self._spec is not None and self.progress.succeeding:
                    self._save_cache(self._spec, container)
            finally:
                container.kill()
        self._log.flush()
        return _SUCCEEDED

    def _cache_place(self, spec: Buildspec, container: BuildContainer) -> tuple[str, str] | None:
        cache = self.build.settings["cache"]
        if cache["type"] != "S3" or not spec.cache.paths:
            return None
        key = container.expand([spec.cache.key])[0] if spec.cache.key else None
        return transfers.cache_object(self.build, self._service.cache_generation(self.build), key)

    def _restore_cache(self, spec: Buildspec, container: BuildContainer) -> None:
        cache = self.build.settings["cache"]
        if cache["type"] == "NO_CACHE" or spec.cache.action == "save":
            return
        if not spec.cache.paths:
            self._log.agent("Unable to initialize cache download: no paths specified to be cached")
            return
        try:
            archive = self._service.local_cache(self.build)
            place = self._cache_place(spec, container)
            if place is not None:
                archive = self._client("s3").get_object(Bucket=place[0], Key=place[1])["Body"].read()
            if archive is None:
                raise KeyError
        except (ClientError, KeyError) as error:
            why = words(error) if isinstance(error, ClientError) else "there is none yet"
            self._log.agent(f"Unable to download cache: {why}")
            return
        container.restore_cache(archive)
        self._log.agent("Cache downloaded")

    def _save_cache(self, spec: Buildspec, container: BuildContainer) -> None:
        cache = self.build.settings["cache"]
        if cache["type"] == "NO_CACHE" or not spec.cache.paths or spec.cache.action == "restore":
            return
        archive = container.save_cache(spec.cache.paths)
        if archive is None:
            self._log.agent("No matching cache paths found")
            return
        place = self._cache_place(spec, container)
        if place is None:
            self._service.keep_local_cache(self.build, archive)
            return
        try:
            self._client("s3").put_object(Bucket=place[0], Key=place[1], Body=archive)
        except ClientError as error:
            # A cache that cannot be stored costs time, but does not fail the build.
            self._log.agent(f"Unable to upload cache: {words(error)}")


def _end_of(outcome: WorkOutcome[PhaseEnd], build_id: str) -> PhaseEnd:
    """Return the phase's end that follows from the result or error of its work."""
    error = outcome.error
    if error is None:
        return outcome.get()
    if isinstance(error, PhaseFailure | ArtifactError | BuildspecError):
        return PhaseEnd(Outcome.FAILED, error.status_code, error.message)
    if isinstance(error, BuilderError):
        # AWS calls its own failures faults.
        outcome_then = Outcome.FAULT if error.status_code == "INTERNAL_ERROR" else Outcome.FAILED
        return PhaseEnd(outcome_then, error.status_code, error.message)
    log.error("build %s failed inside", build_id, exc_info=error)
    return PhaseEnd(Outcome.FAULT, "INTERNAL_ERROR", f"Pushproof failed inside: {error!r}")
