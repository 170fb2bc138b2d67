terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["fis.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "experiment" {
  statement {
    actions   = ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "experiment" {
  name               = "experiment"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "experiment" {
  role   = aws_iam_role.experiment.name
  policy = data.aws_iam_policy_document.experiment.json
}

resource "aws_ecs_cluster" "shop" {
  name = "shop"
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "errors"
  namespace           = "Shop"
  metric_name         = "Errors"
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanThreshold"
}

resource "aws_fis_experiment_template" "stop" {
  description = "Stop one task, and wait"
  role_arn    = aws_iam_role.experiment.arn

  stop_condition {
    source = "aws:cloudwatch:alarm"
    value  = aws_cloudwatch_metric_alarm.errors.arn
  }

  action {
    name      = "stop"
    action_id = "aws:ecs:stop-task"
    target {
      key   = "Tasks"
      value = "tasks"
    }
  }

  action {
    name        = "rest"
    action_id   = "aws:fis:wait"
    start_after = ["stop"]
    parameter {
      key   = "duration"
      value = "PT1M"
    }
  }

  target {
    name           = "tasks"
    resource_type  = "aws:ecs:task"
    selection_mode = "COUNT(1)"
    parameters = {
      cluster = aws_ecs_cluster.shop.name
    }
  }

  experiment_options {
    account_targeting            = "single-account"
    empty_target_resolution_mode = "skip"
  }

  tags = {
    Name = "stop-a-task"
  }
}

output "template" {
  value = aws_fis_experiment_template.stop.id
}
