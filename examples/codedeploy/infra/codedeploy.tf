resource "aws_codedeploy_app" "shop" {
  name             = "shop"
  compute_platform = "ECS"
}

resource "aws_codedeploy_deployment_config" "canary" {
  deployment_config_name = "shop-canary"
  compute_platform       = "ECS"

  # The first step lasts longer than the alarm looks back.
  traffic_routing_config {
    type = "TimeBasedCanary"

    time_based_canary {
      interval   = 6
      percentage = 10
    }
  }
}

resource "aws_codedeploy_deployment_group" "shop" {
  app_name               = aws_codedeploy_app.shop.name
  deployment_group_name  = "shop"
  deployment_config_name = aws_codedeploy_deployment_config.canary.deployment_config_name
  service_role_arn       = aws_iam_role.this["codedeploy"].arn

  alarm_configuration {
    enabled = true
    alarms  = [aws_cloudwatch_metric_alarm.errors.alarm_name]
  }

  auto_rollback_configuration {
    enabled = true
    events  = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]
  }

  blue_green_deployment_config {
    deployment_ready_option {
      action_on_timeout = "CONTINUE_DEPLOYMENT"
    }

    terminate_blue_instances_on_deployment_success {
      action                           = "TERMINATE"
      termination_wait_time_in_minutes = 5
    }
  }

  deployment_style {
    deployment_option = "WITH_TRAFFIC_CONTROL"
    deployment_type   = "BLUE_GREEN"
  }

  ecs_service {
    cluster_name = aws_ecs_cluster.shop.name
    service_name = aws_ecs_service.shop.name
  }

  load_balancer_info {
    target_group_pair_info {
      prod_traffic_route {
        listener_arns = [aws_lb_listener.production.arn]
      }

      test_traffic_route {
        listener_arns = [aws_lb_listener.test.arn]
      }

      target_group {
        name = aws_lb_target_group.shop["blue"].name
      }

      target_group {
        name = aws_lb_target_group.shop["green"].name
      }
    }
  }

  depends_on = [aws_iam_role_policy_attachment.codedeploy]
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "shop-errors"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  dimensions          = { LoadBalancer = aws_lb.shop.arn_suffix }
  evaluation_periods  = 1
  metric_name         = "HTTPCode_Target_5XX_Count"
  namespace           = "AWS/ApplicationELB"
  period              = 60
  statistic           = "Sum"
  threshold           = 5
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_log_group" "smoke_test" {
  name              = "/aws/lambda/shop-smoke-test"
  retention_in_days = 30
}

resource "aws_lambda_function" "smoke_test" {
  function_name    = "shop-smoke-test"
  filename         = "${path.module}/functions/smoke_test.zip"
  handler          = "smoke_test.handler"
  role             = aws_iam_role.this["smoke-test"].arn
  runtime          = "python3.12"
  source_code_hash = filebase64sha256("${path.module}/functions/smoke_test.zip")
  timeout          = 30

  environment {
    variables = { TEST_URL = "http://${aws_lb.shop.dns_name}:8080/" }
  }

  depends_on = [aws_cloudwatch_log_group.smoke_test, aws_iam_role_policy.this]
}
