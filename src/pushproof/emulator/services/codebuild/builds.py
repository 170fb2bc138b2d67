"""Builds as records, and their forms in BatchGetBuilds and in events.

https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html and
https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.builds import PipelineHandoff
from pushproof.emulator.kernel.context import Credentials
from pushproof.engines.buildspec import Phase

if TYPE_CHECKING:
    from types_boto3_codebuild.literals import StatusTypeType
    from types_boto3_codebuild.type_defs import (
        AutoRetryConfigTypeDef,
        BuildArtifactsTypeDef,
        BuildPhaseTypeDef,
        BuildTypeDef,
        EnvironmentVariableTypeDef,
        ExportedEnvironmentVariableTypeDef,
        LogsLocationTypeDef,
        ProjectTypeDef,
    )

    from pushproof.emulator.kernel.shapes.codebuild import StartBuildRequest


Stamp = Callable[[float], datetime]


@dataclass(slots=True)
class PhaseRecord:
    """A phase that began; `end` is None while it runs. Times are AWS seconds."""

    phase: Phase
    start: float
    end: float | None = None
    status: StatusTypeType | None = None
    status_code: str = ""
    message: str = ""

    @property
    def seconds(self) -> int:
        return int((self.end or self.start) - self.start)


_NOTHING: BuildArtifactsTypeDef = {}


@dataclass(slots=True)
class Build:
    """A build. `settings` is the project's body with StartBuild's overrides applied; times are AWS seconds.

    `managed` is the session with which a build without a project runs.
    """

    uuid: str
    number: int
    project: str
    project_arn: str
    region: str
    account_id: str
    settings: ProjectTypeDef
    request: StartBuildRequest
    initiator: str
    start: float
    handoff: PipelineHandoff | None = None
    overrides: list[EnvironmentVariableTypeDef] = field(default_factory=list)
    status: StatusTypeType = "IN_PROGRESS"
    end: float | None = None
    phases: list[PhaseRecord] = field(default_factory=list)
    source_version: str | None = None
    resolved_source_version: str | None = None
    log_group: str | None = None
    log_stream: str | None = None
    artifact: BuildArtifactsTypeDef = field(default_factory=lambda: _NOTHING.copy())
    secondary_artifacts: list[BuildArtifactsTypeDef] = field(default_factory=list)
    exported: list[ExportedEnvironmentVariableTypeDef] = field(default_factory=list)
    retried: int = 0
    previous_retry: str | None = None
    next_retry: str | None = None
    managed: Credentials | None = None

    @property
    def id(self) -> str:
        return f"{self.project}:{self.uuid}"

    @property
    def arn(self) -> str:
        return arn_of("codebuild", f"build/{self.id}", region=self.region, account=self.account_id)

    @property
    def complete(self) -> bool:
        return self.status != "IN_PROGRESS"

    @property
    def current_phase(self) -> str:
        return self.phases[-1].phase.value if self.phases else Phase.SUBMITTED.value

    def logs(self) -> LogsLocationTypeDef:
        """Return `logs`: the destinations of the build's log, and their page in the console."""
        logs: LogsLocationTypeDef = {}
        configured = copy.deepcopy(self.settings.get("logsConfig")) or {"cloudWatchLogs": {"status": "ENABLED"}}
        if "cloudWatchLogs" in configured:
            logs["cloudWatchLogs"] = configured["cloudWatchLogs"]
        if "s3Logs" in configured:
            logs["s3Logs"] = configured["s3Logs"]
        if self.log_group and self.log_stream:
            group, stream = (quote(quote(name, safe=""), safe="").replace("%25", "$25") for name in (
                self.log_group, self.log_stream))  # fmt: skip
            logs |= {
                "groupName": self.log_group,
                "streamName": self.log_stream,
                "deepLink": f"https://console.aws.amazon.com/cloudwatch/home?region={self.region}"
                f"#logsV2:log-groups/log-group/{group}/log-events/{stream}",
                "cloudWatchLogsArn": arn_of(
                    "logs",
                    f"log-group:{self.log_group}:log-stream:{self.log_stream}",
                    region=self.region,
                    account=self.account_id,
                ),
            }
        elif "cloudWatchLogs" in logs and logs["cloudWatchLogs"]["status"] == "ENABLED":
            logs["deepLink"] = (
                f"https://console.aws.amazon.com/cloudwatch/home?region={self.region}#logEvent:group=null;stream=null"
            )
        return logs


