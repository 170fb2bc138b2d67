"""The API of CodePipeline.

Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of
from pushproof.aws.tags import Rule, broken_rule, camel_tags, tag_map, tag_pairs
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.emulator.kernel.paging import CamelMore, CamelPaged, camel_page
from pushproof.emulator.kernel.settings import CodePipelineSettings
from pushproof.emulator.services import Service
from pushproof.emulator.services.codepipeline import conditionshapes, shapes
from pushproof.emulator.services.codepipeline.actions.base import PRINCIPAL, Neighbours
from pushproof.emulator.services.codepipeline.actions.repositories import POLLED
from pushproof.emulator.services.codepipeline.executor import Executor
from pushproof.emulator.services.codepipeline.pipelines import Pipeline, complete, declared
from pushproof.engines.pipeline import (
    Action,
    ActionRun,
    ApprovalResult,
    BranchPush,
    Declaration,
    Execution,
    Input,
    OverrideCondition,
    PipelineError,
    PipelineState,
    PullRequestNews,
    RetryStage,
    Revision,
    RollBackStage,
    SetTransition,
    Start,
    Stop,
    TagNews,
    Trigger,
    Update,
    fires,
)
from pushproof.engines.pipeline.names import RevisionType

if TYPE_CHECKING:
    from types_boto3_codepipeline.type_defs import (
        PipelineMetadataTypeDef,
        PipelineSummaryTypeDef,
        SourceRevisionOverrideTypeDef,
        TagTypeDef,
    )

    from pushproof.emulator.kernel.shapes.codepipeline import (
        CreatePipelineAnswer,
        CreatePipelineRequest,
        DeletePipelineAnswer,
        DeletePipelineRequest,
        DisableStageTransitionAnswer,
        DisableStageTransitionRequest,
        EnableStageTransitionAnswer,
        EnableStageTransitionRequest,
        GetPipelineAnswer,
        GetPipelineExecutionAnswer,
        GetPipelineExecutionRequest,
        GetPipelineRequest,
        GetPipelineStateAnswer,
        GetPipelineStateRequest,
        ListActionExecutionsAnswer,
        ListActionExecutionsRequest,
        ListPipelineExecutionsAnswer,
        ListPipelineExecutionsRequest,
        ListPipelinesAnswer,
        ListPipelinesRequest,
        ListRuleExecutionsAnswer,
        ListRuleExecutionsRequest,
        ListRuleTypesAnswer,
        ListRuleTypesRequest,
        ListTagsForResourceAnswer,
        ListTagsForResourceRequest,
        OverrideStageConditionAnswer,
        OverrideStageConditionRequest,
        PutApprovalResultAnswer,
        PutApprovalResultRequest,
        RetryStageExecutionAnswer,
        RetryStageExecutionRequest,
        RollbackStageAnswer,
        RollbackStageRequest,
        StartPipelineExecutionAnswer,
        StartPipelineExecutionRequest,
        StopPipelineExecutionAnswer,
        StopPipelineExecutionRequest,
        TagResourceAnswer,
        TagResourceRequest,
        UntagResourceAnswer,
        UntagResourceRequest,
        UpdatePipelineAnswer,
        UpdatePipelineRequest,
    )
    from pushproof.emulator.kernel.site import ObjectStore, Site
    from pushproof.emulator.kernel.source import PullRequestChange, Push, TagPush
    from pushproof.engines.pipeline import GitNews


T = TypeVar("T")
#: The revisions that StartPipelineExecution may name for a source action of a provider.
REVISION_KINDS: dict[str, tuple[RevisionType, ...]] = {
    "CodeStarSourceConnection": ("COMMIT_ID",),
    "CodeCommit": ("COMMIT_ID",),
    "GitHub": ("COMMIT_ID",),
    "S3": ("S3_OBJECT_VERSION_ID", "S3_OBJECT_KEY"),
    "ECR": ("IMAGE_DIGEST",),
}
#: Pipelines of a region (https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html).
MOST_PIPELINES = 1000
_ARN = re.compile(r"arn:aws(-[\w]+)*:codepipeline:[\w-]+:[0-9]{12}:.+")


class CodePipelineService(Service):
    """Pipelines of every region, and their executions."""

    def __init__(self, site: Site, name: str, *, neighbours: Neighbours, objects: ObjectStore) -> None:
        super().__init__(site, name)
        self.settings: CodePipelineSettings = site.settings.codepipeline
        self._pipelines: dict[tuple[str, str], dict[str, Pipeline]] = {}
        self._connections = neighbours.connections
        self._executor = Executor(site, self.settings, neighbours)
        if neighbours.git is not None:
            neighbours.git.on_push(self.pushed)
            neighbours.git.on_tag(self.tagged)
            neighbours.git.on_pull_request(self.pull_request_changed)
        objects.on_object(self._object_created)

    # Causes of executions besides StartPipelineExecution.

    def pushed(self, push: Push) -> str | None:
        """Start the pipelines that watch a branch that moved. Return the message for the pusher, None if no pipeline watches it."""
        news = BranchPush(push.branch, push.paths)
        return self._changed(push.repository, news, Revision(push.commit.id, variables={"BranchName": push.branch}))

    def tagged(self, push: TagPush) -> str | None:
        """Start the pipelines whose triggers watch a tag that was pushed. Return the message for the pusher."""
        return self._changed(push.repository, TagNews(push.tag), Revision(push.commit.id))

    def pull_request_changed(self, change: PullRequestChange) -> str | None:
        """Start the pipelines whose triggers watch a pull request, at the head of its source branch."""
        request = change.request
        news = PullRequestNews(change.action, request.target, change.paths)
        revision = Revision(change.commit.id, variables={"BranchName": request.source})
        return self._changed(request.repository, news, revision)

    def _changed(self, repository: str, news: GitNews, revision: Revision) -> str | None:
        messages: list[str] = []
        for pipeline in self._all():
            watching = [
                action
                for action in pipeline.state.declaration.stages[0].actions
                if self._watches(pipeline, action, repository, news)
            ]
            if watching:
                messages.append(self._start_on(pipeline, watching, revision))
        return "\n".join(messages) or None

    def _start_on(self, pipeline: Pipeline, watching: list[Action], revision: Revision) -> str:
        first = watching[0]
        connected = first.provider == "CodeStarSourceConnection"
        start = Start(
            str(uuid.uuid4()),
            "WebhookV2" if connected else "PollForSourceChanges",
            first.configuration["ConnectionArn"] if connected else first.name,
            overrides={action.name: revision for action in watching},
        )
        try:
            self._feed(pipeline, start)
        except AwsError as error:
            return f"Pipeline {pipeline.name} did not start: {error.message}"
        return f"Pipeline {pipeline.name} started execution {start.execution_id}."

    def _watches(self, pipeline: Pipeline, action: Action, repository: str, news: GitNews) -> bool:
        configuration = action.configuration
        if action.provider in POLLED:
            polled = configuration.get("PollForSourceChanges", "true").lower() != "false"
            return (
                polled
                and isinstance(news, BranchPush)
                and POLLED[action.provider](configuration, pipeline.region) == (repository, news.branch)
            )
        if action.provider != "CodeStarSourceConnection" or configuration["FullRepositoryId"] != repository:
            return False
        connection = self._connections.find(configuration["ConnectionArn"])
        available = connection is not None and connection.status == "AVAILABLE"
        if not available and not self.settings.detect_over_pending:
            return False
        # A trigger decides instead of DetectChanges; without one, the branch of the source action does.
        trigger = pipeline.state.declaration.trigger_of(action)
        if trigger is None:
            trigger = Trigger(action.name)
            if configuration.get("DetectChanges", "true").lower() == "false":
                return False
        return fires(trigger, news, configuration["BranchName"])

    def _object_created(self, bucket: str, key: str) -> None:
        for pipeline in self._all():
            for action in pipeline.state.declaration.stages[0].actions:
                configuration = action.configuration
                if (
                    action.provider == "S3"
                    and (configuration["S3Bucket"], configuration["S3ObjectKey"]) == (bucket, key)
                    and configuration.get("PollForSourceChanges", "true").lower() != "false"
                ):
                    with contextlib.suppress(AwsError):
                        self._feed(pipeline, Start(str(uuid.uuid4()), "PollForSourceChanges", action.name))
                    break

    def close(self) -> None:
        for pipeline in self._all():
            self._executor.forget(pipeline)

    # Pipelines.

    def create_pipeline(self, context: RequestContext, request: CreatePipelineRequest) -> CreatePipelineAnswer:
        body = complete(request["pipeline"], 1)
        pipelines = self._pipelines.setdefault(context.scope, {})
        if body["name"] in pipelines:
            raise AwsError(
                "PipelineNameInUseException",
                f"A pipeline with the name '{body['name']}' already exists in account '{context.account_id}'",
            )
        if len(pipelines) >= MOST_PIPELINES:
            raise AwsError("LimitExceededException", f"There can be {MOST_PIPELINES} pipelines at most in a region.")
        declaration = declared(body, 1, context.region)
        tags: dict[str, str] = {}
        _take_tags(tags, request.get("tags") or ())
        self._check_references(declaration)
        now = self.site.clock.now()
        pipeline = Pipeline(
            arn=arn_of("codepipeline", body["name"], region=context.region, account=context.account_id),
            region=context.region,
            account_id=context.account_id,
            created=now,
            updated=now,
            versions={1: body},
            state=PipelineState(declaration),
            tags=tags,
        )
        pipelines[pipeline.name] = pipeline
        # A variable without a default has no value here: the pipeline exists, and waits for a start that names one.
        if all(default is not None for default in declaration.variables.values()):
            self._feed(pipeline, Start(str(uuid.uuid4()), "CreatePipeline", context.principal.arn))
        return {"pipeline": body, "tags": camel_tags(tags)}

    def update_pipeline(self, context: RequestContext, request: UpdatePipelineRequest) -> UpdatePipelineAnswer:
        pipeline = self._pipeline(context, request["pipeline"]["name"])
        version = pipeline.version + 1
        body = complete(request["pipeline"], version)
        declaration = declared(body, version, context.region)
        self._check_references(declaration)
        pipeline.versions[version] = body
        pipeline.updated = self.site.clock.now()
        self._feed(pipeline, Update(declaration))
        return {"pipeline": body}

    def _check_references(self, declaration: Declaration) -> None:
        """Raise AwsError, in CodePipeline's words, unless roles exist and can be assumed, and buckets exist."""
        role = declaration.role_arn
        try:
            credentials = self.site.assume(role, PRINCIPAL, "CreatePipeline")
        except AwsError as error:
            raise AwsError(
                "InvalidStructureException", f"CodePipeline is not authorized to perform AssumeRole on role {role}"
            ) from error
        actions = [action for stage in declaration.stages for action in stage.actions]
        rules = [
            rule for stage in declaration.stages for condition in stage.conditions.values() for rule in condition.rules
        ]
        roles = {*(action.role_arn for action in actions), *(rule.role_arn for rule in rules)}
        for own in sorted(own for own in roles if own is not None and own != role):
            try:
                self.site.client("sts", region=declaration.region, credentials=credentials).assume_role(
                    RoleArn=own, RoleSessionName="CreatePipeline"
                )
            except ClientError as error:
                raise AwsError(
                    "InvalidStructureException", f"{role} is not authorized to perform AssumeRole on role {own}"
                ) from error
        for region, store in declaration.stores.items():
            where = region or declaration.region
            try:
                self.site.client("s3", region=where).head_bucket(Bucket=store.location)
            except ClientError as error:
                raise AwsError(
                    "InvalidStructureException",
                    f"An error occurred while validating the artifact bucket '{store.location}': No bucket with the "
                    f"name "
                    f"{store.location} was found. Choose a valid artifact bucket in '{where}', or create a new "
                    f"artifact bucket "
                    "to use in your pipeline.",
                ) from error

    def get_pipeline(self, context: RequestContext, request: GetPipelineRequest) -> GetPipelineAnswer:
        pipeline = self._pipeline(context, request["name"])
        version = request.get("version") or pipeline.version
        if version not in pipeline.versions:
            raise AwsError(
                "PipelineVersionNotFoundException",
                f"Account '{context.account_id}' does not have version {version} of pipeline '{pipeline.name}'",
            )
        stamp = self.site.clock.stamp
        metadata: PipelineMetadataTypeDef = {
            "pipelineArn": pipeline.arn,
            "created": stamp(pipeline.created),
            "updated": stamp(pipeline.updated),
        }
        return {"pipeline": pipeline.versions[version], "metadata": metadata}

    def delete_pipeline(self, context: RequestContext, request: DeletePipelineRequest) -> DeletePipelineAnswer:
        pipeline = self._pipelines.get(context.scope, {}).pop(request["name"], None)
        if pipeline is not None:
            self._executor.forget(pipeline)
        return {}

    def list_pipelines(self, context: RequestContext, request: ListPipelinesRequest) -> ListPipelinesAnswer:
        stamp = self.site.clock.stamp
        summaries: list[PipelineSummaryTypeDef] = [
            {
                "name": pipeline.name,
                "version": pipeline.version,
                "pipelineType": pipeline.body["pipelineType"],
                "executionMode": pipeline.body["executionMode"],
                "created": stamp(pipeline.created),
                "updated": stamp(pipeline.updated),
            }
            for _, pipeline in sorted(self._pipelines.get(context.scope, {}).items())
        ]
        shown, more = _page(summaries, request, 1000)
        return {"pipelines": shown, **more}

    # Executions.

    def start_pipeline_execution(
        self, context: RequestContext, request: StartPipelineExecutionRequest
    ) -> StartPipelineExecutionAnswer:
        pipeline = self._pipeline(context, request["name"])
        token = request.get("clientRequestToken")
        if token and token in pipeline.tokens:
            return {"pipelineExecutionId": pipeline.tokens[token]}
        overrides = self._overrides(pipeline, request.get("sourceRevisions") or ())
        variables = {item["name"]: item["value"] for item in request.get("variables") or ()}
        if len(variables) < len(request.get("variables") or ()):
            raise AwsError("ValidationException", "Each pipeline variable can have one value at most")
        by_rule = context.principal.service == "events.amazonaws.com"
        start = Start(
            str(uuid.uuid4()),
            "CloudWatchEvent" if by_rule else "StartPipelineExecution",
            context.principal.arn,
            variables,
            overrides,
        )
        self._feed(pipeline, start)
        if token:
            pipeline.tokens[token] = start.execution_id
        return {"pipelineExecutionId": start.execution_id}

    @staticmethod
    def _overrides(pipeline: Pipeline, revisions: Sequence[SourceRevisionOverrideTypeDef]) -> dict[str, Revision]:
        """Return the revisions that a start names for source actions. Raises AwsError (ValidationException).

        Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_SourceRevisionOverride.html
        """
        sources = {action.name: action for action in pipeline.state.declaration.stages[0].actions}
        overrides: dict[str, Revision] = {}
        for item in revisions:
            name, kind = item["actionName"], item["revisionType"]
            if name in overrides:
                raise AwsError("ValidationException", "Each source action can have one source revision at most")
            if name not in sources:
                raise AwsError("ValidationException", f"Source action {name} does not exist in the pipeline")
            provider = sources[name].provider
            if kind not in REVISION_KINDS[provider]:
                raise AwsError(
                    "ValidationException",
                    f"The revision type {kind} is not valid for source action {name} of provider {provider}; "
                    f"expected {' or '.join(REVISION_KINDS[provider])}",
                )
            allowed = sources[name].configuration.get("AllowOverrideForS3ObjectKey", "false").lower() == "true"
            if kind == "S3_OBJECT_KEY" and not allowed:
                raise AwsError(
                    "ValidationException",
                    f"Source action {name} does not allow S3_OBJECT_KEY: its AllowOverrideForS3ObjectKey is not true",
                )
            overrides[name] = Revision(item["revisionValue"], kind)
        return overrides

    def stop_pipeline_execution(
        self, context: RequestContext, request: StopPipelineExecutionRequest
    ) -> StopPipelineExecutionAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        execution_id = request["pipelineExecutionId"]
        self._feed(pipeline, Stop(execution_id, bool(request.get("abandon")), request.get("reason", "")))
        return {"pipelineExecutionId": execution_id}

    def retry_stage_execution(
        self, context: RequestContext, request: RetryStageExecutionRequest
    ) -> RetryStageExecutionAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        self._feed(pipeline, RetryStage(request["stageName"], request["pipelineExecutionId"], request["retryMode"]))
        return {"pipelineExecutionId": request["pipelineExecutionId"]}

    def override_stage_condition(
        self, context: RequestContext, request: OverrideStageConditionRequest
    ) -> OverrideStageConditionAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        self._feed(
            pipeline, OverrideCondition(request["stageName"], request["pipelineExecutionId"], request["conditionType"])
        )
        return {}

    def rollback_stage(self, context: RequestContext, request: RollbackStageRequest) -> RollbackStageAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        new = str(uuid.uuid4())
        target = request["targetPipelineExecutionId"]
        self._feed(pipeline, RollBackStage(request["stageName"], target, new, context.principal.arn))
        return {"pipelineExecutionId": new}

    def put_approval_result(
        self, context: RequestContext, request: PutApprovalResultRequest
    ) -> PutApprovalResultAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        result = request["result"]
        self._feed(
            pipeline,
            ApprovalResult(
                request["stageName"],
                request["actionName"],
                request["token"],
                result["status"],
                result["summary"],
                context.principal.arn,
            ),
        )
        return {"approvedAt": self.site.clock.stamp(self.site.clock.now())}

    def disable_stage_transition(
        self, context: RequestContext, request: DisableStageTransitionRequest
    ) -> DisableStageTransitionAnswer:
        self._set_transition(context, request, enabled=False, reason=request["reason"])
        return {}

    def enable_stage_transition(
        self, context: RequestContext, request: EnableStageTransitionRequest
    ) -> EnableStageTransitionAnswer:
        self._set_transition(context, request, enabled=True)
        return {}

    def _set_transition(
        self,
        context: RequestContext,
        request: EnableStageTransitionRequest | DisableStageTransitionRequest,
        *,
        enabled: bool,
        reason: str = "",
    ) -> None:
        pipeline = self._pipeline(context, request["pipelineName"])
        self._feed(
            pipeline,
            SetTransition(
                request["stageName"],
                request["transitionType"],
                enabled,
                reason,
                context.principal.arn,
            ),
        )

    # Descriptions.

    def get_pipeline_state(self, context: RequestContext, request: GetPipelineStateRequest) -> GetPipelineStateAnswer:
        pipeline = self._pipeline(context, request["name"])
        stamp = self.site.clock.stamp
        return {
            "pipelineName": pipeline.name,
            "pipelineVersion": pipeline.version,
            "stageStates": [
                shapes.stage_state(pipeline, stage.name, stamp) for stage in pipeline.state.declaration.stages
            ],
            "created": stamp(pipeline.created),
            "updated": stamp(pipeline.updated),
        }

    def get_pipeline_execution(
        self, context: RequestContext, request: GetPipelineExecutionRequest
    ) -> GetPipelineExecutionAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        execution = self._execution(pipeline, request["pipelineExecutionId"])
        return {"pipelineExecution": shapes.execution(execution, self.site.clock.stamp)}

    def list_pipeline_executions(
        self, context: RequestContext, request: ListPipelineExecutionsRequest
    ) -> ListPipelineExecutionsAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        stage_filter = ((request.get("filter") or {}).get("succeededInStage") or {}).get("stageName")
        summaries = [
            shapes.summary(execution, self.site.clock.stamp)
            for execution in _newest_first(pipeline)
            if stage_filter is None
            or (stage_filter in execution.stages and execution.stages[stage_filter].status == "Succeeded")
        ]
        shown, more = _page(summaries, request, 100)
        return {"pipelineExecutionSummaries": shown, **more}

    def list_action_executions(
        self, context: RequestContext, request: ListActionExecutionsRequest
    ) -> ListActionExecutionsAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        executions, only_latest = self._chosen(pipeline, request)
        runs: list[tuple[Execution, ActionRun]] = []
        for execution in executions:
            of_this = [
                run
                for passage in execution.stages.values()
                for run in (passage.current if only_latest else passage.runs)
            ]
            runs += [(execution, run) for run in sorted(of_this, key=lambda run: run.started, reverse=True)]
        details = [
            shapes.action_detail(execution, run, pipeline.region, self.site.clock.stamp) for execution, run in runs
        ]
        shown, more = _page(details, request, 100)
        return {"actionExecutionDetails": shown, **more}

    def list_rule_executions(
        self, context: RequestContext, request: ListRuleExecutionsRequest
    ) -> ListRuleExecutionsAnswer:
        pipeline = self._pipeline(context, request["pipelineName"])
        executions, only_latest = self._chosen(pipeline, request)
        details = [
            conditionshapes.rule_detail(execution, rule, pipeline.region, self.site.clock.stamp)
            for execution in executions
            for rule in conditionshapes.rules_of(execution, only_latest=only_latest)
        ]
        shown, more = _page(details, request, 100)
        return {"ruleExecutionDetails": shown, **more}

    def list_rule_types(self, context: RequestContext, request: ListRuleTypesRequest) -> ListRuleTypesAnswer:
        return {"ruleTypes": conditionshapes.rule_types()}

    # Tags.

    def list_tags_for_resource(
        self, context: RequestContext, request: ListTagsForResourceRequest
    ) -> ListTagsForResourceAnswer:
        shown, more = _page(camel_tags(self._tagged(context, request["resourceArn"])), request, 100)
        return {"tags": shown, **more}

    def tag_resource(self, context: RequestContext, request: TagResourceRequest) -> TagResourceAnswer:
        _take_tags(self._tagged(context, request["resourceArn"]), request["tags"])
        return {}

    def untag_resource(self, context: RequestContext, request: UntagResourceRequest) -> UntagResourceAnswer:
        tags = self._tagged(context, request["resourceArn"])
        for key in request["tagKeys"]:
            tags.pop(key, None)
        return {}

    # Look-ups and inputs of the engine.

    def _all(self) -> list[Pipeline]:
        return [pipeline for pipelines in self._pipelines.values() for pipeline in pipelines.values()]

    def _pipeline(self, context: RequestContext, name: str) -> Pipeline:
        pipeline = self._pipelines.get(context.scope, {}).get(name)
        if pipeline is None:
            raise AwsError(
                "PipelineNotFoundException",
                f"Account '{context.account_id}' does not have a pipeline with name '{name}'",
            )
        return pipeline

    def _chosen(
        self, pipeline: Pipeline, request: ListActionExecutionsRequest | ListRuleExecutionsRequest
    ) -> tuple[list[Execution], bool]:
        """Return the executions that a list is about, and whether only the latest run of each part counts. Raises AwsError."""
        chosen = request.get("filter") or {}
        latest = chosen.get("latestInPipelineExecution")
        execution_id = chosen.get("pipelineExecutionId") or (latest["pipelineExecutionId"] if latest else None)
        executions = _newest_first(pipeline) if execution_id is None else [self._execution(pipeline, execution_id)]
        return executions, latest is not None and latest["startTimeRange"] == "Latest"

    @staticmethod
    def _execution(pipeline: Pipeline, execution_id: str) -> Execution:
        execution = pipeline.state.executions.get(execution_id)
        if execution is None:
            raise AwsError(
                "PipelineExecutionNotFoundException",
                f"Could not find execution {execution_id} of pipeline {pipeline.name}",
            )
        return execution

    def _tagged(self, context: RequestContext, arn: str) -> dict[str, str]:
        if not _ARN.fullmatch(arn):
            raise AwsError("InvalidArnException", f"The specified resource ARN is invalid: {arn}")
        for pipeline in self._pipelines.get(context.scope, {}).values():
            if pipeline.arn == arn:
                return pipeline.tags
        raise AwsError("ResourceNotFoundException", f"Could not find a resource with ARN {arn}")

    def _feed(self, pipeline: Pipeline, event: Input) -> None:
        with refusals_of(PipelineError):
            self._executor.feed(pipeline, event)


def _newest_first(pipeline: Pipeline) -> list[Execution]:
    return sorted(pipeline.state.executions.values(), key=lambda execution: execution.order, reverse=True)


def _take_tags(tags: dict[str, str], added: Sequence[TagTypeDef]) -> None:
    """Add tags, or refuse them all. Raises AwsError."""
    broken = broken_rule(tag_pairs(added), present=tags)
    if broken is not None:
        raise AwsError("TooManyTagsException" if broken.rule is Rule.NUMBER else "InvalidTagsException", broken.text)
    tags.update(tag_map(added))


def _page(items: list[T], request: CamelPaged, default: int) -> tuple[list[T], CamelMore]:
    refusal = AwsError("InvalidNextTokenException", f"The next token {request.get('nextToken')} is not valid")
    return camel_page(items, request, refusal, size=request.get("maxResults"), default=default)
