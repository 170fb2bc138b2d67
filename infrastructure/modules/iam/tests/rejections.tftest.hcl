# Inputs that the module refuses, and inputs that it accepts. `terraform test`, Terraform 1.7 or newer; nothing is created.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  artifacts_bucket_name = "shop-dev-artifacts-123456789012"
  connection_arn        = "arn:aws:codestar-connections:eu-west-1:123456789012:connection/0"
  environment           = "dev"
  project               = "shop"
}

run "follows_the_old_name_of_connections" {
  command = plan

  assert {
    condition     = local._connection_prefix == "codestar-connections"
    error_message = "The action has the prefix of the connection's ARN."
  }
}

run "follows_the_new_name_of_connections" {
  command = plan

  variables {
    connection_arn = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0"
  }

  assert {
    condition     = local._connection_prefix == "codeconnections"
    error_message = "The action has the prefix of the connection's ARN."
  }
}

run "runs_no_task_before_a_deployment_unless_asked" {
  command = plan

  assert {
    condition     = length(aws_iam_role.before) == 0 && output.before_deploy_role_arn == null
    error_message = "A role that nobody uses is one that somebody can misuse."
  }
}

run "rejects_what_is_no_connection" {
  command = plan

  variables {
    connection_arn = "arn:aws:s3:::bucket"
  }

  expect_failures = [var.connection_arn]
}

run "rejects_a_pipeline_without_source" {
  command = plan

  variables {
    connection_arn = null
  }

  expect_failures = [aws_iam_role_policy.codepipeline]
}

run "rejects_a_key_alias" {
  command = plan

  variables {
    secrets_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/shop"
  }

  expect_failures = [var.secrets_kms_key_arn]
}

run "rejects_names_that_resources_cannot_have" {
  command = plan

  variables {
    environment = "Production"
    project     = "my_shop"
  }

  expect_failures = [var.environment, var.project]
}
