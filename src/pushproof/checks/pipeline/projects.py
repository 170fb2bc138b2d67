"""Build projects: Docker access, timeouts, current images of the right architecture, and retained logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pushproof.checks.buckets import bucket_findings
from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.loggroups import retention_fault
from pushproof.checks.pipeline.described import DescribedPipeline

if TYPE_CHECKING:
    from types_boto3_codepipeline.type_defs import ActionDeclarationOutputTypeDef

_DOCKER = "https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker.html"
_IMAGES = "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html"
_LOGS = "https://docs.aws.amazon.com/codebuild/latest/userguide/change-project.html#change-project-console-logs"
_TIMEOUT = "https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html"
_PLATFORM = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html"
_BUILDSPEC = "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec-ref-name-storage"
# AWS no longer updates images before these versions.
_UBUNTU = re.compile(r"aws/codebuild/standard:(\d+)\.")
_OLDEST_UBUNTU = 5


class ProjectChecks(DescribedPipeline):
    """Checks of the CodeBuild projects that the pipeline runs."""

    @check
    def builds_can_use_docker(self) -> Iterator[Finding]:
        """The build project runs privileged, which the Docker daemon needs; a written buildspec without `docker` needs none."""
        for project in self._some_projects(_DOCKER):
            written = project["source"].get("buildspec") or ""
            docker = "\n" not in written or re.search(r"\bdocker", written)
            if docker and not project["environment"].get("privilegedMode"):
                yield Finding(
                    resource=project["arn"],
                    expected="privilegedMode",
                    found="off",
                    why="docker build fails: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
                    change="environment { privileged_mode = true }",
                    page=_DOCKER,
                )

    @check
    def builds_end_in_time(self, *, at_least: int = 15, at_most: int = 60) -> Iterator[Finding]:
        """The timeout of a build is at least a quarter of an hour, enough for a build without cache, and at most an hour."""
        for project in self._some_projects(_TIMEOUT):
            minutes = project.get("timeoutInMinutes", 60)
            if not at_least <= minutes <= at_most:
                yield Finding(
                    resource=project["arn"],
                    expected=f"a limit of {at_least} to {at_most} minutes",
                    found=f"{minutes} minutes",
                    why="A build that hangs is paid for until then, and holds up every commit behind it."
                    if minutes > at_most
                    else "A build that finds no cache is stopped before it ends, so that there is none the next time either.",
                    change="build_timeout = 20",
                    page=_TIMEOUT,
                )

    @check
    def build_logs_are_kept(self, *, at_least_days: int = 7) -> Iterator[Finding]:
        """Builds log to a CloudWatch Logs group that exists and whose retention is set."""
        for project in self._some_projects(_LOGS):
            logs = project.get("logsConfig", {}).get("cloudWatchLogs", {})
            if logs.get("status", "ENABLED") == "DISABLED":
                yield Finding(
                    resource=project["arn"],
                    expected="builds that log to CloudWatch Logs",
                    found="logs are off",
                    why="A build that fails says nothing but that it failed.",
                    change="logs_config { cloudwatch_logs { group_name = … } }",
                    page=_LOGS,
                )
                continue
            group = logs.get("groupName") or f"/aws/codebuild/{project['name']}"
            fault = retention_fault(self.aws("logs"), group, at_least_days=at_least_days)
            if fault is not None:
                yield Finding(
                    resource=project["arn"],
                    expected=f"a log group {group} kept for at least {at_least_days} days",
                    found=fault,
                    why="CodeBuild makes a group that nobody manages, and keeps it for ever; or the log is gone before anybody"
                    " asks.",
                    change="Add aws_cloudwatch_log_group with this name and retention_in_days, and name it in logs_config.",
                    page=_LOGS,
                )

    @check
    def builds_on_a_current_image(self) -> Iterator[Finding]:
        """AWS still updates the build images of its own that the projects use. The check ignores custom images."""
        for project in self._some_projects(_IMAGES):
            image = project["environment"].get("image", "")
            version = _UBUNTU.match(image)
            if version is not None and int(version[1]) < _OLDEST_UBUNTU:
                yield Finding(
                    resource=project["arn"],
                    expected="an image that is still updated, such as aws/codebuild/standard:7.0",
                    found=image,
                    why="AWS updates and caches it no longer: builds start slowly, with old tools and their known faults.",
                    change='image = "aws/codebuild/standard:7.0"',
                    page=_IMAGES,
                )

    @check
    def builds_for_the_architecture_that_runs(self) -> Iterator[Finding]:
        """Images are built on the architecture of the service's task definition."""
        architectures = set(map(self._architecture, self._some(self._by("ECS"), "an ECS deploy action")))
        for project in self._some_projects(_PLATFORM):
            kind = project["environment"].get("type", "LINUX_CONTAINER")
            built = "ARM64" if kind.startswith("ARM") else "X86_64"
            for architecture in architectures - {built, None}:
                yield Finding(
                    resource=project["arn"],
                    expected=f"a build on {architecture}, which the task definition asks for",
                    found=f"{kind} builds for {built}",
                    why="Every container ends at once with exec format error, and each deployment is rolled back.",
                    change=f'cpu_architecture = "{built}" in the task definition, or a build environment of the other kind.',
                    page=_PLATFORM,
                )

    @check
    def build_cache_is_private(self) -> Iterator[Finding]:
        """A build cache in S3 is in a bucket that exists and is versioned, encrypted and closed."""
        for project in self._some_projects(_IMAGES):
            cache = project.get("cache")
            if cache is not None and cache["type"] == "S3":
                yield from bucket_findings(self.aws("s3"), cache["location"].partition("/")[0])

    @check
    def builds_find_their_buildspec(self, application: Path) -> Iterator[Finding]:
        """The buildspec that the project names is in the application's repository, of which `application` is a checkout."""
        for project in self._some_projects(_BUILDSPEC):
            path = project["source"].get("buildspec") or "buildspec.yml"
            # A buildspec can be written into the project itself.
            if "\n" not in path and not (application / path).is_file():
                yield Finding(
                    resource=project["arn"],
                    expected=f"a file of the repository, such as {_nearest(application)}",
                    found=f"{path}, which the repository does not have",
                    why="Every build fails before its first command: YAML_FILE_ERROR.",
                    change=f'buildspec = "{_nearest(application)}"',
                    page=_BUILDSPEC,
                )

    def _architecture(self, action: ActionDeclarationOutputTypeDef) -> str | None:
        """The architecture of the task definition that a deploy action's service runs; None where there is none."""
        configuration, ecs = action["configuration"], self.aws("ecs")
        described = ecs.describe_services(
            cluster=configuration["ClusterName"], services=[configuration["ServiceName"]]
        )["services"]
        if not described:
            return None
        definition = ecs.describe_task_definition(taskDefinition=described[0]["taskDefinition"])["taskDefinition"]
        return str((definition.get("runtimePlatform") or {}).get("cpuArchitecture") or "X86_64")


def _nearest(application: Path) -> str:
    names = sorted(path.name for path in application.glob("*.y*ml"))
    return next((name for name in names if "build" in name), "buildspec.yml")
