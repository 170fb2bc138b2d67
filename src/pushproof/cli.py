"""The command line: doctor, up, drill, sweep.

Exit codes: 0 what was asked for holds; 1 the proof failed; 2 bad usage or input; 3 something this machine lacks;
4 Terraform failed; 130 interrupted.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pushproof import __version__

OK, FAILED, USAGE, UNAVAILABLE, TERRAFORM, INTERRUPTED = 0, 1, 2, 3, 4, 130
DEFAULT_SPEED = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.ERROR, format="%(levelname)s %(name)s: %(message)s"
    )
    signal.signal(signal.SIGTERM, _as_interrupt)
    console = _console()
    from pushproof.drill.settings import BadInput, ProofFailed
    from pushproof.targets.base import TargetUnavailable
    from pushproof.terraform.errors import CommandFailed, NoConfiguration, OutputMissing, TerraformError

    try:
        return int(options.command(options, console))
    except KeyboardInterrupt:
        console.print("[yellow]interrupted; everything this run started has been taken down[/]")
        return INTERRUPTED
    except ProofFailed as error:
        console.print(f"[bold red]Not proven:[/] {escape(str(error))}")
        return FAILED
    except (BadInput, NoConfiguration, OutputMissing) as error:
        console.print(f"[bold red]Bad input:[/] {escape(str(error))}")
        return USAGE
    except CommandFailed as error:
        console.print(f"[bold red]Terraform failed:[/] {escape(str(error))}")
        return TERRAFORM
    except (TargetUnavailable, TerraformError) as error:
        console.print(f"[bold red]Cannot run here:[/] {escape(str(error))}")
        return UNAVAILABLE


def _console() -> Console:
    # A CI log has no width; 80 columns would break every table.
    return Console(highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else 150)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    # A CI system's stop is handled like Ctrl-C: everything is taken down.
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pushproof",
        description="Proves, before production does, that a push deploys and that a bad push rolls back.",
        epilog="exit codes: 0 holds, 1 not proven, 2 bad input, 3 something missing here, 4 Terraform failed, 130 interrupted",
    )
    parser.add_argument("--version", action="version", version=f"pushproof {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what goes on inside")
    commands = parser.add_subparsers(required=True, metavar="command")

    doctor = commands.add_parser("doctor", help="what is present, what is missing, what to do about it")
    doctor.add_argument("--port", type=_port, default=0, help="the gateway port you mean to use (0: any)")
    doctor.set_defaults(command=_doctor)

    for name, text in (
        ("drill", "a push deploys, a bad push rolls back: the whole journey, judged by what serves"),
        ("up", "an embedded world with the environment applied, left up until Ctrl-C"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--environment",
            type=Path,
            default=Path("infrastructure/environments/dev"),
            help="root module under test (%(default)s)",
        )
        command.add_argument("--app", type=Path, default=Path("app"), help="the application's repository (%(default)s)")
        command.add_argument(
            "--bootstrap", type=Path, help="module that makes the state bucket (../../bootstrap of the environment)"
        )
        command.add_argument(
            "--var", action="append", default=[], metavar="NAME=VALUE", help="a Terraform variable; may be repeated"
        )
        command.add_argument(
            "--speed", type=_speed, default=DEFAULT_SPEED, help="how many times as fast as AWS time runs (%(default)g)"
        )
        command.add_argument("--port", type=_port, default=0, help="gateway port (0: the first free one)")
        command.add_argument(
            "--repository", default="example/shop", help="owner/name of the repository that is pushed to (%(default)s)"
        )
        if name == "drill":
            command.add_argument(
                "--target",
                choices=("embedded", "localstack", "sandbox"),
                default="embedded",
                help="where to run it (%(default)s)",
            )
            command.add_argument(
                "--variant", default="unhealthy", help="the breakage to push, one of app/variants (%(default)s)"
            )
            command.add_argument(
                "--keep", action="store_true", help="leave the world up at the end and print how to reach it"
            )
            command.add_argument("--report", type=Path, help="write the timeline as an HTML file")
        command.set_defaults(command=_drill if name == "drill" else _up)

    sweep = commands.add_parser("sweep", help="remove what crashed runs left behind")
    sweep.add_argument(
        "--local", action="store_true", help="on this machine: containers, networks, processes, directories"
    )
    sweep.add_argument("--expired", action="store_true", help="in the sandbox account: only runs whose time is over")
    sweep.add_argument("--run", type=_run_id, metavar="ID", help="in the sandbox account: this run, expired or not")
    sweep.add_argument(
        "--yes", action="store_true", help="in the sandbox account: remove it; without this, only tell what would go"
    )
    sweep.set_defaults(command=_sweep)
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; expected 0 to 65535")
    return int(text)


def _run_id(text: str) -> str:
    if len(text) != 8 or not set(text) <= set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a run; expected the eight hexadecimal digits in its names, such as 1a2b3c4d"
        )
    return text


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1000:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a speed; expected a number above 0 and up to 1000, 1 being AWS's own"
        )
    return speed


def _variables(pairs: list[str]) -> dict[str, Any]:
    from pushproof.drill.settings import BadInput

    variables = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found or not name.isidentifier():
            raise BadInput(f"--var {pair!r}: expected NAME=VALUE")
        variables[name] = value
    return variables


def _doctor(options: argparse.Namespace, console: Console) -> int:
    from pushproof.doctor import diagnose

    diagnoses = diagnose(options.port)
    table = Table(show_header=False, show_edge=False, pad_edge=False)
    for diagnosis in diagnoses:
        mark = "[green]✓[/]" if diagnosis.present else ("[red]✗[/]" if diagnosis.needed else "[yellow]![/]")
        table.add_row(mark, diagnosis.subject, escape(diagnosis.found))
        if not diagnosis.present and diagnosis.remedy:
            table.add_row("", "", f"[yellow]→ {escape(diagnosis.remedy)}[/]")
    console.print(table)
    missing = [d.subject for d in diagnoses if d.needed and not d.present]
    console.print(f"[red]missing: {', '.join(missing)}[/]" if missing else "[green]ready[/]")
    return UNAVAILABLE if missing else OK


def _drill(options: argparse.Namespace, console: Console) -> int:
    from pushproof.drill.journey import Drill
    from pushproof.drill.narration import Narrator
    from pushproof.drill.preflight import preflight

    narrator = Narrator(console, speed=1.0 if options.target == "sandbox" else options.speed)
    settings = _drill_settings(options, variant=options.variant, keep=options.keep, report=options.report)
    if options.target == "sandbox" and options.keep:
        console.print("[bold red]Bad input:[/] --keep is for worlds; nothing is kept in an account that is paid for")
        return USAGE
    preflight(settings)
    target = _open_sandbox(console) if options.target == "sandbox" else _open(options, narrator)
    passed = False
    try:
        drill = Drill(target, settings, narrator)
        try:
            if options.keep:
                drill.run_and_keep()
                passed = True
                _print_access(drill, console)
                _wait_for_interrupt()
            else:
                drill.run()
                passed = True
        finally:
            _finish(drill, narrator, passed)
    finally:
        target.close()
    left = target.remains()
    if left:
        console.print(f"[bold red]left behind:[/] {', '.join(left)}")
        return FAILED
    console.print("[bold green]Proven: a push deploys, a bad push rolls back.[/]")
    return OK


def _up(options: argparse.Namespace, console: Console) -> int:
    from pushproof.drill.journey import Drill
    from pushproof.drill.narration import Narrator
    from pushproof.drill.preflight import preflight

    narrator = Narrator(console, speed=options.speed)
    settings = _drill_settings(options)
    preflight(settings)
    target = _open(options, narrator)
    try:
        drill = Drill(target, settings, narrator)
        drill.apply()
        _print_access(drill, console)
        _wait_for_interrupt()
    except KeyboardInterrupt:
        console.print("taking the world down")
    finally:
        target.close()
    return OK


def _drill_settings(options: argparse.Namespace, **more: Any) -> Any:
    from pushproof.drill.settings import DrillSettings

    return DrillSettings(
        environment=options.environment,
        application=options.app,
        bootstrap=options.bootstrap,
        repository=options.repository,
        variables=_variables(options.var),
        **more,
    )


def _open(options: argparse.Namespace, narrator: Any) -> Any:
    from pushproof.emulator.world import WorldSettings
    from pushproof.targets.worldtarget import WorldTarget

    world = WorldSettings(speed=options.speed)
    target: WorldTarget
    if getattr(options, "target", "embedded") == "localstack":
        from pushproof.targets.localstack.target import LocalStackTarget, settings_from_environment

        target = LocalStackTarget(
            settings_from_environment(world, port=options.port),
            progress=lambda line: narrator.console.print(f"localstack: {line}", markup=False),
        )
    else:
        from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

        target = EmbeddedTarget(EmbeddedSettings(world=world, port=options.port))
    for line in target.cleaned:
        narrator.console.print(f"[yellow]removed what a crashed run left: {escape(line)}[/]")
    return target


def _open_sandbox(console: Console) -> Any:
    from pushproof.targets.sandbox import SandboxTarget

    return SandboxTarget(say=lambda line: console.print(line, markup=False))


def _finish(drill: Any, narrator: Any, passed: bool) -> None:
    world = getattr(drill.target, "world", None)
    for failure in world.loop.failures if world is not None else ():
        narrator.console.print(f"[red]inside the emulator, {escape(failure[0])} failed: {escape(repr(failure[1]))}[/]")
    narrator.console.print(narrator.timeline())
    narrator.console.print(narrator.durations())
    if drill.settings.report is not None:
        from pushproof.report.html import write_report

        write_report(drill.settings.report, narrator, drill.result, passed=passed)
        narrator.console.print(f"report: {drill.settings.report}")


def _print_access(drill: Any, console: Console) -> None:
    from pushproof.base.environment import world_variables

    target = drill.target
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


def _wait_for_interrupt() -> None:
    threading.Event().wait()


def _sweep(options: argparse.Namespace, console: Console) -> int:
    from pushproof.targets.journal import Journal

    if not options.local:
        return _sweep_account(options, console)
    if options.yes or options.expired or options.run:
        console.print("[bold red]Bad input:[/] --local always acts, and on every crashed run; give it alone")
        return USAGE
    journal = Journal()
    removed = journal.clean_up(strays=True)
    for line in removed:
        console.print(f"removed {escape(line)}")
    if waiting := journal.orphans():
        console.print(
            f"[bold red]Kept:[/] {', '.join(record.id for record in waiting)}: Docker Engine does not answer, and may hold "
            "containers and networks of theirs. Start it (`systemctl start docker`, or `dockerd` as root), and sweep again."
        )
        return UNAVAILABLE
    console.print(f"{len(removed)} leftover(s) removed" if removed else "nothing was left behind")
    return OK


def _sweep_account(options: argparse.Namespace, console: Console) -> int:
    """What runs left in the sandbox account; 1 when some of it cannot be removed."""
    from pushproof.sandbox.settings import SandboxSettings
    from pushproof.sandbox.sweep import Wanted
    from pushproof.targets.sandbox import sweep_account, told

    settings = SandboxSettings.from_environment(os.environ)
    outcome = sweep_account(
        settings,
        Wanted(run=options.run, expired_only=options.expired),
        act=options.yes,
        say=lambda line: console.print(line, markup=False),
    )
    for kept in outcome.selection.kept:
        console.print(f"kept: {kept.found} of run {kept.run}: {kept.why}", markup=False)
    for line in told(outcome):
        console.print(line, style="red", markup=False)
    if not options.yes:
        for item, run in outcome.selection.taken:
            console.print(f"would remove {item} of run {run}", markup=False)
        found = len(outcome.selection.taken)
        console.print(f"{found} would be removed; --yes removes them" if found else "nothing is to be removed")
        return FAILED if outcome.unlisted else OK
    console.print(f"{len(outcome.removed)} removed" if outcome.removed else "nothing was to be removed")
    return OK if outcome.clean else FAILED


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
