"""A process of the AWS provider that stays up between commands, which otherwise start it anew several times each.

Terraform attaches to it by TF_REATTACH_PROVIDERS: https://developer.hashicorp.com/terraform/plugin/debugging ("-debug"). A process
has one configuration at a time, the last one that it got, so that it serves one command at a time, and no root with several
configurations of the provider. It resolves relative paths, such as the `filename` of a function, by its own working directory, so
that it serves one root alone. Commands that fail or are interrupted may leave it stopped: it ends with them. It holds 650 MB, so
that it also ends when no command follows for a while.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pushproof.terraform.hcl import read_directory

#: Set to 0, every command on an emulated target starts providers itself.
VARIABLE = "PUSHPROOF_RESIDENT_PROVIDER"
_ADDRESS = "registry.terraform.io/hashicorp/aws"
_LINE = re.compile(r"\s*TF_REATTACH_PROVIDERS='(.*)'\s*")
# The provider ends with this process however that ends, and so does the directory of its socket: the pipe is then closed. The
# shell closes its own output, so that the end of the provider is the end of that.
_SCRIPT = 'TMPDIR=$2 "$1" -debug & exec >/dev/null; cat; kill -9 $!; rm -rf "$2"'
# How long a provider waits for the next command, in seconds.
_PATIENCE = 20.0
# Of Terraform's environment: what decides on logs and plugins of the caller's own.
_OF_THE_CALLER = ("TF_REATTACH_PROVIDERS", "TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_CORE")


_Key = tuple[str, str, frozenset[tuple[str, str]]]


@dataclass(slots=True)
class _Provider:
    """A running provider.

    `key`: its program, directory and environment; `sockets`: the directory of its socket; `attach`: the variable that commands get.
    """

    key: _Key
    process: subprocess.Popen[str]
    sockets: str
    attach: str = ""

    def is_alive(self) -> bool:
        """Return whether the provider runs: its output is open."""
        assert self.process.stdout is not None
        output = self.process.stdout.fileno()
        os.set_blocking(output, False)
        try:
            while os.read(output, 65536):
                pass
        except BlockingIOError:
            return True
        return False

    def end(self) -> None:
        """End the provider, and wait for it."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        shutil.rmtree(self.sockets, ignore_errors=True)


class ResidentProvider:
    """The provider of this process's commands. At most one waits for the next command; a world of its own needs another."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._idle: _Provider | None = None
        self._expiry: threading.Timer | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def lent(self, directory: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """Lend the provider to a command in an initialised directory; yield what the command's environment needs besides.

        That is nothing where the command is to start providers itself.
        """
        program = _program(directory) if _may_share(directory, environment) else None
        provider = self._take(program, directory, environment) if program is not None else None
        if provider is None:
            yield {}
            return
        try:
            yield {"TF_REATTACH_PROVIDERS": provider.attach}
        except BaseException:
            provider.end()
            raise
        if (before := self._swap(provider)) is not None:
            before.end()

    def close(self) -> None:
        """End the provider; the next command starts another."""
        if (before := self._swap(None)) is not None:
            before.end()

    def _swap(self, provider: _Provider | None) -> _Provider | None:
        """Let a provider, or none, wait for the next command. Return the one that waited."""
        with self._lock:
            if self._expiry is not None:
                self._expiry.cancel()
                self._expiry = None
            if provider is not None:
                self._expiry = threading.Timer(self._patience, self._expire, [provider])
                self._expiry.daemon = True
                self._expiry.start()
            before, self._idle = self._idle, provider
        return before

    def _expire(self, provider: _Provider) -> None:
        """End a provider that still waits."""
        with self._lock:
            if self._idle is not provider:
                return
            self._idle = self._expiry = None
        provider.end()

    def _take(self, program: Path, directory: Path, environment: Mapping[str, str]) -> _Provider | None:
        key = str(program.resolve()), str(directory.resolve()), frozenset(environment.items())
        if (idle := self._swap(None)) is not None:
            if idle.key == key and idle.is_alive():
                return idle
            idle.end()
        return _start(program, directory, environment, key)


#: The one of this process.
RESIDENT = ResidentProvider()
atexit.register(RESIDENT.close)


def _start(program: Path, directory: Path, environment: Mapping[str, str], key: _Key) -> _Provider | None:
    """Start a provider; None if it does not say where it listens, so that commands start their own."""
    # Of the usual place for temporary files: the path of a socket has at most 107 bytes.
    sockets = tempfile.mkdtemp(prefix="pushproof-provider-")
    process = subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT, "pushproof-provider", str(program.resolve()), sockets],
        cwd=directory,
        env={**environment, "TF_LOG": "OFF"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    # One that neither listens nor ends must not hold a run up.
    hopeless = threading.Timer(20.0, lambda: os.killpg(process.pid, signal.SIGKILL))
    hopeless.start()
    provider = _Provider(key, process, sockets)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if (match := _LINE.fullmatch(line)) and set(json.loads(match[1])) == {_ADDRESS}:
                provider.attach = match[1]
                return provider
    except ValueError:
        pass
    finally:
        hopeless.cancel()
    provider.end()
    return None


def _program(directory: Path) -> Path | None:
    """Return the AWS provider that `init` has chosen for a directory."""
    folders = (directory / ".terraform/providers" / _ADDRESS).glob("*/*")
    programs = [file for folder in folders for file in folder.glob("terraform-provider-aws_*")]
    return programs[0] if len(programs) == 1 else None


def _may_share(directory: Path, environment: Mapping[str, str]) -> bool:
    """Return whether a root has one configuration of the AWS provider, and the caller no plugins or logs of its own."""
    if os.environ.get(VARIABLE) == "0" or os.name != "posix" or any(environment.get(name) for name in _OF_THE_CALLER):
        return False
    blocks = [block for each in _modules(directory) for block in read_directory(each)]
    configurations = [block for block in blocks if block.kind == "provider" and block.labels == ("aws",)]
    if len(configurations) > 1 or any("alias" in block.attributes for block in configurations):
        return False
    required = (inner for block in blocks if block.kind == "terraform" for inner in block.blocks)
    return not any("configuration_aliases" in value.text for inner in required for value in inner.attributes.values())


def _modules(directory: Path) -> list[Path]:
    """Return the directories of a root and of every module that `init` has found for it."""
    try:
        listed = json.loads((directory / ".terraform/modules/modules.json").read_text(encoding="utf-8"))["Modules"]
        others = [directory / module["Dir"] for module in listed]
    except (OSError, ValueError, KeyError, TypeError):
        others = []
    return list(dict.fromkeys(path.resolve() for path in (directory, *others)))
