"""Deploy tools that people use, unmodified, as judges: each is asked whether it notices a rollback."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.clients.conftest import Scene

from pushproof.checks.service import ServiceChecks
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.engines.workflow import read_workflow
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal
from pushproof.workflows.runner import Runner, RunnerSettings
from pushproof.workflows.runs import Push, RunResult

BIN = Path(sys.executable).parent
#: A directory with the real code of actions, in folders owner/name: the actions are run by Node then.
ACTIONS = os.environ.get("PUSHPROOF_ACTIONS")
DEPLOY = "aws-actions/amazon-ecs-deploy-task-definition"
RENDER = "aws-actions/amazon-ecs-render-task-definition"

#: Deploys an image as scripts commonly do: a revision, an update, and the AWS CLI's waiter.
BY_WAITER = """
set -e
export PATH={bin}:$PATH
aws ecs describe-task-definition --task-definition shop --query taskDefinition > "$1/now.json"
python3 - "$1" "$2" <<'END'
import json, sys
definition = json.load(open(sys.argv[1] + "/now.json"))
taken = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "executionRoleArn", "containerDefinitions")
definition = {{name: definition[name] for name in taken}}
definition["containerDefinitions"][0]["image"] = sys.argv[2]
json.dump(definition, open(sys.argv[1] + "/next.json", "w"))
END
revision=$(aws ecs register-task-definition --cli-input-json "file://$1/next.json" \\
  --query taskDefinition.taskDefinitionArn --output text)
begun=$(aws ecs update-service --cluster shop --service shop --task-definition "$revision" --force-new-deployment \\
  --query 'service.deployments[?status==`PRIMARY`].id | [0]' --output text)
aws ecs wait services-stable --cluster shop --services shop
{verification}
"""
VERIFICATION = """now=$(aws ecs describe-services --cluster shop --services shop \\
  --query 'services[0].deployments[?status==`PRIMARY`].id | [0]' --output text)
