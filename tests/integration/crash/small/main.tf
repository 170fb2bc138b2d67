# The least that `pushproof up` brings up: a service in the default VPC, with one task; no pipeline, no load balancer.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }

  backend "s3" {}
}

variable "image" {
  description = "Image of the service's container."
  type        = string
}

variable "repository" {
  description = "Given by the command, not needed here."
  type        = string
}

variable "certificate_arn" {
  description = "Given by the command, not needed here."
  type        = string
}

variable "slack_webhook_url" {
  description = "Given by the command, not needed here."
  type        = string
}

variable "build_environment" {
  description = "Given by the command, not needed here."
  type        = map(string)
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {}

resource "aws_ecs_cluster" "small" {
  name = "small"
}

resource "aws_ecs_task_definition" "web" {
  family                   = "web"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512

  container_definitions = jsonencode([{
    name      = "web"
    image     = var.image
    command   = ["sleep", "600"]
    essential = true
  }])
}

resource "aws_ecs_service" "web" {
  name            = "web"
  cluster         = aws_ecs_cluster.small.id
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 1
  launch_type     = "FARGATE"

  network_configuration {
    subnets          = [sort(data.aws_subnets.default.ids)[0]]
    assign_public_ip = true
  }
}

output "cluster_name" {
  value = aws_ecs_cluster.small.name
}

output "service_name" {
  value = aws_ecs_service.web.name
}
