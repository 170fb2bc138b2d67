resource "aws_lb" "shopfront" {
  name            = "shopfront"
  security_groups = [aws_security_group.entrance.id]
  subnets         = [for subnet in aws_subnet.public : subnet.id]
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.shopfront.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "no such shop"
      status_code  = "404"
    }
  }
}

resource "aws_lb_target_group" "service" {
  for_each = local.services

  name                 = "shopfront-${each.key}"
  vpc_id               = aws_vpc.shopfront.id
  target_type          = "ip"
  port                 = each.value
  protocol             = "HTTP"
  deregistration_delay = 20

  health_check {
    path                = "/ping"
    matcher             = "200-299"
    interval            = 10
    timeout             = 4
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener_rule" "service" {
  for_each = local.services

  listener_arn = aws_lb_listener.http.arn

  condition {
    path_pattern {
      values = ["/${each.key}/*"]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service[each.key].arn
  }
}
