resource "aws_lb" "api" {
  name            = local.name
  internal        = true
  security_groups = [aws_security_group.front.id]
  subnets         = aws_subnet.inside[*].id
}

resource "aws_lb_listener" "tls" {
  load_balancer_arn = aws_lb.api.arn
  port              = 8443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.tls_certificate

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "ask for ledger.corp.example"
      status_code  = "421"
    }
  }
}

resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.tls.arn
  priority     = 10

  condition {
    host_header {
      values = ["ledger.corp.example"]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

resource "aws_lb_target_group" "api" {
  name_prefix          = "ledger"
  vpc_id               = aws_vpc.corp.id
  target_type          = "ip"
  port                 = 5000
  protocol             = "HTTP"
  deregistration_delay = 15

  health_check {
    path                = "/healthz"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "204"
  }
}

resource "aws_secretsmanager_secret" "ledger" {
  name                    = "corp/ledger"
  recovery_window_in_days = 0
}

resource "aws_ecr_repository" "api" {
  name         = "corp/ledger-api"
  force_delete = true
}

resource "aws_ecs_cluster" "corp" {
  name = "corp"
}

resource "aws_ecs_cluster_capacity_providers" "corp" {
  cluster_name       = aws_ecs_cluster.corp.name
  capacity_providers = ["FARGATE"]
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "corp/ledger"
  retention_in_days = 30
}

resource "aws_ecs_task_definition" "api" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.this["execution"].arn

  container_definitions = jsonencode([{
    name         = "api"
    image        = "${aws_ecr_repository.api.repository_url}:genesis"
    essential    = true
    portMappings = [{ containerPort = 5000 }]
    command      = ["--verbose"]
    secrets = [
      { name = "LEDGER_USER", valueFrom = "${aws_secretsmanager_secret.ledger.arn}:user::" },
      { name = "LEDGER_PASSWORD", valueFrom = "${aws_secretsmanager_secret.ledger.arn}:password::" },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.api.name
        awslogs-region        = "eu-west-1"
        awslogs-stream-prefix = "api"
      }
    }
  }])
}

resource "aws_ecs_service" "api" {
  name                              = "ledger-api"
  cluster                           = aws_ecs_cluster.corp.name
  task_definition                   = aws_ecs_task_definition.api.arn
  desired_count                     = 2
  health_check_grace_period_seconds = 30

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.api.arn
    container_name   = "api"
    container_port   = 5000
  }

  network_configuration {
    security_groups = [aws_security_group.api.id]
    subnets         = aws_subnet.inside[*].id
  }

  lifecycle {
    ignore_changes = [task_definition]
  }

  depends_on = [aws_ecs_cluster_capacity_providers.corp, aws_lb_listener_rule.api]
}