def describe(build: Build, stamp: Stamp) -> BuildTypeDef:
    """API_Build."""
    settings = build.settings
    shown: BuildTypeDef = {
        "id": build.id,
        "arn": build.arn,
        "buildNumber": build.number,
        "startTime": stamp(build.start),
        "currentPhase": build.current_phase,
        "buildStatus": build.status,
        "buildComplete": build.complete,
        "projectName": build.project,
        "phases": [_phase(record, stamp) for record in build.phases],
        "source": settings["source"],
        "secondarySources": settings.get("secondarySources", []),
        "secondarySourceVersions": settings.get("secondarySourceVersions", []),
        "artifacts": build.artifact or {"location": ""},
        "secondaryArtifacts": build.secondary_artifacts,
        "cache": settings["cache"],
        "environment": settings["environment"],
        "serviceRole": settings["serviceRole"],
        "logs": build.logs(),
        "timeoutInMinutes": settings["timeoutInMinutes"],
        "queuedTimeoutInMinutes": settings["queuedTimeoutInMinutes"],
        "initiator": build.initiator,
        "encryptionKey": settings["encryptionKey"],
        "exportedEnvironmentVariables": build.exported,
    }
    if build.end is not None:
        shown["endTime"] = stamp(build.end)
    if build.source_version is not None:
        shown["sourceVersion"] = build.source_version
    if build.resolved_source_version is not None:
        shown["resolvedSourceVersion"] = build.resolved_source_version
    if "vpcConfig" in settings:
        shown["vpcConfig"] = settings["vpcConfig"]
    if settings.get("autoRetryLimit"):
        shown["autoRetryConfig"] = _auto_retry(build)
    return copy.deepcopy(shown)


def _auto_retry(build: Build) -> AutoRetryConfigTypeDef:
    shown: AutoRetryConfigTypeDef = {
        "autoRetryLimit": build.settings["autoRetryLimit"],
        "autoRetryNumber": build.retried,
    }
    if build.next_retry is not None:
        shown["nextAutoRetry"] = build.next_retry
    if build.previous_retry is not None:
        shown["previousAutoRetry"] = build.previous_retry
    return shown


def _phase(record: PhaseRecord, stamp: Stamp) -> BuildPhaseTypeDef:
    shown: BuildPhaseTypeDef = {"phaseType": record.phase.value, "startTime": stamp(record.start)}
    if record.end is not None:
        shown |= {"endTime": stamp(record.end), "durationInSeconds": record.seconds}
        if record.phase is not Phase.COMPLETED:
            shown |= {
                "phaseStatus": record.status or "SUCCEEDED",
                "contexts": [{"statusCode": record.status_code, "message": record.message}],
            }
    return shown


def state_change(build: Build, stamp: Stamp) -> dict[str, object]:
    """The detail of a "CodeBuild Build State Change"."""
    return {
        "build-status": build.status,
        "project-name": build.project,
        "build-id": build.arn,
        "additional-information": _additional(build, stamp),
        "current-phase": build.current_phase,
        "current-phase-context": "[]",
        "version": "1",
    }


def phase_change(build: Build, record: PhaseRecord, stamp: Stamp) -> dict[str, object]:
    """The detail of a "CodeBuild Build Phase Change"."""
    return {
        "completed-phase": record.phase.value,
        "project-name": build.project,
        "build-id": build.arn,
        "completed-phase-context": _context(record),
        "additional-information": _additional(build, stamp),
        "completed-phase-status": record.status or "SUCCEEDED",
        "completed-phase-duration-seconds": record.seconds,
        "version": "1",
        "completed-phase-start": _long(stamp(record.start)),
        "completed-phase-end": _long(stamp(record.end if record.end is not None else record.start)),
    }


def _additional(build: Build, stamp: Stamp) -> dict[str, object]:
    logs, environment, source = build.logs(), build.settings["environment"], build.settings["source"]
    artifact = {key: value for key, value in build.artifact.items() if key in ("md5sum", "sha256sum", "location")}
    return {
        "artifact": artifact or {"location": ""},
        "environment": {
            "image": environment["image"],
            "privileged-mode": environment["privilegedMode"],
            "compute-type": environment["computeType"],
            "type": environment["type"],
            "image-pull-credentials-type": environment["imagePullCredentialsType"],
            # Secrets stay references here, as on AWS.
            "environment-variables": environment["environmentVariables"],
        },
        "timeout-in-minutes": build.settings["timeoutInMinutes"],
        "build-complete": build.complete,
        "build-number": build.number,
        "initiator": build.initiator,
        "build-start-time": _long(stamp(build.start)),
        "source": {key: value for key, value in source.items() if key in ("type", "location", "buildspec")},
        **({"source-version": build.source_version} if build.source_version else {}),
        "logs": {
            key: value
            for key, value in (
                ("group-name", logs.get("groupName")),
                ("stream-name", logs.get("streamName")),
                ("deep-link", logs.get("deepLink")),
            )
            if value is not None
        },
        "phases": [
            {
                "phase-type": record.phase.value,
                "start-time": _long(stamp(record.start)),
                **(
                    {
                        "phase-context": [_pair(record)],
                        "end-time": _long(stamp(record.end)),
                        "duration-in-seconds": record.seconds,
                        "phase-status": record.status or "SUCCEEDED",
                    }
                    if record.end is not None
                    else {}
                ),
            }
            for record in build.phases
        ],
    }


def _pair(record: PhaseRecord) -> str:
    return f"{record.status_code}: {record.message}"


def _context(record: PhaseRecord) -> str:
    return f"[{_pair(record)}]"


def _long(at: datetime) -> str:
    return f"{at:%b} {at.day}, {at.year} {at.hour % 12 or 12}:{at:%M:%S %p}"
