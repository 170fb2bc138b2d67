"""The commands and their options."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pushproof import __version__
from pushproof.cli import evidence, iam, mcp, mutate
from pushproof.cli.cache import cache
from pushproof.cli.exports import Format
from pushproof.cli.options import (
    DEFAULT_SPEED,
    REGION,
    Account,
    Application,
    Bootstrap,
    Environment,
    HostPorts,
    NoPrivileged,
    Open,
    OptionalSpeed,
    Port,
    Region,
    Repository,
    Speed,
    TerraformCommand,
    VarFiles,
    Variables,
    Workspace,
    WorldOptions,
    parse_port,
    parse_run_id,
    parse_variables,
    require_environment,
)
from pushproof.cli.outcome import finish
from pushproof.cli.serve import DEFAULT_PORT

app = typer.Typer(
    name="pushproof",
    help="Proves, before production does, that a push deploys and that a bad push rolls back.",
    epilog="exit codes: 0 holds, 1 not proven, 2 bad input, 3 something missing here, 4 Terraform failed, 130 interrupted",
    no_args_is_help=True,
    # Plain text reads the same on a terminal and in a CI log.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


example = typer.Typer(
    help="The reference infrastructure and application, as a start of one's own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(example, name="example")
app.add_typer(cache, name="cache")
app.command()(evidence.report)
app.command()(evidence.why)
app.add_typer(iam.iam, name="iam")
app.command()(mcp.mcp)
app.command()(mutate.mutate)


class StackFormat(StrEnum):
    """The forms that a stack's coverage can be printed in."""

    TEXT = "text"
    JSON = "json"


class TargetName(StrEnum):
    """The targets that a drill can run on."""

    EMBEDDED = "embedded"
    LOCALSTACK = "localstack"
    SANDBOX = "sandbox"


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    try:
        app(args=arguments if arguments is None else list(arguments), prog_name="pushproof")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"pushproof {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="log what goes on inside")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="show the version and exit")
    ] = False,
) -> None:
    logging.basicConfig(level=logging.DEBUG if verbose else logging.ERROR, format="%(levelname)s %(name)s: %(message)s")


