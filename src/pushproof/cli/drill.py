"""`pushproof drill` and `pushproof up`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rich.markup import escape

from pushproof.cli.outcome import FAILED, OK, bad_input, console

if TYPE_CHECKING:
    from pushproof.drill.journey import Drill
    from pushproof.drill.narration import Narrator
    from pushproof.drill.settings import DrillSettings
    from pushproof.targets.sandbox import SandboxTarget
    from pushproof.targets.worldtarget import WorldTarget


def run_drill(settings: DrillSettings, *, target: str, speed: float, port: int) -> int:
    """Run the drill on a target; returns 0 when everything holds and nothing is left behind."""
    from pushproof.drill.journey import Drill
    from pushproof.drill.narration import Narrator
    from pushproof.drill.preflight import preflight

    sandbox = target == "sandbox"
    if sandbox and settings.keep:
        return bad_input("--keep is for worlds; nothing is kept in an account that is paid for")
    narrator = Narrator(console, speed=1.0 if sandbox else speed)
    preflight(settings)
    opened = _open_sandbox() if sandbox else _open_world(target, speed, port)
    passed = False
    try:
        drill = Drill(opened, settings, narrator)
        try:
            if settings.keep:
                drill.run_and_keep()
                passed = True
                _print_access(drill, opened)
                threading.Event().wait()
            else:
                drill.run()
                passed = True
        finally:
            _finish(drill, narrator, passed)
    finally:
        opened.close()
    if left := opened.remains():
        console.print(f"[bold red]left behind:[/] {', '.join(left)}")
        return FAILED
    console.print("[bold green]Proven: a push deploys, a bad push rolls back.[/]")
    return OK


def keep_up(settings: DrillSettings, *, speed: float, port: int) -> int:
    """Apply the environment in an embedded world and leave it up until Ctrl-C."""
    from pushproof.drill.journey import Drill
    from pushproof.drill.narration import Narrator
    from pushproof.drill.preflight import preflight

    preflight(settings)
    target = _open_world("embedded", speed, port)
    try:
        drill = Drill(target, settings, Narrator(console, speed=speed))
        drill.apply()
        _print_access(drill, target)
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("taking the world down")
    finally:
        target.close()
    return OK


def _open_world(name: str, speed: float, port: int) -> WorldTarget:
    from pushproof.emulator.kernel.settings import WorldSettings

    world = WorldSettings(speed=speed)
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


def _finish(drill: Drill, narrator: Narrator, passed: bool) -> None:
    world = getattr(drill.target, "world", None)
    for failure in world.loop.failures if world is not None else ():
        console.print(f"[red]inside the emulator, {escape(failure[0])} failed: {escape(repr(failure[1]))}[/]")
    console.print(narrator.timeline())
    console.print(narrator.durations())
    if drill.settings.report is not None:
        from pushproof.report.html import write_report

        write_report(drill.settings.report, narrator, drill.result, passed=passed)
        console.print(f"report: {drill.settings.report}")


def _print_access(drill: Drill, target: WorldTarget | SandboxTarget) -> None:
    """Print how to reach a world from another terminal."""
    from pushproof.base.environment import world_variables
    from pushproof.targets.worldtarget import WorldTarget

    assert isinstance(target, WorldTarget)
    console.print("\n[bold]The world is up.[/] In another terminal:")
    for name, value in world_variables(target.endpoint, region=target.region).items():
        console.print(f"  export {name}={value!s}", markup=False)
    outputs = drill.outputs
    lines = [
        f"aws ecr get-login-password | docker login --username AWS --password-stdin {target.world.registry_host}",
    ]
    # An environment of somebody else's need not have everything that the reference has.
    if {"cluster_name", "service_name"} <= outputs.keys():
        lines.append(
            f"aws ecs describe-services --cluster {outputs['cluster_name']} --services {outputs['service_name']}"
            " --query 'services[0].events[:10]'"
        )
    if "pipeline_name" in outputs:
        lines += [
            f"aws codepipeline list-pipeline-executions --pipeline-name {outputs['pipeline_name']}",
            "aws codestar-connections list-connections",
            f"git push {target.repository_url(drill.settings.repository)} HEAD:{drill.branch()}",
        ]
    if "load_balancer_dns_name" in outputs:
        lines.append(f"curl --insecure https://{outputs['load_balancer_dns_name']}/version")
    if outputs.get("connection_arn"):
        lines.insert(
            0, f"curl -X POST '{target.endpoint}/_pushproof/connections/authorise?arn={outputs['connection_arn']}'"
        )
    if drill.stack is not None:
        lines.append(
            f"cd {drill.stack.copy.directory} && "
            f"TF_CLI_CONFIG_FILE={drill.stack.environment['TF_CLI_CONFIG_FILE']} terraform plan"
        )
    for line in lines:
        console.print(f"  {line}", markup=False)
    console.print("Ctrl-C takes it down.")
