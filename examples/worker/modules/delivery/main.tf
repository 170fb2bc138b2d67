terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  type = string
}

variable "repository" {
  description = "Owner and name of the source repository."
  type        = string
}

variable "branch" {
  type = string
}

variable "image_repository" {
  type = object({ arn = string, repository_url = string })
}

variable "cluster" {
  type = string
}

variable "service" {
  type = string
}

variable "service_arn" {
  type = string
}

variable "execution_role_arn" {
  type = string
}

resource "aws_s3_bucket" "handover" {
  bucket_prefix = "${var.name}-"
  force_destroy = true
}

resource "aws_codestarconnections_connection" "this" {
  name          = var.name
  provider_type = "GitHub"
}

resource "aws_codebuild_project" "this" {
  name         = "${var.name}-image"
  service_role = aws_iam_role.this["codebuild"].arn

  source {
    type      = "CODEPIPELINE"
    buildspec = "ci/image.yml"
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type            = "LINUX_CONTAINER"
    compute_type    = "BUILD_GENERAL1_SMALL"
    image           = "aws/codebuild/standard:7.0"
    privileged_mode = true

    environment_variable {
      name  = "IMAGE_REPOSITORY"
      value = var.image_repository.repository_url
    }
  }
}

resource "aws_codepipeline" "this" {
  name     = var.name
  role_arn = aws_iam_role.this["codepipeline"].arn

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.handover.bucket
  }

  stage {
    name = "Source"

    action {
      name             = "Code"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      output_artifacts = ["Code"]

      configuration = {
        ConnectionArn    = aws_codestarconnections_connection.this.arn
        FullRepositoryId = var.repository
        BranchName       = var.branch
      }
    }
  }

  stage {
    name = "Build"

    action {
      name             = "Image"
      category         = "Build"
      owner            = "AWS"
      provider         = "CodeBuild"
      version          = "1"
      input_artifacts  = ["Code"]
      output_artifacts = ["Image"]
      configuration    = { ProjectName = aws_codebuild_project.this.name }
    }
  }

  stage {
    name = "Deploy"

    action {
      name            = "Service"
      category        = "Deploy"
      owner           = "AWS"
      provider        = "ECS"
      version         = "1"
      input_artifacts = ["Image"]

      configuration = {
        ClusterName = var.cluster
        ServiceName = var.service
      }
    }
  }
}

locals {
  permissions = {
    codebuild = [
      { Effect = "Allow", Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Resource = "*" },
      { Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], Resource = "${aws_s3_bucket.handover.arn}/*" },
      { Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
      {
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload",
          "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = var.image_repository.arn
      },
    ]
    codepipeline = [
      { Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], Resource = "${aws_s3_bucket.handover.arn}/*" },
      { Effect = "Allow", Action = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"], Resource = aws_s3_bucket.handover.arn },
      { Effect = "Allow", Action = ["codestar-connections:UseConnection", "codeconnections:UseConnection"], Resource = aws_codestarconnections_connection.this.arn },
      { Effect = "Allow", Action = ["codebuild:StartBuild", "codebuild:BatchGetBuilds"], Resource = "arn:aws:codebuild:*:*:project/${var.name}-image" },
      { Effect = "Allow", Action = ["ecs:DescribeServices", "ecs:UpdateService"], Resource = var.service_arn },
      { Effect = "Allow", Action = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:TagResource"], Resource = "*" },
      { Effect = "Allow", Action = "iam:PassRole", Resource = var.execution_role_arn },
    ]
  }
}

resource "aws_iam_role" "this" {
  for_each = toset(["codebuild", "codepipeline"])

  name_prefix = "${var.name}-${each.key}-"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "${each.key}.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.permissions

  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}
