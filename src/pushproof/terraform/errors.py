"""Errors around Terraform. Each says what to do next."""

from __future__ import annotations

import difflib
import re

from pushproof.terraform.diagnostics import Diagnostic, diagnostics

# Failures that this machine can mend: what Terraform's summary says, and what to do.
_REMEDIES = (
    (
        re.compile(
            r"accessing remote module registry|[Dd]ownload(?:ing)? module|Module not found|Failed to (?:resolve|expand) module|"
            r"retrieve available versions for module|Module is not available"
        ),
        "A module's source cannot be reached from here. Run `terraform init` once where it can: what it installs in "
        ".terraform/modules is used as it is. Or keep the module in the repository.",
    ),
    (
        re.compile(r"query available provider packages|install provider|resolve provider packages"),
        "A provider cannot be had here. Where there is internet, `terraform providers mirror DIR` in this root module fills a "
        "folder with all that it needs; bring it here and name it: PUSHPROOF_PROVIDER_MIRROR=DIR.",
    ),
    (
        re.compile(r"Unsupported Terraform Core version"),
        "The root module's required_version leaves this Terraform out. Name another one: --terraform COMMAND, `terraform` under "
        "[drill] in pushproof.toml, or PUSHPROOF_TERRAFORM.",
    ),
)
# Terraform may break the line between the words.
_ASKS_FOR_INIT = re.compile(r"\bterraform\W+init\b")
# Characters of Terraform's words in a message: the beginning has the reason, the end what came of it.
_LONGEST = 6000


class TerraformError(Exception):
    """Terraform could not be run, or ended in an error."""


class TerraformMissing(TerraformError):
    """Neither `terraform` nor `tofu` is there, or it is too old."""


class ProviderMissing(TerraformError):
    """The AWS provider can neither be found in a mirror nor be downloaded."""


class Unanswered(Exception):
    """An emulated world refuses resources of a root module; the message names each with its file and line."""


class NoConfiguration(TerraformError):
    """The directory holds no Terraform files."""


class NotProvided(TerraformError):
    """A root module needs something of its account that the target cannot give. The text says where, and what to do."""


class CommandFailed(TerraformError):
    """A Terraform command failed; `output` and `errors` are its own words, `diagnostics` the errors in them.

    The text begins with the reason, in Terraform's words.
    """

    def __init__(self, command: str, directory: str, code: int, output: str, errors: str) -> None:
        self.command, self.directory, self.code, self.output, self.errors = command, directory, code, output, errors
        self.diagnostics: list[Diagnostic] = diagnostics(errors) or diagnostics(output)
        remedy = "".join(f" {text}" for text in self._remedies())
        super().__init__(f"{self._words()}`{self._name}` in {directory} ended with exit code {code}.{remedy}")

    def _remedies(self) -> list[str]:
        said = [diagnostic.summary for diagnostic in self.diagnostics]
        return [text for pattern, text in _REMEDIES if any(pattern.search(summary) for summary in said)]

    @property
    def asks_for_init(self) -> bool:
        """Return whether Terraform asks for `terraform init` first: for another backend, module or provider."""
        return _ASKS_FOR_INIT.search(self.errors or self.output) is not None

    @property
    def reason(self) -> str:
        """The first error in one line, with its place."""
        if not self.diagnostics:
            return str(self.args[0]).partition("\n")[0]
        more = f" and {len(self.diagnostics) - 1} more" if len(self.diagnostics) > 1 else ""
        return f"{self.diagnostics[0]}{more}"

    @property
    def _name(self) -> str:
        return f"terraform {self.command.partition(' ')[0]}"

    def _words(self) -> str:
        said = self.errors.strip() or self.output.strip()
        if len(said) > _LONGEST:
            said = f"{said[: _LONGEST // 2]}\n…\n{said[-_LONGEST // 2 :]}"
        return f"{said}\n\n" if said else ""


class CommandTimedOut(CommandFailed):
    """A Terraform command did not end in time and was interrupted (as Ctrl-C does, so that it could write its state)."""

    def __init__(self, command: str, directory: str, limit: float, output: str, errors: str) -> None:
        super().__init__(command, directory, -1, output, errors)
        self.args = (
            f"`{self._name}` in {directory} did not end within {limit:.0f} s and was interrupted. "
            f"It had said:\n{(output + errors)[-4000:]}",
        )

    @property
    def reason(self) -> str:
        """The command and its limit."""
        return str(self.args[0]).partition(" It had said:")[0]


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
