"""Numbers that people get wrong, by the setting's name: the wrong ones, the harm, and the page behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Site

_CHECKS = aws("alb/target-group-health-checks")
_SERVICE = aws("ecs/service-definition-parameters")
_CONTAINER = aws("ecs-api/API_HealthCheck")
_LIFECYCLE = aws("ecr/lifecycle_policy_parameters")

#: Pattern of the name, pattern of the chain, wrong values (`*10` multiplies, `/2` divides), harm, page.
_TABLE: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    (r"^healthy_threshold$", "", ("10",),
     "A new target needs minutes to count as healthy, and every rollout waits for it.", _CHECKS),
    (r"^unhealthy_threshold$", "", ("10",), "A dead target gets requests for minutes.", _CHECKS),
    (r"^interval$", "health_check", ("300",), "A dead target gets requests for minutes.", _CHECKS),
    (r"^timeout$", "health_check", ("120",),
     "AWS refuses a timeout above the interval, or a hanging target passes for minutes.", _CHECKS),
    (r"^interval$", "healthCheck", ("300",), "A hanging container is noticed only after many minutes.", _CONTAINER),
    (r"^timeout$", "healthCheck", ("2",),
     "A check that is a little slow fails, and the container is replaced.", _CONTAINER),
    (r"^retries$", "healthCheck", ("1", "10"),
     "One slow answer kills the task, or ten failures are needed to notice.", _CONTAINER),
    (r"^startPeriod$", "healthCheck", ("0",),
     "An application that takes a moment to start is killed before it listens.", _CONTAINER),
    (r"grace_period", "", ("0",), "Tasks are killed by the load balancer's health check while they start.", _SERVICE),
    (r"deregistration_delay", "", ("0", "3600"),
     "Requests under way are cut off, or a rollout waits an hour for each task.",
     aws("alb/edit-target-group-attributes")),
    (r"^desired_count$", "", ("1", "0"), "One failing task, or one zone, takes the service down.", _SERVICE),
    (r"minimum_healthy_percent|^min_healthy", "", ("0",),
     "A rollout stops the old tasks before the new ones answer.", _SERVICE),
    (r"maximum_percent", "", ("100",),
     "A rollout has no room for a new task beside the old ones, and never begins.", _SERVICE),
    (r"retention_in_days|retention_days", "", ("1",),
     "Logs of an incident are gone before anybody looks.",
     aws("logs/Working-with-log-groups-and-streams")),
    (r"^countNumber$", "", ("1", "*100"),
     "The image that a rollback needs has expired, or images pile up to the quota.", _LIFECYCLE),
    (r"release_count|image_count|keep_count", "", ("2",), "The image that a rollback needs has expired.", _LIFECYCLE),
    (r"recovery_window|recovery_days", "", ("0", "30"),
     "A deleted secret is gone at once, or blocks its name for a month.",
     aws("secrets/manage_delete-secret")),
    (r"deletion_window_in_days", "", ("7",), "A key deleted by mistake is gone within a week.",
     aws("kms/deleting-keys")),
    (r"build_timeout|queued_timeout|timeout_in_minutes|timeout_minutes|timeout_in_minutes", "", ("5", "*10"),
     "A build that is only slow is stopped, or one that hangs holds the pipeline for hours.",
     aws("codebuild/change-project")),
    (r"^base$", "strategy", ("0",), "No task is sure of capacity that AWS does not take back.",
     aws("ecs/fargate-capacity-providers")),
    (r"^weight$", "strategy", ("0",), "The provider gets no task beyond its base.",
     aws("ecs/fargate-capacity-providers")),
    (r"^cpu$", "", ("/2",), "Fargate accepts certain pairs of CPU and memory only, and a smaller task starves.",
     aws("ecs/fargate-tasks-services")),
    (r"^memory$", "", ("/2",),
     "Fargate accepts certain pairs of CPU and memory only, and a smaller task is killed out of memory.",
     aws("ecs/fargate-tasks-services")),
    (r"rate_limit_per_second", "", ("300",), "The receiver throttles, and notifications are lost.",
     aws("events/eb-api-destinations")),
    (r"min_capacity", "", ("0",), "Scaling in takes the last task away.",
     aws("scaling-api/API_RegisterScalableTarget")),
    (r"max_capacity", "", ("1",), "The service cannot grow under load.",
     aws("scaling-api/API_RegisterScalableTarget")),
    (r"scale_(in|out)_cooldown", "", ("0", "*10"), "Scaling flaps, or comes too late.",
     aws("scaling/target-tracking-scaling-policy-overview")),
    (r"target_value", "", ("99",), "Scaling begins when the service is already overloaded.",
     aws("scaling/target-tracking-scaling-policy-overview")),
    (r"^threshold$|evaluation_periods|^period$", "", ("*10",), "The alarm comes much too late, or never.",
     aws("cloudwatch/AlarmThatSendsEmail")),
    (r"backup_retention_period", "", ("0",), "There are no backups.",
     aws("rds/USER_WorkingWithAutomatedBackups")),
    (r"max_session_duration", "", ("43200",), "Leaked credentials work for twelve hours.",
     aws("iam/id_roles_manage_modify")),
    (r"idle_timeout", "", ("1",), "Every slow answer ends as 504.",
     aws("alb/edit-load-balancer-attributes")),
    (r"^priority$", "", ("*10",), "Another rule matches first.",
     aws("alb/listener-rules")),
    (r"noncurrent_days|^days$|expiration_days", "", ("1",), "Versions are gone before anybody needs one.",
     aws("s3/intro-lifecycle-rules")),
    (r"^matcher$", "", ("200-499",), "A target that answers with errors counts as healthy.", _CHECKS),
    (r"^status_code$", "", ("302",), "Clients do not remember the redirect.",
     aws("alb/rule-action-types")),
)  # fmt: skip


def others(site: Site, name: str, literal: str) -> Iterator[tuple[str, str, str]]:
    """Yield wrong numbers for a setting, each with harm and page."""
    for pattern, chain, wrong, harm, page in _TABLE:
        if not re.search(pattern, name) or (chain and not any(re.search(chain, part) for part in site.chain[:-1])):
            continue
        for number in wrong:
            text = _made(number, literal)
            if text is not None and text != literal:
                yield text, harm, page
        return


def _made(number: str, literal: str) -> str | None:
    """Return the wrong number for a number; None where the number is no plain one."""
    if number[0] not in "*/":
        # A status such as HTTP_301 is no number, and a range is written like one.
        return number if re.fullmatch(r"[\d.,-]+", literal) else None
    try:
        value = Decimal(literal)
    except InvalidOperation:
        return None
    factor = Decimal(number[1:])
    result = value * factor if number[0] == "*" else value / factor
    return f"{result.normalize():f}"
