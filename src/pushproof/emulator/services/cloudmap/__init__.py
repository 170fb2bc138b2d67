"""AWS Cloud Map: namespaces, services, instances, and the names under which tasks find each other."""

from .service import CloudMapService

__all__ = ["CloudMapService"]
