"""Transfers of sources, artifacts and caches: all through S3, all with the project's role."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of_bucket
from pushproof.emulator.kernel.archives import UnsafeArchive, content_of, examined
from pushproof.emulator.kernel.builds import BuildContainer, CloneReference
from pushproof.emulator.services.codebuild.builds import Build
from pushproof.emulator.services.codebuild.failures import PhaseFailure
from pushproof.engines.buildspec import Artifacts, Buildspec, select

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import BuildArtifactsTypeDef, ProjectArtifactsTypeDef, ProjectSourceTypeDef
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import GetObjectRequestTypeDef, PutObjectRequestTypeDef

    from pushproof.emulator.services.codebuild.logs import LogStream


Clone = Callable[[CloneReference, str], bytes]


@dataclass(frozen=True, slots=True)
class SecondarySource:
    """A secondary source: the zip, its location, and the requested version ("" for none)."""

    archive: bytes
    location: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """The zips that DOWNLOAD_SOURCE fetched, secondary ones by identifier; `primary` None for NO_SOURCE."""

    primary: bytes | None
    secondary: dict[str, SecondarySource] = field(default_factory=dict)


def fetch(build: Build, s3: S3Client, most_bytes: int, clone: Clone) -> Sources:
    """Download the build's sources, each of which unpacks to `most_bytes` at most.

    `clone` clones what an artifact of a pipeline refers to. Raises PhaseFailure (CLIENT_ERROR) in CodeBuild's words.
    """
    sources = _fetched(build, s3, clone)
    zips = [sources.primary, *(further.archive for further in sources.secondary.values())]
    for content in zips:
        if content is not None:
            with readable("the source"):
                examined(content, most_bytes).close()
    return sources


@contextlib.contextmanager
def readable(name: str) -> Iterator[None]:
    """Raise PhaseFailure (CLIENT_ERROR) for an archive that the body of the `with` cannot unpack."""
    try:
        yield
    except UnsafeArchive as error:
        raise PhaseFailure("CLIENT_ERROR", f"{name} cannot be unpacked: {error}") from error


def _fetched(build: Build, s3: S3Client, clone: Clone) -> Sources:
    source = build.settings["source"]
    if build.handoff is not None:
        inputs = build.handoff.inputs
        others = {
            name: SecondarySource(_input(s3, bucket, key, "secondary", clone), "", arn_of_bucket(bucket, key))
            for name, (bucket, key) in inputs.items()
            if name != build.handoff.primary
        }
        if not build.handoff.primary:
            return Sources(None, others)
        return Sources(_input(s3, *inputs[build.handoff.primary], "primary", clone), others)
    versions = {
        entry["sourceIdentifier"]: entry["sourceVersion"]
        for entry in build.settings.get("secondarySourceVersions") or ()
    }
    return Sources(
        _archive(source, s3, "primary", build.source_version),
        {
            declared["sourceIdentifier"]: _secondary(declared, s3, versions.get(declared["sourceIdentifier"], ""))
            for declared in build.settings.get("secondarySources") or ()
        },
    )


def _secondary(source: ProjectSourceTypeDef, s3: S3Client, version: str) -> SecondarySource:
    archive = _archive(source, s3, "secondary", version)
    assert archive is not None
    return SecondarySource(archive, f"s3://{'/'.join(_s3_path(source['location']))}", version)


def _archive(source: ProjectSourceTypeDef, s3: S3Client, rank: str, version: str | None) -> bytes | None:
    if source["type"] == "NO_SOURCE":
        return None
    if source["type"] == "S3":
        return _get(s3, *_s3_path(source["location"]), rank, version)
    if source["type"] == "CODEPIPELINE":
        raise PhaseFailure("CLIENT_ERROR", "the source type CODEPIPELINE needs a pipeline to start the build")
    raise PhaseFailure("CLIENT_ERROR", f"sources of type {source['type']} are not emulated: use CODEPIPELINE or S3")


def _s3_path(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
    return bucket, key


def _input(s3: S3Client, bucket: str, key: str, rank: str, clone: Clone) -> bytes:
    """Return the zip of a pipeline's artifact, cloned if the artifact is a reference."""
    content = _read(s3, bucket, key, rank)
    reference = CloneReference.read(content)
    return _zip(content, bucket, key, rank) if reference is None else clone(reference, rank)


