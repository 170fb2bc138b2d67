"""The state of the environment: a bucket that its bootstrap module makes, what its own backend names, or a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pushproof.drill.badinput import BadInput
from pushproof.drill.context import Context
from pushproof.terraform.configuration import backend_settings, declared_variables
from pushproof.terraform.driver import Terraform
from pushproof.terraform.needs import backend_kind

#: Modules that make the state's bucket, seen from the environment.
_USUAL_PLACES = ("../../bootstrap", "../bootstrap")
_BUCKET_OUTPUTS = ("state_bucket_name", "state_bucket", "bucket_name", "bucket", "bucket_id", "s3_bucket_id")


@dataclass(frozen=True, slots=True)
class StatePlace:
    """The place of the environment's state, in words, with the backend's settings; None for what `terraform init` needs no word on.

    `bootstrap`: the run that made the bucket.
    """

    where: str
    backend: dict[str, str] | None = None
    bootstrap: Terraform | None = None


def prepare_state(context: Context) -> StatePlace:
    """Make the place of the environment's state by its bootstrap module, where there is one.

    Without one, an emulated world makes what the backend names and completes what it leaves open (`terraform/groundwork.py`).
    Raises BadInput for a bootstrap module that is not there or names no bucket, and on AWS for a backend that is not complete.
    """
    settings = context.settings
    environment = settings.environment.resolve()
    source = _bootstrap(environment, settings.bootstrap)
    if backend_kind(environment) != "s3":
        return StatePlace("a file of its working copy")
    written = backend_settings(environment) or {}
    if source is None:
        if not context.target.disposable and not {"bucket", "key"} <= written.keys():
            raise BadInput(
                f"{environment} keeps its state in an S3 bucket that it does not name, and no bootstrap module makes one. "
                "Name the module with --bootstrap"
            )
        return StatePlace(f"s3://{written['bucket']}" if "bucket" in written else "a bucket that the world made")
    key = f"{environment.name}/terraform.tfstate"
    backend: dict[str, str] = {"key": key, "region": context.target.region}
    if context.binary.native_locking:
        backend["use_lockfile"] = "true"
    variables: dict[str, object] = {}
    known = declared_variables(source)
    if "force_destroy" in known:
        variables["force_destroy"] = True
    if "project" in settings.variables and "project" in known:
        variables["project"] = settings.variables["project"]
    bootstrap = context.terraform(source, "bootstrap", variables)
    context.ways.apply(bootstrap, None, lambda: None)
    bucket = _bucket(bootstrap, source)
    return StatePlace(f"s3://{bucket}/{key}", {"bucket": bucket, **backend}, bootstrap)


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
