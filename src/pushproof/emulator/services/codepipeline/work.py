"""Work of CodePipeline outside of itself: calls to AWS with a role of the pipeline, off the world's lock."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.loop import Outcome, Timer
from pushproof.emulator.kernel.settings import CodePipelineSettings
from pushproof.engines.pipeline import ArtifactStore, Input, StartAction, StartRule

if TYPE_CHECKING:
    from pushproof.emulator.kernel.functions import HookInvoker
    from pushproof.emulator.kernel.site import Builds, Connections, Repositories, Site
    from pushproof.emulator.kernel.source import GitSource
    from pushproof.emulator.services.codepipeline.pipelines import Pipeline

T = TypeVar("T")
Order = TypeVar("Order", StartAction, StartRule)
log = logging.getLogger(__name__)

PRINCIPAL = "codepipeline.amazonaws.com"


class JobFailed(Exception):
    """Work cannot go on. `code` is an ErrorDetails code: JobFailed, PermissionError, ConfigurationError, ..."""

    def __init__(self, message: str, code: str = "JobFailed", **result: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.result = result


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The services that actions and rules call in process. `git` is None in a world without a git host."""

    connections: Connections
    repositories: Repositories
    git: GitSource | None
    builds: Builds
    functions: HookInvoker


@dataclass(frozen=True, slots=True)
class Assignment(Generic[Order]):
    """The surroundings of work: the site, the neighbours, its pipeline, the command, and the receiver of its reports."""

    site: Site
    neighbours: Neighbours
    pipeline: Pipeline
    command: Order
    settings: CodePipelineSettings
    feed: Callable[[Input], None]


class Work(Generic[Order]):
    """An action or a rule in progress. Subclasses define `start`, which must not block: blocking work goes through `work`."""

    # : The subject that permission errors name.
    about: ClassVar[str] = "AWS"

    def __init__(self, assignment: Assignment[Order], name: str, region: str | None) -> None:
        self.site = assignment.site
        self.neighbours = assignment.neighbours
        self.pipeline = assignment.pipeline
        self.command: Order = assignment.command
        self.settings = assignment.settings
        self.configuration = dict(assignment.command.run.configuration)
        self.region = region or assignment.pipeline.region
        self.ended = False
        self._label = f"{assignment.pipeline.name}: {name}"
        self._feed = assignment.feed
        self._timer: Timer | None = None
        self._session: Credentials | None = None

    def start(self) -> None:
        """Begin. Called under the lock."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Stop waiting. Whatever was started outside goes on by itself."""
        self.ended = True
        if self._timer is not None:
            self._timer.cancel()

    # For subclasses.

    def failed(self, failure: JobFailed) -> None:
        """Report a failure."""
        raise NotImplementedError

    def progressed(
        self, *, external_id: str | None = None, external_url: str | None = None, summary: str | None = None
    ) -> None:
        """Report progress."""
        raise NotImplementedError

    @property
    def store(self) -> ArtifactStore:
        """The artifact store of the version that the execution runs."""
        store: ArtifactStore | None = self.command.store
        assert store is not None
        return store

    def client(self, service: str) -> Any:
        """Return a client with the credentials of the action's role. Call it off the lock; raises JobFailed."""
        return self.site.client(service, region=self.region, credentials=self.credentials())

    def credentials(self) -> Credentials:
        """Return a session of the action's role, one for the whole action. Raises JobFailed."""
        if self._session is None:
            self._session = self._assume()
        return self._session

    def _assume(self) -> Credentials:
        role, name = self.command.service_role_arn, self.command.run.id.replace("-", "")
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

        self.site.loop.submit(work, done, name=self._label)

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call back after `seconds` of AWS time, unless the action has ended by then."""
        self._timer = self.site.loop.call_later(seconds, lambda: None if self.ended else callback(), name=self._label)

    def _explain(self, error: Exception) -> JobFailed:
        if isinstance(error, JobFailed):
            return error
        if isinstance(error, ClientError):
            return self.explain_client_error(error)
        if isinstance(error, AwsError):
            return JobFailed(error.message)
        if isinstance(error, BotoCoreError):
            return JobFailed(str(error), "ConfigurationError")
        log.exception("%s failed inside", self._label, exc_info=error)
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