def _get(s3: S3Client, bucket: str, key: str, rank: str, version: str | None = None) -> bytes:
    return _zip(_read(s3, bucket, key, rank, version), bucket, key, rank)


def _zip(content: bytes, bucket: str, key: str, rank: str) -> bytes:
    if rank != "buildspec" and not zipfile.is_zipfile(io.BytesIO(content)):
        raise PhaseFailure("CLIENT_ERROR", f"the source {arn_of_bucket(bucket, key)} is not a zip archive")
    return content


def _read(s3: S3Client, bucket: str, key: str, rank: str, version: str | None = None) -> bytes:
    arguments: GetObjectRequestTypeDef = {"Bucket": bucket, "Key": key}
    if version:
        arguments["VersionId"] = version
    try:
        content: bytes = s3.get_object(**arguments)["Body"].read()
    except ClientError as error:
        body, meta = error.response["Error"], error.response["ResponseMetadata"]
        raise PhaseFailure(
            "CLIENT_ERROR",
            f"{body.get('Code')}: {body.get('Message')} status code: {meta.get('HTTPStatusCode')}, request id: "
            f"{meta.get('RequestId', '')}, host id: {meta.get('HostId', '')} for {rank} source and source version "
            f"{arn_of_bucket(bucket, key)}",
        ) from error
    return content


def text(s3: S3Client, location: str) -> str:
    """Return a buildspec that is in a bucket. Raises PhaseFailure."""
    return _get(s3, *_s3_path(location), "buildspec").decode("utf-8", errors="surrogateescape")


def member(archive: bytes | None, path: str) -> str | None:
    """Return a text file from a zip; None if it is missing."""
    if archive is None:
        return None
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        names = {name.removeprefix("./"): name for name in source.namelist()}
        member = names.get(path.removeprefix("./"))
        if member is None:
            return None
        with readable("the source"):
            return content_of(source, member).decode("utf-8", errors="surrogateescape")


def upload(build: Build, spec: Buildspec, container: BuildContainer, s3: S3Client, log: LogStream) -> None:
    """UPLOAD_ARTIFACTS. Raises ArtifactError or PhaseFailure (CLIENT_ERROR)."""
    settings = build.settings
    if build.handoff is not None:
        _upload_for_pipeline(build, spec, container, s3, log)
        return
    if settings["artifacts"]["type"] == "S3":
        build.artifact = _upload_one(build, settings["artifacts"], spec.artifacts, container, s3, log)
    for declared in settings.get("secondaryArtifacts", []):
        name = declared["artifactIdentifier"]
        uploaded = _upload_one(build, declared, spec.secondary_artifacts.get(name), container, s3, log)
        build.secondary_artifacts.append({**uploaded, "artifactIdentifier": name})


def _upload_for_pipeline(
    build: Build, spec: Buildspec, container: BuildContainer, s3: S3Client, log: LogStream
) -> None:
    handoff = build.handoff
    assert handoff is not None
    for index, (name, (bucket, key)) in enumerate(handoff.outputs.items()):
        # With several outputs, each is the secondary artifact of its name; a single output is the primary artifact.
        chosen = spec.secondary_artifacts.get(name) or (spec.artifacts if len(handoff.outputs) == 1 else None)
        if chosen is None:
            raise PhaseFailure(
                "CLIENT_ERROR",
                f"no definition for {'' if len(handoff.outputs) == 1 else 'secondary '}artifact {name} in buildspec",
            )
        content = _collect(chosen, container, log)
        location = _put(s3, bucket, key, content, handoff.encryption_key)
        if index == 0:
            build.artifact = location
        else:
            build.secondary_artifacts.append({**location, "artifactIdentifier": name})


