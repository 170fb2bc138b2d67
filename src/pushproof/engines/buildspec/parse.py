"""Text to ``Buildspec``: the grammar of versions 0.1 and 0.2.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import re

from pushproof.base.expressions import UnsupportedExpression, pythons
from pushproof.engines.buildspec.document import Value, load
from pushproof.engines.buildspec.errors import InvalidValue, MissingKey, UnknownVersion, WrongType
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
from pushproof.engines.buildspec.shells import LINUX_SHELLS, WINDOWS_SHELLS

VERSIONS = ("0.1", "0.2")
RESERVED_PREFIX = "CODEBUILD_"
REPORT_FORMATS = (
    "CUCUMBERJSON", "JUNITXML", "NUNITXML", "NUNIT3XML", "TESTNGXML", "VISUALSTUDIOTRX",
    "CLOVERXML", "COBERTURAXML", "JACOCOXML", "SIMPLECOV",
)  # fmt: skip
RETRY_COUNT = 3
RETRY_LIMIT = 100

_PHASE_KEYS = {phase.value.lower(): phase for phase in COMMAND_PHASES}
_KNOWN = {
    "buildspec": {"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"},
    "env": {
        "shell", "variables", "parameter-store", "exported-variables", "secrets-manager", "git-credential-helper",
    },
    "phase": {"run-as", "on-failure", "runtime-versions", "commands", "finally", "steps"},
    "artifacts": {
        "files", "name", "discard-paths", "base-directory", "exclude-paths", "enable-symlinks", "s3-prefix",
        "secondary-artifacts", "type",
    },
    "cache": {"paths", "key", "fallback-keys", "action"},
    "proxy": {"upload-artifacts", "logs"},
}  # fmt: skip
_GAPS = {
    "batch": "batch builds are accepted and not run: the phases are run once",
    "proxy": "the explicit proxy is accepted and not used",
    "reports": "test reports are accepted and not uploaded",
    "run-as": "run-as is accepted; commands run as root",
}


def parse(text: str) -> Buildspec:
    """Read and validate a buildspec.

    Args:
        text: the file's or the project's inline YAML (JSON is YAML, and accepted inline).

    Raises:
        BuildspecError: one of its subclasses, with the line (from 1) and what to change.
    """
    root = load(text)
    if root.empty:
        raise MissingKey("Expected a buildspec: found an empty file at line 1", 1, "begin with 'version: 0.2'")
    entries = root.entries()
    notices: list[Notice] = []
    _note_unknown(entries, "buildspec", notices)
    version = _version(entries.get("version"), root)
    if "phases" not in entries:
        raise MissingKey(
            f"Missing required key phases at line {root.line}", root.line, "add 'phases:' with at least one phase"
        )
    if "proxy" in entries:
        _check_proxy(entries["proxy"], notices)
    for key, why in _GAPS.items():
        if key in entries:
            notices.append(Notice(entries[key].line, key, why))
    artifacts, secondary = _artifacts(entries.get("artifacts"), notices)
    return Buildspec(
        version=version,
        phases=_phases(entries["phases"], notices),
        env=_env(entries["env"], notices) if "env" in entries else Env(),
        artifacts=artifacts,
        secondary_artifacts=secondary,
        cache=_cache(entries["cache"], notices) if "cache" in entries else Cache(),
        reports={name: _report(value) for name, value in entries["reports"].entries().items()}
        if "reports" in entries
        else {},
        run_as=entries["run-as"].text() if "run-as" in entries else None,
        notices=tuple(sorted(notices, key=lambda notice: notice.line)),
    )


def _note_unknown(entries: dict[str, Value], section: str, notices: list[Notice]) -> None:
    for key, value in entries.items():
        if key not in _KNOWN[section]:
            notices.append(Notice(value.line, key, f"unknown key {value.name}: CodeBuild ignores it"))


def _version(value: Value | None, root: Value) -> str:
    if value is None:
        raise MissingKey(f"Missing required key version at line {root.line}", root.line, "begin with 'version: 0.2'")
    text = value.text()
    if text not in VERSIONS:
        raise UnknownVersion(
            f"Unknown buildspec version {text!r} at line {value.line}, expected 0.1 or 0.2",
            value.line,
            "write 'version: 0.2'",
        )
    return text


def _phases(value: Value, notices: list[Notice]) -> dict[Phase, PhaseSpec]:
    entries = value.entries()
    phases: dict[Phase, PhaseSpec] = {}
    for key, entry in entries.items():
        phase = _PHASE_KEYS.get(key)
        if phase is None:
            # Printed by build logs, without a line.
            raise InvalidValue(
                f"Invalid buildspec phase name: {key}. Expecting: {','.join(sorted(_PHASE_KEYS))}",
                entry.line,
                "correct the name, or the indentation of what does not belong to phases",
            )
        phases[phase] = _phase(entry, notices)
    if not phases:
        raise MissingKey(
            f"Expected phases to hold at least one of {', '.join(_PHASE_KEYS)} at line {value.line}",
            value.line,
            "add a phase with commands",
        )
    return phases


def _phase(value: Value, notices: list[Notice]) -> PhaseSpec:
    entries = value.entries()
    _note_unknown(entries, "phase", notices)
    if "run-as" in entries:
        notices.append(Notice(entries["run-as"].line, "run-as", _GAPS["run-as"]))
    if "steps" in entries:
        # Steps are GitHub Actions; printed by build logs of accounts that have no token.
        raise InvalidValue(
            'unsupported field "steps" in buildspec. No GitHub token has been configured for your account',
            entries["steps"].line,
            "write commands instead of steps",
        )
    versions = entries["runtime-versions"].entries() if "runtime-versions" in entries else {}
    return PhaseSpec(
        commands=entries["commands"].strings() if "commands" in entries else (),
        finally_=entries["finally"].strings() if "finally" in entries else (),
        on_failure=_on_failure(entries["on-failure"]) if "on-failure" in entries else None,
        run_as=entries["run-as"].text() if "run-as" in entries else None,
        runtime_versions={runtime: version.text() for runtime, version in versions.items()},
        line=value.line,
    )


def _on_failure(value: Value) -> OnFailure:
    text = value.text()
    if text in (FailureAction.ABORT, FailureAction.CONTINUE):
        return OnFailure(FailureAction(text))
    if text == FailureAction.RETRY:
        return OnFailure(FailureAction.RETRY, RETRY_COUNT)
    expected = "ABORT, CONTINUE, RETRY, RETRY-count, RETRY-regex or RETRY-count-regex (count 0 to 100)"
    if not text.startswith("RETRY-"):
        raise value.invalid(expected)
    head, dash, tail = text.removeprefix("RETRY-").partition("-")
    if head.isascii() and head.isdigit():
        # The range needs at most three digits; a longer text is out of range and is not converted.
        count = int(head) if len(head) <= 3 else RETRY_LIMIT + 1
        pattern = tail if dash else ".*"
    else:
        count, pattern = RETRY_COUNT, text.removeprefix("RETRY-")
    if count > RETRY_LIMIT or not pattern:
        raise value.invalid(expected)
    try:
        pythons(pattern)
    except (re.error, UnsupportedExpression):
        raise value.invalid("a regular expression after RETRY-") from None
    return OnFailure(FailureAction.RETRY, count, pattern)


def _env(value: Value, notices: list[Notice]) -> Env:
    entries = value.entries()
    _note_unknown(entries, "env", notices)
    plain = _strings_of(entries.get("variables"))
    parameters = _strings_of(entries.get("parameter-store"))
    secrets = _strings_of(entries.get("secrets-manager"))
    for section in ("variables", "parameter-store", "secrets-manager"):
        for name, entry in (entries[section].entries() if section in entries else {}).items():
            if name.startswith(RESERVED_PREFIX):
                notices.append(Notice(entry.line, name, f"{name}: names that begin with CODEBUILD_ are reserved"))
            if section != "variables" and not entry.text():
                raise entry.invalid("a parameter name" if section == "parameter-store" else "a secret id")
    exported = entries["exported-variables"].strings() if "exported-variables" in entries else ()
    for name in exported:
        if name in parameters or name in secrets or name.startswith("AWS_"):
            line = entries["exported-variables"].line
            notices.append(Notice(line, name, f"{name} is not exported: secrets and AWS_ variables never are"))
    return Env(
        variables=plain,
        parameter_store=parameters,
        secrets_manager={name: SecretReference.parse(text) for name, text in secrets.items()},
        exported_variables=exported,
        shell=_shell(entries["shell"]) if "shell" in entries else None,
        git_credential_helper=entries["git-credential-helper"].boolean()
        if "git-credential-helper" in entries
        else False,
    )


def _shell(value: Value) -> str:
    if value.text() in WINDOWS_SHELLS:
        raise value.invalid(f"{' or '.join(LINUX_SHELLS)}; {value.text()} is for Windows")
    return value.one_of(*LINUX_SHELLS)


def _strings_of(value: Value | None) -> dict[str, str]:
    return {} if value is None else {name: entry.text() for name, entry in value.entries().items()}


def _artifacts(value: Value | None, notices: list[Notice]) -> tuple[Artifacts | None, dict[str, Artifacts]]:
    if value is None or value.empty:
        return None, {}
    entries = value.entries()
    _note_unknown(entries, "artifacts", notices)
    secondary: dict[str, Artifacts] = {}
    if "secondary-artifacts" in entries:
        for name, entry in entries["secondary-artifacts"].entries().items():
            _note_unknown(entry.entries(), "artifacts", notices)
            secondary[name] = _artifact(entry)
    # Primary files may be left out only where secondary artifacts are all there is.
    if "files" not in entries and secondary:
        return None, secondary
    return _artifact(value), secondary


def _artifact(value: Value) -> Artifacts:
    entries = value.entries()
    if "files" not in entries or entries["files"].empty:
        raise MissingKey(
            f"Missing required key {value.name}.files at line {value.line}", value.line, "list the files to upload"
        )
    return Artifacts(
        # One file may stand without a list: AWS's own tutorials write `files: imagedefinitions.json`.
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/ecs-cd-pipeline.html#ecs-cd-prereqs
        files=_one_or_many(entries["files"]),
        name=entries["name"].text() if "name" in entries else None,
        discard_paths=entries["discard-paths"].boolean() if "discard-paths" in entries else False,
        base_directory=(entries["base-directory"].text() or None) if "base-directory" in entries else None,
        exclude_paths=_one_or_many(entries["exclude-paths"]) if "exclude-paths" in entries else (),
        enable_symlinks=entries["enable-symlinks"].boolean() if "enable-symlinks" in entries else False,
        s3_prefix=entries["s3-prefix"].text() if "s3-prefix" in entries else None,
    )


def _one_or_many(value: Value) -> tuple[str, ...]:
    return value.strings() if value.is_sequence else (value.text(),)


def _cache(value: Value, notices: list[Notice]) -> Cache:
    entries = value.entries()
    _note_unknown(entries, "cache", notices)
    return Cache(
        paths=entries["paths"].strings() if "paths" in entries else (),
        key=entries["key"].text() if "key" in entries else None,
        fallback_keys=entries["fallback-keys"].strings() if "fallback-keys" in entries else (),
        action=entries["action"].one_of("restore", "save") if "action" in entries else None,
    )


def _report(value: Value) -> Report:
    entries = value.entries()
    if not entries:
        raise WrongType(f"Expected {value.name} to be a mapping at line {value.line}", value.line, "list its files")
    if "files" not in entries:
        raise MissingKey(
            f"Missing required key {value.name}.files at line {value.line}", value.line, "list the report files"
        )
    return Report(
        files=entries["files"].strings(),
        base_directory=entries["base-directory"].text() if "base-directory" in entries else None,
        discard_paths=entries["discard-paths"].boolean() if "discard-paths" in entries else False,
        file_format=_report_format(entries["file-format"]) if "file-format" in entries else "JUNITXML",
    )


def _report_format(value: Value) -> str:
    # "This value is not case sensitive."
    text = value.text().upper()
    if text not in REPORT_FORMATS:
        raise value.invalid(", ".join(REPORT_FORMATS))
    return text


def _check_proxy(value: Value, notices: list[Notice]) -> None:
    entries = value.entries()
    _note_unknown(entries, "proxy", notices)
    for key in ("upload-artifacts", "logs"):
        if key in entries:
            entries[key].boolean()
