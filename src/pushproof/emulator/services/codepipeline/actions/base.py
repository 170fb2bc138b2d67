"""An action in progress: calls AWS with the pipeline's role, off the world's lock, and reports the result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.loop import Outcome, Timer
from pushproof.emulator.kernel.settings import CodePipelineSettings
from pushproof.engines.pipeline import (
    ActionFailed,
    ActionProgressed,
    ActionSucceeded,
    Artifact,
    ArtifactStore,
    Input,
    StartAction,
)

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Builds, Connections, Repositories, Site
    from pushproof.emulator.kernel.source import GitSource
    from pushproof.emulator.services.codepipeline.pipelines import Pipeline

T = TypeVar("T")
log = logging.getLogger(__name__)

PRINCIPAL = "codepipeline.amazonaws.com"


class JobFailed(Exception):
    """An action cannot go on. `code` is an ErrorDetails code: JobFailed, PermissionError, ConfigurationError, ..."""

    def __init__(self, message: str, code: str = "JobFailed", **result: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.result = result


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The services that actions call in process. `git` is None in a world without a git host."""

    connections: Connections
    repositories: Repositories
    git: GitSource | None
    builds: Builds


@dataclass(frozen=True, slots=True)
class Fetched:
    """The artifact and the output variables of a source action."""

    artifact: Artifact
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job's surroundings: the site, the neighbours, its pipeline, the command, and the receiver of its reports."""

    site: Site
    neighbours: Neighbours
    pipeline: Pipeline
    command: StartAction
    settings: CodePipelineSettings
    feed: Callable[[Input], None]


class Job:
    """One action execution. Subclasses define `start`, which must not block: blocking work goes through `work`."""

    # : The subject that permission errors name.
    about: ClassVar[str] = "AWS"

    def __init__(self, assignment: Assignment) -> None:
        self.site = assignment.site
        self.neighbours = assignment.neighbours
        self.pipeline = assignment.pipeline
        self.command = assignment.command
        self.settings = assignment.settings
        self.run = assignment.command.run
        self.configuration = dict(assignment.command.run.configuration)
        self.region = assignment.command.run.action.region or assignment.pipeline.region
        self.ended = False
        self._feed = assignment.feed
        self._timer: Timer | None = None
        self._session: Credentials | None = None

    def start(self) -> None:
        """Begin the action. Called under the lock."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Stop waiting. Whatever was started outside goes on by itself."""
        self.ended = True
        if self._timer is not None:
            self._timer.cancel()

    # For subclasses.

    @property
    def store(self) -> ArtifactStore:
        """The artifact store of the version that the execution runs."""
        assert self.command.store is not None
        return self.command.store

    def client(self, service: str) -> Any:
        """Return a client with the credentials of the action's role. Call it off the lock; raises JobFailed."""
        return self.site.client(service, region=self.region, credentials=self.credentials())

    def credentials(self) -> Credentials:
        """Return a session of the action's role, one for the whole action. Raises JobFailed."""
        if self._session is None:
            self._session = self._assume()
        return self._session

    def _assume(self) -> Credentials:
        role, name = self.command.service_role_arn, self.run.id.replace("-", "")
        try:
            credentials = self.site.assume(role, PRINCIPAL, name, source_arn=self.pipeline.arn)
        except AwsError as error:
            raise JobFailed(
                f"CodePipeline is not authorized to perform AssumeRole on role {role}", "PermissionError"
            ) from error
        own = self.command.role_arn
        if own == role:
            return credentials
        sts = self.site.client("sts", region=self.region, credentials=credentials)
        keys = sts.assume_role(RoleArn=own, RoleSessionName=name)["Credentials"]
        return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def work(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run `work` off the lock, then `then` with its result under the lock. A failure of either fails the action."""

        def done(outcome: Outcome[T]) -> None:
            if self.ended:
                return
            try:
                then(outcome.get())
            except Exception as error:
                self.failed(self._explain(error))

        self.site.loop.submit(work, done, name=f"{self.pipeline.name}: {self.run.action.name}")

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call back after `seconds` of AWS time, unless the action has ended by then."""
        self._timer = self.site.loop.call_later(
            seconds, lambda: None if self.ended else callback(), name=f"{self.pipeline.name}: {self.run.action.name}"
        )

    def fetched(self, source: Fetched) -> None:
        """End a source action with what it fetched."""
        outputs = self.run.action.outputs
        self.succeeded(
            artifacts={outputs[0]: source.artifact} if outputs else {},
            variables=source.variables,
            summary=source.artifact.revision_summary,
            external_id=source.artifact.revision_id,
            external_url=source.artifact.revision_url,
        )

    def progressed(self, **news: Any) -> None:
        self._feed(ActionProgressed(self.run.id, **news))

    def succeeded(self, **result: Any) -> None:
        self.ended = True
        self._feed(ActionSucceeded(self.run.id, **result))

    def failed(self, failure: JobFailed) -> None:
        self.ended = True
        self._feed(ActionFailed(self.run.id, failure.message, failure.code, **failure.result))

    def _explain(self, error: Exception) -> JobFailed:
        if isinstance(error, JobFailed):
            return error
        if isinstance(error, ClientError):
            return self.explain_client_error(error)
        if isinstance(error, AwsError):
            return JobFailed(error.message)
        if isinstance(error, BotoCoreError):
            return JobFailed(str(error), "ConfigurationError")
        log.exception("action %s of %s failed inside", self.run.action.name, self.pipeline.name, exc_info=error)
        return JobFailed(f"Pushproof failed inside: {error!r}", "InternalError")

    def explain_client_error(self, error: ClientError) -> JobFailed:
        """Convert an AWS error to the form in which the action reports it."""
        message = str(error.response["Error"].get("Message", "")) or str(error)
        if is_denial(error):
            return JobFailed(
                f"The provided role does not have sufficient permissions to access {self.about}: {message}",
                "PermissionError",
            )
        return JobFailed(message)


def is_denial(error: ClientError) -> bool:
    """Return whether AWS refused because of missing permissions."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return "AccessDenied" in str(error.response["Error"].get("Code", "")) or status == 403
