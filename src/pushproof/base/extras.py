"""Optional parts of an installation: extras of the package, such as `pip install 'pushproof[localstack]'`."""

from __future__ import annotations

from importlib.util import find_spec

from pushproof.base.target import TargetUnavailable

#: The modules that each extra brings, by the names under which they are imported. pyproject.toml has the packages.
EXTRAS: dict[str, tuple[str, ...]] = {
    "localstack": ("localstack_client", "testcontainers"),
    "testcontainers": ("testcontainers",),
    "report": ("jinja2",),
    "distributed": ("xdist",),
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "mcp": ("mcp",),
    "cluster": ("distributed",),
}


class ExtraMissing(TargetUnavailable, ImportError):
    """An optional part is not installed; the message contains the command that installs it."""


def missing(extra: str) -> tuple[str, ...]:
    """Return the modules of an extra that are not installed."""
    return tuple(module for module in EXTRAS[extra] if not _is_installed(module))


def require(extra: str, purpose: str) -> None:
    """Raise ExtraMissing unless an extra is installed. `purpose` is the subject of the message: "the target localstack"."""
    if absent := missing(extra):
        raise ExtraMissing(
            f"{purpose} needs {' and '.join(absent)}, which this installation lacks: pip install 'pushproof[{extra}]'"
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # A package above it is missing.
        return False
