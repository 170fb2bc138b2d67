# What the sweep must know how to remove, without what takes minutes to make: no NAT gateway, no load balancer.
# Tags come from the environment, as for every module without a provider block of its own.
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  backend "s3" {}
}

variable "project" {
  type = string
}

variable "tags" {
  type    = map(string)
  default = {}
}

data "aws_caller_identity" "current" {}

locals {
  name = "${var.project}-dev"
}

module "ecr" {
  source = "../../../infrastructure/modules/ecr"

  environment  = "dev"
  force_delete = true
  project      = var.project
}

module "iam" {
  source = "../../../infrastructure/modules/iam"

  artifacts_bucket_name = aws_s3_bucket.artifacts.bucket
  environment           = "dev"
  project               = var.project
  source_bucket_name    = "${local.name}-source"
}

resource "aws_vpc" "this" {
  cidr_block = "10.9.0.0/16"
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.9.1.0/24"
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
}

resource "aws_route_table_association" "this" {
  subnet_id      = aws_subnet.this.id
  route_table_id = aws_route_table.this.id
}

resource "aws_security_group" "one" {
  name   = "${local.name}-one"
  vpc_id = aws_vpc.this.id
}

resource "aws_security_group" "two" {
  name   = "${local.name}-two"
  vpc_id = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "one_from_two" {
  security_group_id            = aws_security_group.one.id
  referenced_security_group_id = aws_security_group.two.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "two_from_one" {
  security_group_id            = aws_security_group.two.id
  referenced_security_group_id = aws_security_group.one.id
  ip_protocol                  = "-1"
}

resource "aws_eip" "this" {
  domain = "vpc"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${local.name}"
  retention_in_days = 1
}

resource "aws_secretsmanager_secret" "this" {
  name                    = "${var.project}/dev/database-url"
  recovery_window_in_days = 7
}

resource "aws_s3_bucket" "artifacts" {
  bucket        = "${local.name}-artifacts-${data.aws_caller_identity.current.account_id}"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_object" "artifact" {
  bucket  = aws_s3_bucket_versioning.artifacts.id
  key     = "source.zip"
  content = "not a zip"
}

resource "aws_sns_topic" "this" {
  name = "${local.name}-pipeline"
}

resource "aws_cloudwatch_event_rule" "this" {
  name          = "${local.name}-pipeline"
  event_pattern = jsonencode({ source = ["aws.codepipeline"] })
}

resource "aws_cloudwatch_event_target" "this" {
  rule = aws_cloudwatch_event_rule.this.name
  arn  = aws_sns_topic.this.arn
}

resource "aws_cloudwatch_event_connection" "this" {
  name               = "${local.name}-slack"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "unused"
      value = "unused"
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "this" {
  name                = "${local.name}-slack"
  connection_arn      = aws_cloudwatch_event_connection.this.arn
  invocation_endpoint = "https://example.com/"
  http_method         = "POST"
}

resource "aws_ecs_cluster" "this" {
  name = local.name
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = module.iam.execution_role_arn

  container_definitions = jsonencode([{ name = "app", image = "${module.ecr.repository_url}:dev-none", essential = true }])
}

output "cluster_name" {
  value = aws_ecs_cluster.this.name
}
