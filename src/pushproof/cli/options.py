"""Options that commands share, with their validation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_SPEED = 20.0


def parse_port(text: str) -> int:
    """Parse a TCP port; 0 stands for the first free one."""
    if not str(text).isdigit() or int(text) > 65535:
        raise typer.BadParameter(f"{text!r} is not a port; expected 0 to 65535")
    return int(text)


def parse_host_port(text: str) -> int:
    """Parse a TCP port of this machine."""
    if not str(text).isdigit() or not 0 < int(text) <= 65535:
        raise typer.BadParameter(f"{text!r} is not a port of this machine; expected 1 to 65535")
    return int(text)


def parse_speed(text: str) -> float:
    """Parse a speed: how many times as fast as on AWS time runs."""
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1000:
        raise typer.BadParameter(
            f"{text!r} is not a speed; expected a number above 0 and up to 1000, 1 being AWS's own"
        )
    return speed


def parse_run_id(text: str) -> str:
    """Parse the id of a sandbox run: eight hexadecimal digits."""
    if len(text) != 8 or not set(text) <= set("0123456789abcdef"):
        raise typer.BadParameter(
            f"{text!r} is not a run; expected the eight hexadecimal digits in its names, such as 1a2b3c4d"
        )
    return text


def parse_variables(pairs: list[str]) -> dict[str, str]:
    """Parse `NAME=VALUE` pairs. Raises BadInput, naming the pair."""
    from pushproof.drill.settings import BadInput

    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise BadInput(f"--var {pair!r}: expected NAME=VALUE")
        variables[name] = value
    return variables


def require_environment(environment: Path) -> None:
    """Raise BadInput, with the next step, when nobody named an environment and there is none in the usual place."""
    from pushproof.drill.settings import BadInput

    if environment == ENVIRONMENT and not environment.is_dir():
        raise BadInput(
            f"there is no environment here: {environment} is not a directory of {Path.cwd()}. Name your own root module with "
            "--environment (and its application with --app), or begin with the reference: pushproof example copy DIR"
        )


def parse_region(text: str) -> str:
    """Parse a region of AWS; empty for the environment's own."""
    from pushproof.aws.places import require_region

    try:
        return require_region(text) if text else ""
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def parse_account(text: str) -> str:
    """Parse an account id; empty for the one that the environment works in."""
    from pushproof.aws.places import require_account_id

    try:
        return require_account_id(text) if text else ""
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Region = Annotated[
    str,
    typer.Option(
        "--region",
        parser=parse_region,
        metavar="NAME",
        help="the region of an emulated world (the environment's provider's, else eu-west-1)",
    ),
]
Account = Annotated[
    str,
    typer.Option(
        "--account",
        parser=parse_account,
        metavar="ID",
        help="the account id of an emulated world (the one that the environment's provider allows, else 123456789012)",
    ),
]
REGION = "eu-west-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """Options of an emulated world. `region` and `account` are empty where nobody chose them; `open` lets any access key in."""

    region: str = ""
    account: str = ""
    open: bool = False
    privileged: bool = True
    host_ports: frozenset[int] = frozenset()


Port = Annotated[int, typer.Option(parser=parse_port, metavar="PORT", help="gateway port (0: the first free one)")]
Speed = Annotated[
    float, typer.Option(parser=parse_speed, metavar="FACTOR", help="how many times as fast as on AWS time runs")
]
Open = Annotated[
    bool, typer.Option("--open", help="let any access key in: whoever reaches the port is the administrator")
]
NoPrivileged = Annotated[
    bool,
    typer.Option("--no-privileged", help="refuse builds of projects with privileged_mode: no container is root here"),
]
HostPorts = Annotated[
    list[int] | None,
    typer.Option(
        "--host-port",
        parser=parse_host_port,
        metavar="PORT",
        help="a TCP port of this machine that tasks, builds and functions may reach; may be repeated",
    ),
]
OptionalSpeed = Annotated[
    float | None,
    typer.Option(parser=parse_speed, metavar="FACTOR", help="how many times as fast as on AWS time runs (20)"),
]
Environment = Annotated[Path | None, typer.Option(help="root module under test (infrastructure/environments/dev)")]
Application = Annotated[Path | None, typer.Option("--app", help="the repository that is pushed (app)")]
Bootstrap = Annotated[
    Path | None, typer.Option(help="module that makes the state bucket (../../bootstrap of the environment)")
]
Variables = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="a Terraform variable; may be repeated")
]
VarFiles = Annotated[
    list[Path] | None,
    typer.Option("--var-file", metavar="FILE", help="a *.tfvars file of the environment; may be repeated"),
]
Workspace = Annotated[str | None, typer.Option(help="workspace of the environment's state (the default one)")]
TerraformCommand = Annotated[
    str | None,
    typer.Option(
        "--terraform", metavar="COMMAND", help="command that runs Terraform: tofu, or a wrapper with its words"
    ),
]
Repository = Annotated[
    str | None,
    typer.Option(help="owner/name of the source repository, where the pipeline does not tell (example/shop)"),
]

ENVIRONMENT = Path("infrastructure/environments/dev")
