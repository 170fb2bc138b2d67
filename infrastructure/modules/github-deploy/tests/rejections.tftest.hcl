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
  branch             = "main"
  environment        = "dev"
  execution_role_arn = "arn:aws:iam::123456789012:role/shop-dev-execution"
  project            = "shop"
  repository         = "example/shop"
  task_role_arn      = "arn:aws:iam::123456789012:role/shop-dev-task"
}

run "trusts_a_branch" {
  command = plan

  assert {
    condition     = output.subject == "repo:example/shop:ref:refs/heads/main"
    error_message = "Without an environment the subject names the branch."
  }
}

run "trusts_an_environment" {
  command = plan

  variables {
    github_environment = "eu:prod"
  }

  assert {
    condition     = output.subject == "repo:example/shop:environment:eu%3Aprod"
    error_message = "In an environment the subject names it, with its colon encoded."
  }
}

run "trusts_immutable_subjects" {
  command = plan

  variables {
    repository_ids = { owner = "65", repository = "74" }
  }

  assert {
    condition     = output.subject == "repo:example@65/shop@74:ref:refs/heads/main"
    error_message = "With its numbers the repository is named by name and number."
  }
}

run "uses_the_provider_that_exists" {
  command = plan

  variables {
    create_provider = false
  }

  assert {
    condition     = output.provider_arn == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    error_message = "The provider's ARN is composed from the account's number."
  }
}

run "rejects_a_branch_with_a_star" {
  command = plan

  variables {
    branch = "release/*"
  }

  expect_failures = [var.branch]
}

run "rejects_a_ref_as_branch" {
  command = plan

  variables {
    branch = "refs/heads/main"
  }

  expect_failures = [var.branch]
}

run "rejects_every_repository_of_an_owner" {
  command = plan

  variables {
    repository = "example/*"
  }

  expect_failures = [var.repository]
}

run "rejects_an_environment_with_a_star" {
  command = plan

  variables {
    github_environment = "prod*"
  }

  expect_failures = [var.github_environment]
}

run "rejects_what_is_no_number" {
  command = plan

  variables {
    repository_ids = { owner = "example", repository = "74" }
  }

  expect_failures = [var.repository_ids]
}

run "rejects_names_that_resources_cannot_have" {
  command = plan

  variables {
    environment = "Production"
    project     = "my_shop"
  }

  expect_failures = [var.environment, var.project]
}
