"""The page about Node.js holds: its block runs, as it stands, against a world that `pushproof serve` keeps up."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushproof.base.environment import clean_environment

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).parent / "node"
CLI = [sys.executable, "-m", "pushproof.cli"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SDK's clients at their pinned versions, in a directory of their own."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < 20:
        pytest.skip(f"Node.js 20 or later is needed for --env-file; this is {version.strip()}")
    place = tmp_path_factory.mktemp("node")
    shutil.copytree(SOURCE, place, dirs_exist_ok=True)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"],
        cwd=place, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"the SDK cannot be installed: {done.stderr.strip()[-200:]}")
    return place


@pytest.fixture
def world(tmp_path: Path) -> Iterator[dict[str, str]]:
    environment = {**clean_environment(), "PUSHPROOF_STATE": str(tmp_path / "state")}
    serving = subprocess.Popen(
        [*CLI, "serve", "--port", "0", "--task-runtime", "scripted"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield environment
    serving.terminate()
    assert serving.wait(timeout=60) == 0


def test_the_block_of_the_page_runs(installed: Path, world: dict[str, str]) -> None:
    """`node --env-file=.env --test` passes with the file that `pushproof env --format dotenv` wrote."""
    (block,) = re.findall(r"```js\n(.*?)```", (ROOT / "docs/clients/node.md").read_text(encoding="utf-8"), re.DOTALL)
    (installed / "orders.test.mjs").write_text(block)
    exports = subprocess.run(
        [*CLI, "env", "--wait", "120", "--format", "dotenv"],
        env=world,
        capture_output=True,
        text=True,
        check=True,
        timeout=150,
    ).stdout
    (installed / ".env").write_text(exports)
    done = subprocess.run(
        ["node", "--env-file=.env", "--test", "orders.test.mjs"],
        cwd=installed, env=clean_environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass 2$|^ℹ pass 2$", done.stdout, re.MULTILINE), done.stdout
