"""Refusals of projects, and of builds with overrides, before anything changes.

Sources: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html and the pages of its types,
https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-compute-types.html . Quoted texts are AWS's, from reports.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pushproof.aws.tags import broken_rule, tag_pairs
from pushproof.emulator.kernel.errors import AwsError

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import ProjectTypeDef


_IDENTIFIER = re.compile(r"[A-Za-z0-9_]{1,127}")
_LOCATED_SOURCES = ("S3", "CODECOMMIT", "GITHUB", "GITHUB_ENTERPRISE", "BITBUCKET", "GITLAB", "GITLAB_SELF_MANAGED")
_GENERAL = tuple(f"BUILD_GENERAL1_{size}" for size in ("SMALL", "MEDIUM", "LARGE", "XLARGE", "2XLARGE"))
_LAMBDA = tuple(f"BUILD_LAMBDA_{size}GB" for size in (1, 2, 4, 8, 10))
# : Environment type -> its compute types.
COMPUTE_TYPES: dict[str, tuple[str, ...]] = {
    "LINUX_CONTAINER": _GENERAL,
    "ARM_CONTAINER": _GENERAL,
    "LINUX_GPU_CONTAINER": ("BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_LARGE"),
    "WINDOWS_CONTAINER": ("BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"),
    "WINDOWS_SERVER_2019_CONTAINER": _GENERAL[1:],
    "WINDOWS_SERVER_2022_CONTAINER": _GENERAL[1:],
    "LINUX_LAMBDA_CONTAINER": _LAMBDA,
    "ARM_LAMBDA_CONTAINER": _LAMBDA,
}


def invalid(message: str) -> AwsError:
    """InvalidInputException."""
    return AwsError("InvalidInputException", message)


def check_project(body: ProjectTypeDef) -> None:
    """Refuse a project's body. Raises AwsError (InvalidInputException; NotImplemented for what Pushproof does not emulate)."""
    _check_out_of_reach(body)
    _check_sources(body)
    _check_artifacts(body)
    _check_environment(body)
    _check_times(body)
    _check_cache(body)
    _check_logs(body)
    _check_vpc(body)
    broken = broken_rule(tag_pairs(body.get("tags")), key_length=127, value_length=255)
    if broken is not None:
        raise invalid(f"Invalid tags: {broken.text}")


def _check_out_of_reach(body: ProjectTypeDef) -> None:
    """Refuse members that are not emulated and whose effect a user would miss."""
    environment = body["environment"]
    for value, name in (
        (body.get("fileSystemLocations"), "file systems in builds"),
        (environment.get("fleet"), "reserved capacity"),
        (environment.get("dockerServer"), "Docker servers"),
        (environment.get("computeConfiguration"), "attribute-based compute"),
    ):
        if value:
            raise AwsError(
                "NotImplemented", f"Pushproof does not implement {name} in codebuild. Nothing was done.", status=501
            )


def _check_sources(body: ProjectTypeDef) -> None:
    source, secondary = body["source"], body.get("secondarySources") or []
    for declared in (source, *secondary):
        kind, location = declared["type"], declared.get("location")
        if kind in _LOCATED_SOURCES and not location:
            raise invalid(f"Invalid project source: location must be specified for project source type {kind}")
        if kind == "S3" and not re.fullmatch(r"(arn:aws[\w-]*:s3:::)?[^/]+/.+", location or ""):
            raise invalid(f"Invalid project source: location must be a valid S3 source, bucket/path: {location}")
    if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
        raise invalid("Invalid project source: buildspec must be specified when source type is NO_SOURCE")
    for declared in secondary:
        if declared["type"] in ("CODEPIPELINE", "NO_SOURCE"):
            raise invalid(f"Invalid project source: a secondary source cannot be of type {declared['type']}")
    _check_identifiers("source", [declared.get("sourceIdentifier") for declared in secondary])
    identifiers = {declared["sourceIdentifier"] for declared in secondary}
    for version in body.get("secondarySourceVersions") or []:
        if version["sourceIdentifier"] not in identifiers:
            raise invalid(
                f"Invalid project source: secondarySourceVersions names no secondary source: "
                f"{version['sourceIdentifier']}"
            )


