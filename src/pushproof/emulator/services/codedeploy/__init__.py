"""CodeDeploy: blue/green deployments of ECS services."""

from pushproof.emulator.services.codedeploy.service import CodeDeployService

__all__ = ["CodeDeployService"]
