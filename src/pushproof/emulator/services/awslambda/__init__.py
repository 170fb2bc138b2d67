"""Lambda: functions as the substrate keeps them, with their code, which runs."""

from .service import LambdaService

__all__ = ["LambdaService"]
