data "aws_region" "current" {}

locals {
  port = 3000
}

resource "aws_lb" "main" {
  name            = var.name
  internal        = true
  security_groups = [aws_security_group.balancer.id]
  subnets         = [for subnet in aws_subnet.main : subnet.id]
}

resource "aws_lb_target_group" "main" {
  name        = var.name
  port        = local.port
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = aws_vpc.main.id

  health_check {
    path    = "/up"
    timeout = 5
  }
}

resource "aws_lb_listener" "main" {
  load_balancer_arn = aws_lb.main.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.main.arn
  }
}

resource "aws_ecs_cluster" "main" {
  name = var.name
}

resource "aws_cloudwatch_log_group" "main" {
  name              = "/ecs/${var.name}"
  retention_in_days = 14
}

resource "aws_iam_role" "execution" {
  name = "${var.name}-execution"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_ecr_repository" "main" {
  name         = var.name
  force_delete = true
}

resource "aws_ecs_task_definition" "main" {
  family                   = var.name
  cpu                      = 256
  memory                   = 512
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  execution_role_arn       = aws_iam_role.execution.arn

  container_definitions = jsonencode([{
    name         = "web"
    image        = "${aws_ecr_repository.main.repository_url}:first"
    essential    = true
    portMappings = [{ containerPort = local.port, hostPort = local.port, protocol = "tcp" }]
    healthCheck  = { command = ["CMD-SHELL", "wget -q -O- http://localhost:${local.port}/up || exit 1"], interval = 30, timeout = 5 }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.main.name
        awslogs-region        = data.aws_region.current.id
        awslogs-stream-prefix = "web"
      }
    }
  }])
}

resource "aws_ecs_service" "main" {
  name            = var.name
  cluster         = aws_ecs_cluster.main.id
  desired_count   = 2
  launch_type     = "FARGATE"
  task_definition = aws_ecs_task_definition.main.arn

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  load_balancer {
    container_name   = "web"
    container_port   = local.port
    target_group_arn = aws_lb_target_group.main.arn
  }

  network_configuration {
    security_groups = [aws_security_group.tasks.id]
    subnets         = [for subnet in aws_subnet.main : subnet.id]
  }

  lifecycle {
    ignore_changes = [desired_count, task_definition]
  }

  depends_on = [aws_lb_listener.main]
}
