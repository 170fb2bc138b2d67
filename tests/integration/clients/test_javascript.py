"""AWS's JavaScript SDK: its waiters wait for what the account comes to, and its paginators see every page."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.integration.clients.conftest import Scene

SOURCE = Path(__file__).parent / "javascript"


def node_version() -> int:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return 0
    return int(subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.lstrip("v").split(".")[0])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SDK at its pinned versions, in a directory of its own."""
    if node_version() < 20:
        pytest.skip("Node.js 20 or later is not installed")
    place = tmp_path_factory.mktemp("javascript")
    shutil.copytree(SOURCE, place, dirs_exist_ok=True)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"],
        cwd=place, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"the JavaScript SDK cannot be installed: {done.stderr.strip()[-200:]}")
    return place


class Sdk:
    """Asks the SDK several things in one process."""

    def __init__(self, scene: Scene, place: Path) -> None:
        self.scene, self._place = scene, place

    def ask(self, *asked: tuple[str, str, dict[str, Any]], patience: int = 60) -> list[dict[str, Any]]:
        steps = [
            {"service": service, "call": call, "input": request, "patience": patience}
            for service, call, request in asked
        ]
        done = subprocess.run(
            ["node", str(self._place / "ask.mjs")],
            input=json.dumps(steps), env=self.scene.target.environment(), capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        return answers


@pytest.fixture
def sdk(scene: Scene, installed: Path) -> Sdk:
    return Sdk(scene, installed)


SHOP = {"cluster": "shop", "services": ["shop"]}


def test_waiters_of_services_and_tasks(sdk: Sdk) -> None:
    """A rollout, running tasks, a stopped task, targets and the load balancer are waited for, each until it is so."""
    scene = sdk.scene
    scene.ecs.update_service(cluster="shop", service="shop", forceNewDeployment=True)
    assert sdk.ask(("ecs", "waitUntilServicesStable", SHOP)) == [{"answer": "SUCCESS"}]
    assert len(scene.described()["deployments"]) == 1
    tasks = scene.ecs.list_tasks(cluster="shop", serviceName="shop")["taskArns"]
    scene.ecs.stop_task(cluster="shop", task=tasks[0])
    answers = sdk.ask(
        ("ecs", "waitUntilTasksStopped", {"cluster": "shop", "tasks": tasks[:1]}),
        ("ecs", "waitUntilTasksRunning", {"cluster": "shop", "tasks": tasks[1:]}),
        ("elbv2", "waitUntilLoadBalancerAvailable", {"Names": ["shop"]}),
        ("elbv2", "waitUntilLoadBalancerExists", {"Names": ["shop"]}),
        ("elbv2", "waitUntilTargetInService", {"TargetGroupArn": scene.group_arn}),
    )
    assert answers == [{"answer": "SUCCESS"}] * 5


def test_waiters_that_end_in_failure(sdk: Sdk) -> None:
    """The waiter fails at once for a task that has stopped, and for a service that does not exist."""
    (task, *_) = sdk.scene.ecs.list_tasks(cluster="shop", serviceName="shop")["taskArns"]
    sdk.scene.ecs.stop_task(cluster="shop", task=task)
    stopped, missing = sdk.ask(
        ("ecs", "waitUntilTasksRunning", {"cluster": "shop", "tasks": [task]}),
        ("ecs", "waitUntilServicesStable", {"cluster": "shop", "services": ["nowhere"]}),
    )
    assert "FAILURE" in stopped["message"]
    assert "MISSING" in missing["message"] or "FAILURE" in missing["message"]


def test_waiters_of_what_goes(sdk: Sdk) -> None:
    """A deleted service becomes inactive, and a deleted load balancer is gone."""
    scene = sdk.scene
    scene.ecs.create_service(
        cluster="shop", serviceName="leaving", taskDefinition="shop", desiredCount=1, launchType="FARGATE",
        networkConfiguration=scene.network,
    )  # fmt: skip
    subnets = scene.network["awsvpcConfiguration"]["subnets"]
    balancer = scene.elbv2.create_load_balancer(Name="leaving", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    scene.ecs.delete_service(cluster="shop", service="leaving", force=True)
    scene.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    assert sdk.ask(
        ("ecs", "waitUntilServicesInactive", {"cluster": "shop", "services": ["leaving"]}),
        ("elbv2", "waitUntilLoadBalancersDeleted", {"LoadBalancerArns": [balancer]}),
    ) == [{"answer": "SUCCESS"}] * 2  # fmt: skip


def test_paginators(sdk: Sdk) -> None:
    """One item a page, every item once."""
    ecr = sdk.scene.target.client("ecr")
    for name in ("one", "two", "zzz"):
        ecr.create_repository(repositoryName=name)
    tasks, repositories = sdk.ask(
        ("ecs", "paginateListTasks", {"cluster": "shop"}), ("ecr", "paginateDescribeRepositories", {})
    )
    assert [page[0] for page in tasks["answer"]] == sdk.scene.ecs.list_tasks(cluster="shop")["taskArns"]
    assert [page[0]["repositoryName"] for page in repositories["answer"]] == ["one", "two", "zzz"]


def test_errors_have_their_names(sdk: Sdk) -> None:
    """An error arrives as the exception that AWS's model has for it, and a missing operation as a 501 with its name."""
    unknown, missing = sdk.ask(
        ("ecs", "DescribeServicesCommand", {"cluster": "nowhere", "services": ["shop"]}),
        ("ecs", "ListAttributesCommand", {"targetType": "container-instance"}),
    )
    assert unknown["error"] == "ClusterNotFoundException"
    assert missing["status"] == 501
    assert "ListAttributes" in missing["message"]
