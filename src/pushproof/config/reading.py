"""Reads the settings of a repository. An error names the file, the key, what it holds and what was expected."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from pushproof.config.model import Settings

FILE, PROJECT = "pushproof.toml", "pyproject.toml"


class BadSettings(Exception):
    """Settings cannot be used; the message names the file, the key, and what was expected."""


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Settings and the file that they come from; `file` is None where there is none, and everything has its default."""

    settings: Settings
    file: Path | None
    directory: Path


def read_settings(directory: Path) -> ReadSettings:
    """Return the settings for a directory: those of the nearest file in it or above it, up to the repository's root.

    `pushproof.toml` wins over `[tool.pushproof]` of `pyproject.toml` beside it. Raises BadSettings.
    """
    here = directory.resolve()
    for folder in (here, *here.parents):
        own, project = folder / FILE, folder / PROJECT
        if own.is_file():
            return ReadSettings(_parse(_toml(own), own), own, folder)
        if project.is_file():
            section = _toml(project).get("tool", {})
            if isinstance(section, dict) and "pushproof" in section:
                return ReadSettings(_parse(section["pushproof"], project), project, folder)
        if (folder / ".git").exists():
            break
    return ReadSettings(Settings(), None, here)


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is no TOML: {error}") from error
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}") from error


def _parse(content: object, path: Path) -> Settings:
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        if first["type"] == "extra_forbidden":
            known = _known(Settings, [str(part) for part in first["loc"][:-1]])
            near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise BadSettings(f"{path}: {key} is no setting.{hint} There are: {', '.join(known)}") from None
        raise BadSettings(
            f"{path}: {key} = {str(first['input'])[:80]!r}: {first['msg'].removeprefix('Value error, ')}"
        ) from None


def _known(model: type[BaseModel], path: list[str]) -> list[str]:
    """Return the names of the settings in a section, given by its path; those of the last section that has a model."""
    for part in path:
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = _model_of(field.annotation) if field is not None else None
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_of(annotation: object) -> type[BaseModel] | None:
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
