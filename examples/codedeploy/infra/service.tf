resource "aws_security_group" "front" {
  name        = "shop-front"
  description = "Clients, and tests of replacements"
  vpc_id      = data.aws_vpc.default.id

  dynamic "ingress" {
    for_each = [80, 8080]

    content {
      cidr_blocks = ["0.0.0.0/0"]
      from_port   = ingress.value
      protocol    = "tcp"
      to_port     = ingress.value
    }
  }

  egress {
    cidr_blocks = [data.aws_vpc.default.cidr_block]
    from_port   = 8000
    protocol    = "tcp"
    to_port     = 8000
  }
}

resource "aws_security_group" "tasks" {
  name        = "shop-tasks"
  description = "The load balancer alone reaches the tasks"
  vpc_id      = data.aws_vpc.default.id

  ingress {
    from_port       = 8000
    protocol        = "tcp"
    security_groups = [aws_security_group.front.id]
    to_port         = 8000
  }

  egress {
    cidr_blocks = ["0.0.0.0/0"]
    from_port   = 443
    protocol    = "tcp"
    to_port     = 443
  }
}

resource "aws_lb" "shop" {
  name            = "shop"
  security_groups = [aws_security_group.front.id]
  subnets         = data.aws_subnets.default.ids
}

resource "aws_lb_target_group" "shop" {
  for_each = toset(["blue", "green"])

  name                 = "shop-${each.key}"
  deregistration_delay = 30
  port                 = 8000
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = data.aws_vpc.default.id

  health_check {
    healthy_threshold   = 2
    interval            = 15
    path                = "/health"
    timeout             = 5
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "production" {
  load_balancer_arn = aws_lb.shop.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.shop["blue"].arn
  }

  # CodeDeploy moves it from group to group.
  lifecycle {
    ignore_changes = [default_action]
  }
}

resource "aws_lb_listener" "test" {
  load_balancer_arn = aws_lb.shop.arn
  port              = 8080
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.shop["green"].arn
  }

  lifecycle {
    ignore_changes = [default_action]
  }
}

resource "aws_ecr_repository" "shop" {
  name                 = "shop"
  force_delete         = true
  image_tag_mutability = "IMMUTABLE"
}

resource "aws_cloudwatch_log_group" "shop" {
  name              = "/ecs/shop"
  retention_in_days = 30
}

resource "aws_ecs_cluster" "shop" {
  name = "shop"
}

# The revision before the first push: nothing that can be pulled. shop/taskdef.json has those of pushes.
resource "aws_ecs_task_definition" "first" {
  family                   = "shop"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.this["execution"].arn

  container_definitions = jsonencode([{
    name         = "shop"
    image        = "${aws_ecr_repository.shop.repository_url}:none"
    essential    = true
    portMappings = [{ containerPort = 8000 }]
  }])
}

resource "aws_ecs_service" "shop" {
  name            = "shop"
  cluster         = aws_ecs_cluster.shop.name
  desired_count   = 2
  launch_type     = "FARGATE"
  task_definition = aws_ecs_task_definition.first.arn

  deployment_controller {
    type = "CODE_DEPLOY"
  }

  load_balancer {
    container_name   = "shop"
    container_port   = 8000
    target_group_arn = aws_lb_target_group.shop["blue"].arn
  }

  network_configuration {
    assign_public_ip = true
    security_groups  = [aws_security_group.tasks.id]
    subnets          = data.aws_subnets.default.ids
  }

  # CodeDeploy deploys revisions, each behind the other target group.
  lifecycle {
    ignore_changes = [load_balancer, task_definition]
  }

  depends_on = [aws_lb_listener.production, aws_lb_listener.test]
}
