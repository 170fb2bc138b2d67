"""Jobs that carry out the actions of a pipeline: one file for each provider."""

from pushproof.emulator.services.codepipeline.actions.approval import ManualApproval
from pushproof.emulator.services.codepipeline.actions.base import Assignment, Job, JobFailed, Neighbours
from pushproof.emulator.services.codepipeline.actions.codebuild import CodeBuildAction
from pushproof.emulator.services.codepipeline.actions.codedeploy import CodeDeployToEcs
from pushproof.emulator.services.codepipeline.actions.commands import Commands
from pushproof.emulator.services.codepipeline.actions.connection import ConnectionSource
from pushproof.emulator.services.codepipeline.actions.ecr import EcrSource
from pushproof.emulator.services.codepipeline.actions.ecs import EcsDeploy
from pushproof.emulator.services.codepipeline.actions.imagebuild import EcrBuildAndPublish
from pushproof.emulator.services.codepipeline.actions.repositories import CodeCommitSource, GitHubSource
from pushproof.emulator.services.codepipeline.actions.s3 import S3Source

# : provider -> the class of its job.
JOBS: dict[str, type[Job]] = {
    "CodeStarSourceConnection": ConnectionSource,
    "CodeCommit": CodeCommitSource,
    "GitHub": GitHubSource,
    "S3": S3Source,
    "CodeBuild": CodeBuildAction,
    "Manual": ManualApproval,
    "ECS": EcsDeploy,
    "Commands": Commands,
    "ECRBuildAndPublish": EcrBuildAndPublish,
    "ECR": EcrSource,
    "CodeDeployToECS": CodeDeployToEcs,
}

__all__ = ["JOBS", "Assignment", "Job", "JobFailed", "Neighbours"]
