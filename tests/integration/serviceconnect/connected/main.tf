# Services that find each other by Service Connect and by Cloud Map, with everything the provider knows of them.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

resource "aws_service_discovery_http_namespace" "shop" {
  name        = "shop"
  description = "Endpoints of Service Connect"

  tags = {
    purpose = "test"
  }
}

resource "aws_service_discovery_private_dns_namespace" "internal" {
  name = "internal.test"
  vpc  = data.aws_vpc.default.id
}

resource "aws_service_discovery_service" "api" {
  name = "api"

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.internal.id
    routing_policy = "MULTIVALUE"

    dns_records {
      ttl  = 10
      type = "A"
    }
  }

  health_check_custom_config {
    failure_threshold = 1
  }
}

resource "aws_service_discovery_instance" "database" {
  instance_id = "database"
  service_id  = aws_service_discovery_service.api.id

  attributes = {
    AWS_INSTANCE_IPV4 = "10.0.0.4"
  }
}

data "aws_service_discovery_dns_namespace" "internal" {
  name = aws_service_discovery_private_dns_namespace.internal.name
  type = "DNS_PRIVATE"
}

data "aws_service_discovery_service" "api" {
  name         = aws_service_discovery_service.api.name
  namespace_id = data.aws_service_discovery_dns_namespace.internal.id
}

resource "aws_ecs_cluster" "main" {
  name = "connected"

  service_connect_defaults {
    namespace = aws_service_discovery_http_namespace.shop.arn
  }
}

resource "aws_ecs_task_definition" "app" {
  family                   = "connected"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512

  container_definitions = jsonencode([{
    name         = "app"
    image        = "app:none"
    essential    = true
    portMappings = [{ name = "web", containerPort = 8080, hostPort = 8080, protocol = "tcp", appProtocol = "http" }]
  }])
}

resource "aws_ecs_service" "backend" {
  name            = "backend"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.app.arn
  desired_count   = 0
  launch_type     = "FARGATE"

  network_configuration {
    subnets = data.aws_subnets.default.ids
  }

  service_connect_configuration {
    enabled   = true
    namespace = aws_service_discovery_http_namespace.shop.arn

    log_configuration {
      log_driver = "awslogs"
      options = {
        awslogs-group         = "/ecs/connected"
        awslogs-region        = "eu-west-1"
        awslogs-stream-prefix = "connect"
      }
    }

    service {
      port_name      = "web"
      discovery_name = "backend"

      client_alias {
        port     = 80
        dns_name = "backend"
      }

      timeout {
        idle_timeout_seconds        = 120
        per_request_timeout_seconds = 30
      }
    }
  }

  service_registries {
    registry_arn = data.aws_service_discovery_service.api.arn
  }
}

resource "aws_ecs_service" "frontend" {
  name            = "frontend"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.app.arn
  desired_count   = 0
  launch_type     = "FARGATE"

  network_configuration {
    subnets = data.aws_subnets.default.ids
  }

  service_connect_configuration {
    enabled = true
  }

  depends_on = [aws_ecs_service.backend]
}
