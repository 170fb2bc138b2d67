"""What a world runs things on: real containers and sockets, or scripted stand-ins on the same engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.runtime.docker.builder import DockerBuilder
from pushproof.emulator.runtime.docker.host import DockerHost
from pushproof.emulator.runtime.docker.tasks import DockerTaskRuntime
from pushproof.emulator.runtime.scripted.builder import ScriptedBuilder
from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime

if TYPE_CHECKING:
    from pushproof.emulator.world import World


def furnish_docker(world: World, host: DockerHost) -> None:
    """Tasks, builds and load balancers are real; the gateway also listens on the world's own bridge, for builds."""
    world.docker = host
    world.gateway.also_serve(host.bridge_address)
    world.runtime = DockerTaskRuntime(world, host)
    world.builder = DockerBuilder(world, host)


def furnish_scripted(world: World) -> None:
    """Images' labels say how tasks behave; no container and no socket is opened."""
    runtime = ScriptedRuntime(world)
    world.runtime = runtime
    world.prober = runtime
    world.builder = ScriptedBuilder()
