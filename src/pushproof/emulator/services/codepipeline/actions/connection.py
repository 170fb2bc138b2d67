"""Source from a repository behind a connection.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html
"""

from __future__ import annotations

import bisect
import json
import subprocess

from pushproof.emulator.kernel.builds import CloneReference
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.source import Commit, GitSource
from pushproof.emulator.services.codepipeline import artifacts
from pushproof.emulator.services.codepipeline.actions.base import Fetched, Job, JobFailed
from pushproof.engines.pipeline import Artifact

#: Characters of a revision's summary.
SUMMARY_LIMIT = 2048


def revision_summary(provider: str, message: str) -> str:
    """Return the summary of a revision: a JSON object with as much of the commit's message as AWS's limit allows.

    The console and users' scripts read it as JSON, so the message is cut, never the JSON text around it.
    Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_SourceRevision.html (2,048 characters at most)
    """

    def written(length: int) -> str:
        return json.dumps({"ProviderType": provider, "CommitMessage": message[:length]}, ensure_ascii=False)

    if len(written(len(message))) <= SUMMARY_LIMIT:
        return written(len(message))
    fitting = bisect.bisect_right(range(len(message)), SUMMARY_LIMIT, key=lambda length: len(written(length)))
    return written(fitting - 1)


class ConnectionSource(Job):
    """Puts the branch's commit (or the one that the execution was started with) as a zip into the artifact store."""

    about = "the connection"

    def start(self) -> None:
        arn = self.configuration["ConnectionArn"]
        connection = self.neighbours.connections.find(arn)
        if connection is None:
            self.failed(JobFailed(f"Connection {arn} was not found", "ConfigurationError"))
        elif connection.status != "AVAILABLE":
            self.failed(JobFailed(f"Connection {arn} is not available", "ConfigurationError"))
        else:
            provider = connection.provider_type or "GitHub"
            self.work(lambda: self._fetch(arn, provider), self.fetched)

    def _fetch(self, arn: str, provider: str) -> Fetched:
        s3 = self.client("s3")
        self._check_permission(arn)
        repository, branch = self.configuration["FullRepositoryId"], self.configuration["BranchName"]
        git = self.neighbours.git
        if git is None:
            raise JobFailed("Pushproof's git host is not running in this world", "InternalError")
        commit = self._commit(git, repository, branch, provider)
        variables = self.command.override.variables if self.command.override is not None else {}
        if self.configuration.get("OutputArtifactFormat") == "CODEBUILD_CLONE_REF":
            permission = f"{arn.split(':')[2]}:UseConnection"
            reference = CloneReference(arn, permission, repository, variables.get("BranchName", branch), commit.id)
            content = reference.text()
        else:
            content = git.archive(repository, commit.id)
        store = self.store
        key = artifacts.new_key(self.pipeline.name, (*self.run.action.outputs, "source")[0])
        if self.run.action.outputs:
            artifacts.upload(s3, store, key, content)
        summary = revision_summary(provider, commit.message)
        url = (
            f"https://{self.region}.console.aws.amazon.com/codesuite/settings/connections/redirect?connectionArn={arn}"
            f"&referenceType=COMMIT&FullRepositoryId={repository}&Commit={commit.id}"
        )
        return Fetched(
            Artifact(store.location, key, commit.id, summary, url),
            {
                "AuthorDate": commit.date,
                "BranchName": branch,
                **variables,
                "CommitId": commit.id,
                "CommitMessage": commit.message,
                "ConnectionArn": arn,
                "FullRepositoryName": repository,
            },
        )

    def _check_permission(self, arn: str) -> None:
        """Check UseConnection, which is no API operation and so never passes the gateway.

        Its prefix is that of the connection's ARN.
        """
        caller = self.site.permissions.principal(self.credentials().access_key_id)
        try:
            self.site.permissions.require(caller, f"{arn.split(':')[2]}:UseConnection", arn, region=self.region)
        except AwsError as error:
            raise JobFailed(
                f"Unable to use Connection: {arn}. The provided role does not have sufficient permissions.",
                "PermissionError",
            ) from error

    def _commit(self, git: GitSource, repository: str, branch: str, provider: str) -> Commit:
        override = self.command.override
        commit = override.value if override is not None else git.head(repository, branch)
        if commit is None:
            raise JobFailed(
                f"[{provider}] No Branch [{branch}] found for FullRepositoryName [{repository}]", "ConfigurationError"
            )
        try:
            return git.commit(repository, commit)
        except subprocess.CalledProcessError as error:
            raise JobFailed(
                f"[{provider}] No commit [{commit}] found for FullRepositoryName [{repository}]", "RevisionUnavailable"
            ) from error
