# Inputs that bootstrap refuses. `terraform test`, Terraform 1.7 or newer; nothing is created.

mock_provider "aws" {}

run "rejects_a_name_that_buckets_cannot_have" {
  command = plan

  variables {
    project = "my_shop"
  }

  expect_failures = [var.project]
}
