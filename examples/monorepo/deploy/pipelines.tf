resource "aws_s3_bucket" "artifacts" {
  bucket        = "shopfront-artifacts-${local.account}"
  force_destroy = true
}

resource "aws_codestarconnections_connection" "github" {
  name          = "shopfront"
  provider_type = "GitHub"
}

# One pipeline a service, all from the one repository.
resource "aws_codebuild_project" "service" {
  for_each = local.services

  name         = "shopfront-${each.key}"
  service_role = aws_iam_role.build.arn

  source {
    type = "CODEPIPELINE"
    # Written here and not in the repository: every service is built in the same way.
    buildspec = templatefile("${path.module}/build.yml.tftpl", {
      folder     = "services/${each.key}"
      container  = each.key
      repository = aws_ecr_repository.service[each.key].repository_url
    })
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type            = "LINUX_CONTAINER"
    compute_type    = "BUILD_GENERAL1_SMALL"
    image           = "aws/codebuild/standard:7.0"
    privileged_mode = true
  }
}

resource "aws_codepipeline" "service" {
  for_each = local.services

  name     = "shopfront-${each.key}"
  role_arn = aws_iam_role.pipeline.arn

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.artifacts.bucket
  }

  stage {
    name = "Checkout"

    action {
      name             = "GitHub"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      output_artifacts = ["code"]

      configuration = {
        ConnectionArn    = aws_codestarconnections_connection.github.arn
        FullRepositoryId = "acme/shopfront"
        BranchName       = "trunk"
      }
    }
  }

  stage {
    name = "Image"

    action {
      name             = "Image"
      category         = "Build"
      owner            = "AWS"
      provider         = "CodeBuild"
      version          = "1"
      input_artifacts  = ["code"]
      output_artifacts = ["image"]
      configuration    = { ProjectName = aws_codebuild_project.service[each.key].name }
    }
  }

  stage {
    name = "Rollout"

    action {
      name            = "ECS"
      category        = "Deploy"
      owner           = "AWS"
      provider        = "ECS"
      version         = "1"
      input_artifacts = ["image"]

      configuration = {
        ClusterName = aws_ecs_cluster.shopfront.name
        ServiceName = aws_ecs_service.service[each.key].name
        FileName    = "image.json"
      }
    }
  }
}
