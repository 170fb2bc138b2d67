locals {
  account = "eu-west-1:${data.aws_caller_identity.me.account_id}"

  roles = {
    execution = {
      service = "ecs-tasks"
      statements = [
        { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = "*" },
        { Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = aws_ecr_repository.shop.arn },
        { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.shop.arn}:*" },
      ]
    }
    build = {
      service = "codebuild"
      statements = [
        { Effect = "Allow", Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Resource = "arn:aws:logs:${local.account}:log-group:/aws/codebuild/shop*" },
        { Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], Resource = "${aws_s3_bucket.artifacts.arn}/*" },
        { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = "*" },
        { Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"], Resource = aws_ecr_repository.shop.arn },
      ]
    }
    pipeline = {
      service = "codepipeline"
      statements = [
        { Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], Resource = "${aws_s3_bucket.artifacts.arn}/*" },
        { Effect = "Allow", Action = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"], Resource = aws_s3_bucket.artifacts.arn },
        { Effect = "Allow", Action = ["codestar-connections:UseConnection", "codeconnections:UseConnection"], Resource = aws_codestarconnections_connection.git.arn },
        { Effect = "Allow", Action = ["codebuild:StartBuild", "codebuild:BatchGetBuilds"], Resource = "arn:aws:codebuild:${local.account}:project/shop" },
        { Effect = "Allow", Action = ["codedeploy:CreateDeployment", "codedeploy:GetDeployment"], Resource = "arn:aws:codedeploy:${local.account}:deploymentgroup:shop/shop" },
        { Effect = "Allow", Action = ["codedeploy:GetDeploymentConfig"], Resource = "arn:aws:codedeploy:${local.account}:deploymentconfig:*" },
        { Effect = "Allow", Action = ["codedeploy:GetApplication", "codedeploy:GetApplicationRevision", "codedeploy:RegisterApplicationRevision"], Resource = "arn:aws:codedeploy:${local.account}:application:shop" },
        { Effect = "Allow", Action = ["ecs:RegisterTaskDefinition", "ecs:TagResource"], Resource = "arn:aws:ecs:${local.account}:task-definition/shop:*" },
        { Effect = "Allow", Action = ["iam:PassRole"], Resource = "arn:aws:iam::*:role/shop-execution" },
      ]
    }
    codedeploy = {
      service = "codedeploy"
      statements = [
        { Effect = "Allow", Action = ["iam:PassRole"], Resource = "arn:aws:iam::*:role/shop-execution" },
      ]
    }
    smoke-test = {
      service = "lambda"
      statements = [
        { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.smoke_test.arn}:*" },
        { Effect = "Allow", Action = ["codedeploy:PutLifecycleEventHookExecutionStatus"], Resource = "arn:aws:codedeploy:${local.account}:deploymentgroup:shop/shop" },
      ]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name = "shop-${each.key}"

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

resource "aws_iam_role_policy_attachment" "codedeploy" {
  role       = aws_iam_role.this["codedeploy"].name
  policy_arn = "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS"
}
