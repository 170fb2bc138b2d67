# Inputs that the module refuses, and inputs that it accepts. `terraform test`, Terraform 1.7 or newer; nothing is created.

mock_provider "aws" {}

variables {
  bootstrap_image    = "registry.example/shop-dev:dev-bootstrap"
  certificate_arn    = "arn:aws:acm:eu-west-1:123456789012:certificate/0"
  cpu                = 256
  environment        = "dev"
  execution_role_arn = "arn:aws:iam::123456789012:role/shop-dev-execution"
  memory             = 512
  private_subnet_ids = { a = "subnet-1", b = "subnet-2" }
  project            = "shop"
  public_subnet_ids  = { a = "subnet-3", b = "subnet-4" }
  secrets            = { DATABASE_URL = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/database-url-abcdef" }
  task_role_arn      = "arn:aws:iam::123456789012:role/shop-dev-task"
  vpc_id             = "vpc-1"
}

run "health_check_is_the_images_own" {
  command = plan

  assert {
    condition     = local.health_check_command == tolist(["CMD", "/app/healthcheck", "http://127.0.0.1:8080/health"])
    error_message = "Without another command, the image's own probe asks the health path on the container port."
  }
}

run "rejects_a_secret_by_value" {
  command = plan

  variables {
    secrets = { DATABASE_URL = "postgres://user:password@host/shop" }
  }

  expect_failures = [var.secrets]
}

run "rejects_cpu_that_fargate_lacks" {
  command = plan

  variables {
    cpu = 300
  }

  expect_failures = [var.cpu]
}

run "rejects_a_certificate_elsewhere" {
  command = plan

  variables {
    certificate_arn = "arn:aws:iam::123456789012:server-certificate/shop"
  }

  expect_failures = [var.certificate_arn]
}

run "rejects_no_tasks" {
  command = plan

  variables {
    desired_count = 0
  }

  expect_failures = [var.desired_count]
}

run "rejects_one_public_subnet" {
  command = plan

  variables {
    public_subnet_ids = { a = "subnet-3" }
  }

  expect_failures = [var.public_subnet_ids]
}

run "rejects_a_bare_health_check" {
  command = plan

  variables {
    health_check_command = ["curl", "http://localhost:8080/health"]
  }

  expect_failures = [var.health_check_command]
}

run "rejects_what_is_no_name_block_or_path" {
  command = plan

  variables {
    client_cidrs      = ["everybody"]
    environment       = "Production"
    health_check_path = "health"
    project           = "my_shop"
    smoke_test_path   = "version"
  }

  expect_failures = [
    var.client_cidrs,
    var.environment,
    var.health_check_path,
    var.project,
    var.smoke_test_path,
  ]
}

run "rejects_numbers_that_are_too_small" {
  command = plan

  variables {
    container_port          = 0
    deployment_alarm_errors = 0
    deregistration_delay    = -1
    test_port               = 0
  }

  expect_failures = [
    var.container_port,
    var.deployment_alarm_errors,
    var.deregistration_delay,
    var.test_port,
  ]
}

run "rejects_numbers_that_are_too_large" {
  command = plan

  variables {
    container_port       = 65536
    deregistration_delay = 3601
    test_port            = 65536
  }

  expect_failures = [var.container_port, var.deregistration_delay, var.test_port]
}

run "rejects_a_test_listener_on_the_port_of_users" {
  command = plan

  variables {
    test_port = 443
  }

  expect_failures = [var.test_port]
}
