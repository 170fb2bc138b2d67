"""CodeBuild's API: projects, and builds that are started, stopped, retried and described.

https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of, arn_of_bucket, arn_of_root
from pushproof.emulator.kernel.builds import Builder, ManagedBuild, PipelineHandoff
from pushproof.emulator.kernel.context import Principal, RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import CamelMore, CamelToken, camel_page
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.kernel.settings import CodeBuildSettings
from pushproof.emulator.services import Service
from pushproof.emulator.services.codebuild import builds, projects
from pushproof.emulator.services.codebuild.builds import Build
from pushproof.emulator.services.codebuild.projects import Project
from pushproof.emulator.services.codebuild.running import BuildRun
from pushproof.emulator.services.codebuild.validation import check_project, check_variables, invalid
from pushproof.engines.buildspec import Outcome, Phase

if TYPE_CHECKING:
    from types_boto3_codebuild.literals import EnvironmentVariableTypeType, PlatformTypeType
    from types_boto3_codebuild.type_defs import (
        BuildNotDeletedTypeDef,
        BuildTypeDef,
        EnvironmentImageTypeDef,
        EnvironmentVariableTypeDef,
        ProjectTypeDef,
    )

    from pushproof.emulator.kernel.shapes.codebuild import (
        BatchDeleteBuildsAnswer,
        BatchDeleteBuildsRequest,
        BatchGetBuildsAnswer,
        BatchGetBuildsRequest,
        BatchGetProjectsAnswer,
        BatchGetProjectsRequest,
        CreateProjectAnswer,
        CreateProjectRequest,
        DeleteProjectAnswer,
        DeleteProjectRequest,
        InvalidateProjectCacheAnswer,
        InvalidateProjectCacheRequest,
        ListBuildsAnswer,
        ListBuildsForProjectAnswer,
        ListBuildsForProjectRequest,
        ListBuildsRequest,
        ListCuratedEnvironmentImagesAnswer,
        ListCuratedEnvironmentImagesRequest,
        ListProjectsAnswer,
        ListProjectsRequest,
        RetryBuildAnswer,
        RetryBuildRequest,
        StartBuildAnswer,
        StartBuildRequest,
        StopBuildAnswer,
        StopBuildRequest,
        UpdateProjectAnswer,
        UpdateProjectRequest,
    )
    from pushproof.emulator.kernel.site import Site
    from pushproof.emulator.kernel.source import GitSource

_PAGE = 100
# Platforms and languages in the words of https://docs.aws.amazon.com/codebuild/latest/APIReference/API_EnvironmentPlatform.html
# and API_EnvironmentLanguage.html beside it; the standard images have every language.
_IMAGES: tuple[tuple[PlatformTypeType, str, str], ...] = (
    ("AMAZON_LINUX", "aws/codebuild/amazonlinux2-x86_64-standard:5.0", "AWS CodeBuild - Amazon Linux 2 x86_64 5.0"),
    ("AMAZON_LINUX", "aws/codebuild/amazonlinux-x86_64-standard:5.0", "AWS CodeBuild - Amazon Linux 2023 x86_64 5.0"),
    ("UBUNTU", "aws/codebuild/standard:6.0", "AWS CodeBuild - Ubuntu 22.04"),
    ("UBUNTU", "aws/codebuild/standard:7.0", "AWS CodeBuild - Ubuntu 22.04"),
)
# StartBuild's overrides that replace a member of the project as they are: override -> path.
_OVERRIDES: dict[str, tuple[str, ...]] = {
    "artifactsOverride": ("artifacts",),
    "secondaryArtifactsOverride": ("secondaryArtifacts",),
    "secondarySourcesOverride": ("secondarySources",),
    "secondarySourcesVersionOverride": ("secondarySourceVersions",),
    "sourceTypeOverride": ("source", "type"),
    "sourceLocationOverride": ("source", "location"),
    "sourceAuthOverride": ("source", "auth"),
    "gitCloneDepthOverride": ("source", "gitCloneDepth"),
    "gitSubmodulesConfigOverride": ("source", "gitSubmodulesConfig"),
    "buildspecOverride": ("source", "buildspec"),
    "insecureSslOverride": ("source", "insecureSsl"),
    "environmentTypeOverride": ("environment", "type"),
    "imageOverride": ("environment", "image"),
    "computeTypeOverride": ("environment", "computeType"),
    "certificateOverride": ("environment", "certificate"),
    "privilegedModeOverride": ("environment", "privilegedMode"),
    "imagePullCredentialsTypeOverride": ("environment", "imagePullCredentialsType"),
    "cacheOverride": ("cache",),
    "serviceRoleOverride": ("serviceRole",),
    "timeoutInMinutesOverride": ("timeoutInMinutes",),
    "queuedTimeoutInMinutesOverride": ("queuedTimeoutInMinutes",),
    "encryptionKeyOverride": ("encryptionKey",),
    "logsConfigOverride": ("logsConfig",),
    "autoRetryLimitOverride": ("autoRetryLimit",),
}
# The image of builds without a project, on CodePipeline's own compute.
MANAGED_IMAGE = "aws/codebuild/amazonlinux2-x86_64-standard:5.0"
_COMPLETION = Callable[[str, str], None]


# https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
_MOST_PROJECTS = 5000
# "The token is … valid for five minutes." (API_StartBuild, idempotencyToken)
_TOKEN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Token:
    """A request with an idempotency token, at AWS time `at`, and the build that it created."""

    operation: str
    request: StartBuildRequest | RetryBuildRequest
    build: str
    at: float


class CodeBuildService(Service):
    """Projects and builds of every region."""

    own_words = True

    def __init__(self, site: Site, name: str, *, builder: Builder | None, git: GitSource | None = None) -> None:
        super().__init__(site, name)
        self.builder = builder
        self.git = git
        self._managed: dict[str, Build] = {}
        self.settings: CodeBuildSettings = site.settings.codebuild
        self._projects: dict[tuple[str, str], dict[str, Project]] = {}
        self._builds: dict[tuple[str, str], dict[str, Build]] = {}
        self._runs: dict[str, BuildRun] = {}
        self._queue: list[BuildRun] = []
        self._handoffs: dict[str, PipelineHandoff] = {}
        self._tokens: dict[tuple[tuple[str, str], str], _Token] = {}
        self._listeners: list[_COMPLETION] = []

    def check_form(self, context: RequestContext, request: dict[str, Any]) -> None:
        if context.operation == "CreateProject":
            projects.check_name(request["name"])
        check_limits(self.name, context.operation, request)

    # Calls from other parts of the plane.

    def hand_over(self, handoff: PipelineHandoff) -> str:
        """Announce a pipeline's build; the token is StartBuild's `idempotencyToken` when the pipeline's role makes that call."""
        token = f"codepipeline-{uuid.uuid4()}"
        self._handoffs[token] = handoff
        return token

    def run_managed(self, order: ManagedBuild) -> str:
        """Start a build without a project, and return its id.

        It counts among the account's concurrent builds. No list of projects or builds shows it: on AWS it belongs to CodePipeline.
        """
        me = Principal("plane", arn_of_root(order.account_id), order.account_id)
        context = RequestContext("codebuild", "StartBuild", order.region, order.account_id, me, str(uuid.uuid4()))
        variables: list[EnvironmentVariableTypeDef] = [
            {"name": name, "value": value, "type": cast("EnvironmentVariableTypeType", kind)}
            for name, value, kind in order.environment
        ]
        body: CreateProjectRequest = {
            "name": order.name,
            "serviceRole": order.role_arn,
            "source": {"type": "CODEPIPELINE", "buildspec": order.buildspec},
            "artifacts": {"type": "CODEPIPELINE"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": MANAGED_IMAGE,
                "computeType": "BUILD_GENERAL1_SMALL",
                "privilegedMode": order.privileged,
                "environmentVariables": variables,
            },
            "timeoutInMinutes": order.minutes,
            "logsConfig": {"cloudWatchLogs": {"status": "ENABLED", "groupName": order.log_group}},
        }
        project = projects.create(context, body, self.site.clock.now())
        build = self._make_build(context, project, {"projectName": order.name}, order.handoff)
        build.managed = order.credentials
        self._managed[build.id] = build
        run = BuildRun(self, build, self._finished)
        self._runs[build.id] = run
        run.start()
        return build.id

    def managed(self, build_id: str) -> BuildTypeDef:
        """Return a build of `run_managed`, as BatchGetBuilds describes builds."""
        return self._describe_build(self._managed[build_id])

    def stop_managed(self, build_id: str) -> None:
        """Stop a build of `run_managed`."""
        run = self._runs.get(build_id)
        if run is not None:
            run.cut(Outcome.STOPPED)

    def subscribe(self, callback: _COMPLETION) -> None:
        """Call `callback(build id, status)` under the lock whenever a build is COMPLETED."""
        self._listeners.append(callback)

    # Projects.

    def create_project(self, context: RequestContext, request: CreateProjectRequest) -> CreateProjectAnswer:
        existing = self._projects.setdefault(context.scope, {})
        if request["name"] in existing:
            raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {existing[request['name']].arn}")
        if len(existing) >= _MOST_PROJECTS:
            raise AwsError(
                "AccountLimitExceededException", f"Cannot have more than {_MOST_PROJECTS} projects for the account"
            )
        project = projects.create(context, request, self.site.clock.now())
        self._check_role(project.body["serviceRole"], project.arn)
        self._check_network(context, project.body, project.arn)
        existing[project.name] = project
        return {"project": self._describe(project)}

    def update_project(self, context: RequestContext, request: UpdateProjectRequest) -> UpdateProjectAnswer:
        project = self._project(context, request["name"])
        draft = copy.copy(project)
        projects.update(context, draft, request, self.site.clock.now())
        if "serviceRole" in request:
            self._check_role(request["serviceRole"], project.arn)
        if "vpcConfig" in request:
            self._check_network(context, draft.body, project.arn)
        projects.update(context, project, request, self.site.clock.now())
        return {"project": self._describe(project)}

    def delete_project(self, context: RequestContext, request: DeleteProjectRequest) -> DeleteProjectAnswer:
        self._projects.get(context.scope, {}).pop(_project_name(request["name"]), None)
        return {}

    def batch_get_projects(self, context: RequestContext, request: BatchGetProjectsRequest) -> BatchGetProjectsAnswer:
        projects = self._projects.get(context.scope, {})
        names = [_project_name(name) for name in request["names"]]
        return {
            "projects": [self._describe(projects[name]) for name in dict.fromkeys(names) if name in projects],
            "projectsNotFound": [name for name in dict.fromkeys(names) if name not in projects],
        }

    def list_projects(self, context: RequestContext, request: ListProjectsRequest) -> ListProjectsAnswer:
        keys: dict[str, Callable[[Project], str | float]] = {
            "NAME": lambda project: project.name,
            "CREATED_TIME": lambda project: project.created,
            "LAST_MODIFIED_TIME": lambda project: project.modified,
        }
        projects = sorted(self._projects.get(context.scope, {}).values(), key=keys[request.get("sortBy") or "NAME"])
        if request.get("sortOrder") == "DESCENDING":
            projects.reverse()
        names, more = _page([project.name for project in projects], request)
        return {"projects": names, **more}

    def invalidate_project_cache(
        self, context: RequestContext, request: InvalidateProjectCacheRequest
    ) -> InvalidateProjectCacheAnswer:
        project = self._project(context, request["projectName"])
        project.cache_generation += 1
        project.local_cache = None
        return {}

    def list_curated_environment_images(
        self, context: RequestContext, request: ListCuratedEnvironmentImagesRequest
    ) -> ListCuratedEnvironmentImagesAnswer:
        platforms: dict[PlatformTypeType, list[EnvironmentImageTypeDef]] = {}
        for platform, image, description in _IMAGES:
            platforms.setdefault(platform, []).append({"name": image, "description": description, "versions": [image]})
        return {
            "platforms": [
                {"platform": name, "languages": [{"language": "BASE", "images": images}]}
                for name, images in platforms.items()
            ]
        }

    # Builds.

    def start_build(self, context: RequestContext, request: StartBuildRequest) -> StartBuildAnswer:
        project = self._project(context, request["projectName"])
        token = request.get("idempotencyToken")
        handoff = self._handoffs.get(token) if token else None
        if token and handoff is None and (earlier := self._earlier(context, token, request)) is not None:
            return {"build": self._describe_build(earlier)}
        build = self._make_build(context, project, request, handoff)
        if token:
            self._handoffs.pop(token, None)
            self._remember(context, token, request, build)
        return {"build": self._describe_build(self._launch(context.scope, build))}

    def _earlier(
        self, context: RequestContext, token: str, request: StartBuildRequest | RetryBuildRequest
    ) -> Build | None:
        """Return the build of an earlier request with this token, during the five minutes of its validity.

        Raises AwsError if the requests differ.
        """
        use = self._tokens.get((context.scope, token))
        if use is None or self.site.clock.now() - use.at > _TOKEN_SECONDS:
            return None
        if use.operation != context.operation or use.request != request:
            raise invalid(f"Parameter mismatch: the idempotencyToken {token} was used with other parameters")
        return self._builds[context.scope].get(use.build)

    def _remember(
        self, context: RequestContext, token: str, request: StartBuildRequest | RetryBuildRequest, build: Build
    ) -> None:
        self._tokens[context.scope, token] = _Token(
            context.operation, copy.deepcopy(request), build.id, self.site.clock.now()
        )

    def retry_build(self, context: RequestContext, request: RetryBuildRequest) -> RetryBuildAnswer:
        if not request.get("id"):
            raise invalid("Invalid build ID: the id of the build to retry must be specified")
        token = request.get("idempotencyToken")
        if token and (retried := self._earlier(context, token, request)) is not None:
            return {"build": self._describe_build(retried)}
        earlier = self._build(context.scope, request["id"])
        if not earlier.complete:
            raise invalid(f"Build {earlier.arn} cannot be retried while it is in progress")
        build = self._again(context, earlier)
        if token:
            self._remember(context, token, request, build)
        return {"build": self._describe_build(self._launch(context.scope, build))}

    def stop_build(self, context: RequestContext, request: StopBuildRequest) -> StopBuildAnswer:
        build = self._build(context.scope, request["id"])
        run = self._runs.get(build.id)
        if run is not None:
            run.cut(Outcome.STOPPED)
        return {"build": self._describe_build(build)}

    def batch_get_builds(self, context: RequestContext, request: BatchGetBuildsRequest) -> BatchGetBuildsAnswer:
        builds = self._builds.get(context.scope, {})
        build_ids = list(dict.fromkeys(_build_id(reference) for reference in request["ids"]))
        return {
            "builds": [self._describe_build(builds[build_id]) for build_id in build_ids if build_id in builds],
            "buildsNotFound": [build_id for build_id in build_ids if build_id not in builds],
        }

    def list_builds(self, context: RequestContext, request: ListBuildsRequest) -> ListBuildsAnswer:
        return self._list(context, request, None)

    def list_builds_for_project(
        self, context: RequestContext, request: ListBuildsForProjectRequest
    ) -> ListBuildsForProjectAnswer:
        return self._list(context, request, self._project(context, request["projectName"]).name)

    def batch_delete_builds(
        self, context: RequestContext, request: BatchDeleteBuildsRequest
    ) -> BatchDeleteBuildsAnswer:
        builds = self._builds.get(context.scope, {})
        deleted: list[str] = []
        refused: list[BuildNotDeletedTypeDef] = []
        for reference in request["ids"]:
            build = builds.get(_build_id(reference))
            if build is None:
                refused.append({"id": reference, "statusCode": "BUILD_NOT_FOUND"})
            elif not build.complete:
                refused.append({"id": reference, "statusCode": "BUILD_IN_PROGRESS"})
            else:
                del builds[build.id]
                deleted.append(build.arn)
        return {"buildsDeleted": deleted, "buildsNotDeleted": refused}

    # Calls from a run.

    def queue(self, run: BuildRun) -> None:
        """Queue a run until there is room."""
        self._queue.append(run)
        self._admit()

    def build_limit(self, seconds: float) -> float:
        """Return the AWS seconds after which a build is TIMED_OUT; see `CodeBuildSettings.shortest_build_limit`."""
        real_second = self.site.clock.real_delay(1.0)
        if real_second <= 0 or self.builder is None or not self.builder.real:
            return seconds
        return max(seconds, min(seconds, self.settings.shortest_build_limit) / real_second)

    def cache_generation(self, build: Build) -> int:
        project = self._projects.get((build.account_id, build.region), {}).get(build.project)
        return project.cache_generation if project else 0

    def local_cache(self, build: Build) -> bytes | None:
        project = self._projects.get((build.account_id, build.region), {}).get(build.project)
        return project.local_cache if project and build.settings["cache"]["type"] == "LOCAL" else None

    def keep_local_cache(self, build: Build, archive: bytes) -> None:
        project = self._projects.get((build.account_id, build.region), {}).get(build.project)
        if project is not None:
            project.local_cache = archive

    def close(self) -> None:
        for run in list(self._runs.values()):
            run.cut(Outcome.STOPPED)

    # Inside.

    def _admit(self) -> None:
        self._queue = [run for run in self._queue if run.progress.phase is Phase.QUEUED and not run.holds_slot]
        running = sum(run.holds_slot for run in self._runs.values())
        room = max(0, self.settings.concurrent_builds - running)
        admitted, self._queue = self._queue[:room], self._queue[room:]
        for run in admitted:
            run.admit()

    def _finished(self, run: BuildRun) -> None:
        build = run.build
        self._runs.pop(build.id, None)
        scope = (build.account_id, build.region)
        limit = build.settings.get("autoRetryLimit") or 0
        automatic = build.status == Outcome.FAILED.value and build.retried < limit
        # CodeBuild does not retry builds that a pipeline started (auto-retry-build.html).
        if (run.progress.retry or automatic) and build.handoff is None:
            region, account = build.region, build.account_id
            me = Principal("plane", arn_of_root(account), account)
            context = RequestContext("codebuild", "RetryBuild", region, account, me, str(uuid.uuid4()))
            again = self._again(context, build)
            again.retried, again.previous_retry, build.next_retry = build.retried + 1, build.arn, again.arn
            self._launch(scope, again)
        for listener in self._listeners:
            listener(build.id, build.status)
        self._admit()

    def _again(self, context: RequestContext, earlier: Build) -> Build:
        project = self._project(context, earlier.project)
        return self._make_build(context, project, earlier.request, earlier.handoff)

    def _launch(self, scope: tuple[str, str], build: Build) -> Build:
        self._builds.setdefault(scope, {})[build.id] = build
        run = BuildRun(self, build, self._finished)
        self._runs[build.id] = run
        run.start()
        return build

    def _make_build(
        self, context: RequestContext, project: Project, request: StartBuildRequest, handoff: PipelineHandoff | None
    ) -> Build:
        active = sum(run.build.project_arn == project.arn for run in self._runs.values())
        if project.concurrent_build_limit is not None and active >= project.concurrent_build_limit:
            raise AwsError(
                "AccountLimitExceededException",
                f"Cannot have more than {project.concurrent_build_limit} active builds for the project {project.name}",
            )
        settings = self._settings(context, project, request, handoff)
        project.builds += 1
        build = Build(
            uuid=str(uuid.uuid4()),
            number=project.builds,
            project=project.name,
            project_arn=project.arn,
            region=context.region,
            account_id=context.account_id,
            settings=settings,
            initiator=f"codepipeline/{handoff.pipeline}" if handoff else _initiator(context.principal),
            start=self.site.clock.now(),
            handoff=handoff,
            overrides=copy.deepcopy(request.get("environmentVariablesOverride", [])),
            request=request,
            source_version=request.get("sourceVersion") or settings.get("sourceVersion"),
        )
        if handoff is not None:
            if handoff.primary:
                build.source_version = arn_of_bucket(*handoff.inputs[handoff.primary])
            build.resolved_source_version = handoff.revision
        return build

    def _settings(
        self, context: RequestContext, project: Project, request: StartBuildRequest, handoff: PipelineHandoff | None
    ) -> ProjectTypeDef:
        """Return the project's settings with the overrides of a request. Raises AwsError for overrides that AWS refuses."""
        check_variables([variable["name"] for variable in request.get("environmentVariablesOverride") or ()])
        settings = _overridden(project, request)
        if handoff is None:
            if settings["artifacts"]["type"] == "CODEPIPELINE":
                raise invalid("ArtifactsOverride must be set when using artifacts type CodePipelines")
            if settings["source"]["type"] == "CODEPIPELINE":
                raise invalid("SourceTypeOverride must be set when using source type CodePipeline")
        projects.fill_in(context, project.name, settings)
        check_project(settings)
        return settings

    def _check_network(self, context: RequestContext, body: ProjectTypeDef, project_arn: str) -> None:
        """Raise AwsError unless the project's VPC, subnets and security groups exist and its role can describe them."""
        vpc = body.get("vpcConfig", {})
        if not vpc.get("vpcId"):
            return
        credentials = self.site.assume(
            body["serviceRole"], "codebuild.amazonaws.com", "AWSCodeBuild-verification", source_arn=project_arn
        )
        ec2 = self.site.client("ec2", region=context.region, credentials=credentials)
        calls: tuple[tuple[str, Callable[[], object]], ...] = (
            ("DescribeSecurityGroups", lambda: ec2.describe_security_groups(GroupIds=vpc["securityGroupIds"])),
            ("DescribeSubnets", lambda: ec2.describe_subnets(SubnetIds=vpc["subnets"])),
            ("DescribeVpcs", lambda: ec2.describe_vpcs(VpcIds=[vpc["vpcId"]])),
        )
        for name, call in calls:
            try:
                call()
            except ClientError as error:
                if error.response["Error"]["Code"] == "UnauthorizedOperation":
                    raise invalid(f"Not authorized to perform {name}") from error
                raise invalid(f"Invalid vpc config: {error.response['Error']['Message']}") from error

    def _check_role(self, role: str, project_arn: str) -> None:
        try:
            self.site.assume(role, "codebuild.amazonaws.com", "AWSCodeBuild-verification", source_arn=project_arn)
        except AwsError as error:
            raise invalid(
                "CodeBuild is not authorized to perform: sts:AssumeRole on service role. Please verify that: 1) The "
                "provided "
                "service role exists, 2) The role name is case-sensitive and matches exactly, and 3) The role has "
                "the necessary "
                "trust policy configured."
            ) from error

    def _project(self, context: RequestContext, name: str) -> Project:
        short = _project_name(name)
        project = self._projects.get(context.scope, {}).get(short)
        if project is None:
            arn = arn_of("codebuild", f"project/{short}", region=context.region, account=context.account_id)
            raise AwsError("ResourceNotFoundException", f"Project cannot be found: {arn}")
        return project

    def _build(self, scope: tuple[str, str], reference: str) -> Build:
        build = self._builds.get(scope, {}).get(_build_id(reference))
        if build is None:
            raise AwsError("ResourceNotFoundException", f"Build cannot be found: {reference}")
        return build

    def _list(
        self, context: RequestContext, request: ListBuildsRequest | ListBuildsForProjectRequest, project: str | None
    ) -> ListBuildsAnswer:
        build_ids = [
            build.id for build in self._builds.get(context.scope, {}).values() if project in (None, build.project)
        ]
        if request.get("sortOrder") != "ASCENDING":
            build_ids.reverse()
        ids, more = _page(build_ids, request)
        return {"ids": ids, **more}

    def _describe(self, project: Project) -> ProjectTypeDef:
        return projects.describe(project, self.site.clock.stamp)

    def _describe_build(self, build: Build) -> BuildTypeDef:
        return builds.describe(build, self.site.clock.stamp)


