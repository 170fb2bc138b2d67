# internet -> load balancer -> tasks, and no other path.

resource "aws_security_group" "load_balancer" {
  name        = "${local.name}-alb"
  description = "Load balancer: HTTP and HTTPS in, the tasks out"
  vpc_id      = var.vpc_id

  tags = { Name = "${local.name}-alb" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_http" {
  for_each = var.client_cidrs

  security_group_id = aws_security_group.load_balancer.id
  description       = "HTTP, answered with a redirect"

  cidr_ipv4   = each.key
  from_port   = 80
  ip_protocol = "tcp"
  to_port     = 80
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_https" {
  for_each = var.client_cidrs

  security_group_id = aws_security_group.load_balancer.id
  description       = "HTTPS"

  cidr_ipv4   = each.key
  from_port   = 443
  ip_protocol = "tcp"
  to_port     = 443
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_tasks" {
  security_group_id = aws_security_group.load_balancer.id
  description       = "Requests and health checks to the tasks"

  from_port                    = var.container_port
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.tasks.id
  to_port                      = var.container_port
}

resource "aws_security_group" "tasks" {
  name        = "${local.name}-tasks"
  description = "Tasks: the load balancer in, AWS and the data stores out"
  vpc_id      = var.vpc_id

  tags = { Name = "${local.name}-tasks" }
}

resource "aws_vpc_security_group_ingress_rule" "tasks_load_balancer" {
  security_group_id = aws_security_group.tasks.id
  description       = "The container port, from the load balancer only"

  from_port                    = var.container_port
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.load_balancer.id
  to_port                      = var.container_port
}

resource "aws_vpc_security_group_egress_rule" "tasks" {
  for_each = var.task_egress

  security_group_id = aws_security_group.tasks.id
  description       = each.key

  cidr_ipv4   = each.value.cidr
  from_port   = each.value.port
  ip_protocol = "tcp"
  to_port     = each.value.port
}
