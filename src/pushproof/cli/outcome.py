"""Exit codes, and the one place where errors become messages and codes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

import typer
from rich.console import Console
from rich.markup import escape

OK, FAILED, USAGE, UNAVAILABLE, TERRAFORM, INTERRUPTED = 0, 1, 2, 3, 4, 130

# A CI log has no width; 80 columns would break every table.
console = Console(highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else 150)


def finish(command: Callable[[], int]) -> None:
    """Run the body of a command and exit with its code; errors are shown in one line each and decide the code."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    raise typer.Exit(_code_of(command))


def _code_of(command: Callable[[], int]) -> int:
    from pushproof.base.target import TargetUnavailable
    from pushproof.drill.settings import BadInput, ProofFailed
    from pushproof.terraform.errors import (
        CommandFailed,
        NoConfiguration,
        OutputMissing,
        TerraformError,
        Unanswered,
        UndeclaredVariables,
    )

    try:
        return command()
    except KeyboardInterrupt:
        console.print("[yellow]Interrupted. Everything this run started has been taken down.[/]")
        return INTERRUPTED
    except ProofFailed as error:
        console.print(f"[bold red]Not proven:[/] {escape(str(error))}")
        return FAILED
    except (BadInput, NoConfiguration, OutputMissing, Unanswered, UndeclaredVariables) as error:
        return bad_input(str(error))
    except CommandFailed as error:
        console.print(f"[bold red]Terraform failed:[/] {escape(str(error))}")
        return TERRAFORM
    except (TargetUnavailable, TerraformError) as error:
        console.print(f"[bold red]Cannot run here:[/] {escape(str(error))}")
        return UNAVAILABLE


def bad_input(message: str) -> int:
    """Show what is wrong with the input; returns the exit code for it."""
    console.print(f"[bold red]Bad input:[/] {escape(message)}")
    return USAGE


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    # A CI system's stop is handled like Ctrl-C: everything is taken down.
    raise KeyboardInterrupt
