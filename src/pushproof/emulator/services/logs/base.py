"""Shared parts of the Logs service: patterns, groups and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pushproof.emulator.kernel.constraints import unsatisfied, worded
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import place_before
from pushproof.emulator.services import Service
from pushproof.engines.logpatterns import FilterPattern, InvalidFilterPattern, compile_pattern

if TYPE_CHECKING:
    from types_boto3_logs.type_defs import (
        DescribeLogGroupsResponseTypeDef,
        DescribeSubscriptionFiltersResponseTypeDef,
        LogGroupTypeDef,
        SubscriptionFilterTypeDef,
    )


# The number of patterns with regular expressions that a group's filters may have:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
_MOST_REGEX_PATTERNS = 5


class LogsBase(Service):
    """Groups of the substrate."""

    overlay: ClassVar[bool] = True
    own_words: ClassVar[bool] = True

    def check_group(self, context: RequestContext, name: str) -> None:
        """Raise AwsError if there is no group of that name."""
        if not any(group["logGroupName"] == name for group in self.groups(context, name)):
            raise absent("log group")

    def groups(self, context: RequestContext, prefix: str) -> list[LogGroupTypeDef]:
        """Return the first groups with that prefix, in order: a group of that very name is the first."""
        answer: DescribeLogGroupsResponseTypeDef = self.ask(
            context, "DescribeLogGroups", {"logGroupNamePrefix": prefix}
        )
        return answer["logGroups"]

    def subscriptions(self, context: RequestContext, group: str) -> list[SubscriptionFilterTypeDef]:
        """Return the subscription filters of a group. Raises AwsError if there is none of that name."""
        answer: DescribeSubscriptionFiltersResponseTypeDef = self.ask(
            context, "DescribeSubscriptionFilters", {"logGroupName": group}
        )
        return answer["subscriptionFilters"]


def compiled(text: str, kind: str = "") -> FilterPattern:
    """Return a compiled pattern. Raises AwsError, with the text "Invalid metric filter pattern" for the kind "metric"."""
    try:
        return compile_pattern(text)
    except InvalidFilterPattern as error:
        raise invalid(error.message or " ".join(("Invalid", *kind.split(), "filter pattern"))) from error


def check_regexes(pattern: FilterPattern, others: Sequence[str]) -> None:
    """Raise AwsError if a group's other patterns leave no room for one with a regular expression."""
    if pattern.regexes and sum(1 for other in others if _has_regex(other)) >= _MOST_REGEX_PATTERNS:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")


def _has_regex(text: str) -> bool:
    try:
        return compile_pattern(text).regexes > 0
    except InvalidFilterPattern:
        # Another emulator may store what Logs would refuse.
        return False


def invalid(message: str) -> AwsError:
    """Return the error for a parameter that Logs refuses."""
    return AwsError("InvalidParameterException", message)


def absent(what: str) -> AwsError:
    """Return the error for a missing thing."""
    return AwsError("ResourceNotFoundException", f"The specified {what} does not exist.")


def place_of(token: str, form: Sequence[type]) -> list[str | int]:
    """Return the place of the last item that a client saw. Raises AwsError for a token that no answer contained."""
    return place_before(token, form, invalid("The specified nextToken is invalid."))


# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def check_retention(request: Mapping[str, object]) -> None:
    """Refuse a number of days that Logs does not offer."""
    days = request.get("retentionInDays")
    if days is not None and days not in _RETENTIONS:
        values = ", ".join(map(str, _RETENTIONS))
        raise invalid(worded([unsatisfied(days, "retentionInDays", f"satisfy enum value set: [{values}]")]))
