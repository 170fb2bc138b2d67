"""`pushproof drill` and `pushproof up`."""

from __future__ import annotations

import shlex
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.markup import escape

from pushproof.cli.options import ACCOUNT, REGION, WorldOptions
from pushproof.cli.outcome import FAILED, OK, console
from pushproof.cli.recorded import recorded

if TYPE_CHECKING:
    from pushproof.drill.context import Result
    from pushproof.drill.keeping import Kept
    from pushproof.drill.narration import Narrator
    from pushproof.drill.runner import Drill
    from pushproof.drill.settings import DrillSettings
    from pushproof.targets.attached import AttachedWorld
    from pushproof.targets.sandbox import SandboxTarget
    from pushproof.targets.worldtarget import WorldTarget


def run_drill(
    settings: DrillSettings,
    *,
    target: str,
    speed: float,
    port: int,
    run_id: str | None = None,
    world: WorldOptions | None = None,
) -> int:
    """Run the drill on a target; returns 0 when everything holds and nothing is left behind.

    With `settings.start`, goes on in a world or run that is kept: the one of `run_id`, or the only one there is.
    """
    from pushproof.drill import resuming
    from pushproof.drill.narration import Narrator
    from pushproof.drill.preflight import preflight
    from pushproof.drill.runner import Drill, chosen_steps
    from pushproof.targets.sandbox import SandboxTarget

    preflight(settings)
    _require_answered(settings, target)
    resuming.require_resumable(settings)
    kept: Kept | None = None
    opened: WorldTarget | AttachedWorld | SandboxTarget
    if settings.start is None:
        chosen_steps(settings)
        opened = (
            _open_sandbox() if target == "sandbox" else _open_world(target, speed, port, _world_for(settings, world))
        )
        narrator = Narrator(console, speed=1.0 if target == "sandbox" else speed)
    else:
        place = resuming.find(target, run_id)
        kept = resuming.read(place.evidence)
        settings = resuming.resumed_settings(settings, kept, target=target)
        chosen_steps(settings, list(kept.entries))
        opened = place.open(kept, lambda line: console.print(line, markup=False))
        narrator = Narrator(console, speed=kept.stage.speed)
    stays = False
    try:
        with Drill(opened, settings, narrator, kept=kept) as drill:
            try:
                with recorded(drill, narrator):
                    drill.run()
                stays = settings.keep
            except Exception:
                # A run without an applied environment cannot be gone on with, and would only cost. Ctrl-C keeps nothing.
                stays = settings.keep and "apply" in drill.context.record
                raise
            finally:
                _finish(drill, narrator)
            if settings.keep:
                _keep_world(drill, opened)
    finally:
        if stays and isinstance(opened, SandboxTarget):
            opened.keep()
            console.print(f"`pushproof drill{_like(drill)} --run {opened.run.id} --from STEP` goes on", markup=False)
        opened.close()
    left = [] if stays else opened.remains()
    if left:
        console.print(f"[bold red]left behind:[/] {', '.join(left)}")
        return FAILED
    _print_verdict(drill.result)
    return OK


def _keep_world(drill: Drill, target: WorldTarget | AttachedWorld | SandboxTarget) -> None:
    """Print how to reach what is kept; a world of this process is up until Ctrl-C."""
    from pushproof.targets.worldtarget import WorldTarget

    if isinstance(target, WorldTarget):
        _print_access(drill, target)
        threading.Event().wait()


def _print_verdict(result: Result) -> None:
    if result.skipped:
        console.print(f"[bold green]Shown, but for what was left out: {', '.join(result.skipped)}.[/]")
    else:
        console.print("[bold green]Proven: a push deploys, a bad push rolls back.[/]")


def _require_answered(settings: DrillSettings, target: str) -> None:
    """Show what an emulated world does not know of the environment. Raises Unanswered for what it refuses."""
    from pushproof.stack import require_answered

    for line in require_answered(settings.environment) if target != "sandbox" and settings.start is None else ():
        console.print(f"[yellow]{escape(line)}[/]")


def keep_up(settings: DrillSettings, *, speed: float, port: int, world: WorldOptions | None = None) -> int:
    """Apply the environment in an embedded world and leave it up until Ctrl-C."""
    from pushproof.drill.narration import Narrator
    from pushproof.drill.preflight import preflight
    from pushproof.drill.runner import Drill

    preflight(settings)
    _require_answered(settings, "embedded")
    target = _open_world("embedded", speed, port, _world_for(settings, world))
    try:
        with Drill(target, settings, Narrator(console, speed=speed)) as drill:
            drill.perform("apply")
            _print_access(drill, target)
            threading.Event().wait()
    except KeyboardInterrupt:
        console.print("taking the world down")
    finally:
        target.close()
    return OK


