"""CodePipeline: its API, and the executor that carries out what the pipeline engine decides."""

from pushproof.emulator.services.codepipeline.service import CodePipelineService
from pushproof.emulator.services.codepipeline.settings import CodePipelineSettings

__all__ = ["CodePipelineService", "CodePipelineSettings"]
