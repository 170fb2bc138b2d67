# Inputs that the module refuses, and inputs that it accepts. `terraform test`, Terraform 1.7 or newer; nothing is created.

mock_provider "aws" {}

variables {
  availability_zones = ["eu-west-1a", "eu-west-1b"]
  environment        = "dev"
  project            = "shop"
  vpc_cidr           = "10.0.0.0/16"
}

run "public_blocks_come_first" {
  command = plan

  assert {
    condition     = join(" ", [for zone in var.availability_zones : aws_subnet.public[zone].cidr_block]) == "10.0.0.0/20 10.0.16.0/20"
    error_message = "Public subnets take the first sixteenths of the VPC."
  }

  assert {
    condition     = join(" ", [for zone in var.availability_zones : aws_subnet.private[zone].cidr_block]) == "10.0.32.0/20 10.0.48.0/20"
    error_message = "Private subnets take the sixteenths after the public ones."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 2 && length(aws_route_table.private) == 2
    error_message = "Each zone has a NAT gateway and a private route table."
  }
}

run "one_nat_gateway_on_request" {
  command = plan

  variables {
    single_nat_gateway = true
  }

  assert {
    condition     = join(" ", keys(aws_nat_gateway.this)) == "eu-west-1a" && length(aws_route.private_nat) == 2
    error_message = "The first zone has the only NAT gateway, and every zone still has its own route table and route."
  }
}

run "rejects_one_zone" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "rejects_a_zone_twice" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a", "eu-west-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "rejects_missing_registry_endpoint" {
  command = plan

  variables {
    interface_endpoints = ["ecr.api"]
  }

  expect_failures = [var.interface_endpoints]
}

run "rejects_an_interface_endpoint_for_s3" {
  command = plan

  variables {
    interface_endpoints = ["ecr.api", "ecr.dkr", "s3"]
  }

  expect_failures = [var.interface_endpoints]
}

run "rejects_small_vpc" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "rejects_what_is_no_block" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0"
  }

  expect_failures = [var.vpc_cidr]
}

run "rejects_names_that_resources_cannot_have" {
  command = plan

  variables {
    environment = "Production"
    project     = "my_shop"
  }

  expect_failures = [var.environment, var.project]
}
