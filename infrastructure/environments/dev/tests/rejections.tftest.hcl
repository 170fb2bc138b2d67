# Inputs that the environment refuses. `terraform test`, Terraform 1.7 or newer; nothing is created.

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
  certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0"
  project         = "shop"
  repository      = "acme/shop"
}

run "rejects_what_its_parts_cannot_work_with" {
  command = plan

  variables {
    certificate_arn      = "arn:aws:iam::123456789012:server-certificate/shop"
    database_secret_arn  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/prod/database-url-abcdef"
    project              = "my_shop"
    secret_recovery_days = 6
    source_type          = "svn"
    zones                = ["a"]
  }

  expect_failures = [
    var.certificate_arn,
    var.database_secret_arn,
    var.project,
    var.secret_recovery_days,
    var.source_type,
    var.zones,
  ]
}

run "rejects_what_is_too_long" {
  command = plan

  variables {
    secret_recovery_days = 31
    zones                = ["eu-west-1a", "eu-west-1b"]
  }

  expect_failures = [var.secret_recovery_days, var.zones]
}
