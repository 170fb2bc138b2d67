"""The settings that a repository can make. Each field's description is what `pushproof config --explain` prints."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

_STRICT = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _named(name: str) -> str:
    return name.replace("_", "-")


class VersionSettings(BaseModel):
    """The place where the application tells its commit."""

    model_config = ConfigDict(**_STRICT, alias_generator=_named)

    path: str = Field(default="/version", description="path to request")
    header: str = Field(default="", description="response header that holds the commit; empty: the body does")
    pointer: str = Field(
        default="/commit",
        description="JSON pointer (RFC 6901) of the commit in the body; empty: the whole body is the commit",
    )

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError("a path begins with /")
        return value


class ProbeSettings(BaseModel):
    """The requests that are sent while a push deploys, and the bounds on their answers."""

    model_config = ConfigDict(**_STRICT, alias_generator=_named)

    path: str = Field(
        default="",
        description="path to request; empty: the one that the health check asks for, as the listener's rule takes it",
    )
    host: str = Field(
        default="", description="Host header; empty: one that the listener's rule takes, or the certificate's name"
    )
    slowest: float = Field(default=5.0, gt=0, description="real seconds that an answer may take")
    longest_gap: float = Field(default=5.0, gt=0, description="real seconds that may pass without a good answer")


class ShiftSettings(BaseModel):
    """The numbers of a deployment strategy: minutes of AWS time and percents of the requests."""

    model_config = ConfigDict(**_STRICT, alias_generator=_named)

    bake_minutes: int = Field(
        default=5, ge=0, le=1440, description="minutes for which both revisions run once all traffic is on the new one"
    )
    canary_percent: float = Field(default=10.0, ge=0.1, le=100, description="share of a canary's first step")
    canary_minutes: int = Field(default=6, ge=0, le=1440, description="minutes of a canary's first step")
    step_percent: float = Field(default=25.0, ge=3, le=100, description="share of each step of a linear deployment")
    step_minutes: int = Field(default=4, ge=0, le=1440, description="minutes of each step of a linear deployment")


class DrillSection(BaseModel):
    """Settings of `pushproof drill` and `pushproof up`; an option on the command line wins."""

    model_config = ConfigDict(**_STRICT, alias_generator=_named)

    environment: str = Field(default="infrastructure/environments/dev", description="root module under test")
    app: str = Field(default="app", description="the repository that is pushed")
    bootstrap: str = Field(
        default="",
        description="module that makes the state bucket; empty: ../../bootstrap of the environment, where there is one",
    )
    target: Literal["embedded", "localstack", "sandbox"] = Field(default="embedded", description="where to run")
    speed: float = Field(default=20.0, gt=0, le=1000, description="how many times as fast as on AWS time runs")
    variables: dict[str, JsonValue] = Field(
        default_factory=dict,
        description=(
            "Terraform variables; ${certificate_arn}, ${webhook_url}, ${repository} and ${base_image} stand for the "
            "drill's own"
        ),
    )
    var_files: list[str] = Field(
        default_factory=list, description="*.tfvars files of the environment, the last one wins"
    )
    workspace: str = Field(default="", description="workspace of the environment's state; empty: the default one")
    terraform: str | list[str] = Field(
        default="",
        description="command that runs Terraform, such as tofu or a wrapper with its words; empty: terraform, or tofu",
    )
    pipeline: str = Field(default="", description="the pipeline to push through, where the environment has several")
    service: str = Field(
        default="", description="the service that is judged, or cluster/service, where several are deployed"
    )
    repository: str = Field(default="", description="owner/name of the source repository; empty: the pipeline's")
    image_repository: str = Field(
        default="", description="ECR repository that the build pushes to; empty: found from the service's image"
    )
    dockerfile: str = Field(default="", description="Dockerfile of the service in the repository; empty: found")
    breakages: list[str] = Field(
        default_factory=list, alias="break", description="breakages to push: names, patch files, or all"
    )
    image_map: dict[str, str] = Field(
        default_factory=dict,
        description="base images to replace in Dockerfiles that are pushed: public image = local image",
    )
    secrets: dict[str, str] = Field(
        default_factory=dict,
        description="values of secrets and parameters that tasks need, by name; without one, a throw-away value",
    )
    skip: list[str] = Field(default_factory=list, description="steps to leave out")
    version: VersionSettings | Literal[False] | None = Field(
        default=None,
        description="where the application tells its commit; false: it does not; left out: /version is tried",
    )
    before: str | list[str] = Field(
        default="",
        description="command that runs as a task of the new revision before each deployment, such as a database migration",
    )
    strategy: Literal["", "rolling", "blue-green", "linear", "canary", "codedeploy"] = Field(
        default="", description="deployment strategy to switch the service to; empty: the one that it has"
    )
    shift: ShiftSettings = Field(default_factory=ShiftSettings, description="numbers of that strategy")
    probe: ProbeSettings = Field(default_factory=ProbeSettings, description="requests while a push deploys")


class Settings(BaseModel):
    """Settings of a repository."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    drill: DrillSection = Field(default_factory=DrillSection, description="settings of `pushproof drill`")
    accept: list[dict[str, object]] = Field(
        default_factory=list, description="findings that are accepted, each with its reason"
    )