@app.command()
def doctor(
    port: Annotated[
        int, typer.Option(parser=parse_port, metavar="PORT", help="the gateway port you mean to use (0: any)")
    ] = 0,
    stack: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="instead: the resources of this root module that are not emulated"),
    ] = None,
    language: Annotated[StackFormat, typer.Option("--format", help="for --stack: how to print")] = StackFormat.TEXT,
) -> None:
    """Show the programs that are present on this machine and those that are missing, each with its remedy.

    With --stack, show of each resource type of a root module whether it is emulated, stored only, refused or unknown; exit code
    1 when one is refused.
    """
    from pushproof.cli.doctor import show_diagnoses, show_stack

    finish(lambda: show_diagnoses(port) if stack is None else show_stack(stack, as_json=language is StackFormat.JSON))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run pytest with the arguments that follow, from the second run on in seconds less: imports are done once.

    The first run starts a process that has everything imported, and later runs are forks of it. It ends after five minutes without
    a run, with `pushproof sweep --local`, and when a file of it changes. Exit codes are pytest's. On CI each run has a process of
    its own, and so it is where PUSHPROOF_RESIDENT_TESTS is 0.
    """
    from pushproof.runhost.client import run_tests

    finish(lambda: run_tests(context.args))


@app.command()
def drill(
    environment: Environment = None,
    application: Application = None,
    bootstrap: Bootstrap = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    workspace: Workspace = None,
    terraform: TerraformCommand = None,
    speed: OptionalSpeed = None,
    port: Port = 0,
    repository: Repository = None,
    pipeline: Annotated[str | None, typer.Option(help="the pipeline to push through, where there are several")] = None,
    service: Annotated[
        str | None, typer.Option(help="the service to judge, or cluster/service, where several are deployed")
    ] = None,
    target: Annotated[TargetName | None, typer.Option(help="where to run it (embedded)")] = None,
    breakages: Annotated[
        list[str] | None,
        typer.Option(
            "--break",
            metavar="NAME",
            help="a breakage to push: crash, unhealthy, wrong-port, slow, oom, no-image, tests, build, hook, alarm, before, "
            "a .patch file, or all; may be repeated",
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="switch the service to this deployment strategy, and prove it: rolling, blue-green, linear, canary; "
            "codedeploy for one that CodeDeploy deploys",
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="run this as a task of the new revision before each deployment, such as a migration (docs/before.md)",
        ),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="one of the application's own breakages instead, from its variants/variants.json")
    ] = None,
    image_map: Annotated[
        list[str] | None,
        typer.Option(
            "--image-map", metavar="IMAGE=IMAGE", help="replace a base image in pushed Dockerfiles; may be repeated"
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="do not destroy: a world stays up until Ctrl-C, a sandbox run until its time is over"
        ),
    ] = False,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="STEP", help="leave a step out; may be repeated")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="go on from this step in a world or run that is kept"),
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run", parser=parse_run_id, metavar="ID", help="the kept world or run for --from, if there are several"
        ),
    ] = None,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="NAME[:ARGS]@PHASE",
            help="a fault in a phase, such as zone-lost:eu-west-1a@deploy (docs/faults.md); may be repeated",
        ),
    ] = None,
    road: Annotated[
        str | None,
        typer.Option(metavar="pipeline|github", help="the road of a push: the pipeline, or the app's workflow"),
    ] = None,
    workflow: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the workflow to run, where several deploy (docs/github.md)")
    ] = None,
    workflow_variables: Annotated[
        list[str] | None,
        typer.Option(
            "--workflow-var", metavar="NAME=VALUE", help="a variable of the repository on GitHub; may be repeated"
        ),
    ] = None,
    actions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="the real code of actions, in folders owner/name; needs Node")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="write the page (.html) and the record beside it")] = None,
    open_world: Open = False,
    region: Region = "",
    account: Account = "",
    no_privileged: NoPrivileged = False,
    host_ports: HostPorts = None,
) -> None:
    """Prove the whole journey: a push deploys, a bad push rolls back; judged by what serves.

    Steps: apply, refused-before-authorisation, first-deployment, strategy (with --strategy), second-deployment,
    broken-deployment, notifications, empty-plan, destroy. Options win over pushproof.toml (`pushproof config --explain`).
    """
    from pushproof.cli.drill import run_drill
    from pushproof.drill.configured import Options, drill_settings, read_around
    from pushproof.drill.settings import BadInput

    def body() -> int:
        read = read_around(Path.cwd())
        place = target.value if target is not None else read.settings.drill.target
        options = Options(
            environment=environment,
            application=application,
            bootstrap=bootstrap,
            variables=parse_variables(variables or []),
            var_files=var_files or (),
            workspace=workspace,
            terraform=terraform,
            repository=repository,
            pipeline=pipeline,
            service=service,
            breakages=breakages or (),
            variant=variant,
            image_map=image_map or (),
            skip=skip or (),
            keep=keep,
            report=report,
            start=start,
            faults=faults or (),
            strategy=strategy,
            before=before,
            road=road,
            workflow=workflow,
            workflow_variables=workflow_variables or (),
            actions=actions,
        )
        settings = drill_settings(options, read)
        require_environment(settings.environment)
        if run_id is not None and start is None:
            raise BadInput("--run names what --from goes on in; a new drill makes its own")
        if open_world and (start is not None or place == "sandbox"):
            raise BadInput("--open is for a world that this command makes")
        if no_privileged and (start is not None or place == "sandbox"):
            raise BadInput("--no-privileged is for a world that this command makes")
        if host_ports and (start is not None or place == "sandbox"):
            raise BadInput("--host-port is for a world that this command makes")
        factor = speed if speed is not None else read.settings.drill.speed
        return run_drill(
            settings,
            target=place,
            speed=factor,
            port=port,
            run_id=run_id,
            world=WorldOptions(region, account, open_world, not no_privileged, frozenset(host_ports or ())),
        )

    finish(body)


@app.command()
def up(
    environment: Environment = None,
    application: Application = None,
    bootstrap: Bootstrap = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    workspace: Workspace = None,
    terraform: TerraformCommand = None,
    speed: OptionalSpeed = None,
    port: Port = 0,
    repository: Repository = None,
    open_world: Open = False,
    region: Region = "",
    account: Account = "",
    no_privileged: NoPrivileged = False,
    host_ports: HostPorts = None,
) -> None:
    """Start an embedded world, apply the environment, and leave it up until Ctrl-C."""
    from pushproof.cli.drill import keep_up
    from pushproof.drill.configured import Options, drill_settings, read_around

    def body() -> int:
        read = read_around(Path.cwd())
        options = Options(
            environment=environment,
            application=application,
            bootstrap=bootstrap,
            variables=parse_variables(variables or []),
            var_files=var_files or (),
            workspace=workspace,
            terraform=terraform,
            repository=repository,
        )
        factor = speed if speed is not None else read.settings.drill.speed
        settings = drill_settings(options, read)
        require_environment(settings.environment)
        world = WorldOptions(region, account, open_world, not no_privileged, frozenset(host_ports or ()))
        return keep_up(settings, speed=factor, port=port, world=world)

    finish(body)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="the repository")] = Path(),
    environment: Annotated[str, typer.Option(help="the root module to test, where there are several")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the files and write nothing")] = False,
) -> None:
    """Write pushproof.toml, a first suite and a CI workflow for a repository; what is there already stays."""
    from pushproof.cli.init import initialise

    finish(lambda: initialise(directory, environment=environment, dry_run=dry_run))


@app.command()
def config(
    explain: Annotated[bool, typer.Option("--explain", help="say what each setting means")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of pushproof.toml instead")] = False,
) -> None:
    """Print the settings of this repository: pushproof.toml, or [tool.pushproof] of pyproject.toml."""
    from pushproof.cli.config import show_settings

    finish(lambda: show_settings(explain=explain, schema=schema))


class RuntimeName(StrEnum):
    """The things that tasks can run on."""

    DOCKER = "docker"
    SCRIPTED = "scripted"


@app.command()
def serve(
    port: Port = DEFAULT_PORT,
    speed: Speed = DEFAULT_SPEED,
    runtime: Annotated[
        RuntimeName, typer.Option("--task-runtime", help="what tasks run on; scripted needs no Docker")
    ] = RuntimeName.DOCKER,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="run its *.sh when the world is up (/etc/pushproof/init.d, where that is); one that fails ends it with code 1",
        ),
    ] = None,
    region: Region = REGION,
    account: Account = "",
    no_privileged: NoPrivileged = False,
    host_ports: HostPorts = None,
    in_container: Annotated[
        bool,
        typer.Option(
            "--in-container",
            help="listen on the addresses of the container around it too; publish the port on 127.0.0.1 only",
        ),
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="a name by which other containers reach this world; may be repeated"),
    ] = None,
) -> None:
    """Start an empty embedded world, print how to reach it, and leave it up until Ctrl-C."""
    from pushproof.cli.serve import serve

    finish(
        lambda: serve(
            port=port,
            speed=speed,
            runtime=runtime.value,
            init=init,
            world=WorldOptions(region, account, privileged=not no_privileged, host_ports=frozenset(host_ports or ())),
            in_container=in_container,
            names=name or (),
        )
    )


@app.command("env")
def env(
    language: Annotated[Format, typer.Option("--format", help="the language to print")] = Format.SH,
    world_id: Annotated[
        str | None, typer.Option("--world", metavar="ID", help="this world, where more than one is up")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="how long to wait for a world")] = 0,
) -> None:
    """Print the variables by which other programs reach the world that is up: eval "$(pushproof env)"."""
    from pushproof.cli.exports import print_exports

    finish(lambda: print_exports(language=language, world_id=world_id, wait=wait))


@example.command("copy")
def copy(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="a directory that is new or empty")],
) -> None:
    """Copy infrastructure/ and app/ into a directory, to drill them there and to make them one's own."""
    from pushproof.cli.example import copy_example

    finish(lambda: copy_example(directory))


@app.command()
def sweep(
    local: Annotated[
        bool, typer.Option("--local", help="on this machine: containers, networks, processes, directories")
    ] = False,
    expired: Annotated[
        bool, typer.Option("--expired", help="in the sandbox account: only runs whose time is over")
    ] = False,
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run", parser=parse_run_id, metavar="ID", help="in the sandbox account: this run, expired or not"
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="in the sandbox account: remove it; without this, only tell what would go")
    ] = False,
) -> None:
    """Remove what crashed runs left behind."""
    from pushproof.cli.sweep import sweep_account, sweep_machine

    if local:
        finish(lambda: sweep_machine(alone=not (yes or expired or run_id)))
    finish(lambda: sweep_account(run_id=run_id, expired=expired, act=yes))
