"""Members of the API's documents, read with errors that name the member, its value, and what is accepted."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import InvalidDeploymentConfiguration


def mapping(name: str, value: object) -> Mapping[str, object]:
    """Return an object's members; none for an absent object."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidDeploymentConfiguration(name, value, "an object")
    return value


def whole(name: str, value: object, default: int, least: int, most: int | None = None) -> int:
    """Return a whole number of at least `least` and at most `most`."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        bound = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
        raise InvalidDeploymentConfiguration(name, value, bound)
    return value


def boolean(name: str, value: object, default: bool) -> bool:
    """Return true or false."""
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidDeploymentConfiguration(name, value, "true or false")
    return value


def texts(name: str, value: object) -> tuple[str, ...]:
    """Return a list of texts."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        raise InvalidDeploymentConfiguration(name, value, "a list of texts")
    return tuple(value)
