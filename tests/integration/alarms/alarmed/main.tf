# A service with deployment alarms, as provider 5 takes them.

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

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "alarmed-5xx"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_Target_5XX_Count"
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 5
  period              = 60
  evaluation_periods  = 2
  datapoints_to_alarm = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name          = "alarmed-slow"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  extended_statistic  = "p99"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1.5
  period              = 60
  evaluation_periods  = 1
}

resource "aws_ecs_cluster" "alarmed" {
  name = "alarmed"
}

resource "aws_ecs_task_definition" "alarmed" {
  family                   = "alarmed"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512

  container_definitions = jsonencode([{ name = "app", image = "app:none", essential = true }])
}

resource "aws_ecs_service" "alarmed" {
  name            = "alarmed"
  cluster         = aws_ecs_cluster.alarmed.id
  task_definition = aws_ecs_task_definition.alarmed.arn
  desired_count   = 0
  launch_type     = "FARGATE"

  network_configuration {
    subnets = data.aws_subnets.default.ids
  }

  alarms {
    enable      = true
    rollback    = true
    alarm_names = [aws_cloudwatch_metric_alarm.errors.alarm_name, aws_cloudwatch_metric_alarm.slow.alarm_name]
  }
}
