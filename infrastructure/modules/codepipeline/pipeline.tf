locals {
  # Values of an action's configuration are strings, booleans included.
  _connection_source = {
    ConnectionArn        = local.connection_arn
    FullRepositoryId     = var.repository
    BranchName           = var.branch
    DetectChanges        = "true"
    OutputArtifactFormat = "CODE_ZIP"
  }
  _bucket_source = {
    S3Bucket             = one(aws_s3_bucket.source[*].bucket)
    S3ObjectKey          = var.source_object_key
    PollForSourceChanges = "false" # the rule in source.tf starts the pipeline
  }
  source_configuration = { for key, value in merge(
    local.from_bucket ? {} : local._connection_source,
    local.from_bucket ? local._bucket_source : {},
  ) : key => value }

  # The changes of the commit, compared with its predecessor.
  _compare_link = var.repository == null ? null : "https://github.com/${var.repository}/compare/#{SourceVariables.CommitId}^...#{SourceVariables.CommitId}"
  approval_configuration = merge(
    {
      CustomData      = "Approve to roll out ${local.name}."
      NotificationArn = aws_sns_topic.pipeline.arn
    },
    local.from_bucket || local._compare_link == null ? {} : { ExternalEntityLink = local._compare_link },
  )
}

resource "aws_codepipeline" "this" {
  name          = local.name
  pipeline_type = "V2"
  role_arn      = var.codepipeline_role_arn

  # A newer commit overtakes one that waits between stages, for approval or behind a slow rollout, but never
  # inside a stage. So rollouts never overlap, and the newest commit wins.
  execution_mode = "SUPERSEDED"

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.artifacts.bucket
  }

  stage {
    name = "Source"

    action {
      name             = "Source"
      category         = "Source"
      configuration    = local.source_configuration
      namespace        = "SourceVariables"
      output_artifacts = ["SourceArtifact"]
      owner            = "AWS"
      provider         = local.from_bucket ? "S3" : "CodeStarSourceConnection"
      version          = "1"
    }
  }

  stage {
    name = "Build"

    action {
      name             = "Build"
      category         = "Build"
      configuration    = { ProjectName = aws_codebuild_project.this.name }
      input_artifacts  = ["SourceArtifact"]
      output_artifacts = ["BuildArtifact"]
      owner            = "AWS"
      provider         = "CodeBuild"
      version          = "1"
    }
  }

  dynamic "stage" {
    for_each = var.require_approval ? ["Approval"] : []

    content {
      name = stage.value

      action {
        name          = "Approve"
        category      = "Approval"
        configuration = local.approval_configuration
        owner         = "AWS"
        provider      = "Manual"
        version       = "1"
      }
    }
  }

  dynamic "stage" {
    for_each = aws_codebuild_project.before

    content {
      name = "Before"

      action {
        name            = "RunTask"
        category        = "Build"
        configuration   = { ProjectName = stage.value.name }
        input_artifacts = ["BuildArtifact"]
        owner           = "AWS"
        provider        = "CodeBuild"
        version         = "1"
      }
    }
  }

  stage {
    name = "Deploy"

    action {
      name     = "Deploy"
      category = "Deploy"
      configuration = {
        ClusterName = var.cluster_name
        ServiceName = var.service_name
        FileName    = "imagedefinitions.json"
        # After a rollback the action may wait until it times out, and the next execution waits behind it.
        DeploymentTimeout = tostring(var.deployment_timeout_minutes)
      }
      input_artifacts = ["BuildArtifact"]
      owner           = "AWS"
      provider        = "ECS"
      version         = "1"
    }
  }

  lifecycle {
    precondition {
      condition     = local.from_bucket || (var.repository != null && var.branch != null)
      error_message = "A pipeline that starts at a connection needs repository (owner/name) and branch."
    }
    precondition {
      condition     = !local.from_bucket || var.source_bucket_name != null
      error_message = "A pipeline that starts at a bucket needs source_bucket_name."
    }
  }

  # Creating a pipeline starts its first execution.
  depends_on = [
    aws_s3_bucket_public_access_block.artifacts,
    aws_s3_bucket_server_side_encryption_configuration.artifacts,
    aws_s3_bucket_versioning.artifacts,
    aws_s3_bucket_versioning.source,
  ]
}
