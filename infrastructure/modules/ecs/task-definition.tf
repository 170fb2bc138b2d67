# The shape of a task. Terraform writes the first revision; the pipeline writes the following ones, each a copy of the
# running one with another image. So nothing here may be specific to the first image, its command least of all.
resource "aws_ecs_task_definition" "this" {
  family                   = local.name
  cpu                      = var.cpu
  execution_role_arn       = var.execution_role_arn
  memory                   = var.memory
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  task_role_arn            = var.task_role_arn

  container_definitions = jsonencode([
    {
      name      = var.container_name
      image     = var.bootstrap_image
      essential = true

      portMappings = [
        {
          containerPort = var.container_port
          hostPort      = var.container_port
          protocol      = "tcp"
        },
      ]

      environment = [
        { name = "APP_ENV", value = var.environment },
        { name = "PORT", value = tostring(var.container_port) },
      ]

      # References only: ECS puts the value into the container, and the task definition does not reveal it.
      secrets = [
        for name, arn in var.secrets : { name = name, valueFrom = arn }
      ]

      healthCheck = {
        command     = local.health_check_command
        interval    = 30
        timeout     = 5
        retries     = 3
        startPeriod = 60
      }

      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.tasks.name
          awslogs-region        = data.aws_region.current.id
          awslogs-stream-prefix = "ecs"
        }
      }
    },
  ])

  runtime_platform {
    cpu_architecture        = "X86_64" # what the build makes
    operating_system_family = "LINUX"
  }
}
