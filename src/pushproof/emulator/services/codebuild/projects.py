"""Build projects: AWS's refusals, and the members that it fills in.

The filled-in members matter as much as the stored ones: Terraform reads them back, and plans a change for every difference.
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Project.html
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, cast

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.services.codebuild.validation import check_project, invalid

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import ProjectArtifactsTypeDef, ProjectEnvironmentOutputTypeDef, ProjectTypeDef

    from pushproof.emulator.kernel.shapes.codebuild import CreateProjectRequest, UpdateProjectRequest


TIMEOUT_MINUTES = 60
QUEUED_TIMEOUT_MINUTES = 480
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_]{1,149}")
_SETTABLE = (
    "description", "source", "secondarySources", "sourceVersion", "secondarySourceVersions", "artifacts",
    "secondaryArtifacts", "cache", "environment", "serviceRole", "timeoutInMinutes", "queuedTimeoutInMinutes",
    "encryptionKey", "tags", "vpcConfig", "logsConfig", "fileSystemLocations", "buildBatchConfig", "autoRetryLimit",
)  # fmt: skip


@dataclass(slots=True)
class Project:
    """A project. `body` holds API_Project's members that a request sets; times are AWS seconds."""

    name: str
    arn: str
    region: str
    created: float
    modified: float
    body: ProjectTypeDef
    badge: bool = False
    concurrent_build_limit: int | None = None
    builds: int = 0
    cache_generation: int = 0
    local_cache: bytes | None = field(default=None, repr=False)

    @property
    def environment(self) -> ProjectEnvironmentOutputTypeDef:
        return self.body["environment"]


def check_name(name: str) -> None:
    """Refuse a name for a project. Raises AwsError (InvalidInputException)."""
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Project name {name} is invalid: it must have 2 to 150 characters, begin with a letter or a digit, and hold only "
            "letters, digits, hyphens and underscores"
        )


def create(context: RequestContext, request: CreateProjectRequest, now: float) -> Project:
    """Return the project that AWS makes of a CreateProject request. Raises AwsError (InvalidInputException)."""
    name = request["name"]
    arn = arn_of("codebuild", f"project/{name}", region=context.region, account=context.account_id)
    project = Project(name, arn, context.region, now, now, {})
    update(context, project, request, now)
    return project


def update(
    context: RequestContext, project: Project, request: CreateProjectRequest | UpdateProjectRequest, now: float
) -> None:
    """Apply the members of a request; members that it leaves out stay, except tags. Raises AwsError (InvalidInputException)."""
    body = copy.deepcopy(project.body)
    # "The replacement set of tags": a request without tags removes them.
    body.pop("tags", None)
    # Members of a project have the same names as in the request.
    body.update(
        cast("ProjectTypeDef", {key: copy.deepcopy(value) for key, value in request.items() if key in _SETTABLE})
    )
    environment = request.get("environment")
    on_lambda = environment is not None and environment["type"].endswith("_LAMBDA_CONTAINER")
    if on_lambda and "queuedTimeoutInMinutes" in request:
        raise invalid("Cannot specify queuedTimeoutInMinutes for lambda compute")
    fill_in(context, project.name, body)
    check_project(body)
    limit = request.get("concurrentBuildLimit")
    if limit == 0:
        raise invalid("Invalid concurrentBuildLimit: it must be at least 1")
    if limit is not None:
        project.concurrent_build_limit = None if limit < 0 else limit
    project.badge = request.get("badgeEnabled", project.badge)
    project.body, project.modified = body, now


def fill_in(context: RequestContext, name: str, body: ProjectTypeDef) -> None:
    """Fill in the members that a request leaves out."""
    body.setdefault("timeoutInMinutes", TIMEOUT_MINUTES)
    body.setdefault("queuedTimeoutInMinutes", QUEUED_TIMEOUT_MINUTES)
    if not body.get("encryptionKey"):
        body["encryptionKey"] = arn_of("kms", "alias/aws/s3", region=context.region, account=context.account_id)
    body["cache"] = body.get("cache") or {"type": "NO_CACHE"}
    body.setdefault("tags", [])
    for source in (body["source"], *body.get("secondarySources", [])):
        source.setdefault("insecureSsl", False)
    for artifacts in (body["artifacts"], *body.get("secondaryArtifacts", [])):
        _fill_in_artifacts(name, artifacts)
    environment = body["environment"]
    environment.setdefault("privilegedMode", False)
    environment.setdefault("imagePullCredentialsType", "CODEBUILD")
    for variable in environment.setdefault("environmentVariables", []):
        variable.setdefault("type", "PLAINTEXT")
    logs = body.get("logsConfig")
    if logs:
        logs.setdefault("cloudWatchLogs", {"status": "ENABLED"})
        logs.setdefault("s3Logs", {"status": "DISABLED"})
        logs["s3Logs"].setdefault("encryptionDisabled", False)


def _fill_in_artifacts(name: str, artifacts: ProjectArtifactsTypeDef) -> None:
    if artifacts["type"] == "NO_ARTIFACTS":
        return
    artifacts.setdefault("name", name)
    artifacts.setdefault("packaging", "NONE")
    artifacts.setdefault("encryptionDisabled", False)
    if artifacts["type"] == "S3":
        artifacts.setdefault("namespaceType", "NONE")
        artifacts.setdefault("overrideArtifactName", False)


def describe(project: Project, stamp: Callable[[float], datetime]) -> ProjectTypeDef:
    """API_Project."""
    shown: ProjectTypeDef = {
        "name": project.name,
        "arn": project.arn,
        "created": stamp(project.created),
        "lastModified": stamp(project.modified),
        "badge": {"badgeEnabled": project.badge},
        "projectVisibility": "PRIVATE",
    }
    shown.update(copy.deepcopy(project.body))
    if project.concurrent_build_limit is not None:
        shown["concurrentBuildLimit"] = project.concurrent_build_limit
    return shown
