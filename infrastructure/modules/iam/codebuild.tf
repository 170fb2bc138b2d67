data "aws_iam_policy_document" "codebuild" {
  statement {
    sid       = "WriteTheBuildLog"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [local.build_log_group_arn, "${local.build_log_group_arn}:*"]
  }

  statement {
    sid       = "SeeTheArtifactsBucket"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation"]
    resources = [local.artifacts_bucket_arn]
  }

  # Source, imagedefinitions.json and the build cache.
  statement {
    sid       = "ExchangeArtifacts"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = ["${local.artifacts_bucket_arn}/*"]
  }

  # The token is for the registry, not for a repository: AWS offers no resource to scope it by.
  statement {
    sid       = "LogInToTheRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  # DescribeImages shows whether a commit was built before; reading is for the layer cache.
  statement {
    sid = "PushAndPullImages"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [local.repository_arn, local.cache_repository_arn]
  }
}

resource "aws_iam_role" "codebuild" {
  name               = "${local.name}-codebuild"
  description        = "CodeBuild: test, build and push ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.trust_codebuild.json
}

resource "aws_iam_role_policy" "codebuild" {
  name   = "build"
  role   = aws_iam_role.codebuild.id
  policy = data.aws_iam_policy_document.codebuild.json
}
