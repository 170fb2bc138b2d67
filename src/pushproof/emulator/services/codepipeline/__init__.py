"""CodePipeline: its API, and the executor that carries out what the pipeline engine decides."""

from pushproof.emulator.services.codepipeline.actions.base import Neighbours
from pushproof.emulator.services.codepipeline.service import CodePipelineService

__all__ = ["CodePipelineService", "Neighbours"]
