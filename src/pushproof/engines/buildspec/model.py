"""The values a buildspec is made of, named as in AWS's reference.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """Build phase types in the order in which a build goes through them (API_BuildPhase, ``phaseType``)."""

    SUBMITTED = "SUBMITTED"
    QUEUED = "QUEUED"
    PROVISIONING = "PROVISIONING"
    DOWNLOAD_SOURCE = "DOWNLOAD_SOURCE"
    INSTALL = "INSTALL"
    PRE_BUILD = "PRE_BUILD"
    BUILD = "BUILD"
    POST_BUILD = "POST_BUILD"
    UPLOAD_ARTIFACTS = "UPLOAD_ARTIFACTS"
    FINALIZING = "FINALIZING"
    COMPLETED = "COMPLETED"


COMMAND_PHASES = (Phase.INSTALL, Phase.PRE_BUILD, Phase.BUILD, Phase.POST_BUILD)


class FailureAction(StrEnum):
    """The reaction of ``on-failure``."""

    ABORT = "ABORT"
    CONTINUE = "CONTINUE"
    RETRY = "RETRY"


@dataclass(frozen=True, slots=True)
class OnFailure:
    """A parsed ``on-failure``: ABORT, CONTINUE, RETRY, RETRY-count, RETRY-regex or RETRY-count-regex.

    ``count`` is the number of retries (0 to 100, 3 by default), ``pattern`` the regular expression that
    the error message must match.
    """

    action: FailureAction
    count: int = 0
    pattern: str = ".*"


@dataclass(frozen=True, slots=True)
class PhaseSpec:
    """One entry of ``phases``. ``finally_`` runs whatever happened to ``commands``."""

    commands: tuple[str, ...] = ()
    finally_: tuple[str, ...] = ()
    on_failure: OnFailure | None = None
    run_as: str | None = None
    runtime_versions: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class SecretReference:
    """``secret-id:json-key:version-stage:version-id``; empty parts are None, the secret id may be an ARN."""

    secret_id: str
    json_key: str | None = None
    version_stage: str | None = None
    version_id: str | None = None

    @classmethod
    def parse(cls, text: str) -> SecretReference:
        """Split a reference; an ARN keeps its own six colons."""
        parts = text.split(":")
        head = 7 if parts[0] == "arn" and len(parts) >= 7 else 1
        rest = [part or None for part in parts[head:]] + [None] * 3
        return cls(":".join(parts[:head]), rest[0], rest[1], rest[2])


@dataclass(frozen=True, slots=True)
class Env:
    """The ``env`` section."""

    variables: Mapping[str, str] = field(default_factory=dict)
    parameter_store: Mapping[str, str] = field(default_factory=dict)
    secrets_manager: Mapping[str, SecretReference] = field(default_factory=dict)
    exported_variables: tuple[str, ...] = ()
    shell: str | None = None
    git_credential_helper: bool = False


@dataclass(frozen=True, slots=True)
class Artifacts:
    """``artifacts``, or one of its ``secondary-artifacts``."""

    files: tuple[str, ...]
    name: str | None = None
    discard_paths: bool = False
    base_directory: str | None = None
    exclude_paths: tuple[str, ...] = ()
    enable_symlinks: bool = False
    s3_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Cache:
    """``cache``: paths kept between builds, and under which key."""

    paths: tuple[str, ...] = ()
    key: str | None = None
    fallback_keys: tuple[str, ...] = ()
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One group of ``reports``."""

    files: tuple[str, ...]
    base_directory: str | None = None
    discard_paths: bool = False
    file_format: str = "JUNITXML"


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark on accepted input: a named gap of the emulator, or a likely mistake."""

    line: int
    key: str
    message: str


@dataclass(frozen=True, slots=True)
class Buildspec:
    """A valid buildspec. ``phases`` holds only the phases that are written down."""

    version: str
    phases: Mapping[Phase, PhaseSpec]
    env: Env = field(default_factory=Env)
    artifacts: Artifacts | None = None
    secondary_artifacts: Mapping[str, Artifacts] = field(default_factory=dict)
    cache: Cache = field(default_factory=Cache)
    reports: Mapping[str, Report] = field(default_factory=dict)
    run_as: str | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def one_shell(self) -> bool:
        """Return whether all commands share one shell instance (0.2) or each gets its own (0.1)."""
        return self.version != "0.1"
