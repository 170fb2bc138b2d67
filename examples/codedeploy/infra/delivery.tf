resource "aws_s3_bucket" "artifacts" {
  bucket        = "shop-artifacts-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
}

resource "aws_codestarconnections_connection" "git" {
  name          = "shop"
  provider_type = "GitHub"
}

resource "aws_codebuild_project" "shop" {
  name         = "shop"
  service_role = aws_iam_role.this["build"].arn

  source {
    type = "CODEPIPELINE"
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
      name  = "REPOSITORY"
      value = aws_ecr_repository.shop.repository_url
    }

    environment_variable {
      name  = "EXECUTION_ROLE"
      value = aws_iam_role.this["execution"].arn
    }
  }
}

resource "aws_codepipeline" "shop" {
  name           = "shop"
  execution_mode = "SUPERSEDED"
  pipeline_type  = "V2"
  role_arn       = aws_iam_role.this["pipeline"].arn

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.artifacts.bucket
  }

  stage {
    name = "Source"

    action {
      name             = "Source"
      category         = "Source"
      output_artifacts = ["Code"]
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"

      configuration = {
        ConnectionArn    = aws_codestarconnections_connection.git.arn
        FullRepositoryId = "example/shop"
        BranchName       = "main"
      }
    }
  }

  stage {
    name = "Build"

    action {
      name             = "Build"
      category         = "Build"
      configuration    = { ProjectName = aws_codebuild_project.shop.name }
      input_artifacts  = ["Code"]
      output_artifacts = ["Shop"]
      owner            = "AWS"
      provider         = "CodeBuild"
      version          = "1"
    }
  }

  stage {
    name = "Deploy"

    action {
      name            = "Deploy"
      category        = "Deploy"
      input_artifacts = ["Shop"]
      owner           = "AWS"
      provider        = "CodeDeployToECS"
      version         = "1"

      configuration = {
        ApplicationName                = aws_codedeploy_app.shop.name
        DeploymentGroupName            = aws_codedeploy_deployment_group.shop.deployment_group_name
        AppSpecTemplateArtifact        = "Shop"
        TaskDefinitionTemplateArtifact = "Shop"
        Image1ArtifactName             = "Shop"
        Image1ContainerName            = "IMAGE1_NAME"
      }
    }
  }
}
