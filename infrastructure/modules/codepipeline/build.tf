locals {
  _build_environment = {
    CONTAINER_NAME            = var.container_name
    ECR_CACHE_REPOSITORY_NAME = var.ecr_cache_repository_name
    ECR_REGISTRY              = var.ecr_registry
    ECR_REPOSITORY_NAME       = var.ecr_repository_name
    ENVIRONMENT               = var.environment
  }
  build_environment = merge(var.build_environment, local._build_environment)
}

resource "aws_cloudwatch_log_group" "build" {
  name              = "/aws/codebuild/${local.name}"
  retention_in_days = 30
}

resource "aws_codebuild_project" "this" {
  name          = local.name
  description   = "Test, build and push ${local.name}"
  build_timeout = 20
  service_role  = var.codebuild_role_arn

  source {
    type      = "CODEPIPELINE"
    buildspec = "buildspec.yml"
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  cache {
    type     = "S3"
    location = "${aws_s3_bucket.artifacts.bucket}/build-cache"
  }

  environment {
    type            = "LINUX_CONTAINER"
    compute_type    = "BUILD_GENERAL1_SMALL"
    image           = "aws/codebuild/standard:7.0"
    privileged_mode = true # docker build needs a daemon of its own

    dynamic "environment_variable" {
      for_each = local.build_environment

      content {
        name  = environment_variable.key
        value = environment_variable.value
        type  = "PLAINTEXT"
      }
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.build.name
    }
  }
}
