"""Errors around Terraform. Each says what to do next."""

from __future__ import annotations

import difflib


class TerraformError(Exception):
    """Terraform could not be run, or ended in an error."""


class TerraformMissing(TerraformError):
    """Neither `terraform` nor `tofu` is there, or it is too old."""


class ProviderMissing(TerraformError):
    """The AWS provider can neither be found in a mirror nor be downloaded."""


class NoConfiguration(TerraformError):
    """The directory holds no Terraform files."""


class CommandFailed(TerraformError):
    """A Terraform command failed; `output` and `errors` are its own words."""

    def __init__(self, command: str, directory: str, code: int, output: str, errors: str) -> None:
        self.command, self.directory, self.code, self.output, self.errors = command, directory, code, output, errors
        excerpt = (errors.strip() or output.strip())[-6000:]
        super().__init__(
            f"`terraform {command}` in {directory} ended with exit code {code}. Terraform said:\n{excerpt}"
        )


class CommandTimedOut(CommandFailed):
    """A Terraform command did not end in time and was interrupted (as Ctrl-C does, so that it could write its state)."""

    def __init__(self, command: str, directory: str, limit: float, output: str, errors: str) -> None:
        super().__init__(command, directory, -1, output, errors)
        self.args = (
            f"`terraform {command}` in {directory} did not end within {limit:.0f} s and was interrupted. "
            f"It had said:\n{(output + errors)[-4000:]}",
        )


class OutputMissing(TerraformError):
    """An output that was asked for is not among the module's outputs."""

    def __init__(self, name: str, directory: str, names: list[str]) -> None:
        listed = ", ".join(sorted(names)) or "none"
        super().__init__(
            f'{directory} has no output {name!r}; it has: {listed}. Add an `output "{name}"` block, or ask for one of these.'
        )


class UndeclaredVariables(TerraformError):
    """Variables were given that the root module does not declare."""

    def __init__(self, names: list[str], directory: str, declared: set[str]) -> None:
        listed = ", ".join(sorted(declared)) or "none"
        close = {name: match[0] for name in names if (match := difflib.get_close_matches(name, declared, 1))}
        hints = "".join(f" Did you mean {match!r} for {name!r}?" for name, match in close.items())
        super().__init__(
            f"{directory} declares no variable {', '.join(map(repr, names))}; it declares: {listed}.{hints} "
            "Correct the name, or add a `variable` block."
        )
