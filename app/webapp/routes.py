"""The routes of the service."""

from __future__ import annotations

from collections.abc import Callable

from webapp import health
from webapp.settings import Settings

Answer = tuple[int, dict[str, object]]


def index(settings: Settings) -> Answer:
    """Return the name and state of the service."""
    return 200, {
        "service": "webapp",
        "environment": settings.environment,
        "commit": settings.commit,
        "database": "configured" if settings.has_database else "missing",
    }


def healthz(settings: Settings) -> Answer:
    """Answer the checks of load balancer and container."""
    status = health.status(settings)
    return status, {"status": "ok" if status == 200 else "unwell"}


def version(settings: Settings) -> Answer:
    """Return the commit that serves."""
    return 200, {"commit": settings.commit, "built": settings.build_date}


ROUTES: dict[str, Callable[[Settings], Answer]] = {
    "/": index,
    "/health": healthz,
    "/version": version,
}


def answer(path: str, settings: Settings) -> Answer:
    """Return status and body for a path; the query is ignored."""
    route = ROUTES.get(path.partition("?")[0])
    if route is None:
        return 404, {"error": "not found", "paths": sorted(ROUTES)}
    return route(settings)
