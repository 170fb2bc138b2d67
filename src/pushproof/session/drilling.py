"""The fixture `drill`: the drill's steps as tests of one's own stack, with the environment gone at the end of the module.

On a target whose worlds are kept, what a drill applies is continued from an earlier run, and the world goes back at the end of the
module; elsewhere Terraform applies and destroys.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pytest
from rich.console import Console

from pushproof.drill.certificate import kept_self_signed
from pushproof.drill.configured import Options, drill_settings, read_around
from pushproof.drill.narration import Narrator
from pushproof.drill.runner import Drill
from pushproof.drill.standin import SlackStandIn, Webhook
from pushproof.drill.ways import Ways
from pushproof.session.interrupts import was_interrupted
from pushproof.session.output import writer
from pushproof.targets.base import DrillTarget
from pushproof.terraform.driver import Backend, Terraform

if TYPE_CHECKING:
    from pushproof.session.keeping import Checkpoint, Keeper

# Ports of the stand-ins for Slack: the address is a variable of the stack, so that the same one is taken again if it is free.
_FIRST_PORT, _PORTS, _TRIES = 21_500, 2_000, 8


class Drills:
    """Makes drills for the tests of one module. See `pushproof.DrillFactory`. `keeper`: of the target's worlds, if it has one."""

    def __init__(self, target: DrillTarget, config: pytest.Config, speed: float, keeper: Keeper | None = None) -> None:
        self._target, self._config, self._speed = target, config, speed
        # A campaign knows its applies by their variables, and a drill's differ.
        self._keeper = None if keeper is None or keeper.policy is not None else keeper
        self._open: list[Drill] = []
        self._checkpoint: Checkpoint | None = None
        self._begun = False

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
        narrator = Narrator(console, speed=self._speed)
        # Files of variables and values of secrets come into the working copy and the world beside what is kept.
        keeps = self._keeper is not None and not settings.var_files and not settings.secrets
        drill = Drill(self._target, settings, narrator, ways=self._ways(narrator) if keeps else None)
        self._open.append(drill)
        return drill

    def _ways(self, narrator: Narrator) -> Ways:
        """Return the ways of a drill whose applies are kept: the same certificate and webhook lead to the same world."""
        assert self._keeper is not None
        return Ways(
            apply=partial(self._apply, self._keeper, narrator),
            sign=kept_self_signed,
            listen=partial(_listen, self._config.rootpath, self._keeper),
        )

    def _apply(
        self,
        keeper: Keeper,
        narrator: Narrator,
        terraform: Terraform,
        backend: Backend,
        initialised: Callable[[], None],
    ) -> bool:
        """Apply a configuration, or continue a world in which that was done. See `ApplyWay`."""
        from pushproof.session.keeping import Part, Request

        if not self._begun:
            self._begun, self._checkpoint = True, keeper.checkpoint("module")
            keeper.pin("module")
        before = terraform.timings.get("apply", 0.0)

        def apply_cold() -> None:
            terraform.init(backend=backend)
            initialised()
            terraform.apply()

        def say(sentence: str) -> None:
            narrator.moment("world", f"{terraform.copy.source.name}: {sentence}")

        keeper.apply([Part(terraform, Request(backend, None, self._config.rootpath), say)], apply_cold)
        return terraform.timings.get("apply", 0.0) != before

    def close(self) -> None:
        """Take away what the drills have applied: a kept world goes back to before, elsewhere Terraform destroys, last first."""
        goes_back = False
        if self._keeper is not None and self._begun and not was_interrupted(self._config):
            goes_back = self._checkpoint is not None and self._keeper.return_to(self._checkpoint)
            if not goes_back:
                # A narrower scope's end comes first.
                self._keeper.settle()
        while self._open:
            with self._open.pop() as drill:
                if not goes_back:
                    drill.destroy()


def _listen(root: Path, keeper: Keeper, log: Path) -> Webhook:
    """Open a webhook at an address that runs of a repository share."""
    name = f"webhook-{hashlib.sha256(str(root).encode()).hexdigest()}"
    path = keeper.store.recall(name)
    if path is None:
        # Whoever knows it can post.
        path = f"/services/{secrets.token_hex(20)}"
        keeper.store.remember(name, path)
    first = zlib.crc32(str(root).encode())
    for number in range(_TRIES):
        with suppress(OSError):
            return SlackStandIn(log, port=_FIRST_PORT + (first + number) % _PORTS, path=path)
    return SlackStandIn(log, path=path)


class Lines(io.TextIOBase):
    """A stream that passes on whole lines."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._rest = write, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._write(line)
        return len(text)
