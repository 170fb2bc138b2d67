"""Standalone tasks: starting, stopping, listing, describing."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import TYPE_CHECKING

from pushproof.aws.arns import last
from pushproof.aws.tags import tag_map
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.faults import CAPACITY

from .amounts import check_tags, check_token, invalid
from .base import EcsBase, missing, page
from .capacity import BOTH_NAMED, check_strategy, next_provider, normalised
from .life import TaskLife
from .model import EcsTask
from .orders import new_container
from .placement import check_network, check_placement, normalised_network, open_subnets
from .shapes import task_shape

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import FailureTypeDef, TaskTypeDef

    from pushproof.emulator.kernel.shapes.ecs import (
        DescribeTasksAnswer,
        DescribeTasksRequest,
        ListTasksAnswer,
        ListTasksRequest,
        RunTaskAnswer,
        RunTaskRequest,
        StopTaskAnswer,
        StopTaskRequest,
    )


class TaskOperations(EcsBase):
    """Operations on tasks. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html"""

    life: TaskLife

    def run_task(self, context: RequestContext, request: RunTaskRequest) -> RunTaskAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        definition = self.find_definition(region, request["taskDefinition"])
        if request.get("launchType") and request.get("capacityProviderStrategy"):
            raise invalid(BOTH_NAMED)
        strategy = normalised(request.get("capacityProviderStrategy"))
        if not strategy and not request.get("launchType"):
            strategy = cluster.strategy
        check_strategy(strategy, cluster.capacity_providers, used=True)
        launch = "FARGATE" if strategy else request.get("launchType") or "EC2"
        check_placement(definition, {**request, "launchType": launch, "capacityProviderStrategy": strategy})
        network = normalised_network(request.get("networkConfiguration")).get("awsvpcConfiguration", {})
        if network:
            check_network(self.site.substrate.client("ec2", context.region), network)
        check_tags(request.get("tags"))
        check_token(request.get("clientToken"))
        if launch != "FARGATE":
            raise invalid("No Container Instances were found in your cluster.")
        count = 1 if request.get("count") is None else request["count"]
        if not 1 <= count <= 10:
            raise invalid("Tasks count must be between 1 and 10.")
        names = {container["name"] for container in definition.containers}
        overrides = request.get("overrides") or {}
        for override in overrides.get("containerOverrides") or []:
            if override.get("name") not in names:
                raise invalid(
                    f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
                )
        started = []
        failures: list[FailureTypeDef] = []
        providers: Counter[str] = Counter()
        for number in range(count):
            provider = next_provider(strategy, providers) if strategy else None
            if provider:
                providers[provider] += 1
            subnets = open_subnets(self.site, context.region, network["subnets"], provider)
            if not subnets:
                # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
                failures.append({"reason": CAPACITY.removesuffix(".")})
                continue
            task_id = uuid.uuid4().hex
            arn = region.arn(f"task/{cluster.name}/{task_id}")
            task = EcsTask(
                id=task_id,
                arn=arn,
                cluster=cluster,
                definition=definition,
                region=region.name,
                created_at=self.site.clock.now(),
                launch_type="FARGATE",
                group=request.get("group") or f"family:{definition.family}",
                network=network,
                subnet_id=subnets[number % len(subnets)],
                containers=[new_container(arn, container, task_id) for container in definition.containers],
                started_by=request.get("startedBy") or "",
                capacity_provider=provider,
                overrides=overrides,
                tags=tag_map(request.get("tags")),
            )
            region.tasks[task_id] = task
            self.life.start(task)
            started.append(task_shape(task, self.site.clock, tags=True))
        return {"tasks": started, "failures": failures}

    def stop_task(self, context: RequestContext, request: StopTaskRequest) -> StopTaskAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        task = self.find_task(region, cluster, request["task"])
        if task is None:
            raise invalid("The referenced task was not found.")
        self.life.stop(task, "UserInitiated", request.get("reason") or "Task stopped by user")
        return {"task": task_shape(task, self.site.clock)}

    def describe_tasks(self, context: RequestContext, request: DescribeTasksRequest) -> DescribeTasksAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        if not request["tasks"]:
            raise invalid("Tasks cannot be empty.")
        tags = "TAGS" in (request.get("include") or [])
        tasks: list[TaskTypeDef] = []
        failures: list[FailureTypeDef] = []
        for reference in request["tasks"]:
            task = self.find_task(region, cluster, reference)
            if task is None:
                failures.append(missing(region.arn(f"task/{cluster.name}/{last(reference)}")))
            else:
                tasks.append(task_shape(task, self.site.clock, tags=tags))
        return {"tasks": tasks, "failures": failures}

    def list_tasks(self, context: RequestContext, request: ListTasksRequest) -> ListTasksAnswer:
        region = self.region(context)
        cluster = self.find_cluster(region, request.get("cluster"))
        name = request.get("serviceName")
        if name:
            self.find_service(region, cluster, name)
        desired = request.get("desiredStatus") or "RUNNING"
        arns = [
            task.arn
            for task in region.tasks.values()
            if task.cluster is cluster
            and task.desired_status == desired
            and request.get("family") in (None, task.definition.family)
            and request.get("startedBy") in (None, task.started_by)
            and request.get("launchType") in (None, task.launch_type)
            and (not name or (task.service is not None and task.service.name == last(name)))
        ]
        shown, rest = page(arns, request)
        return {"taskArns": shown, **rest}

    def forget_later(self, task: EcsTask) -> None:
        """Drop a STOPPED task after a while; until then it is shown."""
        region = self._region(self.site.account_id, task.region)

        def forget() -> None:
            region.tasks.pop(task.id, None)

        self.site.loop.call_later(self.settings.stopped_task_seconds, forget, name=f"forget {task.id}")
