terraform {
  required_version = ">= 1.5"

  # Bucket and key come from `terraform init -backend-config`.
  backend "s3" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

resource "aws_vpc" "jobs" {
  cidr_block = "10.77.0.0/24"
}

resource "aws_internet_gateway" "jobs" {
  vpc_id = aws_vpc.jobs.id
}

resource "aws_subnet" "jobs" {
  vpc_id                  = aws_vpc.jobs.id
  cidr_block              = "10.77.0.0/26"
  availability_zone       = "${var.region}c"
  map_public_ip_on_launch = true
}

resource "aws_route_table" "jobs" {
  vpc_id = aws_vpc.jobs.id
}

resource "aws_route" "out" {
  route_table_id         = aws_route_table.jobs.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.jobs.id
}

resource "aws_route_table_association" "jobs" {
  subnet_id      = aws_subnet.jobs.id
  route_table_id = aws_route_table.jobs.id
}

# Nothing comes in; the worker fetches its work.
resource "aws_security_group" "worker" {
  name_prefix = "worker-"
  vpc_id      = aws_vpc.jobs.id

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_ecr_repository" "worker" {
  name                 = "jobs-worker"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
}

resource "aws_ecs_cluster" "jobs" {
  name = "jobs"
}

resource "aws_ecs_task_definition" "worker" {
  family                   = "jobs-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn

  container_definitions = jsonencode([{
    name  = "worker"
    image = "${aws_ecr_repository.worker.repository_url}:none-yet"
    # No load balancer asks: the container is asked whether it has done something lately.
    healthCheck = {
      command     = ["CMD", "python3", "/opt/worker/alive.py"]
      interval    = 10
      timeout     = 5
      retries     = 2
      startPeriod = 10
    }
  }])
}

resource "aws_ecs_service" "worker" {
  name            = "worker"
  cluster         = aws_ecs_cluster.jobs.arn
  task_definition = aws_ecs_task_definition.worker.arn
  desired_count   = 1
  launch_type     = "FARGATE"

  # The breaker stops a bad deployment and does not roll it back: this example's gap, which its drill finds.
  deployment_circuit_breaker {
    enable   = true
    rollback = false
  }

  network_configuration {
    assign_public_ip = true
    security_groups  = [aws_security_group.worker.id]
    subnets          = [aws_subnet.jobs.id]
  }

  lifecycle {
    ignore_changes = [task_definition]
  }
}

resource "aws_iam_role" "execution" {
  name_prefix = "worker-execution-"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

module "delivery" {
  source = "../modules/delivery"

  name               = "jobs-worker"
  repository         = "acme/jobs"
  branch             = "release"
  image_repository   = aws_ecr_repository.worker
  cluster            = aws_ecs_cluster.jobs.name
  service            = aws_ecs_service.worker.name
  service_arn        = aws_ecs_service.worker.id
  execution_role_arn = aws_iam_role.execution.arn
}
