# What blue/green, linear and canary deployments need beside the service: a second target group, rules whose weights ECS
# changes, a listener for tests, a role with which it does so, and a function that tests the new revision before users meet it.
#
# Version 5 of the provider cannot write the strategy itself. Set it once, and after that the pipeline's deployments follow it:
#   aws ecs update-service --deployment-configuration '{"strategy": "CANARY", ...}' --load-balancers '[{... "advancedConfiguration": ...}]'

locals {
  shifts = var.traffic_shift ? 1 : 0
}

resource "aws_lb_target_group" "alternate" {
  count = local.shifts

  name                 = "${local.name}-alternate"
  deregistration_delay = aws_lb_target_group.this.deregistration_delay
  port                 = aws_lb_target_group.this.port
  protocol             = aws_lb_target_group.this.protocol
  target_type          = aws_lb_target_group.this.target_type
  vpc_id               = aws_lb_target_group.this.vpc_id

  # The groups take turns: with other checks, every second deployment would be judged differently.
  dynamic "health_check" {
    for_each = aws_lb_target_group.this.health_check

    content {
      enabled             = health_check.value.enabled
      healthy_threshold   = health_check.value.healthy_threshold
      interval            = health_check.value.interval
      matcher             = health_check.value.matcher
      path                = health_check.value.path
      port                = health_check.value.port
      protocol            = health_check.value.protocol
      timeout             = health_check.value.timeout
      unhealthy_threshold = health_check.value.unhealthy_threshold
    }
  }
}

resource "aws_lb_listener_rule" "production" {
  count = local.shifts

  listener_arn = aws_lb_listener.https.arn
  priority     = 100

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.this.arn
        weight = 1
      }

      target_group {
        arn    = aws_lb_target_group.alternate[0].arn
        weight = 0
      }
    }
  }

  # ECS changes the weights with each deployment. Without this, every apply would send the traffic back.
  lifecycle {
    ignore_changes = [action]
  }
}

resource "aws_lb_listener" "test" {
  count = local.shifts

  load_balancer_arn = aws_lb.this.arn
  certificate_arn   = var.certificate_arn
  port              = var.test_port
  protocol          = "HTTPS"
  ssl_policy        = aws_lb_listener.https.ssl_policy

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "test" {
  count = local.shifts

  listener_arn = aws_lb_listener.test[0].arn
  priority     = 100

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.this.arn
        weight = 1
      }

      target_group {
        arn    = aws_lb_target_group.alternate[0].arn
        weight = 0
      }
    }
  }

  lifecycle {
    ignore_changes = [action]
  }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_test" {
  for_each = var.traffic_shift ? var.client_cidrs : []

  security_group_id = aws_security_group.load_balancer.id
  description       = "The test listener"

  cidr_ipv4   = each.key
  from_port   = var.test_port
  ip_protocol = "tcp"
  to_port     = var.test_port
}

# ECS checks and changes the rules, and moves targets, with the infrastructure role.

data "aws_iam_policy_document" "trust_ecs" {
  count = local.shifts

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "shift_traffic" {
  count = local.shifts

  statement {
    actions = [
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeRules",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"]
  }

  statement {
    actions   = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"]
    resources = [aws_lb_target_group.this.arn, aws_lb_target_group.alternate[0].arn]
  }

  statement {
    actions   = ["elasticloadbalancing:ModifyRule"]
    resources = [aws_lb_listener_rule.production[0].arn, aws_lb_listener_rule.test[0].arn]
  }
}

resource "aws_iam_role" "infrastructure" {
  count = local.shifts

  name               = "${local.name}-ecs-infrastructure"
  assume_role_policy = data.aws_iam_policy_document.trust_ecs[0].json
}

resource "aws_iam_role_policy" "infrastructure" {
  count = local.shifts

  name   = "shift-traffic"
  policy = data.aws_iam_policy_document.shift_traffic[0].json
  role   = aws_iam_role.infrastructure[0].id
}

# The hook: ECS invokes the function with the hook's role, and the function runs with a role of its own.

data "aws_iam_policy_document" "invoke_smoke_test" {
  count = local.shifts

  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.smoke_test[0].arn]
  }
}

resource "aws_iam_role" "hook" {
  count = local.shifts

  name               = "${local.name}-ecs-hook"
  assume_role_policy = data.aws_iam_policy_document.trust_ecs[0].json
}

resource "aws_iam_role_policy" "hook" {
  count = local.shifts

  name   = "invoke-smoke-test"
  policy = data.aws_iam_policy_document.invoke_smoke_test[0].json
  role   = aws_iam_role.hook[0].id
}

data "aws_iam_policy_document" "trust_lambda" {
  count = local.shifts

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "smoke_test" {
  count = local.shifts

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.smoke_test[0].arn}:*"]
  }
}

resource "aws_iam_role" "smoke_test" {
  count = local.shifts

  name               = "${local.name}-smoke-test"
  assume_role_policy = data.aws_iam_policy_document.trust_lambda[0].json
}

resource "aws_iam_role_policy" "smoke_test" {
  count = local.shifts

  name   = "write-logs"
  policy = data.aws_iam_policy_document.smoke_test[0].json
  role   = aws_iam_role.smoke_test[0].id
}

resource "aws_cloudwatch_log_group" "smoke_test" {
  count = local.shifts

  name              = "/aws/lambda/${local.name}-smoke-test"
  retention_in_days = 30
}

resource "aws_lambda_function" "smoke_test" {
  count = local.shifts

  function_name    = "${local.name}-smoke-test"
  description      = "Asks a new revision through the test listener, before users meet it"
  filename         = "${path.module}/functions/smoke_test.zip"
  handler          = "smoke_test.handler"
  memory_size      = 128
  role             = aws_iam_role.smoke_test[0].arn
  runtime          = "python3.12"
  source_code_hash = filebase64sha256("${path.module}/functions/smoke_test.zip")
  timeout          = 30

  environment {
    variables = {
      TEST_URL = "https://${aws_lb.this.dns_name}:${var.test_port}${var.smoke_test_path}"
    }
  }

  depends_on = [aws_cloudwatch_log_group.smoke_test, aws_iam_role_policy.smoke_test]
}
