"""The phase in which a command of Terraform ended: before anything was changed, or while it was.

Source: https://developer.hashicorp.com/terraform/cli/commands/apply (an apply without a saved plan plans first)
"""

from __future__ import annotations

import re

from pushproof.terraform.errors import CommandFailed, CommandTimedOut, TerraformError, UndeclaredVariables

_PLANNED = re.compile(r"^Plan: \d+ to ", re.M)
_APPLIED = re.compile(r"^Apply complete! Resources: (\d+) added, (\d+) changed, (\d+) destroyed\.", re.M)


def is_refused(error: TerraformError) -> bool:
    """Return whether Terraform refused a configuration itself: at init, in its validation, or while it planned."""
    if isinstance(error, UndeclaredVariables):
        return True
    if not isinstance(error, CommandFailed) or isinstance(error, CommandTimedOut):
        return False
    command = error.command.partition(" ")[0]
    return command in ("init", "validate", "plan") or (command == "apply" and _PLANNED.search(error.output) is None)


def changed_nothing(output: str) -> bool:
    """Return whether an apply has added, changed and destroyed no resource, as its own last line says."""
    match = _APPLIED.search(output)
    return match is not None and match.groups() == ("0", "0", "0")
