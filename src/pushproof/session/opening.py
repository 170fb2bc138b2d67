"""Opens the target that a session names."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from pushproof.base.garbage import collector_paused
from pushproof.session.options import is_on, text_of
from pushproof.session.output import writer

if TYPE_CHECKING:
    from pushproof.emulator.kernel.settings import WorldSettings
    from pushproof.targets.sandbox import SandboxTarget
    from pushproof.targets.worldtarget import WorldTarget


def open_own_target(
    config: pytest.Config, name: str, environment: Mapping[str, str]
) -> WorldTarget | SandboxTarget | None:
    """Open one of Pushproof's own targets; None for any other name. `environment`: what this process began with."""
    with collector_paused():
        # What an earlier session of this process left.
        gc.unfreeze()
        target = _open(config, name, environment)
        if target is not None:
            # A thousand modules and their classes stay until the end; looking at them again takes a third of a second each time.
            gc.freeze()
            # A world that is read has 200,000 objects, and as many are made by an apply. The default looks after every 700.
            gc.set_threshold(20_000, 10, 10)
    return target


def _open(config: pytest.Config, name: str, environment: Mapping[str, str]) -> WorldTarget | SandboxTarget | None:
    if name == "sandbox":
        from pushproof.targets.sandbox import SandboxTarget

        return SandboxTarget(say=_narrator(config, "sandbox"))
    if name not in ("embedded", "localstack"):
        return None
    world, runtime = _world_settings(config), text_of(config, "task-runtime")
    if world.open:
        _narrator(config, "world", red=True)(
            "any access key is good; whoever reaches its port on loopback is the administrator"
        )
    if name == "embedded":
        from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

        return EmbeddedTarget(EmbeddedSettings(world=world, runtime=runtime))
    from pushproof.targets.localstack.target import LocalStackTarget, settings_from_environment

    more: dict[str, object] = {"native": True} if is_on(config, "native") else {}
    if where := text_of(config, "localstack"):
        more["where"] = where
    settings = settings_from_environment(world, environment, runtime=runtime, **more)
    return LocalStackTarget(settings, progress=_narrator(config, "localstack"))


def _world_settings(config: pytest.Config) -> WorldSettings:
    from pushproof.aws.places import require_account_id, require_region
    from pushproof.emulator.kernel.settings import WorldSettings

    try:
        region, account = require_region(text_of(config, "region")), require_account_id(text_of(config, "account"))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    return WorldSettings(
        speed=_speed(config),
        open=is_on(config, "open-world"),
        privileged=not is_on(config, "no-privileged"),
        host_ports=_host_ports(config),
        region=region,
        account_id=account,
    )


def _host_ports(config: pytest.Config) -> frozenset[int]:
    words = [word.strip() for word in text_of(config, "host-ports").split(",") if word.strip()]
    wrong = [word for word in words if not word.isdigit() or not 0 < int(word) <= 65535]
    if wrong:
        raise pytest.UsageError(
            f"--pushproof-host-ports requires ports, 1 to 65535, separated by commas, such as 5432,6379; got {wrong[0]!r}"
        )
    return frozenset(map(int, words))


def _speed(config: pytest.Config) -> float:
    text = text_of(config, "speed")
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if speed <= 0:
        raise pytest.UsageError(
            f"--pushproof-speed requires a number above 0, such as 1 (as on AWS) or 20; got {text!r}"
        )
    return speed


def _narrator(config: pytest.Config, name: str, **markup: bool) -> Callable[[str], None]:
    write = writer(config, **markup)
    return lambda text: write(f"{name}: {text}")
