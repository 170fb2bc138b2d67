data "aws_region" "current" {}

locals {
  name = "${var.project}-${var.environment}"

  private_subnet_ids = values(var.private_subnet_ids)
  public_subnet_ids  = values(var.public_subnet_ids)

  # The image contains its own probe. Base images usually have no curl, and a check that
  # cannot run makes a healthy container unhealthy.
  health_check_command = coalesce(var.health_check_command, [
    "CMD", "/app/healthcheck", "http://127.0.0.1:${var.container_port}${var.health_check_path}",
  ])
}
