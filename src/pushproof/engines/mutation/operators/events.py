"""Mistakes in event patterns, and in rules for notifications."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.engines.mutation.model import Change, Operator, operator
from pushproof.engines.mutation.operators.common import acting, element_removed, removed, replaced
from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Project, Site

_PATTERNS = aws("events/eb-event-patterns")

_KINDS = {
    "CodePipeline Pipeline Execution State Change": "CodePipeline Stage Execution State Change",
    "CodePipeline Stage Execution State Change": "CodePipeline Action Execution State Change",
    "CodePipeline Action Execution State Change": "CodePipeline Stage Execution State Change",
    "CodeBuild Build State Change": "CodeBuild Build Phase Change",
    "ECS Task State Change": "ECS Container Instance State Change",
    "ECS Deployment State Change": "ECS Service Action",
    "ECS Service Action": "ECS Deployment State Change",
    "ECR Image Action": "ECR Image Scan",
    "Object Created": "Object Deleted",
}
_SOURCES = {
    "aws.codepipeline": "aws.codebuild", "aws.codebuild": "aws.codepipeline", "aws.ecs": "aws.ecr", "aws.ecr": "aws.ecs",
    "aws.s3": "aws.codepipeline", "aws.codecommit": "aws.codepipeline",
}  # fmt: skip


def _patterns(project: Project) -> Iterator[Site]:
    for site in acting(project):
        if "event_pattern" in site.chain[:-1]:
            yield site


@operator(
    "hcl.other-event",
    "An event pattern names another source or another kind of event.",
    "No event matches, and nothing starts or nobody hears of it.",
    _PATTERNS,
)
def other_event(project: Project) -> Iterator[Change]:
    """Yield each pattern with another source, and with another detail type."""
    for site in _patterns(project):
        for value in site.value.parts if site.value.kind == "list" else (site.value,):
            text = value.literal if value.kind == "string" else None
            if text is None or site.name not in ("source", "detail-type"):
                continue
            other = (_SOURCES if site.name == "source" else _KINDS).get(text)
            if other is None:
                other = "aws.events" if site.name == "source" else text.removesuffix("s") + " Notification"
            yield replaced(project, site, value, f'"{other}"')


@operator(
    "hcl.drop-event-filter",
    "An event pattern, or a rule for notifications, lacks one of its values or one of its filters.",
    "Events that matter are missed, or events of everything else arrive too.",
    _PATTERNS,
)
def drop_event_filter(project: Project) -> Iterator[Change]:
    """Yield each pattern without one of several values, and without one of its filters below `detail`."""
    for site in acting(project):
        listed = "event_pattern" in site.chain[:-1] or site.name == "event_type_ids"
        if not listed:
            continue
        if site.value.kind == "list" and len(site.value.parts) > 1:
            for index in range(len(site.value.parts)):
                yield element_removed(project, site, site.value, index)
        filters = "detail" in site.chain[:-1] or site.name in ("source", "detail-type")
        if filters and len(site.group.settings) > 1:
            yield removed(project, site)


OPERATORS: tuple[Operator, ...] = (other_event, drop_event_filter)
