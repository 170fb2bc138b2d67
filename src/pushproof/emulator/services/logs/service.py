"""CloudWatch Logs' own API, for operations that the substrate would decide differently.

Patterns are compiled, and events filtered, here, wherever the groups are stored. On another emulator, that emulator stores metric
filters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import xform_name

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.services import Handler
from pushproof.emulator.services.logs.base import check_regexes, check_retention, compiled, invalid
from pushproof.emulator.services.logs.metricfilters import MetricFilters
from pushproof.emulator.services.logs.searching import Searching
from pushproof.emulator.substrate.layered import moto_answers

if TYPE_CHECKING:
    from pushproof.emulator.kernel.shapes.logs import (
        PutMetricFilterAnswer,
        PutMetricFilterRequest,
        PutSubscriptionFilterAnswer,
        PutSubscriptionFilterRequest,
    )
    from pushproof.emulator.kernel.site import Site

# Operations that the substrate answers if it is not moto: it then stores metric filters.
_KEPT_HERE = frozenset({"describe_metric_filters", "delete_metric_filter", "describe_log_groups", "delete_log_group"})
# Operations that create or change a group or a stream, and are checked against the limits of the model.
_LIMITED = frozenset({"CreateLogGroup", "CreateLogStream", "PutRetentionPolicy", "PutSubscriptionFilter"})
# Destinations by the service in their ARN, and whether Logs needs a role to write to one: Lambda uses a policy of its own instead.
_DESTINATIONS = {"lambda": False, "kinesis": True, "firehose": True, "logs": None}
_OTHER_ACCOUNT = (
    "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross account "
    "lambda triggers."
)


class LogsService(Searching, MetricFilters):
    """Filters events by pattern, and refuses filters that Logs refuses."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self._keeps_filters = moto_answers(site.substrate, "logs")

    def handler(self, operation: str) -> Handler | None:
        if not self._keeps_filters and xform_name(operation) in _KEPT_HERE:
            return None
        return super().handler(operation)

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        if context.operation in ("PutMetricFilter", "DeleteMetricFilter"):
            self.check_filter_form(request)
        if context.operation in _LIMITED or self.handler(context.operation) is not None:
            check_limits(self.name, context.operation, request)
            check_retention(request)

    def put_metric_filter(self, context: RequestContext, request: PutMetricFilterRequest) -> PutMetricFilterAnswer:
        pattern = self.check_metric_filter(request)
        if not self._keeps_filters:
            answer: PutMetricFilterAnswer = self.ask(context, "PutMetricFilter", request)
            return answer
        self.keep_metric_filter(context, request, pattern)
        return {}

    def put_subscription_filter(
        self, context: RequestContext, request: PutSubscriptionFilterRequest
    ) -> PutSubscriptionFilterAnswer:
        # Recorded by https://github.com/localstack/localstack (tests/aws/services/logs/test_logs_subscription_filters.py).
        pattern = compiled(request["filterPattern"], "subscription")
        parts = request["destinationArn"].split(":")
        vendor = parts[2] if len(parts) > 5 else ""
        if vendor not in _DESTINATIONS:
            raise invalid(f"PutSubscriptionFilter operation cannot work with destinationArn for vendor {vendor}")
        by_role = _DESTINATIONS[vendor]
        if by_role is not None and by_role is not ("roleArn" in request):
            with_or_without = "without" if by_role else "with"
            raise invalid(f"destinationArn for vendor {vendor} cannot be used {with_or_without} roleArn")
        if vendor == "lambda" and parts[4] != context.account_id:
            raise AwsError("AccessDeniedException", _OTHER_ACCOUNT, 400)
        group, name = request["logGroupName"], request["filterName"]
        standing = [kept for kept in self.subscriptions(context, group) if kept["filterName"] != name]
        metrics = self.metric_filters.get((context.region, group), {}).values()
        check_regexes(pattern, [kept["filterPattern"] for kept in (*standing, *metrics)])
        answer: PutSubscriptionFilterAnswer = self.ask(context, "PutSubscriptionFilter", request)
        return answer
