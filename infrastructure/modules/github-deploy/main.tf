data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# The role can be created before the resources that it gives access to, so ARNs are composed from names: every module names
# its resources `<project>-<environment>`.
locals {
  name      = "${var.project}-${var.environment}"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  _regional = "${local.region}:${local.account}"

  repository_arn      = "arn:${local.partition}:ecr:${local._regional}:repository/${local.name}"
  service_arn         = "arn:${local.partition}:ecs:${local._regional}:service/${local.name}/${local.name}"
  task_definition_arn = "arn:${local.partition}:ecs:${local._regional}:task-definition/${local.name}:*"
}
