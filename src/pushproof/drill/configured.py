"""Settings of a drill: what is asked for, then the repository's settings, then defaults."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pushproof.config.model import DrillSection
from pushproof.config.reading import BadSettings, ReadSettings, read_settings
from pushproof.drill.settings import BadInput, Bounds, Choices, DrillSettings, Shift, VersionPlace
from pushproof.engines.faults import FaultError, PlannedFault, parse_planned

REPOSITORY = "example/shop"


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of a command or a test, each None or empty where there is none. `image_map`: IMAGE=IMAGE pairs."""

    environment: Path | None = None
    application: Path | None = None
    bootstrap: Path | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    var_files: Sequence[Path] = ()
    workspace: str | None = None
    terraform: str | None = None
    repository: str | None = None
    pipeline: str | None = None
    service: str | None = None
    breakages: Sequence[str] = ()
    variant: str | None = None
    image_map: Sequence[str] = ()
    skip: Sequence[str] = ()
    keep: bool = False
    report: Path | None = None
    start: str | None = None
    road: str | None = None
    workflow: Path | None = None
    workflow_variables: Sequence[str] = ()
    actions: Path | None = None
    faults: Sequence[str] = ()
    strategy: str | None = None
    before: str | None = None


def read_around(directory: Path) -> ReadSettings:
    """Return the settings of the repository around a directory. Raises BadInput."""
    try:
        return read_settings(directory)
    except BadSettings as error:
        raise BadInput(str(error)) from error


def drill_settings(options: Options, read: ReadSettings) -> DrillSettings:
    """Return the settings of a drill. Raises BadInput, naming the option or the key."""
    section = read.settings.drill
    environment = options.environment or _path(read, section.environment)
    if options.variant and options.breakages:
        raise BadInput("--variant names one of the application's own breakages; give it or --break, not both")
    bootstrap = options.bootstrap or (_path(read, section.bootstrap) if section.bootstrap else None)
    return DrillSettings(
        environment=environment,
        application=options.application or _path(read, section.app),
        bootstrap=bootstrap,
        breakages=() if options.variant else tuple(options.breakages) or _breakages(read),
        variant=options.variant or "",
        repository=options.repository or section.repository or REPOSITORY,
        variables={**section.variables, **options.variables},
        var_files=tuple(options.var_files) or tuple(_path(read, name) for name in section.var_files),
        workspace=options.workspace or section.workspace,
        terraform=_words("--terraform", options.terraform) or _words("terraform", section.terraform),
        keep=options.keep,
        report=options.report,
        skip=tuple(options.skip or section.skip),
        start=options.start,
        choices=Choices(
            pipeline=options.pipeline or section.pipeline,
            service=options.service or section.service,
            image_repository=section.image_repository,
            host=section.probe.host,
            paths=(section.probe.path,) if section.probe.path else (),
        ),
        dockerfile=Path(section.dockerfile) if section.dockerfile else None,
        image_map={**section.image_map, **parse_image_map(options.image_map)},
        secrets=dict(section.secrets),
        version=_version(section),
        bounds=Bounds(section.probe.slowest, section.probe.longest_gap),
        faults=tuple(_planned(text) for text in options.faults),
        shift=_shift(section, options.strategy or section.strategy),
        before=_words("--before", options.before) or _words("before", section.before),
        road=options.road or "pipeline",
        workflow=options.workflow,
        workflow_variables=dict(_pair(text) for text in options.workflow_variables),
        actions=options.actions,
    )


def parse_image_map(pairs: Sequence[str]) -> dict[str, str]:
    """Parse `IMAGE=IMAGE` pairs. Raises BadInput, naming the pair."""
    images = {}
    for pair in pairs:
        public, equals, local = pair.partition("=")
        if not (public and equals and local):
            raise BadInput(f"--image-map {pair!r}: expected IMAGE=IMAGE, such as golang:1.23=local/go:1.23")
        images[public] = local
    return images


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise BadInput(f"--workflow-var {text!r}: expected NAME=VALUE, such as AWS_REGION=eu-west-1")
    return name, value


def _planned(text: str) -> PlannedFault:
    try:
        return parse_planned(text)
    except FaultError as error:
        raise BadInput(f"--fault {error}") from None


def _words(name: str, command: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the words of a command: a list of them, or a text as a shell splits it. Raises BadInput, naming option or key."""
    if not isinstance(command, str):
        return tuple(command or ())
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise BadInput(f"{name} {command!r} is no command: {error}") from None


def _path(read: ReadSettings, path: str) -> Path:
    """Return a path of the settings, which counts from their file; relative to the working directory where that is shorter."""
    absolute = (read.directory / path).resolve()
    here = Path.cwd().resolve()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else absolute


def _breakages(read: ReadSettings) -> tuple[str, ...]:
    """Return the breakages of the settings; a patch file counts from their file."""
    names = read.settings.drill.breakages
    return tuple(str(_path(read, name)) if name.endswith(".patch") else name for name in names)


def _shift(section: DrillSection, strategy: str) -> Shift:
    numbers = section.shift
    return Shift(
        strategy=strategy,
        bake_minutes=numbers.bake_minutes,
        canary_percent=numbers.canary_percent,
        canary_minutes=numbers.canary_minutes,
        step_percent=numbers.step_percent,
        step_minutes=numbers.step_minutes,
    )


def _version(section: DrillSection) -> VersionPlace | None:
    version = section.version
    if version is False:
        return None
    if version is None:
        return VersionPlace()
    return VersionPlace(version.path, version.header, version.pointer, certain=True)
