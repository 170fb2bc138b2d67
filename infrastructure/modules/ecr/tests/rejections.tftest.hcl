# Inputs that the module refuses, and inputs that it accepts. `terraform test`, Terraform 1.7 or newer; nothing is created.

mock_provider "aws" {}

variables {
  environment = "dev"
  project     = "shop"
}

run "release_rule_selects_what_the_build_tags" {
  command = plan

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.deploy.policy).rules[1].selection.tagPrefixList == ["dev-"]
    error_message = "The rule's prefix is the environment and a hyphen, as in the tags of buildspec.yml."
  }

  assert {
    condition     = aws_ecr_repository.deploy.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.cache.image_tag_mutability == "MUTABLE"
    error_message = "Releases are immutable, the cache is not."
  }
}

run "rejects_keeping_one_release" {
  command = plan

  variables {
    release_count = 1
  }

  expect_failures = [var.release_count]
}

run "rejects_long_environment" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}

run "rejects_upper_case_project" {
  command = plan

  variables {
    project = "Shop"
  }

  expect_failures = [var.project]
}
