resource "aws_ecs_service" "this" {
  name                              = local.name
  cluster                           = aws_ecs_cluster.this.id
  desired_count                     = var.desired_count
  health_check_grace_period_seconds = var.health_check_grace_period_seconds
  propagate_tags                    = "SERVICE"
  task_definition                   = aws_ecs_task_definition.this.arn

  deployment_maximum_percent         = 200
  deployment_minimum_healthy_percent = 100

  # A rolled-back service is steady too, so waiting for a steady state would prove nothing; and before the first
  # image there is no steady state to wait for.
  wait_for_steady_state = false

  # The cluster's default strategy, repeated: without it, ECS adds it to the service, and every plan would remove it.
  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 100
  }

  dynamic "alarms" {
    for_each = aws_cloudwatch_metric_alarm.errors

    content {
      alarm_names = [alarms.value.alarm_name]
      enable      = true
      rollback    = true
    }
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  deployment_controller {
    type = "ECS"
  }

  load_balancer {
    container_name   = var.container_name
    container_port   = var.container_port
    target_group_arn = aws_lb_target_group.this.arn
  }

  network_configuration {
    assign_public_ip = false
    security_groups  = [aws_security_group.tasks.id]
    subnets          = local.private_subnet_ids
  }

  # The pipeline owns the revision, and scaling owns the count. Without this, every plan after a
  # deployment would undo the deployment.
  lifecycle {
    ignore_changes = [desired_count, task_definition]
  }

  # ECS refuses a target group that no listener uses, and the first task needs its network rules.
  depends_on = [
    aws_ecs_cluster_capacity_providers.this,
    aws_lb_listener.http,
    aws_lb_listener.https,
    aws_lb_listener_rule.production,
    aws_lb_listener_rule.test,
    aws_vpc_security_group_egress_rule.load_balancer_tasks,
    aws_vpc_security_group_egress_rule.tasks,
    aws_vpc_security_group_ingress_rule.tasks_load_balancer,
  ]
}
