# A pipeline of type V2 with triggers, variables, conditions and commands, as provider 5 takes them.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

resource "aws_s3_bucket" "store" {
  bucket_prefix = "second-"
  force_destroy = true
}

resource "aws_codestarconnections_connection" "git" {
  name          = "second"
  provider_type = "GitHub"
}

resource "aws_ecr_repository" "app" {
  name = "second"
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "second-errors"
  namespace           = "App"
  metric_name         = "Errors"
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 1
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["codepipeline.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "pipeline" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.store.arn}/*"]
  }

  statement {
    actions   = ["codestar-connections:UseConnection"]
    resources = [aws_codestarconnections_connection.git.arn]
  }

  statement {
    actions = [
      "cloudwatch:DescribeAlarms",
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "ecr:DescribeRepositories",
      "ecr:GetAuthorizationToken",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role" "pipeline" {
  name               = "second-pipeline"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "pipeline" {
  role   = aws_iam_role.pipeline.id
  policy = data.aws_iam_policy_document.pipeline.json
}

resource "aws_codepipeline" "second" {
  name           = "second"
  role_arn       = aws_iam_role.pipeline.arn
  pipeline_type  = "V2"
  execution_mode = "QUEUED"

  artifact_store {
    location = aws_s3_bucket.store.bucket
    type     = "S3"
  }

  variable {
    name          = "STAGE"
    default_value = "dev"
    description   = "Where it goes"
  }

  variable {
    name          = "NOTE"
    default_value = "none"
  }

  trigger {
    provider_type = "CodeStarSourceConnection"

    git_configuration {
      source_action_name = "Source"

      push {
        branches {
          includes = ["main", "release/**"]
          excludes = ["release/old"]
        }

        file_paths {
          includes = ["app/**"]
          excludes = ["**/README.md"]
        }
      }

      push {
        tags {
          includes = ["v*"]
        }
      }

      pull_request {
        events = ["OPEN", "UPDATED"]

        branches {
          includes = ["main"]
        }
      }
    }
  }

  stage {
    name = "Source"

    action {
      name             = "Source"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      namespace        = "Src"
      output_artifacts = ["source"]

      configuration = {
        ConnectionArn        = aws_codestarconnections_connection.git.arn
        FullRepositoryId     = "acme/second"
        BranchName           = "main"
        OutputArtifactFormat = "CODEBUILD_CLONE_REF"
      }
    }
  }

  stage {
    name = "Publish"

    before_entry {
      condition {
        result = "SKIP"

        rule {
          name = "only-main"

          rule_type_id {
            category = "Rule"
            owner    = "AWS"
            provider = "VariableCheck"
            version  = "1"
          }

          configuration = {
            Variable = "#{Src.BranchName}"
            Value    = "main"
            Operator = "EQ"
          }
        }
      }
    }

    on_success {
      condition {
        result = "ROLLBACK"

        rule {
          name = "no-errors"

          rule_type_id {
            category = "Rule"
            owner    = "AWS"
            provider = "CloudWatchAlarm"
            version  = "1"
          }

          configuration = {
            AlarmName = aws_cloudwatch_metric_alarm.errors.alarm_name
            WaitTime  = "10"
          }
        }
      }
    }

    on_failure {
      condition {
        result = "ROLLBACK"

        rule {
          name            = "look"
          commands        = ["test -d app"]
          input_artifacts = ["source"]

          rule_type_id {
            category = "Rule"
            owner    = "AWS"
            provider = "Commands"
            version  = "1"
          }
        }
      }
    }

    action {
      name            = "Image"
      category        = "Build"
      owner           = "AWS"
      provider        = "ECRBuildAndPublish"
      version         = "1"
      input_artifacts = ["source"]

      configuration = {
        ECRRepositoryName = aws_ecr_repository.app.name
        ImageTags         = "#{Src.CommitId}"
      }
    }
  }

  stage {
    name = "Check"

    on_failure {
      result = "RETRY"

      retry_configuration {
        retry_mode = "ALL_ACTIONS"
      }
    }

    action {
      name     = "Approve"
      category = "Approval"
      owner    = "AWS"
      provider = "Manual"
      version  = "1"
    }
  }
}
