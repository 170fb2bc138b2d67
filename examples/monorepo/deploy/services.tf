resource "aws_ecs_cluster" "shopfront" {
  name = "shopfront"
}

resource "aws_ecr_repository" "service" {
  for_each = local.services

  name         = "shopfront/${each.key}"
  force_delete = true
}

resource "aws_cloudwatch_log_group" "service" {
  for_each = local.services

  name              = "/shopfront/${each.key}"
  retention_in_days = 14
}

resource "aws_ecs_task_definition" "service" {
  for_each = local.services

  family                   = "shopfront-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn

  container_definitions = jsonencode([{
    name         = each.key
    image        = "${aws_ecr_repository.service[each.key].repository_url}:first"
    essential    = true
    portMappings = [{ containerPort = each.value }]
    environment  = [{ name = "PORT", value = tostring(each.value) }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.service[each.key].name
        awslogs-region        = "eu-west-1"
        awslogs-stream-prefix = each.key
      }
    }
  }])
}

resource "aws_ecs_service" "service" {
  for_each = local.services

  name                              = each.key
  cluster                           = aws_ecs_cluster.shopfront.id
  task_definition                   = aws_ecs_task_definition.service[each.key].arn
  desired_count                     = 2
  launch_type                       = "FARGATE"
  health_check_grace_period_seconds = 20

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.service[each.key].arn
    container_name   = each.key
    container_port   = each.value
  }

  network_configuration {
    assign_public_ip = true
    security_groups  = [aws_security_group.tasks.id]
    subnets          = [for subnet in aws_subnet.public : subnet.id]
  }

  # The pipeline deploys revisions of its own.
  lifecycle {
    ignore_changes = [task_definition]
  }

  depends_on = [aws_lb_listener_rule.service]
}