def _check_artifacts(body: ProjectTypeDef) -> None:
    source, artifacts, secondary = body["source"], body["artifacts"], body.get("secondaryArtifacts") or []
    if (source["type"] == "CODEPIPELINE") is not (artifacts["type"] == "CODEPIPELINE"):
        raise invalid(
            "Invalid project artifacts: artifacts type should be CODEPIPELINE exactly when source type is CODEPIPELINE"
        )
    for declared in (artifacts, *secondary):
        if declared["type"] == "S3" and not declared.get("location"):
            raise invalid("Invalid project artifacts: location must be specified for project artifacts type S3")
    for declared in secondary:
        if declared["type"] == "NO_ARTIFACTS":
            raise invalid("Invalid project artifacts: secondary artifacts cannot be of type NO_ARTIFACTS")
    _check_identifiers("artifact", [declared.get("artifactIdentifier") for declared in secondary])


def _check_identifiers(kind: str, identifiers: list[str | None]) -> None:
    for identifier in identifiers:
        if not identifier:
            raise invalid(f"Invalid input: {kind}Identifier must be specified for each secondary {kind}")
        if not _IDENTIFIER.fullmatch(identifier):
            raise invalid(
                "Invalid input: identifier must contain only alphanumeric characters and underscores and be less "
                "than 128 "
                "characters in length"
            )
        if identifiers.count(identifier) > 1:
            raise invalid(f"Invalid input: {kind}Identifier {identifier} is used more than once")


def _check_environment(body: ProjectTypeDef) -> None:
    environment = body["environment"]
    kind, compute = environment["type"], environment["computeType"]
    offered = COMPUTE_TYPES.get(kind)
    if offered is not None and compute not in offered:
        raise invalid(f"Invalid environment: computeType {compute} is not available for environment type {kind}")
    if kind.endswith("_LAMBDA_CONTAINER"):
        if environment.get("privilegedMode"):
            raise invalid("Cannot specify privilegedMode for lambda compute")
        if body["cache"]["type"] != "NO_CACHE":
            raise invalid("Cannot specify cache for lambda compute")
    if not environment["image"].strip():
        raise invalid("Invalid environment: image must be specified")
    names = [variable["name"] for variable in environment["environmentVariables"]]
    check_variables(names)


def check_variables(names: list[str]) -> None:
    """Refuse names of environment variables. Raises AwsError."""
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Invalid environment: environment variable names must be unique, {name} is there twice")
        if not re.fullmatch(r"[^\s=\x00]+", name):
            raise invalid(f"Invalid environment: {name!r} is not the name of an environment variable")


def _check_times(body: ProjectTypeDef) -> None:
    for name, minutes, most in (
        ("timeoutInMinutes", body["timeoutInMinutes"], 2160),
        ("queuedTimeoutInMinutes", body["queuedTimeoutInMinutes"], 480),
    ):
        if not 5 <= minutes <= most:
            raise invalid(f"Invalid {name}: {minutes} is not between 5 and {most}")
    retries = body.get("autoRetryLimit") or 0
    if not 0 <= retries <= 10:
        raise invalid(f"Invalid autoRetryLimit: {retries} is not between 0 and 10")


def _check_cache(body: ProjectTypeDef) -> None:
    cache = body["cache"]
    if cache["type"] == "S3" and not cache.get("location"):
        raise invalid("Invalid cache: location must be specified for cache type S3")
    if cache["type"] == "LOCAL" and not cache.get("modes"):
        raise invalid("Invalid cache: at least one mode must be specified for cache type LOCAL")
    if cache["type"] != "LOCAL" and cache.get("modes"):
        raise invalid(f"Invalid cache: modes cannot be specified for cache type {cache['type']}")


def _check_logs(body: ProjectTypeDef) -> None:
    logs = body.get("logsConfig", {}).get("s3Logs")
    if logs and logs["status"] == "ENABLED" and not logs.get("location"):
        raise invalid("Invalid logs config: location must be specified when S3 logs are enabled")


def _check_vpc(body: ProjectTypeDef) -> None:
    vpc = body.get("vpcConfig", {})
    members = (vpc.get("vpcId"), vpc.get("subnets"), vpc.get("securityGroupIds"))
    if any(members) and not all(members):
        raise invalid("Invalid vpc config: vpcId, subnets and securityGroupIds must be specified together")
