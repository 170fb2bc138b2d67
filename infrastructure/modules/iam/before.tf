# Role of the project that runs a task of the new revision before each deployment, such as a database migration.

data "aws_iam_policy_document" "before" {
  count = var.before_deploy ? 1 : 0

  statement {
    sid       = "WriteTheLog"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.build_log_group_arn}-before", "${local.build_log_group_arn}-before:*"]
  }

  statement {
    sid       = "SeeTheArtifactsBucket"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation"]
    resources = [local.artifacts_bucket_arn]
  }

  statement {
    sid       = "ReadTheImageDefinitions"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.artifacts_bucket_arn}/*"]
  }

  statement {
    sid       = "SeeTheService"
    actions   = ["ecs:DescribeServices"]
    resources = [local.service_arn]
  }

  # AWS offers no resource to scope reading by.
  statement {
    sid       = "ReadRevisions"
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"]
  }

  statement {
    sid       = "RegisterARevision"
    actions   = ["ecs:RegisterTaskDefinition"]
    resources = [local.before_revision_arn]
  }

  statement {
    sid       = "RunTheTask"
    actions   = ["ecs:RunTask"]
    resources = [local.before_revision_arn]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [local.cluster_arn]
    }
  }

  # The number of a task is not known beforehand.
  statement {
    sid       = "FollowTheTask"
    actions   = ["ecs:DescribeTasks"]
    resources = [local.tasks_arn]
  }

  statement {
    sid       = "PassTheTaskRoles"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.execution.arn, aws_iam_role.task.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "trust_before" {
  count = var.before_deploy ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["codebuild.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.before_project_arn]
    }
  }
}

resource "aws_iam_role" "before" {
  count = var.before_deploy ? 1 : 0

  name               = "${local.name}-before"
  description        = "CodeBuild: run a task of ${local.name} before each deployment"
  assume_role_policy = data.aws_iam_policy_document.trust_before[0].json
}

resource "aws_iam_role_policy" "before" {
  count = var.before_deploy ? 1 : 0

  name   = "run-a-task"
  role   = aws_iam_role.before[0].id
  policy = data.aws_iam_policy_document.before[0].json
}
