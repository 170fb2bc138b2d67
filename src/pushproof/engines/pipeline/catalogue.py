"""The catalogue of action types: artifacts, configuration, and timeout of each.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-action-artifacts.html (artifact counts),
https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-valid-providers.html (providers),
https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html (timeouts) and the action-reference page of each provider.
"""

from __future__ import annotations

from dataclasses import dataclass

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class ActionKind:
    """An action type: artifact counts as (least, most), configuration keys, and its default timeout in seconds."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    required: frozenset[str]
    optional: frozenset[str]
    timeout: float
    executable: bool = True


def _kind(
    inputs: tuple[int, int],
    outputs: tuple[int, int],
    required: str = "",
    optional: str = "",
    timeout: float = HOUR,
) -> ActionKind:
    return ActionKind(inputs, outputs, frozenset(required.split()), frozenset(optional.split()), timeout)


_CODEBUILD = _kind(
    (1, 5), (0, 5), "ProjectName", "PrimarySource BatchEnabled CombineArtifacts EnvironmentVariables", 36 * HOUR
)

#: (category, owner, provider) -> the action type. Version 1 of each.
KINDS: dict[tuple[str, str, str], ActionKind] = {
    ("Source", "AWS", "CodeStarSourceConnection"): _kind(
        (0, 0), (0, 1), "ConnectionArn FullRepositoryId BranchName", "OutputArtifactFormat DetectChanges"
    ),
    ("Source", "AWS", "CodeCommit"): _kind(
        (0, 0), (0, 1), "RepositoryName BranchName", "OutputArtifactFormat PollForSourceChanges"
    ),
    ("Source", "ThirdParty", "GitHub"): _kind((0, 0), (0, 1), "Owner Repo Branch OAuthToken", "PollForSourceChanges"),
    ("Source", "AWS", "S3"): _kind(
        (0, 0), (0, 1), "S3Bucket S3ObjectKey", "PollForSourceChanges AllowOverrideForS3ObjectKey"
    ),
    ("Build", "AWS", "CodeBuild"): _CODEBUILD,
    ("Test", "AWS", "CodeBuild"): _CODEBUILD,
    ("Approval", "AWS", "Manual"): _kind(
        (0, 0), (0, 0), "", "NotificationArn CustomData ExternalEntityLink ApprovalReviewLink", 7 * DAY
    ),
    ("Source", "AWS", "ECR"): _kind((0, 0), (0, 1), "RepositoryName", "ImageTag"),
    ("Compute", "AWS", "Commands"): _kind((1, 10), (0, 1), timeout=55 * 60.0),
    ("Build", "AWS", "ECRBuildAndPublish"): _kind(
        (1, 1), (0, 0), "ECRRepositoryName", "DockerFilePath ImageTags RegistryType"
    ),
    ("Deploy", "AWS", "CodeDeployToECS"): _kind(
        (1, 5),
        (0, 0),
        "ApplicationName DeploymentGroupName TaskDefinitionTemplateArtifact AppSpecTemplateArtifact",
        "TaskDefinitionTemplatePath AppSpecTemplatePath "
        + " ".join(f"Image{number}ArtifactName Image{number}ContainerName" for number in range(1, 5)),
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
        5 * DAY,
    ),
    ("Deploy", "AWS", "ECS"): _kind((1, 1), (0, 0), "ClusterName ServiceName", "FileName DeploymentTimeout"),
}

#: AWS's providers that are not executed here. A declaration that names one is valid and unsupported.
ELSEWHERE: frozenset[tuple[str, str, str]] = frozenset(
    {
        ("Build", "Custom", "Jenkins"),
        ("Test", "AWS", "DeviceFarm"),
        ("Test", "Custom", "Jenkins"),
        ("Deploy", "AWS", "S3"),
        ("Deploy", "AWS", "CloudFormation"),
        ("Deploy", "AWS", "CloudFormationStackSet"),
        ("Deploy", "AWS", "CloudFormationStackInstances"),
        ("Deploy", "AWS", "CodeDeploy"),
        ("Deploy", "AWS", "ElasticBeanstalk"),
        ("Deploy", "AWS", "OpsWorks"),
        ("Deploy", "AWS", "ServiceCatalog"),
        ("Deploy", "AWS", "AppConfig"),
        ("Deploy", "AWS", "EC2"),
        ("Deploy", "AWS", "EKS"),
        ("Deploy", "ThirdParty", "AlexaSkillsKit"),
        ("Invoke", "AWS", "Lambda"),
        ("Invoke", "AWS", "StepFunctions"),
        ("Invoke", "AWS", "CodePipeline"),
        ("Invoke", "AWS", "InspectorScan"),
    }
)

#: The most executions that one pipeline runs at a time in QUEUED and in PARALLEL mode.
CONCURRENT_EXECUTIONS = 50
