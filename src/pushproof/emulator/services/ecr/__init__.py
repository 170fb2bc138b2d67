"""ECR and the store behind the registry."""

from __future__ import annotations

from pushproof.emulator.services.ecr.lifecycle import LifecycleAct
from pushproof.emulator.services.ecr.model import Image, Repository
from pushproof.emulator.services.ecr.service import EcrService

__all__ = ["EcrService", "Image", "LifecycleAct", "Repository"]
