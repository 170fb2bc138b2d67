"""Checks before anything is started: unusable input and missing tools are refused here."""

from __future__ import annotations

from dataclasses import dataclass

from pushproof.drill.repository import Variant, variants
from pushproof.drill.settings import BadInput, DrillSettings
from pushproof.terraform.binary import TerraformBinary, find_terraform
from pushproof.terraform.providers import require_provider
from pushproof.terraform.working_copy import require_configuration


@dataclass(frozen=True, slots=True)
class Preflight:
    """The means of a drill: the Terraform to use, and the breakage to push."""

    binary: TerraformBinary
    variant: Variant


def preflight(settings: DrillSettings) -> Preflight:
    """Look at everything a drill needs, and start nothing.

    Raises BadInput, NoConfiguration, TerraformMissing or ProviderMissing, each saying what to do.
    """
    require_configuration(settings.environment)
    if not (settings.application / "buildspec.yml").is_file():
        raise BadInput(
            f"{settings.application} is no application repository: it has no buildspec.yml. Name one with --app"
        )
    offered = variants(settings.application)
    if settings.variant not in offered:
        raise BadInput(
            f"--variant {settings.variant} is not offered by {settings.application}; choose one of: {', '.join(offered)}"
        )
    binary = find_terraform()
    require_provider()
    return Preflight(binary, offered[settings.variant])
