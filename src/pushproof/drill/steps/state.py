"""The state of the environment: a bucket that its bootstrap module makes, or one of the drill's own, or a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pushproof.drill.badinput import BadInput
from pushproof.drill.context import Context
from pushproof.terraform.configuration import backend_settings, declared_variables
from pushproof.terraform.driver import Terraform
from pushproof.terraform.hcl import read_directory

#: Modules that make the state's bucket, seen from the environment.
_USUAL_PLACES = ("../../bootstrap", "../bootstrap")
_BUCKET_OUTPUTS = ("state_bucket_name", "state_bucket", "bucket_name", "bucket", "bucket_id", "s3_bucket_id")


@dataclass(frozen=True, slots=True)
class StatePlace:
    """The place of the environment's state, in words, with the backend's settings; None for what `terraform init` needs no word on.

    `bootstrap`: the run that made the bucket. `own_bucket`: the bucket that the drill made instead, "" without one.
    """

    where: str
    backend: dict[str, str] | None = None
    bootstrap: Terraform | None = None
    own_bucket: str = ""


def prepare_state(context: Context) -> StatePlace:
    """Make the place of the environment's state.

    The bootstrap module is applied where there is one. Without one, the drill makes a bucket for an S3 backend that leaves its
    bucket open. Raises BadInput for a bootstrap module that is not there, or that names no bucket.
    """
    settings = context.settings
    environment = settings.environment.resolve()
    declared = _backend(environment)
    source = _bootstrap(environment, settings.bootstrap)
    if declared != "s3":
        kept = f"backend {declared}" if declared not in ("", "local") else "a file of its working copy"
        return StatePlace(kept)
    key = f"{environment.name}/terraform.tfstate"
    backend: dict[str, str] = {"key": key, "region": context.target.region}
    if context.binary.native_locking:
        backend["use_lockfile"] = "true"
    if source is None:
        written = backend_settings(environment) or {}
        if _is_whole(environment):
            return StatePlace(f"s3://{written.get('bucket')}/{written.get('key')}")
        bucket = f"pushproof-state-{context.target.account_id}"
        if getattr(context.target, "endpoint", None) is None:
            raise BadInput(
                f"{environment} keeps its state in an S3 bucket that it does not name, and no bootstrap module makes one. "
                "Name the module with --bootstrap"
            )
        location = {} if context.target.region == "us-east-1" else {
            "CreateBucketConfiguration": {"LocationConstraint": context.target.region}
        }  # fmt: skip
        context.target.client("s3").create_bucket(Bucket=bucket, **location)
        place = f"s3://{bucket}/{key}, which the drill made"
        return StatePlace(place, {"bucket": bucket, **backend}, own_bucket=bucket)
    variables: dict[str, object] = {}
    known = declared_variables(source)
    if "force_destroy" in known:
        variables["force_destroy"] = True
    if "project" in settings.variables and "project" in known:
        variables["project"] = settings.variables["project"]
    bootstrap = context.terraform(source, "bootstrap", variables)
    bootstrap.init()
    bootstrap.apply()
    bucket = _bucket(bootstrap, source)
    return StatePlace(f"s3://{bucket}/{key}", {"bucket": bucket, **backend}, bootstrap)


def _backend(environment: Path) -> str:
    """Return the type of the backend that an environment declares; "" for none."""
    types = [
        inner.labels[0]
        for block in read_directory(environment)
        if block.kind == "terraform"
        for inner in block.blocks
        if inner.kind == "backend" and inner.labels
    ]
    return types[0] if types else ""


def _is_whole(environment: Path) -> bool:
    """Return whether the backend's own block names bucket and key, so that `terraform init` needs nothing more."""
    return any(
        inner.literal("bucket") and inner.literal("key")
        for block in read_directory(environment)
        if block.kind == "terraform"
        for inner in block.blocks
        if inner.kind == "backend"
    )


def _bootstrap(environment: Path, named: Path | None) -> Path | None:
    if named is not None:
        if not named.is_dir():
            raise BadInput(f"{named} is missing: it makes the state bucket. Name it with --bootstrap")
        return named
    places = [(environment / place).resolve() for place in _USUAL_PLACES]
    return next((place for place in places if any(place.glob("*.tf"))), None)


def _bucket(bootstrap: Terraform, source: Path) -> str:
    outputs = bootstrap.outputs()
    for name in _BUCKET_OUTPUTS:
        if outputs.get(name):
            return str(outputs[name])
    raise BadInput(
        f"{source} makes no state bucket that can be found: it has no output named {', '.join(_BUCKET_OUTPUTS)}; "
        f"its outputs are {', '.join(outputs) or 'none'}"
    )


def remove_state(context: Context, bucket: str) -> None:
    """Remove the bucket that the drill made for the state, with every version of it."""
    s3 = context.target.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=bucket)
