"""Tags of load balancers, listeners, rules and target groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.elbv2.store import Store

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import TagTypeDef

    from pushproof.emulator.kernel.shapes.elbv2 import (
        AddTagsAnswer,
        AddTagsRequest,
        DescribeTagsAnswer,
        DescribeTagsRequest,
        RemoveTagsAnswer,
        RemoveTagsRequest,
    )


_LIMIT = 50


class TagOperations(Store):
    """Describe, add and remove tags."""

    def describe_tags(self, context: RequestContext, request: DescribeTagsRequest) -> DescribeTagsAnswer:
        arns = request["ResourceArns"]
        if len(arns) > 20:
            raise AwsError("ValidationError", "You can specify up to 20 resources in a single call")
        return {
            "TagDescriptions": [
                {"ResourceArn": arn, "Tags": [{"Key": k, "Value": v} for k, v in self._tags(arn).items()]}
                for arn in arns
            ]
        }

    def add_tags(self, context: RequestContext, request: AddTagsRequest) -> AddTagsAnswer:
        added = as_dict(request["Tags"])
        for arn in request["ResourceArns"]:
            if len({**self._tags(arn), **added}) > _LIMIT:
                raise AwsError("TooManyTags", "The maximum number of tags has been reached on a load balancer")
        for arn in request["ResourceArns"]:
            self.tags[arn].update(added)
        return {}

    def remove_tags(self, context: RequestContext, request: RemoveTagsRequest) -> RemoveTagsAnswer:
        for arn in request["ResourceArns"]:
            tags = self._tags(arn)
            for key in request["TagKeys"]:
                tags.pop(key, None)
        return {}

    def _tags(self, arn: str) -> dict[str, str]:
        if arn in self.tags:
            return self.tags[arn]
        for part, find in (
            (":loadbalancer/", self.balancer),
            (":targetgroup/", self.group),
            (":listener/", self.listener),
            (":listener-rule/", self.rule),
        ):
            if part in arn:
                find(arn)
        raise AwsError("ValidationError", f"'{arn}' is not a valid ARN of a load balancing resource")


def as_dict(items: list[TagTypeDef]) -> dict[str, str]:
    """Return a request's tags by key. Raises AwsError for a repeated key."""
    tags = {tag["Key"]: tag.get("Value") or "" for tag in items}
    if len(tags) < len(items):
        raise AwsError("DuplicateTagKeys", "A tag key was specified more than once")
    return tags
