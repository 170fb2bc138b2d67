data "aws_iam_policy_document" "deploy" {
  # The token is for the registry, not for a repository: AWS offers no resource to scope it by.
  statement {
    sid       = "LogInToTheRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  # DescribeImages shows whether a commit was built before.
  statement {
    sid = "PushImages"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [local.repository_arn]
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

  # The revision that the workflow registers has the tags of the one that it copies.
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
    resources = [var.execution_role_arn, var.task_role_arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "deploy" {
  name                 = "${local.name}-github-deploy"
  description          = "GitHub Actions: build, push and roll out ${local.name}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "deploy" {
  name   = "deploy"
  role   = aws_iam_role.deploy.id
  policy = data.aws_iam_policy_document.deploy.json
}
