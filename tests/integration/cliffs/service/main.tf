# The ecs module on the least it stands on: a VPC with two subnets a zone and no way out.
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

variable "certificate_arn" {
  type = string
}

variable "secret_arn" {
  type = string
}

variable "zones" {
  type = list(string)
}

resource "aws_vpc" "this" {
  cidr_block = "10.9.0.0/16"
}

resource "aws_subnet" "this" {
  count = 2 * length(var.zones)

  vpc_id            = aws_vpc.this.id
  availability_zone = var.zones[count.index % length(var.zones)]
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 4, count.index)
}

# A load balancer that faces the internet needs a way there.
resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

module "ecs" {
  source = "../../../../infrastructure/modules/ecs"

  bootstrap_image    = "public.ecr.aws/docker/library/python:3.13-slim"
  certificate_arn    = var.certificate_arn
  cpu                = 256
  desired_count      = 1
  environment        = "dev"
  execution_role_arn = aws_iam_role.task.arn
  memory             = 512
  private_subnet_ids = { for n, zone in var.zones : zone => aws_subnet.this[n + length(var.zones)].id }
  project            = "cliff"
  public_subnet_ids  = { for n, zone in var.zones : zone => aws_subnet.this[n].id }
  secrets            = { DATABASE_URL = var.secret_arn }
  task_role_arn      = aws_iam_role.task.arn
  vpc_id             = aws_vpc.this.id

  depends_on = [aws_internet_gateway.this]
}

resource "aws_iam_role" "task" {
  name = "cliff-service-task"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

output "cluster_name" {
  value = module.ecs.cluster_name
}

output "service_name" {
  value = module.ecs.service_name
}

output "task_definition_family" {
  value = module.ecs.task_definition_family
}

output "vpc_id" {
  value = aws_vpc.this.id
}

output "private_subnet_ids" {
  value = [for n, zone in var.zones : aws_subnet.this[n + length(var.zones)].id]
}
