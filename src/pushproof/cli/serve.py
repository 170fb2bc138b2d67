"""`pushproof serve`: just a world, for whatever wants to reach it, until Ctrl-C."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from pushproof.cli.exports import Format, formatted
from pushproof.cli.options import ACCOUNT, REGION, WorldOptions
from pushproof.cli.outcome import FAILED, OK, console

if TYPE_CHECKING:
    from pushproof.targets.worldtarget import WorldTarget

#: LocalStack's is 4566: both can be up.
DEFAULT_PORT = 4567
INIT_DIRECTORY = Path("/etc/pushproof/init.d")


def serve(
    *,
    port: int,
    speed: float,
    runtime: str,
    init: Path | None,
    world: WorldOptions | None = None,
    in_container: bool = False,
    names: Sequence[str] = (),
) -> int:
    """Keep a world up until Ctrl-C; returns 1 when a script of `init` fails.

    `in_container`: listen on the addresses of the container around this process too. `names`: more names of the world.
    """
    from pushproof.emulator.kernel.settings import DoorSettings, WorldSettings
    from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
    from pushproof.targets.exports import publish

    scripts = init_scripts(init)
    addresses = container_addresses() if in_container else ()
    world = world or WorldOptions()
    settings = WorldSettings(
        speed=speed,
        region=world.region or REGION,
        account_id=world.account or ACCOUNT,
        privileged=world.privileged,
        host_ports=world.host_ports,
        doors=DoorSettings(hosts=frozenset(host_names(names))),
    )
    target = EmbeddedTarget(EmbeddedSettings(world=settings, runtime=runtime, port=port, addresses=addresses))
    try:
        for line in target.cleaned:
            console.print(f"[yellow]removed what a crashed run left: {escape(line)}[/]")
        for script in scripts:
            if (code := _run(script, target)) != 0:
                console.print(f"[bold red]{escape(str(script))} ended with exit code {code}:[/] taking the world down")
                return FAILED
        # Who waits for the exports waits for the scripts.
        exports = publish(target)
        if in_container:
            # Engines keep what is printed, and show it to whoever may see logs: no keys.
            console.print(f"[bold]World {target.world.id} is up[/] at {target.endpoint}, published on the same port.")
            console.print('Outside: eval "$(docker exec CONTAINER pushproof env)"', markup=False)
        else:
            console.print(f"[bold]World {target.world.id} is up[/] at {target.endpoint}. In another terminal:")
            console.print(formatted(exports, Format.SH), markup=False, end="")
            console.print('or: eval "$(pushproof env)". Ctrl-C takes it down.', markup=False)
        console.print(
            f"To look at it: {target.endpoint}/_pushproof/ui, with the keys as user and password", markup=False
        )
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("taking the world down")
    finally:
        target.close()
    return OK


def container_addresses() -> tuple[str, ...]:
    """Return the addresses of the container that this process runs in. Raises BadInput outside of one.

    Outside, they would be the machine's own: whoever is on its network would reach the world.
    """
    from pushproof.base.processes import is_in_container
    from pushproof.drill.settings import BadInput

    if not is_in_container():
        raise BadInput("--in-container works inside of a container only: this machine's own addresses stay closed")
    try:
        answers = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise BadInput(f"--in-container: the container's own name does not resolve to an address ({error})") from error
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers if not str(answer[4][0]).startswith("127.")))


def host_names(names: Sequence[str]) -> list[str]:
    """Return names that requests may use as `Host`, in lower case. Raises BadInput for what is no name."""
    from pushproof.drill.settings import BadInput

    for name in names:
        # https://www.rfc-editor.org/rfc/rfc1123#section-2.1
        if not re.fullmatch(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*", name):
            raise BadInput(
                f"--name {name!r} is not a name of a host; expected one without scheme and port, such as pushproof"
            )
    return [name.lower() for name in names]


def init_scripts(directory: Path | None) -> list[Path]:
    """Return the scripts (`*.sh`) of a directory by name, of the usual one when it is None. Raises BadInput."""
    from pushproof.drill.settings import BadInput

    if directory is None:
        directory = INIT_DIRECTORY
        if not directory.is_dir():
            return []
    if not directory.is_dir():
        raise BadInput(f"--init {directory} is not a directory; expected one with scripts (*.sh)")
    return sorted(path for path in directory.glob("*.sh") if path.is_file())


def _run(script: Path, target: WorldTarget) -> int:
    """Run a script with the world's environment, its output going where ours goes; returns its exit code."""
    console.print(f"running {script}", markup=False)
    path = script.resolve()
    command = [str(path)] if os.access(path, os.X_OK) else ["sh", str(path)]
    try:
        return subprocess.run(command, env=target.environment(), stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        console.print(f"{script} cannot be run: {error}", markup=False)
        return 126
