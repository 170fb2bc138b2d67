"""The whole development environment, applied once for this folder, with one good deployment on it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pushproof import DrillFactory
from pushproof.drill.repository import Checkout
from pushproof.drill.runner import Drill


@dataclass(slots=True)
class Stack:
    """The environment under test, a checkout to push from, and the commit that serves."""

    drill: Drill
    checkout: Checkout
    commit: str

    def __getitem__(self, output: str) -> Any:
        return self.drill.outputs[output]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command in the world's environment, as a person runs it who has the virtual environment's tools on the path."""
        environment = self.drill.target.environment()
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            cwd=self.checkout.directory,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def push(self, message: str, files: dict[str, str]) -> str:
        """Commit these files on top of the application and push. Return the revision under which the pipeline lists it."""
        return self.drill.push(self.checkout.commit(message, files=files))


@pytest.fixture(scope="module")
def stack(drill: DrillFactory) -> Stack:
    # The session's account may have the reference environments in it already.
    made = drill("infrastructure/environments/dev", app="app", project="stack")
    made.apply()
    return Stack(made, made.checkout, made.deploy().commit)