def _overridden(project: Project, request: StartBuildRequest) -> ProjectTypeDef:
    """Return the project's body with a StartBuild request's overrides."""
    body = copy.deepcopy(project.body)
    for override, path in _OVERRIDES.items():
        if override in request:
            # The table lists the member that each override replaces; both have the same shape.
            target = cast("dict[str, Any]", body if len(path) == 1 else body[path[0]])  # type: ignore[literal-required]
            target[path[-1]] = copy.deepcopy(request[override])  # type: ignore[literal-required]
    variables = {variable["name"]: variable for variable in body["environment"]["environmentVariables"]}
    for variable in copy.deepcopy(request.get("environmentVariablesOverride", [])):
        variable.setdefault("type", "PLAINTEXT")
        variables[variable["name"]] = variable
    body["environment"]["environmentVariables"] = list(variables.values())
    return body


def _initiator(principal: Principal) -> str:
    """Return the initiator as the console shows it: a user's or role's name, or the account."""
    if principal.kind == "session":
        return "/".join(principal.arn.rsplit(":", 1)[-1].split("/")[1:])
    return principal.arn.rsplit(":", 1)[-1].rsplit("/", 1)[-1]


def _project_name(reference: str) -> str:
    """Return the name of a project: Terraform refers to projects by their ARN, people by their name; AWS accepts both."""
    return reference.partition(":project/")[2] if reference.startswith("arn:") else reference


def _build_id(reference: str) -> str:
    return reference.partition(":build/")[2] if reference.startswith("arn:") else reference


def _page(items: list[str], request: CamelToken) -> tuple[list[str], CamelMore]:
    return camel_page(items, request, invalid("Invalid nextToken"), default=_PAGE)
