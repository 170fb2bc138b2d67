"""Tags of load balancers, listeners, rules and target groups."""

from __future__ import annotations

from typing import Any

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.elbv2.store import Store

_LIMIT = 50


class TagOperations(Store):
    """Describe, add and remove tags."""

    def describe_tags(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        arns = request["ResourceArns"]
        if len(arns) > 20:
            raise AwsError("ValidationError", "You can specify up to 20 resources in a single call")
        return {
            "TagDescriptions": [
                {"ResourceArn": arn, "Tags": [{"Key": k, "Value": v} for k, v in self._tags(arn).items()]}
                for arn in arns
            ]
        }

    def add_tags(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        added = tags_of(request)
        for arn in request["ResourceArns"]:
            if len({**self._tags(arn), **added}) > _LIMIT:
                raise AwsError("TooManyTags", "The maximum number of tags has been reached on a load balancer")
        for arn in request["ResourceArns"]:
            self.tags[arn].update(added)
        return {}

    def remove_tags(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
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


def tags_of(request: dict[str, Any]) -> dict[str, str]:
    """A request's tags. Raises AwsError when a key comes twice."""
    given = request.get("Tags") or []
    tags = {tag["Key"]: tag.get("Value") or "" for tag in given}
    if len(tags) < len(given):
        raise AwsError("DuplicateTagKeys", "A tag key was specified more than once")
    return tags
