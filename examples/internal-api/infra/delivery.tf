resource "aws_s3_bucket" "artifacts" {
  bucket        = "corp-ledger-artifacts-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
}

resource "aws_codestarconnections_connection" "git" {
  name          = "corp-git"
  provider_type = "GitHub"
}

resource "aws_codebuild_project" "api" {
  name         = "ledger-api"
  service_role = aws_iam_role.this["build"].arn

  source {
    type      = "CODEPIPELINE"
    buildspec = "api/buildspec.yaml"
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type            = "LINUX_CONTAINER"
    compute_type    = "BUILD_GENERAL1_MEDIUM"
    image           = "aws/codebuild/amazonlinux2-x86_64-standard:5.0"
    privileged_mode = true

    environment_variable {
      name  = "REGISTRY"
      value = split("/", aws_ecr_repository.api.repository_url)[0]
    }

    environment_variable {
      name  = "REPOSITORY"
      value = aws_ecr_repository.api.name
    }
  }
}

resource "aws_codepipeline" "api" {
  name           = "ledger-api"
  pipeline_type  = "V2"
  execution_mode = "QUEUED"
  role_arn       = aws_iam_role.this["pipeline"].arn

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.artifacts.bucket
  }

  stage {
    name = "Source"

    action {
      name             = "Git"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      output_artifacts = ["Git"]

      configuration = {
        ConnectionArn    = aws_codestarconnections_connection.git.arn
        FullRepositoryId = "corp/ledger"
        BranchName       = "main"
      }
    }
  }

  stage {
    name = "Build"

    action {
      name             = "Api"
      category         = "Build"
      owner            = "AWS"
      provider         = "CodeBuild"
      version          = "1"
      input_artifacts  = ["Git"]
      output_artifacts = ["Api"]
      configuration    = { ProjectName = aws_codebuild_project.api.name }
    }
  }

  stage {
    name = "Release"

    action {
      name            = "Api"
      category        = "Deploy"
      owner           = "AWS"
      provider        = "ECS"
      version         = "1"
      input_artifacts = ["Api"]

      configuration = {
        ClusterName = aws_ecs_cluster.corp.name
        ServiceName = aws_ecs_service.api.name
      }
    }
  }
}

locals {
  roles = {
    execution = {
      service = "ecs-tasks"
      statements = [
        { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = "*" },
        { Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = aws_ecr_repository.api.arn },
        { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.api.arn}:*" },
        { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = aws_secretsmanager_secret.ledger.arn },
      ]
    }
    build = {
      service = "codebuild"
      statements = [
        { Effect = "Allow", Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Resource = "*" },
        { Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], Resource = "${aws_s3_bucket.artifacts.arn}/*" },
        { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = "*" },
        { Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"], Resource = aws_ecr_repository.api.arn },
      ]
    }
    pipeline = {
      service = "codepipeline"
      statements = [
        { Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], Resource = "${aws_s3_bucket.artifacts.arn}/*" },
        { Effect = "Allow", Action = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"], Resource = aws_s3_bucket.artifacts.arn },
        { Effect = "Allow", Action = ["codestar-connections:UseConnection", "codeconnections:UseConnection"], Resource = aws_codestarconnections_connection.git.arn },
        { Effect = "Allow", Action = ["codebuild:StartBuild", "codebuild:BatchGetBuilds"], Resource = "arn:aws:codebuild:*:*:project/ledger-api" },
        { Effect = "Allow", Action = ["ecs:DescribeServices", "ecs:UpdateService"], Resource = "arn:aws:ecs:*:*:service/corp/ledger-api" },
        { Effect = "Allow", Action = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:TagResource"], Resource = "*" },
        { Effect = "Allow", Action = ["iam:PassRole"], Resource = "arn:aws:iam::*:role/corp/ledger-execution" },
      ]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name = "ledger-${each.key}"
  path = "/corp/"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "${each.value.service}.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}
