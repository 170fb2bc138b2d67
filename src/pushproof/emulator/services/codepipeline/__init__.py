"""CodePipeline: its API, and the executor of the pipeline engine's decisions."""

from pushproof.emulator.services.codepipeline.actions.base import Neighbours
from pushproof.emulator.services.codepipeline.service import CodePipelineService

__all__ = ["CodePipelineService", "Neighbours"]
