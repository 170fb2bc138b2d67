"""Records: logs that are kept where the tasks run, and metrics of the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
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
        for container in definition["containerDefinitions"]:
            configuration = container.get("logConfiguration", {})
            group = configuration.get("options", {}).get("awslogs-group")
            if configuration.get("logDriver") != "awslogs" or not group:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"awslogs for container {container['name']}",
                    found=configuration.get("logDriver", "no log configuration"),
                    why="When a task fails to start, its last words are the only thing there is to go by.",
                    change="Add logConfiguration with awslogs-group, awslogs-region and awslogs-stream-prefix.",
                    page=_LOGS,
                )
                continue
            region = definition["taskDefinitionArn"].split(":")[3:4]
            elsewhere = configuration["options"].get("awslogs-region")
            if region and elsewhere != region[0]:
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"container {container['name']} logs in its own region, {region[0]}",
                    found=f"awslogs-region {elsewhere or 'not set'}",
                    why="The log group is looked for in the other region: no task starts (ResourceInitializationError), or the logs"
                    " are where nobody looks.",
                    change="awslogs-region = data.aws_region.current.id",
                    page=_LOGS,
                )
            if not configuration["options"].get("awslogs-stream-prefix"):
                yield Finding(
                    resource=definition["taskDefinitionArn"],
                    expected=f"awslogs-stream-prefix for container {container['name']}",
                    found="not set",
                    why="Fargate requires it, and elsewhere nobody can tell which stream is whose task's.",
                    change='awslogs-stream-prefix = "ecs"',
                    page=_LOGS,
                )
            groups = self.aws("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            found = next((g for g in groups if g["logGroupName"] == group), None)
            if found is None or (found.get("retentionInDays") or 0) < days:
                yield Finding(
                    resource=group,
                    expected=f"a log group kept for at least {days} days",
                    found="the group does not exist"
                    if found is None
                    else f"retention {found.get('retentionInDays', 'not set: for ever, and billed')}",
                    why="Without the group no task starts (ResourceInitializationError); without retention the bill only grows.",
                    change="Add aws_cloudwatch_log_group with retention_in_days.",
                    page=_LOGS,
                )

    @check
    def container_insights_is_on(self) -> Iterator[Finding]:
        """The cluster reports Container Insights."""
        clusters = self.aws("ecs").describe_clusters(clusters=[self.cluster], include=["SETTINGS"])["clusters"]
        if not clusters:
            raise LookupError(f"there is no cluster {self.cluster}; check the name, the account and the region")
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
