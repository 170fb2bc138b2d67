"""Records: retained logs of the tasks, and metrics of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.loggroups import retention_fault
from pushproof.checks.service.described import DescribedService

_INSIGHTS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContainerInsights.html"
_LOGS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"


class RecordChecks(DescribedService):
    """Checks of logs and metrics."""

    @check
    def logs_are_kept(self, *, at_least_days: int = 7) -> Iterator[Finding]:
        """Every container logs to a group that exists and whose retention is set."""
        days = at_least_days
        definition = self._definition()
        fault = partial(Finding, resource=definition["taskDefinitionArn"], page=_LOGS)
        for container in definition["containerDefinitions"]:
            configuration = container.get("logConfiguration", {})
            group = configuration.get("options", {}).get("awslogs-group")
            if configuration.get("logDriver") != "awslogs" or not group:
                yield fault(
                    expected=f"awslogs for container {container['name']}",
                    found=configuration.get("logDriver", "no log configuration"),
                    why="When a task fails to start, its last words are the only thing there is to go by.",
                    change="Add logConfiguration with awslogs-group, awslogs-region and awslogs-stream-prefix.",
                )
                continue
            region = definition["taskDefinitionArn"].split(":")[3:4]
            elsewhere = configuration["options"].get("awslogs-region")
            if region and elsewhere != region[0]:
                yield fault(
                    expected=f"container {container['name']} logs in its own region, {region[0]}",
                    found=f"awslogs-region {elsewhere or 'not set'}",
                    why="The log group is looked for in the other region: no task starts (ResourceInitializationError), or the logs"
                    " are where nobody looks.",
                    change="awslogs-region = data.aws_region.current.id",
                )
            if not configuration["options"].get("awslogs-stream-prefix"):
                yield fault(
                    expected=f"awslogs-stream-prefix for container {container['name']}",
                    found="not set",
                    why="Fargate requires it, and elsewhere nobody can tell which stream is whose task's.",
                    change='awslogs-stream-prefix = "ecs"',
                )
            kept_too_short = retention_fault(self.aws("logs"), group, at_least_days=days)
            if kept_too_short is not None:
                yield Finding(
                    resource=group,
                    expected=f"a log group kept for at least {days} days",
                    found=kept_too_short,
                    why="Without the group no task starts (ResourceInitializationError); without retention the bill only grows.",
                    change="Add aws_cloudwatch_log_group with retention_in_days.",
                    page=_LOGS,
                )

    @check
    def container_insights_is_on(self) -> Iterator[Finding]:
        """The cluster reports Container Insights."""
        clusters = self.aws("ecs").describe_clusters(clusters=[self.cluster], include=["SETTINGS"])["clusters"]
        if not clusters:
            raise self._no_cluster()
        cluster = clusters[0]
        setting = {s["name"]: s["value"] for s in cluster.get("settings", [])}.get("containerInsights", "disabled")
        if setting not in ("enabled", "enhanced"):
            yield Finding(
                resource=cluster["clusterArn"],
                expected="containerInsights enabled or enhanced",
                found=setting,
                why="Memory and processor of tasks are not recorded: an OutOfMemory stop leaves no trace of how it came about.",
                change='setting { name = "containerInsights", value = "enabled" }',
                page=_INSIGHTS,
            )
