"""The buildspec: its grammar, the phases it makes a build go through, its environment and its artifacts."""

from __future__ import annotations

from pushproof.engines.buildspec.environment import Variable, combine, exported, from_buildspec, with_supplied
from pushproof.engines.buildspec.errors import (
    BuildspecError,
    InvalidValue,
    MissingKey,
    UnknownVersion,
    WrongType,
    YamlSyntaxError,
)
from pushproof.engines.buildspec.model import (
    COMMAND_PHASES,
    Artifacts,
    Buildspec,
    Cache,
    Env,
    FailureAction,
    Notice,
    OnFailure,
    Phase,
    PhaseSpec,
    Report,
    SecretReference,
)
from pushproof.engines.buildspec.parse import parse
from pushproof.engines.buildspec.runtimes import check_runtimes, is_linux_image, runtimes_of
from pushproof.engines.buildspec.selection import ArtifactError, SelectedFile, Selection, expand, glob_pattern, select
from pushproof.engines.buildspec.shells import LINUX_SHELLS, ShellRefusal, refusal, sh_of
from pushproof.engines.buildspec.transitions import Outcome, Progress, TransitionSettings, advance, phases_run

__all__ = [
    "COMMAND_PHASES",
    "LINUX_SHELLS",
    "ArtifactError",
    "Artifacts",
    "Buildspec",
    "BuildspecError",
    "Cache",
    "Env",
    "FailureAction",
    "InvalidValue",
    "MissingKey",
    "Notice",
    "OnFailure",
    "Outcome",
    "Phase",
    "PhaseSpec",
    "Progress",
    "Report",
    "SecretReference",
    "SelectedFile",
    "Selection",
    "ShellRefusal",
    "TransitionSettings",
    "UnknownVersion",
    "Variable",
    "WrongType",
    "YamlSyntaxError",
    "advance",
    "check_runtimes",
    "combine",
    "expand",
    "exported",
    "from_buildspec",
    "glob_pattern",
    "is_linux_image",
    "parse",
    "phases_run",
    "refusal",
    "runtimes_of",
    "select",
    "sh_of",
    "with_supplied",
]
