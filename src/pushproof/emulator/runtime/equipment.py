"""The equipment of a world: real containers and sockets, or scripted replacements, on the same engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pushproof.emulator.kernel.balancing import DataPlane
from pushproof.emulator.kernel.builds import Builder
from pushproof.emulator.kernel.functions import FunctionRuntime
from pushproof.emulator.kernel.site import Engine, Ground, Images
from pushproof.emulator.kernel.source import GitSource
from pushproof.emulator.kernel.tasks import TargetProber, TaskRuntime
from pushproof.emulator.runtime.docker.builder import DockerBuilder
from pushproof.emulator.runtime.docker.functions import DockerFunctions
from pushproof.emulator.runtime.docker.guard import Guard
from pushproof.emulator.runtime.docker.host import DockerHost
from pushproof.emulator.runtime.docker.tasks import DockerTaskRuntime
from pushproof.emulator.runtime.scripted.builder import ScriptedBuilder
from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime


@dataclass(frozen=True, slots=True)
class Equipment:
    """The runtimes of a world. A None is missing equipment: tasks then fail to start, builds fail to provision, and name the cause.

    `prober` probes targets instead of the data plane; `plane` is the load balancers' data plane, which the world creates if it is
    None.
    """

    tasks: TaskRuntime | None = None
    prober: TargetProber | None = None
    builds: Builder | None = None
    plane: DataPlane | None = None
    git: GitSource | None = None
    engine: Engine | None = None
    functions: FunctionRuntime | None = None


# : Makes a world's equipment, once its ground and its registry exist.
Equip = Callable[[Ground, Images], Equipment]


def no_equipment(_ground: Ground, _images: Images) -> Equipment:
    """Equip a world with nothing: APIs answer, and no task, build or load balancer runs."""
    return Equipment()


def docker_equipment(host: DockerHost) -> Equip:
    """Equip a world with Docker Engine: tasks, builds and load balancers are real."""

    def equip(ground: Ground, images: Images) -> Equipment:
        guard = Guard(ground, host)
        return Equipment(
            tasks=DockerTaskRuntime(ground, host, images, guard),
            builds=DockerBuilder(ground, host, guard),
            git=_git_host(ground),
            engine=host,
            functions=DockerFunctions(ground, host, images, guard),
        )

    return equip


def scripted_equipment(ground: Ground, images: Images) -> Equipment:
    """Equip a world with scripts: images' labels say how tasks behave; no container and no socket is opened."""
    runtime = ScriptedRuntime(ground, images)
    return Equipment(tasks=runtime, prober=runtime, builds=ScriptedBuilder(), git=_git_host(ground))


def _git_host(ground: Ground) -> GitSource:
    from pushproof.emulator.githost.host import GitHost

    return GitHost(ground)
