"""Worlds with builds that are kept: a build's container belongs to one process."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

from pushproof.emulator.keeping.rebuilding import NotKeepable
from pushproof.emulator.kernel.builds import BuildJob
from pushproof.emulator.runtime.scripted.builder import ScriptedBuilder, ScriptedContainer
from pushproof.emulator.world import World

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Unkeepable(ScriptedContainer):
    """A container that, like those of Docker, refuses to be written."""

    def __reduce__(self) -> NoReturn:
        raise pickle.PicklingError("this container runs a build")


@pytest.fixture
def building(furnished: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A function that starts a build of one command, and returns its id; it takes a minute of AWS time."""

    def opened(builder: ScriptedBuilder, job: BuildJob) -> Unkeepable:
        return Unkeepable(builder, job)

    monkeypatch.setattr(ScriptedBuilder, "open", opened)
    builder = furnished.codebuild.builder
    assert isinstance(builder, ScriptedBuilder)
    builder.command_seconds = 60
    role = furnished.administrator("iam").create_role(RoleName="build", AssumeRolePolicyDocument=json.dumps(TRUST))
    codebuild = furnished.administrator("codebuild")
    codebuild.create_project(
        name="shop",
        serviceRole=role["Role"]["Arn"],
        source={
            "type": "NO_SOURCE",
            "buildspec": json.dumps({"version": 0.2, "phases": {"build": {"commands": ["make"]}}}),
        },
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        logsConfig={"cloudWatchLogs": {"status": "DISABLED"}},
    )
    return lambda: str(codebuild.start_build(projectName="shop")["build"]["id"])


def build(world: World, identity: str) -> dict[str, Any]:
    """Return a build as CodeBuild shows it."""
    return cast("dict[str, Any]", world.administrator("codebuild").batch_get_builds(ids=[identity])["builds"][0])


def test_a_world_is_kept_after_its_builds(
    furnished: World, building: Callable[[], str], continued: Callable[[Path], World], tmp_path: Path
) -> None:
    """A build that has ended leaves its record and nothing of its container, though its time limit is an hour away."""
    ended = building()
    furnished.loop.advance(600)  # type: ignore[attr-defined]
    assert build(furnished, ended)["buildStatus"] == "SUCCEEDED"
    furnished.keep(tmp_path)
    furnished.close()
    assert build(continued(tmp_path), ended)["buildStatus"] == "SUCCEEDED"


def test_a_world_is_kept_after_a_stopped_build(furnished: World, building: Callable[[], str], tmp_path: Path) -> None:
    """A build that was stopped in its work leaves nothing of its container either."""
    stopped = building()
    furnished.loop.advance(20)  # type: ignore[attr-defined]
    furnished.administrator("codebuild").stop_build(id=stopped)
    furnished.loop.advance(20)  # type: ignore[attr-defined]
    assert build(furnished, stopped)["buildStatus"] == "STOPPED"
    furnished.keep(tmp_path)


def test_a_build_in_progress_is_named(furnished: World, building: Callable[[], str], tmp_path: Path) -> None:
    """While a build's container runs, the world is not kept, in the container's words."""
    building()
    furnished.loop.advance(20)  # type: ignore[attr-defined]
    with pytest.raises(NotKeepable, match="this container runs a build"):
        furnished.keep(tmp_path)
