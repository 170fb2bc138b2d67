"""CodeBuild: projects, and builds that run a buildspec's commands for real or by script."""

from __future__ import annotations

from pushproof.emulator.services.codebuild.service import CodeBuildService

__all__ = ["CodeBuildService"]
