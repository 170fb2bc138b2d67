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
from pushproof.engines.buildspec.selection import ArtifactError, SelectedFile, Selection, expand, glob_pattern, select
from pushproof.engines.buildspec.transitions import Outcome, Progress, TransitionSettings, advance, phases_run

__all__ = [
    "COMMAND_PHASES",
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
    "TransitionSettings",
    "UnknownVersion",
    "Variable",
    "WrongType",
    "YamlSyntaxError",
    "advance",
    "combine",
    "expand",
    "exported",
    "from_buildspec",
    "glob_pattern",
    "parse",
    "phases_run",
    "select",
    "with_supplied",
]