def _world_for(settings: DrillSettings, world: WorldOptions | None) -> WorldOptions:
    """Return the options of a world for an environment: where nobody chose region and account, those that its provider works in."""
    from pushproof.terraform.needs import provider_region, read_needs

    world = world or WorldOptions()
    if not world.region:
        region = provider_region(settings.environment, settings.variables) or REGION
        if region != REGION:
            console.print(f"the world is in {region}, as the environment's provider is", markup=False)
        world = replace(world, region=region)
    if world.account:
        return world
    needs = read_needs(settings.environment, variables=settings.variables)
    accounts = [rule.accounts[0] for rule in needs.accounts if rule.allowed]
    accounts += [role.arn.split(":")[4] for role in needs.roles if role.arn.count(":") >= 5]
    if not accounts:
        return world
    console.print(f"the world is account {accounts[0]}, as the environment's provider wants it", markup=False)
    return replace(world, account=accounts[0])


def _open_world(name: str, speed: float, port: int, options: WorldOptions) -> WorldTarget:
    from pushproof.emulator.kernel.settings import WorldSettings

    world = WorldSettings(
        speed=speed,
        open=options.open,
        privileged=options.privileged,
        host_ports=options.host_ports,
        region=options.region or REGION,
        account_id=options.account or ACCOUNT,
    )
    if options.open:
        console.print(
            "[bold red]This world is open: any access key is good. Whoever reaches its port on loopback is the administrator,[/]"
        )
        console.print("[bold red]and may run containers as you.[/]")
    target: WorldTarget
    if name == "localstack":
        from pushproof.targets.localstack.target import LocalStackTarget, settings_from_environment

        target = LocalStackTarget(
            settings_from_environment(world, port=port),
            progress=lambda line: console.print(f"localstack: {line}", markup=False),
        )
    else:
        from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

        target = EmbeddedTarget(EmbeddedSettings(world=world, port=port))
    for line in target.cleaned:
        console.print(f"[yellow]removed what a crashed run left: {escape(line)}[/]")
    return target


def _open_sandbox() -> SandboxTarget:
    from pushproof.targets.sandbox import SandboxTarget

    return SandboxTarget(say=lambda line: console.print(line, markup=False))


def _finish(drill: Drill, narrator: Narrator) -> None:
    world = getattr(drill.target, "world", None)
    for failure in world.loop.failures if world is not None else ():
        console.print(f"[red]inside the emulator, {escape(failure[0])} failed: {escape(repr(failure[1]))}[/]")
    console.print(narrator.timeline())
    console.print(narrator.durations())


def _like(drill: Drill) -> str:
    """Return the options by which another drill means the same target and environment."""
    from pushproof.cli.options import ENVIRONMENT

    environment = drill.context.settings.environment
    target = "" if drill.target.name == "embedded" else f" --target {drill.target.name}"
    return target if environment == ENVIRONMENT else f"{target} --environment {environment}"


def _print_access(drill: Drill, target: WorldTarget) -> None:
    """Print how to reach a world from another terminal."""
    from pushproof.base.environment import world_variables
    from pushproof.drill.steps.apply import entrance_of
    from pushproof.targets.exports import publish

    console.print("\n[bold]The world is up.[/] In another terminal:")
    for name, value in world_variables(target.endpoint, region=target.region, keys=target.keys).items():
        console.print(f"  export {name}={shlex.quote(value)}", markup=False, soft_wrap=True)
    applied = drill.applied
    delivery = applied.delivery
    lines = [
        f"aws ecr get-login-password | docker login --username AWS --password-stdin {target.world.registry_host}",
    ]
    # Not every environment has a path for pushes.
    if not applied.undelivered:
        lines += [
            f"aws ecs describe-services --cluster {delivery.cluster} --services {delivery.service}"
            " --query 'services[0].events[:10]'",
            f"aws codepipeline list-pipeline-executions --pipeline-name {delivery.pipeline}",
            "aws codestar-connections list-connections",
            f"git push {target.repository_url(drill.context.repository)} HEAD:{drill.context.branch}",
        ]
    if delivery.entrance.dns_name:
        host = f"--header 'Host: {delivery.entrance.host}' " if delivery.entrance.host else ""
        lines.append(f"curl --insecure {host}{entrance_of(delivery)}{delivery.entrance.paths[0]}")
    if delivery.source.connection_arn:
        lines.insert(
            0,
            "curl -u $AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY -X POST "
            f"'{target.endpoint}/_pushproof/connections/authorise?arn={delivery.source.connection_arn}'",
        )
    stack = drill.context.stack
    lines.append(
        f"cd {stack.copy.directory} && TF_CLI_CONFIG_FILE={stack.environment['TF_CLI_CONFIG_FILE']} terraform plan"
    )
    if "first-deployment" in drill.context.record:
        lines.append(f"pushproof drill{_like(drill)} --from broken-deployment --break crash --keep")
    for line in lines:
        console.print(f"  {line}", markup=False)
    publish(target)
    console.print('`eval "$(pushproof env)"` sets the variables. Ctrl-C takes it down.', markup=False)
