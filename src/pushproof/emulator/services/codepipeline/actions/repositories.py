"""Sources from repositories that pipelines poll: CodeCommit, and GitHub by version 1 of its action.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html ,
.../appendix-github-oauth.html , .../run-automatically-polling.html
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping

from pushproof.aws.arns import arn_of
from pushproof.aws.codecommit import place_of
from pushproof.emulator.kernel.builds import CloneReference
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.source import Commit, NoSuchRepository
from pushproof.emulator.services.codepipeline import artifacts
from pushproof.emulator.services.codepipeline.actions.base import Fetched, Job, JobFailed
from pushproof.emulator.services.codepipeline.actions.connection import SUMMARY_LIMIT
from pushproof.engines.pipeline import Artifact

#: Permissions of the role that fetches from CodeCommit (the action reference, "Service role permissions: CodeCommit action").
_NEEDED = ("GetBranch", "GetCommit", "UploadArchive", "GetUploadArchiveStatus")


def _at_codecommit(configuration: Mapping[str, str], region: str) -> tuple[str, str]:
    return place_of(configuration["RepositoryName"], region), configuration["BranchName"]


def _at_github(configuration: Mapping[str, str], _: str) -> tuple[str, str]:
    return f"{configuration['Owner']}/{configuration['Repo']}", configuration["Branch"]


#: The repository on the git host, and the branch, that a source action of a provider polls, from configuration and region.
POLLED: dict[str, Callable[[Mapping[str, str], str], tuple[str, str]]] = {
    "CodeCommit": _at_codecommit,
    "GitHub": _at_github,
}


class _RepositorySource(Job):
    """Puts the branch's commit (or the one that the execution was started with) as a zip into the artifact store."""

    def start(self) -> None:
        self.work(self._fetch, self.fetched)

    def check(self) -> None:
        """Raise JobFailed unless the repository can be read."""

    def missing(self, repository: str, branch: str) -> JobFailed:
        """Return the failure for a branch that is not there."""
        raise NotImplementedError

    def url(self, commit: str) -> str:
        """Return the address of a commit, as the console links it."""
        raise NotImplementedError

    def more(self, commit: Commit) -> dict[str, str]:
        """Return output variables besides those that both providers have."""
        return {}

    def reference(self, repository: str, branch: str, commit: str) -> CloneReference | None:
        """Return what the artifact has instead of files; None for CODE_ZIP."""
        return None

    def _fetch(self) -> Fetched:
        self.check()
        repository, branch = POLLED[self.run.action.provider](self.configuration, self.region)
        git = self.neighbours.git
        if git is None:
            raise JobFailed("Pushproof's git host is not running in this world", "InternalError")
        override = self.command.override
        head = override.value if override is not None else git.head(repository, branch)
        if head is None:
            raise self.missing(repository, branch)
        try:
            commit = git.commit(repository, head)
        except (NoSuchRepository, subprocess.CalledProcessError) as error:
            raise JobFailed(f"No commit [{head}] found in [{repository}]", "RevisionUnavailable") from error
        store, outputs = self.store, self.run.action.outputs
        key = artifacts.new_key(self.pipeline.name, (*outputs, "source")[0])
        if outputs:
            reference = self.reference(repository, branch, commit.id)
            content = git.archive(repository, commit.id) if reference is None else reference.text()
            artifacts.upload(self.client("s3"), store, key, content)
        summary, url = commit.message[:SUMMARY_LIMIT], self.url(commit.id)
        variables = {
            "AuthorDate": commit.date,
            "BranchName": branch,
            "CommitId": commit.id,
            "CommitMessage": commit.message,
            "CommitterDate": commit.date,
            **self.more(commit),
        }
        return Fetched(Artifact(store.location, key, commit.id, summary, url), variables)


class CodeCommitSource(_RepositorySource):
    """Source from a repository of CodeCommit."""

    about = "CodeCommit"

    def check(self) -> None:
        name = self.configuration["RepositoryName"]
        if not self.neighbours.repositories.holds(name, self.region):
            raise JobFailed(f"The AWS CodeCommit repository {name} does not exist", "ConfigurationError")
        arn = arn_of("codecommit", name, region=self.region, account=self.pipeline.account_id)
        caller = self.site.permissions.principal(self.credentials().access_key_id)
        try:
            for operation in _NEEDED:
                self.site.permissions.require(caller, f"codecommit:{operation}", arn, region=self.region)
        except AwsError as error:
            raise JobFailed(
                "The service role or action role doesn't have the permissions required to access the AWS CodeCommit "
                f"repository named {name}. Update the IAM role permissions, or use a different role for the action",
                "PermissionError",
            ) from error

    def reference(self, repository: str, branch: str, commit: str) -> CloneReference | None:
        if self.configuration.get("OutputArtifactFormat") != "CODEBUILD_CLONE_REF":
            return None
        name = self.configuration["RepositoryName"]
        arn = arn_of("codecommit", name, region=self.region, account=self.pipeline.account_id)
        return CloneReference(arn, "codecommit:GitPull", repository, branch, commit)

    def missing(self, repository: str, branch: str) -> JobFailed:
        name = self.configuration["RepositoryName"]
        return JobFailed(f"No Branch [{branch}] found in the AWS CodeCommit repository {name}", "ConfigurationError")

    def url(self, commit: str) -> str:
        name = self.configuration["RepositoryName"]
        return (
            f"https://{self.region}.console.aws.amazon.com/codecommit/home?region={self.region}#/repository/{name}"
            f"/commit/{commit}"
        )

    def more(self, commit: Commit) -> dict[str, str]:
        return {"RepositoryName": self.configuration["RepositoryName"]}


class GitHubSource(_RepositorySource):
    """Source from GitHub by version 1 of its action. The world's git host stands for GitHub, and any token opens it."""

    about = "GitHub"

    def missing(self, repository: str, branch: str) -> JobFailed:
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/troubleshooting.html#troubleshooting-gs1
        return JobFailed(
            f"Could not access the GitHub repository: [{repository}], branch [{branch}]. The access token might be invalid or "
            "has been revoked. Choose Edit to reconnect the pipeline with GitHub",
            "ConfigurationError",
        )

    def url(self, commit: str) -> str:
        return f"https://github.com/{self.configuration['Owner']}/{self.configuration['Repo']}/commit/{commit}"

    def more(self, commit: Commit) -> dict[str, str]:
        return {"CommitUrl": self.url(commit.id), "RepositoryName": self.configuration["Repo"]}
