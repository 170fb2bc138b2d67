# Inputs that the module refuses, and inputs that it accepts. `terraform test`, Terraform 1.7 or newer; nothing is created.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  artifacts_bucket_name     = "shop-dev-artifacts-123456789012"
  branch                    = "develop"
  cluster_name              = "shop-dev"
  codebuild_role_arn        = "arn:aws:iam::123456789012:role/shop-dev-codebuild"
  codepipeline_role_arn     = "arn:aws:iam::123456789012:role/shop-dev-codepipeline"
  connection_arn            = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0"
  container_name            = "app"
  ecr_cache_repository_name = "shop-dev-cache"
  ecr_registry              = "registry.example"
  ecr_repository_name       = "shop-dev"
  environment               = "dev"
  project                   = "shop"
  repository                = "acme/shop"
  service_name              = "shop-dev"
}

run "dev_has_three_stages" {
  command = plan

  assert {
    condition     = aws_codepipeline.this.stage[*].name == tolist(["Source", "Build", "Deploy"])
    error_message = "Source, Build, Deploy, in this order."
  }

  assert {
    condition     = length(aws_cloudwatch_event_api_destination.slack) == 0
    error_message = "Without a webhook there is no API destination."
  }
}

run "approval_comes_before_deploy" {
  command = plan

  variables {
    require_approval = true
  }

  assert {
    condition     = aws_codepipeline.this.stage[*].name == tolist(["Source", "Build", "Approval", "Deploy"])
    error_message = "Somebody approves after Build and before Deploy."
  }
}

run "the_task_before_comes_between_build_and_deploy" {
  command = plan

  variables {
    before_deploy_command  = ["python3", "-m", "webapp.migrate"]
    before_deploy_role_arn = "arn:aws:iam::123456789012:role/shop-dev-before"
    require_approval       = true
  }

  assert {
    condition     = aws_codepipeline.this.stage[*].name == tolist(["Source", "Build", "Approval", "Before", "Deploy"])
    error_message = "Nothing changes the database before somebody has approved, and nothing is deployed before it has changed."
  }

  assert {
    condition     = [for variable in aws_codebuild_project.before[0].environment[0].environment_variable : jsondecode(variable.value) if variable.name == "COMMAND"] == [["python3", "-m", "webapp.migrate"]]
    error_message = "The project gets the words of the command."
  }
}

run "rejects_a_task_before_without_a_role" {
  command = plan

  variables {
    before_deploy_command = ["true"]
  }

  expect_failures = [aws_codebuild_project.before]
}

run "build_environment_cannot_replace_our_own" {
  command = plan

  variables {
    build_environment = { BASE_IMAGE = "base:1", ENVIRONMENT = "prod" }
  }

  assert {
    condition     = local.build_environment["ENVIRONMENT"] == "dev" && local.build_environment["BASE_IMAGE"] == "base:1"
    error_message = "Further variables are added; what the module sets stays."
  }
}

run "webhook_gets_a_json_text" {
  command = plan

  variables {
    slack_webhook_url = "https://hooks.example/0"
  }

  assert {
    condition     = aws_cloudwatch_event_target.slack[0].input_transformer[0].input_template == "{\"text\": \"Pipeline <pipeline> changed state to <state> at <time>\"}"
    error_message = "Slack reads a JSON object with a text, and EventBridge finds its placeholders unescaped."
  }
}

run "rejects_a_repository_url" {
  command = plan

  variables {
    repository = "https://github.com/acme/shop"
  }

  expect_failures = [var.repository]
}

run "rejects_no_repository" {
  command = plan

  variables {
    repository = null
  }

  expect_failures = [aws_codepipeline.this]
}

run "rejects_a_bucket_source_without_bucket" {
  command = plan

  variables {
    source_type = "s3"
  }

  expect_failures = [aws_codepipeline.this]
}

run "rejects_an_unknown_source" {
  command = plan

  variables {
    source_type = "svn"
  }

  expect_failures = [var.source_type]
}

run "rejects_reserved_names_in_the_build" {
  command = plan

  variables {
    build_environment = { CODEBUILD_SRC_DIR = "/" }
  }

  expect_failures = [var.build_environment]
}

run "rejects_a_webhook_without_scheme" {
  command = plan

  variables {
    slack_webhook_url = "hooks.example/0"
  }

  expect_failures = [var.slack_webhook_url]
}

run "rejects_waiting_longer_than_codepipeline_does" {
  command = plan

  variables {
    deployment_timeout_minutes = 90
  }

  expect_failures = [var.deployment_timeout_minutes]
}

run "rejects_names_that_resources_cannot_have" {
  command = plan

  variables {
    environment = "Production"
    project     = "my_shop"
  }

  expect_failures = [var.environment, var.project]
}