def _upload_one(
    build: Build,
    declared: ProjectArtifactsTypeDef,
    chosen: Artifacts | None,
    container: BuildContainer,
    s3: S3Client,
    log: LogStream,
) -> BuildArtifactsTypeDef:
    if chosen is None:
        identifier = declared.get("artifactIdentifier")
        raise PhaseFailure(
            "CLIENT_ERROR",
            f"no definition for secondary artifact {identifier} in buildspec"
            if identifier
            else "the project has S3 artifacts and the buildspec has no artifacts",
        )
    name = declared["name"]
    if declared.get("overrideArtifactName") and chosen.name:
        name = container.expand([chosen.name])[0]
    parts = [declared.get("path", "").strip("/")]
    if declared.get("namespaceType") == "BUILD_ID":
        # build-spec-ref.html#build-spec.artifacts.s3-prefix: the prefix is used with this namespace only.
        parts = [chosen.s3_prefix or "", *parts, build.uuid]
    prefix = "/".join(part for part in (*parts, name) if part)
    key = None if build.settings["encryptionKey"].endswith(":alias/aws/s3") else build.settings["encryptionKey"]
    key = None if declared.get("encryptionDisabled") else key
    archive = _collect(chosen, container, log)
    if declared.get("packaging") == "ZIP":
        return _put(s3, declared["location"], prefix, archive, key)
    with readable("the artifact"), zipfile.ZipFile(io.BytesIO(archive)) as files:
        for path in files.namelist():
            _put(s3, declared["location"], f"{prefix}/{path}", content_of(files, path), key)
    return {"location": arn_of_bucket(declared["location"], prefix)}


def _collect(artifacts: Artifacts, container: BuildContainer, log: LogStream) -> bytes:
    base = artifacts.base_directory or "."
    words = [*artifacts.files, *artifacts.exclude_paths, base]
    expanded = container.expand(words)
    count = len(artifacts.files)
    log.agent(f"Expanding base directory path: {expanded[-1]}")
    log.agent("Assembling file list")
    log.agent(f"Expanding file paths for base directory {expanded[-1]}")
    for pattern in expanded[:count]:
        log.agent(f"Expanding {pattern}")
    selection = select(
        container.files(),
        Artifacts(
            tuple(expanded[:count]),
            discard_paths=artifacts.discard_paths,
            base_directory=expanded[-1],
            exclude_paths=tuple(expanded[count:-1]),
        ),
    )
    log.agent(f"Found {len(selection.files)} file(s)")
    return container.pack(selection.files)


def _put(s3: S3Client, bucket: str, key: str, content: bytes, encryption_key: str | None) -> BuildArtifactsTypeDef:
    arguments: PutObjectRequestTypeDef = {"Bucket": bucket, "Key": key, "Body": content}
    if encryption_key:
        arguments["ServerSideEncryption"], arguments["SSEKMSKeyId"] = "aws:kms", encryption_key
    try:
        s3.put_object(**arguments)
    except ClientError as error:
        body = error.response["Error"]
        raise PhaseFailure(
            "CLIENT_ERROR", f"Error in UPLOAD_ARTIFACTS phase: {body.get('Code')}: {body.get('Message')}"
        ) from error
    return {
        "location": arn_of_bucket(bucket, key),
        "md5sum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256sum": hashlib.sha256(content).hexdigest(),
    }


def cache_object(build: Build, generation: int, key: str | None) -> tuple[str, str]:
    """Return bucket and key of a project's S3 cache; a new generation (InvalidateProjectCache) or cache key is another object."""
    bucket, prefix = _s3_path(build.settings["cache"]["location"])
    owner = build.settings["cache"].get("cacheNamespace") or build.project_arn
    name = hashlib.sha256(repr((owner, generation, key)).encode()).hexdigest()[:32]
    return bucket, "/".join(part for part in (prefix.strip("/"), name) if part)
