"""The fixture `drill`: the drill's steps as tests of one's own stack, with the environment destroyed at the end of the module."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import pytest
from rich.console import Console

from pushproof.drill.configured import Options, drill_settings, read_around
from pushproof.drill.narration import Narrator
from pushproof.drill.runner import Drill
from pushproof.session.output import writer
from pushproof.targets.base import DrillTarget


class Drills:
    """Makes drills for the tests of one module. See `pushproof.DrillFactory`."""

    def __init__(self, target: DrillTarget, config: pytest.Config, speed: float) -> None:
        self._target, self._config, self._speed = target, config, speed
        self._open: list[Drill] = []

    def __call__(
        self,
        environment: str | Path | None = None,
        *,
        app: str | Path | None = None,
        bootstrap: str | Path | None = None,
        pipeline: str | None = None,
        service: str | None = None,
        **variables: object,
    ) -> Drill:
        """Return a drill that has done nothing yet."""
        root = self._config.rootpath
        options = Options(
            environment=None if environment is None else root / environment,
            application=None if app is None else root / app,
            bootstrap=None if bootstrap is None else root / bootstrap,
            variables=variables,
            pipeline=pipeline,
            service=service,
        )
        settings = drill_settings(options, read_around(root))
        console = Console(file=cast(IO[str], Lines(writer(self._config))), highlight=False, soft_wrap=True, emoji=False)
        drill = Drill(self._target, settings, Narrator(console, speed=self._speed))
        self._open.append(drill)
        return drill

    def close(self) -> None:
        """Destroy what the drills have applied, the newest first."""
        while self._open:
            with self._open.pop() as drill:
                drill.destroy()


class Lines(io.TextIOBase):
    """A stream that passes on whole lines."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._rest = write, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._write(line)
        return len(text)
