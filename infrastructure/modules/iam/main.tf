data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# The roles are created before the resources they give access to, so ARNs are composed from names: every module names its
# resources `<project>-<environment>`.
locals {
  name      = "${var.project}-${var.environment}"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  _regional = "${local.region}:${local.account}"

  artifacts_bucket_arn = "arn:${local.partition}:s3:::${var.artifacts_bucket_name}"
  before_project_arn   = "arn:${local.partition}:codebuild:${local._regional}:project/${local.name}-before"
  before_revision_arn  = "arn:${local.partition}:ecs:${local._regional}:task-definition/${local.name}-before:*"
  build_log_group_arn  = "arn:${local.partition}:logs:${local._regional}:log-group:/aws/codebuild/${local.name}"
  build_project_arn    = "arn:${local.partition}:codebuild:${local._regional}:project/${local.name}"
  cluster_arn          = "arn:${local.partition}:ecs:${local._regional}:cluster/${local.name}"
  cache_repository_arn = "arn:${local.partition}:ecr:${local._regional}:repository/${local.name}-cache"
  repository_arn       = "arn:${local.partition}:ecr:${local._regional}:repository/${local.name}"
  secrets_arn          = "arn:${local.partition}:secretsmanager:${local._regional}:secret:${var.project}/${var.environment}/*"
  service_arn          = "arn:${local.partition}:ecs:${local._regional}:service/${local.name}/${local.name}"
  source_bucket_arn    = "arn:${local.partition}:s3:::${coalesce(var.source_bucket_name, "none")}"
  task_definition_arn  = "arn:${local.partition}:ecs:${local._regional}:task-definition/${local.name}:*"
  tasks_arn            = "arn:${local.partition}:ecs:${local._regional}:task/${local.name}/*"
  topic_arn            = "arn:${local.partition}:sns:${local._regional}:${local.name}-pipeline"
}
