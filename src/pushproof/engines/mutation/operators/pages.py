"""Pages of AWS's and Docker's documentation, by a short name of the guide."""

from __future__ import annotations

_GUIDES = {
    "alb": "elasticloadbalancing/latest/application",
    "cloudwatch": "AmazonCloudWatch/latest/monitoring",
    "codebuild": "codebuild/latest/userguide",
    "codebuild-api": "codebuild/latest/APIReference",
    "codepipeline": "codepipeline/latest/userguide",
    "ecr": "AmazonECR/latest/userguide",
    "ecs": "AmazonECS/latest/developerguide",
    "ecs-api": "AmazonECS/latest/APIReference",
    "elb": "elasticloadbalancing/latest/userguide",
    "events": "eventbridge/latest/userguide",
    "iam": "IAM/latest/UserGuide",
    "kms": "kms/latest/developerguide",
    "logs": "AmazonCloudWatch/latest/logs",
    "privatelink": "vpc/latest/privatelink",
    "rds": "AmazonRDS/latest/UserGuide",
    "s3": "AmazonS3/latest/userguide",
    "scaling": "autoscaling/application/userguide",
    "scaling-api": "autoscaling/application/APIReference",
    "secrets": "secretsmanager/latest/userguide",
    "security": "wellarchitected/latest/security-pillar",
    "sns": "sns/latest/dg",
    "vpc": "vpc/latest/userguide",
}

#: Terraform's language.
TERRAFORM = "https://developer.hashicorp.com/terraform/language"
#: Docker's reference and its advice.
DOCKERFILE = "https://docs.docker.com/reference/dockerfile/"
DOCKER_ADVICE = "https://docs.docker.com/build/building/best-practices/"


def aws(name: str) -> str:
    """Return the URL of a page of AWS's documentation: `ecs/task-networking`."""
    guide, _, page = name.partition("/")
    return f"https://docs.aws.amazon.com/{_GUIDES[guide]}/{page}.html"
