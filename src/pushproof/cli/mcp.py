"""`pushproof mcp`: worlds, drills and records as tools for agents, over stdio (Model Context Protocol, the official package).

Whatever a tool starts is a process of its own: its output never gets into the protocol's. Tools return members of the record as
docs/pushproof-report-1.schema.json describes them.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pushproof.base.extras import require
from pushproof.cli.outcome import OK, finish

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from pushproof.record.model import Record

_INSTRUCTIONS = (
    "Pushproof proves that a push deploys and that a bad push rolls back, in an emulated AWS account. Begin with `drill` (five "
    "minutes) or `checks`; then `why` for the cause of a failure, and `read_record` for any member of the record. A world that "
    "`start_world` or `apply` opens stays up until `stop_world`."
)
_SUMMARY = ("run", "verdict", "steps", "skipped")
_PUSHES = ("first-deployment", "second-deployment", "broken-deployment")
_AFTER = (*_PUSHES, "notifications", "empty-plan")
_WORLD_SECONDS, _APPLY_SECONDS = 120.0, 1800.0


def mcp() -> None:
    """Offer worlds, drills, checks and records to an agent, over stdio (pip install 'pushproof[mcp]')."""
    finish(serve_stdio)


def serve_stdio() -> int:
    """Answer an agent until it leaves; returns the exit code."""
    require("mcp", "`pushproof mcp`")
    workshop = Workshop()
    try:
        server(workshop).run("stdio")
    finally:
        workshop.close()
    return OK


class NoWorld(Exception):
    """No world came up; the message has the end of what was printed."""


@dataclass
class Workshop:
    """The worlds that were started for an agent, and the processes that hold them."""

    worlds: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, arguments: Sequence[str], seconds: float) -> dict[str, str]:
        """Start a world and return the variables that lead to it. Raises NoWorld, with the end of its output."""
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pushproof.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            exports = self._exports(process, seconds)
            if not exports:
                _end(process)
                log.seek(0)
                raise NoWorld(f"no world came up: {log.read().decode(errors='replace')[-2000:]}")
        self.worlds[exports["world"]] = process
        return exports

    def stop(self, world: str) -> bool:
        """Take a world down; returns whether it was one of these."""
        process = self.worlds.pop(world, None)
        if process is not None:
            _end(process)
        return process is not None

    def close(self) -> None:
        """Take every world down."""
        for world in list(self.worlds):
            self.stop(world)

    def _exports(self, process: subprocess.Popen[bytes], seconds: float) -> dict[str, str]:
        from pushproof.base.target import TargetUnavailable
        from pushproof.targets.exports import published
        from pushproof.targets.journal import Journal

        until = time.monotonic() + seconds
        while time.monotonic() < until and process.poll() is None:
            for record in Journal().records():
                if record.pid == process.pid:
                    with contextlib.suppress(TargetUnavailable):
                        return {"world": record.id, **published(Journal(), record.id)}
            time.sleep(0.2)
        return {}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def recorded(arguments: Sequence[str], report: Path) -> dict[str, Any]:
    """Run a command that leaves a record at `report`; return its exit code and the members that sum it up, or its last words."""
    from pushproof.record.codec import to_plain
    from pushproof.record.store import NoRecord, load

    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    try:
        record = load(report)
    except NoRecord:
        return {"exit_code": done.returncode, "output": done.stdout.decode(errors="replace")[-4000:]}
    members = (*_SUMMARY, "tests", "findings") if record.run.command == "pytest" else _SUMMARY
    return {"exit_code": done.returncode, **{name: to_plain(getattr(record, name)) for name in members}}


def server(workshop: Workshop) -> MCPServer:
    """Return the server with its tools."""
    import anyio.to_thread
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    from pushproof.record.store import NAME, NoRecord, find, load

    made = MCPServer("pushproof", instructions=_INSTRUCTIONS)

    def record_of(run: str | None) -> Record:
        try:
            return load(find(run))
        except NoRecord as error:
            raise ToolError(str(error)) from error

    async def started(arguments: Sequence[str], seconds: float) -> dict[str, str]:
        try:
            return await anyio.to_thread.run_sync(workshop.start, arguments, seconds)
        except NoWorld as error:
            raise ToolError(str(error)) from error

    async def run(*arguments: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="pushproof-mcp-") as directory:
            report = Path(directory) / NAME
            filled = [argument.replace("REPORT", str(report)).replace("FOLDER", directory) for argument in arguments]
            return await anyio.to_thread.run_sync(recorded, filled, report)

    @made.tool()
    async def start_world(docker: bool = True, speed: float = 20.0) -> dict[str, str]:
        """Start an empty emulated AWS account; returns its id and the variables by which programs reach it."""
        runtime = "docker" if docker else "scripted"
        arguments = ("serve", "--port", "0", "--speed", str(speed), "--task-runtime", runtime)
        return await started(arguments, _WORLD_SECONDS)

    @made.tool()
    async def apply(environment: str, app: str) -> dict[str, str]:
        """Start a world and apply a Terraform root module in it; returns the world's id and variables. It stays up for `push`."""
        arguments = ("up", "--port", "0", "--environment", environment, "--app", app)
        return await started(arguments, _APPLY_SECONDS)

    @made.tool()
    async def push(world: str, environment: str, app: str, step: str = "first-deployment") -> dict[str, Any]:
        """Push to a world that `apply` made. `step`: first-deployment, second-deployment or broken-deployment."""
        if step not in _PUSHES:
            raise ToolError(f"{step!r} is not a push; expected one of {', '.join(_PUSHES)}")
        left_out = [option for name in _AFTER if _AFTER.index(name) > _AFTER.index(step) for option in ("--skip", name)]
        return await run(
            "pushproof.cli", "drill", "--run", world, "--from", step, "--keep", *left_out, "--environment", environment,
            "--app", app, "--report", "REPORT",
        )  # fmt: skip

    @made.tool()
    async def stop_world(world: str) -> dict[str, bool]:
        """Take a world down that `start_world` or `apply` made."""
        return {"stopped": await anyio.to_thread.run_sync(workshop.stop, world)}

    @made.tool()
    async def drill(environment: str, app: str, skip: list[str] | None = None) -> dict[str, Any]:
        """Prove the whole journey in a world of its own: a push deploys, a bad push rolls back. Takes about five minutes."""
        left_out = [option for name in skip or () for option in ("--skip", name)]
        return await run(
            "pushproof.cli", "drill", "--environment", environment, "--app", app, *left_out, "--report", "REPORT"
        )  # fmt: skip

    @made.tool()
    async def checks(paths: list[str], target: str = "embedded") -> dict[str, Any]:
        """Run pytest suites that use Pushproof's checks; returns the verdict, each test, and the findings with their fix."""
        return await run("pytest", *paths, "--target", target, "--pushproof-report", "FOLDER", "-q")

    @made.tool()
    def runs() -> list[str]:
        """List the runs whose records are kept on this machine, the newest first."""
        from pushproof.record.store import known

        return known()

    @made.tool()
    def why(run: str | None = None) -> dict[str, Any]:
        """Return why a run's last failure happened, as a chain of sentences, and the commands that show more."""
        from pushproof.record.cause import cause

        told = cause(record_of(run))
        return {"chain": list(told.chain), "commands": list(told.commands)}

    @made.tool()
    def read_record(member: str = "verdict", run: str | None = None) -> dict[str, Any]:
        """Return a member of a run's record, such as tasks, deployments, networks, roles or findings."""
        from pushproof.record.codec import members, to_plain
        from pushproof.record.model import Record

        names = [name for name, _, _ in members(Record)]
        if member not in names:
            raise ToolError(f"{member!r} is not a member; expected one of {', '.join(names)}")
        return {member: to_plain(getattr(record_of(run), member))}

    @made.tool()
    def suggest_policies(run: str | None = None) -> list[dict[str, Any]]:
        """Return for each role of a run a policy that grants what it used, what could go, and what was refused."""
        from pushproof.record.suggesting import suggest

        return [suggestion.plain() for suggestion in suggest(record_of(run))]

    return made
