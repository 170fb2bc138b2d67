locals {
  # A connection's ARN contains codestar-connections or codeconnections, depending on when and how it was created.
  # The action's prefix must be the same, or the permission does not apply.
  _connection_prefix = try(split(":", var.connection_arn)[2], "codeconnections")
}

data "aws_iam_policy_document" "codepipeline" {
  dynamic "statement" {
    for_each = var.source_bucket_name == null ? [1] : []

    content {
      sid       = "UseTheConnection"
      actions   = ["${local._connection_prefix}:UseConnection"]
      resources = [var.connection_arn]
    }
  }

  dynamic "statement" {
    for_each = var.source_bucket_name == null ? [] : [1]

    content {
      sid       = "SeeTheSourceBucket"
      actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
      resources = [local.source_bucket_arn]
    }
  }

  dynamic "statement" {
    for_each = var.source_bucket_name == null ? [] : [1]

    content {
      sid = "ReadTheSource"
      actions = [
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
      ]
      resources = ["${local.source_bucket_arn}/*"]
    }
  }

  statement {
    sid       = "SeeTheArtifactsBucket"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
    resources = [local.artifacts_bucket_arn]
  }

  statement {
    sid       = "PassArtifacts"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = ["${local.artifacts_bucket_arn}/*"]
  }

  statement {
    sid       = "Build"
    actions   = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"]
    resources = concat([local.build_project_arn], var.before_deploy ? [local.before_project_arn] : [])
  }

  dynamic "statement" {
    for_each = var.require_approval ? [1] : []

    content {
      sid       = "AskForApproval"
      actions   = ["sns:Publish"]
      resources = [local.topic_arn]
    }
  }

  # Registering is scoped by the family:
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
  # A revision runs only through the service below, and only with the roles that may be passed.
  statement {
    sid       = "RegisterARevision"
    actions   = ["ecs:RegisterTaskDefinition"]
    resources = [local.task_definition_arn]
  }

  # AWS offers no resource to scope reading by.
  statement {
    sid       = "ReadRevisions"
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"]
  }

  # The deploy action carries the tags over to the revision it registers.
  statement {
    sid       = "TagTheRevision"
    actions   = ["ecs:TagResource"]
    resources = [local.task_definition_arn]

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RegisterTaskDefinition"]
    }
  }

  statement {
    sid       = "RollOut"
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = [local.service_arn]
  }

  # A revision names both roles, so both must be passed.
  statement {
    sid       = "PassTheTaskRoles"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.execution.arn, aws_iam_role.task.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "codepipeline" {
  name               = "${local.name}-codepipeline"
  description        = "CodePipeline: fetch, build and roll out ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.trust_codepipeline.json
}

resource "aws_iam_role_policy" "codepipeline" {
  name   = "pipeline"
  role   = aws_iam_role.codepipeline.id
  policy = data.aws_iam_policy_document.codepipeline.json

  lifecycle {
    precondition {
      condition     = var.connection_arn != null || var.source_bucket_name != null
      error_message = "The pipeline needs a source that it may read: set connection_arn, or source_bucket_name if the source is a bucket."
    }
  }
}
