"""Shapes of FIS's requests and answers, as botocore's model has them; those that this emulation keeps or shows."""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired, TypedDict


class FilterShape(TypedDict):
    """A filter of a target."""

    path: str
    values: list[str]


class TargetShape(TypedDict):
    """A target of a template."""

    resourceType: str
    selectionMode: str
    resourceArns: NotRequired[list[str]]
    resourceTags: NotRequired[dict[str, str]]
    filters: NotRequired[list[FilterShape]]
    parameters: NotRequired[dict[str, str]]


class ActionShape(TypedDict):
    """An action of a template."""

    actionId: str
    description: NotRequired[str]
    parameters: NotRequired[dict[str, str]]
    targets: NotRequired[dict[str, str]]
    startAfter: NotRequired[list[str]]


class StopConditionShape(TypedDict):
    """A stop condition: `none`, or `aws:cloudwatch:alarm` with an alarm's ARN."""

    source: str
    value: NotRequired[str]


class OptionsShape(TypedDict, total=False):
    """Options of experiments."""

    accountTargeting: str
    emptyTargetResolutionMode: str
    actionsMode: str


class LogGroupShape(TypedDict):
    """The log group of an experiment."""

    logGroupArn: str


class LogBucketShape(TypedDict):
    """The bucket of an experiment's log."""

    bucketName: str
    prefix: NotRequired[str]


class LogConfigurationShape(TypedDict, total=False):
    """The places where an experiment is logged."""

    cloudWatchLogsConfiguration: LogGroupShape
    s3Configuration: LogBucketShape
    logSchemaVersion: int


class TemplateRequest(TypedDict):
    """The request of CreateExperimentTemplate."""

    clientToken: str
    description: str
    stopConditions: list[StopConditionShape]
    actions: dict[str, ActionShape]
    roleArn: str
    targets: NotRequired[dict[str, TargetShape]]
    tags: NotRequired[dict[str, str]]
    logConfiguration: NotRequired[LogConfigurationShape]
    experimentOptions: NotRequired[OptionsShape]
    experimentReportConfiguration: NotRequired[dict[str, object]]


class TemplateUpdate(TypedDict):
    """The request of UpdateExperimentTemplate: what is named replaces what there is."""

    id: str
    description: NotRequired[str]
    stopConditions: NotRequired[list[StopConditionShape]]
    actions: NotRequired[dict[str, ActionShape]]
    roleArn: NotRequired[str]
    targets: NotRequired[dict[str, TargetShape]]
    logConfiguration: NotRequired[LogConfigurationShape]
    experimentOptions: NotRequired[OptionsShape]
    experimentReportConfiguration: NotRequired[dict[str, object]]


class TemplateShape(TypedDict, total=False):
    """A template as the API shows it."""

    id: str
    arn: str
    description: str
    targets: dict[str, TargetShape]
    actions: dict[str, ActionShape]
    stopConditions: list[StopConditionShape]
    creationTime: datetime
    lastUpdateTime: datetime
    roleArn: str
    tags: dict[str, str]
    logConfiguration: LogConfigurationShape
    experimentOptions: OptionsShape
    targetAccountConfigurationsCount: int


class TemplateAnswer(TypedDict):
    """An answer that shows one template."""

    experimentTemplate: TemplateShape


class TemplateSummary(TypedDict):
    """A template in a list."""

    id: str
    arn: str
    description: str
    creationTime: datetime
    lastUpdateTime: datetime
    tags: dict[str, str]


class Listed(TypedDict):
    """A request for a page of a list."""

    maxResults: NotRequired[int]
    nextToken: NotRequired[str]


class TemplateList(TypedDict):
    """The answer of ListExperimentTemplates."""

    experimentTemplates: list[TemplateSummary]
    nextToken: NotRequired[str]


class ById(TypedDict):
    """A request that names a thing by its id."""

    id: str


class StartRequest(TypedDict):
    """The request of StartExperiment."""

    clientToken: str
    experimentTemplateId: str
    experimentOptions: NotRequired[OptionsShape]
    tags: NotRequired[dict[str, str]]


class StateShape(TypedDict):
    """The state of an experiment or of an action."""

    status: str
    reason: NotRequired[str]


class RunningActionShape(ActionShape):
    """An action of an experiment."""

    state: StateShape
    startTime: NotRequired[datetime]
    endTime: NotRequired[datetime]


class ExperimentShape(TypedDict, total=False):
    """An experiment as the API shows it."""

    id: str
    arn: str
    experimentTemplateId: str
    roleArn: str
    state: StateShape
    targets: dict[str, TargetShape]
    actions: dict[str, RunningActionShape]
    stopConditions: list[StopConditionShape]
    creationTime: datetime
    startTime: datetime
    endTime: datetime
    tags: dict[str, str]
    logConfiguration: LogConfigurationShape
    experimentOptions: OptionsShape
    targetAccountConfigurationsCount: int


class ExperimentAnswer(TypedDict):
    """An answer that shows one experiment."""

    experiment: ExperimentShape


class ExperimentSummary(TypedDict):
    """An experiment in a list."""

    id: str
    arn: str
    experimentTemplateId: str
    state: StateShape
    creationTime: datetime
    tags: dict[str, str]


class ExperimentListRequest(Listed):
    """The request of ListExperiments."""

    experimentTemplateId: NotRequired[str]


class ExperimentList(TypedDict):
    """The answer of ListExperiments."""

    experiments: list[ExperimentSummary]
    nextToken: NotRequired[str]


class ParameterShape(TypedDict):
    """A parameter of an action."""

    required: bool


class ActionTargetShape(TypedDict):
    """A target of an action."""

    resourceType: str


class KindShape(TypedDict):
    """An action as GetAction shows it."""

    id: str
    arn: str
    description: str
    parameters: dict[str, ParameterShape]
    targets: dict[str, ActionTargetShape]
    tags: dict[str, str]


class KindAnswer(TypedDict):
    """The answer of GetAction."""

    action: KindShape


class KindSummary(TypedDict):
    """An action in a list."""

    id: str
    arn: str
    description: str
    targets: dict[str, ActionTargetShape]
    tags: dict[str, str]


class KindList(TypedDict):
    """The answer of ListActions."""

    actions: list[KindSummary]
    nextToken: NotRequired[str]


class ResourceRequest(TypedDict):
    """A request that names a resource by its ARN."""

    resourceArn: str


class TagRequest(ResourceRequest):
    """The request of TagResource."""

    tags: dict[str, str]


class UntagRequest(ResourceRequest):
    """The request of UntagResource."""

    tagKeys: NotRequired[list[str]]


class TagAnswer(TypedDict):
    """The answer of ListTagsForResource."""

    tags: dict[str, str]


class Nothing(TypedDict):
    """An empty answer."""
