"""One command of Terraform, run by tftest with its traps closed; see `driver`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tftest

from pushproof.terraform.errors import CommandFailed, CommandTimedOut

LineListener = Callable[[str], None]

#: The process groups of commands that run now, for whoever ends this process at once.
RUNNING: set[int] = set()


class Command(tftest.TerraformTest):  # type: ignore[misc]
    """tftest's own interface over a command runner that cannot hang, lose output or swallow a failure."""

    limit: float = 1800.0
    listener: LineListener | None = None
    accepted: frozenset[int] = frozenset({0})
    # Words of a wrapper's command before Terraform's own.
    before: tuple[str, ...] = ()
    # The name of the directory in messages, and Terraform's words as a reader can use them.
    place: str = ""
    # The process groups of this configuration's commands.
    groups: set[int]
    localise: Callable[[str], str] = staticmethod(lambda text: text)

    def execute_command(self, cmd: str, *cmd_args: str) -> tftest.TerraformCommandOutput:
        line = [self.binary, *self.before, cmd, *(str(argument) for argument in cmd_args)]
        process = subprocess.Popen(
            line,
            cwd=self.tfdir,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        streams: dict[str, list[str]] = {"out": [], "err": []}
        readers = [
            threading.Thread(target=self._drain, args=(process.stdout, streams["out"]), daemon=True),
            threading.Thread(target=self._drain, args=(process.stderr, streams["err"]), daemon=True),
        ]
        for reader in readers:
            reader.start()
        RUNNING.add(process.pid)
        self.groups.add(process.pid)
        timed_out = False
        try:
            try:
                process.wait(self.limit)
            except subprocess.TimeoutExpired:
                timed_out = True
                _interrupt(process)
        except BaseException:
            # Ctrl-C here: Terraform gets the same, and the time to write its state and release its lock.
            _interrupt(process)
            raise
        finally:
            RUNNING.discard(process.pid)
            self.groups.discard(process.pid)
            for reader in readers:
                reader.join(timeout=10)
            _keep_private(Path(self.tfdir))
        output, errors = "".join(streams["out"]), "".join(streams["err"])
        words, place = " ".join([cmd, *(str(argument) for argument in cmd_args)]), self.place or str(self.tfdir)
        if timed_out:
            raise CommandTimedOut(words, place, self.limit, self.localise(output), self.localise(errors))
        if process.returncode not in self.accepted:
            raise CommandFailed(words, place, process.returncode, self.localise(output), self.localise(errors))
        return tftest.TerraformCommandOutput(process.returncode, output, errors)

    def _drain(self, stream: Any, lines: list[str]) -> None:
        with stream:
            for text in stream:
                lines.append(text)
                if self.listener is not None:
                    self.listener(text.rstrip("\n"))


def _keep_private(directory: Path) -> None:
    """Let only the owner read states and plans, which hold every secret in clear."""
    for pattern in ("*.tfstate*", "*.tfplan"):
        for path in directory.glob(pattern):
            with contextlib.suppress(OSError):
                path.chmod(0o600)


def _interrupt(process: subprocess.Popen[str], patience: float = 60.0) -> None:
    """SIGINT, as a person gives it; SIGKILL to the whole group when that is not heeded, or when the person repeats it."""
    for sign, wait in ((signal.SIGINT, patience), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, sign)
            process.wait(wait)
        except (ProcessLookupError, PermissionError):
            break
        except subprocess.TimeoutExpired:
            continue
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
