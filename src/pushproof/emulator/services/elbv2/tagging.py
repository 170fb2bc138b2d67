"""Tags of load balancers, listeners, rules and target groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pushproof.aws.tags import Rule, broken_rule, tag_map, tag_pairs
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


# Operations that have an error for keys that come twice; the others have the one for any wrong value.
_DUPLICATES_NAMED = ("AddTags", "CreateLoadBalancer")
# Words for reserved keys: https://github.com/aws/elastic-load-balancing-tools/issues/6
_REFUSALS = {
    Rule.NUMBER: ("TooManyTags", "The maximum number of tags has been reached on a load balancer"),
    Rule.UNIQUE: ("DuplicateTagKeys", "A tag key was specified more than once"),
    Rule.NOT_RESERVED: ("ValidationError", "Tag key '{key}' cannot start with 'aws:'"),
}


class TagOperations(Store):
    """Describe, add and remove tags."""

    def describe_tags(self, context: RequestContext, request: DescribeTagsRequest) -> DescribeTagsAnswer:
        arns = request["ResourceArns"]
        if len(arns) > 20:
            raise AwsError("ValidationError", "You can specify up to 20 resources in a single call")
        return {
            "TagDescriptions": [
                {"ResourceArn": arn, "Tags": [{"Key": key, "Value": value} for key, value in self._tags(arn).items()]}
                for arn in arns
            ]
        }

    def add_tags(self, context: RequestContext, request: AddTagsRequest) -> AddTagsAnswer:
        merged = {arn: with_tags(context, self._tags(arn), request["Tags"]) for arn in request["ResourceArns"]}
        self.tags.update(merged)
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


def with_tags(context: RequestContext, present: Mapping[str, str], added: list[TagTypeDef]) -> dict[str, str]:
    """Return a resource's tags with those of a request. Raises AwsError for tags that the service refuses."""
    broken = broken_rule(tag_pairs(added), present=present, rules=_REFUSALS)
    if broken is not None:
        code, words = _REFUSALS[broken.rule]
        if broken.rule is Rule.UNIQUE and context.operation not in _DUPLICATES_NAMED:
            code = "ValidationError"
        raise AwsError(code, words.format(key=broken.key))
    return {**present, **tag_map(added)}
