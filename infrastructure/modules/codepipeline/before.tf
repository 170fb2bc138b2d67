# A task of the new revision before each deployment, such as a database migration. Its exit code decides whether the service gets
# the revision.

locals {
  before = length(var.before_deploy_command) > 0 ? 1 : 0
}

resource "aws_cloudwatch_log_group" "before" {
  count = local.before

  name              = "/aws/codebuild/${local.name}-before"
  retention_in_days = 30
}

resource "aws_codebuild_project" "before" {
  count = local.before

  name          = "${local.name}-before"
  description   = "Run a task of the new revision of ${local.name} before the service gets it"
  build_timeout = 60
  service_role  = var.before_deploy_role_arn

  source {
    type      = "CODEPIPELINE"
    buildspec = file("${path.module}/before-deploy.yml")
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type         = "LINUX_CONTAINER"
    compute_type = "BUILD_GENERAL1_SMALL"
    image        = "aws/codebuild/standard:7.0"

    dynamic "environment_variable" {
      for_each = {
        CLUSTER_NAME   = var.cluster_name
        COMMAND        = jsonencode(var.before_deploy_command)
        CONTAINER_NAME = var.container_name
        FAMILY         = "${local.name}-before"
        SERVICE_NAME   = var.service_name
      }

      content {
        name  = environment_variable.key
        value = environment_variable.value
        type  = "PLAINTEXT"
      }
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.before[0].name
    }
  }

  lifecycle {
    precondition {
      condition     = var.before_deploy_role_arn != null
      error_message = "A task before the deployment needs before_deploy_role_arn: the role of the project that runs it."
    }
  }
}