[ "$now" = "$begun" ] || { echo "deployment $begun was rolled back"; exit 1; }"""


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTarget]:
    """A slower world than the other clients': what is judged here is rollbacks, and no start of a task may be late."""
    settings = EmbeddedSettings(world=WorldSettings(speed=20), runtime="scripted")
    with EmbeddedTarget(settings, journal=Journal(tmp_path_factory.mktemp("state"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def built(embedded: EmbeddedTarget) -> Scene:
    scene = Scene(embedded)
    scene.ecs.update_service(cluster="shop", service="shop", healthCheckGracePeriodSeconds=300)
    return scene


@pytest.fixture
def scene(built: Scene) -> Scene:
    """The scene with a completed deployment of `shop:v1`, to which a rollback can return."""
    built.steady()
    built.until(lambda: built.described()["deployments"][0]["rolloutState"] == "COMPLETED", patience=120)
    return built


def checks(scene: Scene) -> ServiceChecks:
    return ServiceChecks(scene.target.client, cluster="shop", service="shop")


def script(directory: Path, verification: str) -> list[str]:
    path = directory / "deploy.sh"
    path.write_text(BY_WAITER.format(bin=BIN, verification=verification))
    return ["bash", str(path), str(directory), "{image}"]


def test_a_script_with_a_waiter_alone_does_not_notice(scene: Scene, tmp_path: Path) -> None:
    """`aws ecs wait services-stable` succeeds after a rollback: the check reports the script that trusts it."""
    verdict = checks(scene).my_tool_notices_a_rollback(
        script(tmp_path, ""), bad_image="shop:broken", environment=scene.target.environment()
    )
    (finding,) = verdict.findings
    assert finding.expected == "an exit code other than 0 after the rollback"


def test_a_script_that_compares_deployments_notices(scene: Scene, tmp_path: Path) -> None:
    """The same script with a comparison of the PRIMARY deployment holds."""
    assert checks(scene).my_tool_notices_a_rollback(
        script(tmp_path, VERIFICATION), bad_image="shop:broken", environment=scene.target.environment()
    )


def test_ecs_deploy_does_not_notice(scene: Scene) -> None:
    """ecs-deploy takes one stable deployment for its own: it ends with 0 after a rollback, and the check reports it."""
    command = [
        str(BIN / "ecs"),
        "deploy",
        "shop",
        "shop",
        "-i",
        "shop",
        "{image}",
        "--timeout",
        "120",
        "--no-deregister",
    ]
    environment = {**scene.target.environment(), "PYTHONWARNINGS": ""}
    verdict = checks(scene).my_tool_notices_a_rollback(command, bad_image="shop:broken", environment=environment)
    (finding,) = verdict.findings
    assert finding.expected == "an exit code other than 0 after the rollback"


def test_a_tool_that_always_fails_proves_nothing(scene: Scene) -> None:
    """A command that fails on a good deployment is a finding, whatever it does after a rollback."""
    verdict = checks(scene).my_tool_notices_a_rollback(
        ["false", "{image}"], bad_image="shop:broken", environment=scene.target.environment()
    )
    (finding,) = verdict.findings
    assert finding.expected.startswith("the tool ends with 0")


def test_a_tool_that_deploys_nothing_proves_nothing(scene: Scene) -> None:
    """A command that begins no deployment is a finding."""
    verdict = checks(scene).my_tool_notices_a_rollback(
        ["true", "{image}"], bad_image="shop:broken", environment=scene.target.environment()
    )
    (finding,) = verdict.findings
    assert "the tool began no deployment" in finding.found


def test_a_service_without_rollback_is_nothing_to_notice(scene: Scene) -> None:
    """The check has nothing to look at without a circuit breaker, and says what to write without a place for the image."""
    scene.circuit_breaker(enabled=False)
    (finding,) = checks(scene).my_tool_notices_a_rollback(["true", "{image}"]).findings
    assert "deployment circuit breaker with rollback" in finding.expected
    scene.circuit_breaker(enabled=True)
    with pytest.raises(ValueError, match=r"has neither \{image\} nor \{tag\}"):
        checks(scene).my_tool_notices_a_rollback(["true"])


def deployed_by_workflow(
    scene: Scene, directory: Path, image: str, version: str, actions: Path | None = None
) -> RunResult:
    """Deploy an image by the actions, in one job."""
    text = f"""
on: push
jobs:
  deploy:
    runs-on: ubuntu-24.04
    steps:
      - id: render
        uses: {RENDER}@v1
        with: {{task-definition-family: shop, container-name: shop, image: '{image}'}}
      - uses: {DEPLOY}@{version}
        with:
          task-definition: ${{{{ steps.render.outputs.task-definition }}}}
          cluster: shop
          service: shop
          wait-for-service-stability: true
"""
    target = scene.target
    settings = RunnerSettings(
        environment=target.environment(), git={}, source="", identity=target.workflow_identity, clock=target.clock,
        directory=directory, actions=actions,
    )  # fmt: skip
    return Runner(settings).run(read_workflow(text, "deploy.yml"), Push("octo/shop", "main", "0" * 40))


def calls_of(scene: Scene, since: int) -> list[str]:
    """The ECS calls that changed or showed something since a point of the log, without repetitions."""
    names = [call.name for call in list(scene.target.world.log.calls)[since:] if call.name.startswith("ecs:")]
    return [name for number, name in enumerate(names) if number == 0 or names[number - 1] != name]


@pytest.mark.parametrize(("version", "conclusion"), [("v2.6.3", "failure"), ("v2", "failure"), ("v2.6.1", "success")])
def test_the_deploy_action_notices_since_2_6_2(scene: Scene, tmp_path: Path, version: str, conclusion: str) -> None:
    """The action fails the run with its own words; before 2.6.2 the run is green after a rollback."""
    run = deployed_by_workflow(scene, tmp_path, "shop:broken", version)
    assert run.conclusion == conclusion
    if conclusion == "failure":
        assert run.failed is not None
        assert run.failed.message.startswith("Deployment ecs-svc/")
        assert "not found after stabilization. The deployment was likely rolled back" in run.failed.message
    assert scene.images(scene.described()["taskDefinition"]) == ["shop:v1"]


def test_a_good_deployment_is_verified(scene: Scene, tmp_path: Path) -> None:
    """A run with a good image succeeds, says which deployment it verified, and makes the action's calls in its order."""
    since = len(scene.target.world.log.calls)
    run = deployed_by_workflow(scene, tmp_path, "shop:v2", "v2.6.3")
    assert run.conclusion == "success", run.log
    assert any("verified: rolloutState=COMPLETED" in line for line in run.log)
    assert calls_of(scene, since) == [
        "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:DescribeServices", "ecs:UpdateService",
        "ecs:DescribeServices",
    ]  # fmt: skip
    assert scene.images(scene.described()["taskDefinition"]) == ["shop:v2"]


@pytest.mark.skipif(
    ACTIONS is None or shutil.which("node") is None, reason="PUSHPROOF_ACTIONS names no real code of actions"
)
@pytest.mark.parametrize(("image", "conclusion"), [("shop:v3", "success"), ("shop:broken", "failure")])
def test_the_real_actions_say_the_same(scene: Scene, tmp_path: Path, image: str, conclusion: str) -> None:
    """The actions' own code, run by Node, makes the same calls and ends in the same words."""
    ends: list[Any] = []
    for name, actions in (("own", None), ("real", Path(str(ACTIONS)))):
        scene.steady()
        since = len(scene.target.world.log.calls)
        run = deployed_by_workflow(scene, tmp_path / name, image, "v2.6.3", actions)
        message = run.failed.message.split(" ", 2)[2] if run.failed else ""
        ends.append((run.conclusion, message, calls_of(scene, since)))
    assert ends[0] == ends[1]
    assert ends[0][0] == conclusion
