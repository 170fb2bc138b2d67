# A service that Application Auto Scaling scales in every way the provider knows.

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

resource "aws_ecs_cluster" "scaled" {
  name = "scaled"
}

resource "aws_ecs_cluster_capacity_providers" "scaled" {
  cluster_name       = aws_ecs_cluster.scaled.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_ecs_task_definition" "scaled" {
  family                   = "scaled"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512

  container_definitions = jsonencode([{ name = "app", image = "app:none", essential = true }])
}

resource "aws_ecs_service" "scaled" {
  name            = "scaled"
  cluster         = aws_ecs_cluster_capacity_providers.scaled.cluster_name
  task_definition = aws_ecs_task_definition.scaled.arn
  desired_count   = 1

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 1
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 3
  }

  network_configuration {
    subnets = data.aws_subnets.default.ids
  }

  lifecycle {
    ignore_changes = [desired_count]
  }
}

resource "aws_appautoscaling_target" "scaled" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.scaled.name}/${aws_ecs_service.scaled.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 0
  max_capacity       = 0

  tags = {
    purpose = "test"
  }
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.scaled.service_namespace
  resource_id        = aws_appautoscaling_target.scaled.resource_id
  scalable_dimension = aws_appautoscaling_target.scaled.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = 75
    scale_in_cooldown  = 300
    scale_out_cooldown = 60

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "queue" {
  name               = "queue"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.scaled.service_namespace
  resource_id        = aws_appautoscaling_target.scaled.resource_id
  scalable_dimension = aws_appautoscaling_target.scaled.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = 10

    customized_metric_specification {
      namespace   = "shop"
      metric_name = "waiting"
      statistic   = "Average"

      dimensions {
        name  = "queue"
        value = "orders"
      }
    }
  }
}

resource "aws_appautoscaling_policy" "steps" {
  name               = "steps"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.scaled.service_namespace
  resource_id        = aws_appautoscaling_target.scaled.resource_id
  scalable_dimension = aws_appautoscaling_target.scaled.scalable_dimension

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 60
    metric_aggregation_type = "Maximum"

    step_adjustment {
      metric_interval_upper_bound = 0
      scaling_adjustment          = -1
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "night" {
  name               = "night"
  service_namespace  = aws_appautoscaling_target.scaled.service_namespace
  resource_id        = aws_appautoscaling_target.scaled.resource_id
  scalable_dimension = aws_appautoscaling_target.scaled.scalable_dimension
  schedule           = "cron(0 20 * * ? *)"
  timezone           = "Europe/Berlin"

  scalable_target_action {
    min_capacity = 0
    max_capacity = 0
  }
}
