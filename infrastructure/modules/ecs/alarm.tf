# Errors of the application, as the load balancer counts them. A deployment during which it goes off fails and is rolled back.

resource "aws_cloudwatch_metric_alarm" "errors" {
  count = var.deployment_alarm ? 1 : 0

  alarm_name          = "${local.name}-errors"
  alarm_description   = "Answers of ${local.name} with 5xx; stops deployments"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix }
  evaluation_periods  = 1
  metric_name         = "HTTPCode_Target_5XX_Count"
  namespace           = "AWS/ApplicationELB"
  period              = 60
  statistic           = "Sum"
  threshold           = var.deployment_alarm_errors

  # A minute without errors has no data point. As missing data, the alarm would never leave INSUFFICIENT_DATA.
  treat_missing_data = "notBreaching"
}
