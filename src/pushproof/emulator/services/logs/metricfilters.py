"""Metric filters: the checks of PutMetricFilter, and the answers of DescribeMetricFilters.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html ; answers recorded by
https://github.com/localstack/localstack (tests/aws/services/logs/test_logs_metric_filters.py)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushproof.emulator.kernel.constraints import unsatisfied, worded
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import token_after
from pushproof.emulator.services.logs.base import (
    LogsBase,
    absent,
    check_regexes,
    compiled,
    invalid,
    place_of,
)
from pushproof.engines.logpatterns import FilterPattern, InvalidFilterPattern, check_metric

if TYPE_CHECKING:
    from types_boto3_logs.type_defs import MetricFilterTypeDef, MetricTransformationOutputTypeDef

    from pushproof.emulator.kernel.shapes.logs import (
        DeleteLogGroupAnswer,
        DeleteLogGroupRequest,
        DeleteMetricFilterAnswer,
        DeleteMetricFilterRequest,
        DescribeLogGroupsAnswer,
        DescribeLogGroupsRequest,
        DescribeMetricFiltersAnswer,
        DescribeMetricFiltersRequest,
        PutMetricFilterRequest,
        TestMetricFilterAnswer,
        TestMetricFilterRequest,
    )
    from pushproof.emulator.kernel.site import Site

_MOST_FILTERS = 100
_PAGE = 50
_MEMBERS = ("metricName", "metricNamespace", "metricValue", "defaultValue", "unit", "dimensions")
_LIMITS = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."


class MetricFilters(LogsBase):
    """Metric filters by region and group. Their metrics are not published."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.metric_filters: dict[tuple[str, str], dict[str, MetricFilterTypeDef]] = {}

    def check_filter_form(self, request: dict[str, Any]) -> None:
        """Raise AwsError where Logs words a refusal differently from its model: names that are too long, and a second metric."""
        group, metrics = request.get("logGroupName"), request.get("metricTransformations")
        if isinstance(group, str) and len(group) > 512:
            raise invalid(_LIMITS)
        if isinstance(metrics, list) and len(metrics) > 1 and all(isinstance(metric, dict) for metric in metrics):
            shown = [
                f"MetricTransformation({', '.join(f'{member}={_shown(metric.get(member))}' for member in _MEMBERS)})"
                for metric in metrics
            ]
            raise invalid(worded([unsatisfied(shown, "metricTransformations", "have length less than or equal to 1")]))

    def check_metric_filter(self, request: PutMetricFilterRequest) -> FilterPattern:
        """Return the compiled pattern of a filter. Raises AwsError if Logs refuses it, or its metric."""
        pattern = compiled(request["filterPattern"], "metric")
        (metric,) = request["metricTransformations"]
        try:
            check_metric(
                pattern,
                namespace=metric["metricNamespace"],
                value=metric["metricValue"],
                default=metric.get("defaultValue"),
                dimensions=metric.get("dimensions"),
            )
        except InvalidFilterPattern as error:
            raise invalid(str(error)) from error
        return pattern

    def keep_metric_filter(
        self, context: RequestContext, request: PutMetricFilterRequest, pattern: FilterPattern
    ) -> None:
        """Store a filter, in place of one of the same name. Raises AwsError if the group has no room for it."""
        group, name = request["logGroupName"], request["filterName"]
        self.check_group(context, group)
        standing = self.metric_filters.get((context.region, group), {})
        if name not in standing and len(standing) >= _MOST_FILTERS:
            raise AwsError("LimitExceededException", "Resource limit exceeded.")
        others = [kept["filterPattern"] for other, kept in standing.items() if other != name]
        others += [kept["filterPattern"] for kept in self.subscriptions(context, group)]
        check_regexes(pattern, others)
        now = int(self.site.clock.stamp(self.site.clock.now()).timestamp() * 1000)
        kept: MetricFilterTypeDef = {
            "filterName": name,
            "filterPattern": request["filterPattern"],
            "logGroupName": group,
            "metricTransformations": [_metric(metric) for metric in request["metricTransformations"]],
            "applyOnTransformedLogs": request.get("applyOnTransformedLogs", False),
            "creationTime": standing[name]["creationTime"] if name in standing else now,
        }
        if "fieldSelectionCriteria" in request:
            kept["fieldSelectionCriteria"] = request["fieldSelectionCriteria"]
        if "emitSystemFieldDimensions" in request:
            kept["emitSystemFieldDimensions"] = request["emitSystemFieldDimensions"]
        self.metric_filters.setdefault((context.region, group), {})[name] = kept

    def describe_metric_filters(
        self, context: RequestContext, request: DescribeMetricFiltersRequest
    ) -> DescribeMetricFiltersAnswer:
        group, prefix = request.get("logGroupName"), request.get("filterNamePrefix", "")
        metric, namespace = request.get("metricName"), request.get("metricNamespace")
        if (metric is None) != (namespace is None):
            raise invalid("metricName and metricNamespace must be specified together.")
        if group is not None:
            self.check_group(context, group)
        chosen = sorted(
            (
                kept
                for (region, name), filters in self.metric_filters.items()
                for kept in filters.values()
                if region == context.region
                and name == (group or name)
                and kept["filterName"].startswith(prefix)
                and metric in (None, kept["metricTransformations"][0]["metricName"])
                and namespace in (None, kept["metricTransformations"][0]["metricNamespace"])
            ),
            key=_place,
        )
        if "nextToken" in request:
            after = tuple(place_of(request["nextToken"], (str, str)))
            chosen = [kept for kept in chosen if _place(kept) > after]
        page = chosen[: request.get("limit", _PAGE)]
        answer: DescribeMetricFiltersAnswer = {"metricFilters": page}
        if len(page) < len(chosen):
            answer["nextToken"] = token_after(*_place(page[-1]))
        return answer

    def delete_metric_filter(
        self, context: RequestContext, request: DeleteMetricFilterRequest
    ) -> DeleteMetricFilterAnswer:
        group = request["logGroupName"]
        self.check_group(context, group)
        filters = self.metric_filters.get((context.region, group), {})
        if request["filterName"] not in filters:
            raise absent("metric filter")
        del filters[request["filterName"]]
        return {}

    def test_metric_filter(self, context: RequestContext, request: TestMetricFilterRequest) -> TestMetricFilterAnswer:
        pattern = compiled(request["filterPattern"], "metric")
        matches = ((message, pattern.match(message)) for message in request["logEventMessages"])
        return {
            "matches": [
                {"eventNumber": number, "eventMessage": message, "extractedValues": values}
                for number, (message, values) in enumerate(matches, 1)
                if values is not None
            ]
        }

    def describe_log_groups(
        self, context: RequestContext, request: DescribeLogGroupsRequest
    ) -> DescribeLogGroupsAnswer:
        answer: DescribeLogGroupsAnswer = self.ask(context, "DescribeLogGroups", request)
        for group in answer["logGroups"]:
            group["metricFilterCount"] = len(self.metric_filters.get((context.region, group["logGroupName"]), {}))
        return answer

    def delete_log_group(self, context: RequestContext, request: DeleteLogGroupRequest) -> DeleteLogGroupAnswer:
        self.ask(context, "DeleteLogGroup", request)
        self.metric_filters.pop((context.region, request["logGroupName"]), None)
        return {}


def _place(kept: MetricFilterTypeDef) -> tuple[str, str]:
    return kept["filterName"], kept["logGroupName"]


def _metric(metric: MetricTransformationOutputTypeDef) -> MetricTransformationOutputTypeDef:
    return {**metric, "defaultValue": float(metric["defaultValue"])} if "defaultValue" in metric else metric


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={item}" for key, item in value.items()) + "}"
    return "null" if value is None else str(float(value)) if isinstance(value, int) else str(value)
