data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  environment = "prod"
  name        = "${var.project}-${local.environment}"
  account     = data.aws_caller_identity.current.account_id

  # Bucket names are global: the account number makes these unique. Computed before the buckets, because the roles come first.
  artifacts_bucket_name = "${local.name}-artifacts-${local.account}"
  source_bucket_name    = var.source_type == "s3" ? "${local.name}-source-${local.account}" : null

  availability_zones  = [for letter in var.zones : "${data.aws_region.current.id}${letter}"]
  bootstrap_image     = coalesce(var.bootstrap_image, "${module.ecr.repository_url}:${module.ecr.release_tag_prefix}bootstrap")
  container_name      = "app"
  database_secret_arn = try(aws_secretsmanager_secret.database_url[0].arn, var.database_secret_arn)
}

module "networking" {
  source = "../../modules/networking"

  availability_zones = local.availability_zones
  environment        = local.environment
  project            = var.project
  single_nat_gateway = false
  vpc_cidr           = var.vpc_cidr
}

module "ecr" {
  source = "../../modules/ecr"

  environment  = local.environment
  force_delete = var.force_destroy
  project      = var.project
}

module "iam" {
  source = "../../modules/iam"

  artifacts_bucket_name = local.artifacts_bucket_name
  before_deploy         = length(var.before_deploy_command) > 0
  connection_arn        = module.codepipeline.connection_arn
  environment           = local.environment
  project               = var.project
  require_approval      = true
  secrets_kms_key_arn   = var.secrets_kms_key_arn
  source_bucket_name    = local.source_bucket_name
}

module "ecs" {
  source = "../../modules/ecs"

  bootstrap_image     = local.bootstrap_image
  certificate_arn     = var.certificate_arn
  client_cidrs        = var.client_cidrs
  container_name      = local.container_name
  cpu                 = var.cpu
  deployment_alarm    = var.deployment_alarm
  deletion_protection = var.deletion_protection
  desired_count       = var.desired_count
  environment         = local.environment
  execution_role_arn  = module.iam.execution_role_arn
  memory              = var.memory
  private_subnet_ids  = module.networking.private_subnet_ids
  project             = var.project
  public_subnet_ids   = module.networking.public_subnet_ids
  secrets             = { DATABASE_URL = local.database_secret_arn }
  task_role_arn       = module.iam.task_role_arn
  traffic_shift       = var.traffic_shift
  vpc_id              = module.networking.vpc_id

  task_egress = {
    "HTTPS to AWS and the internet" = { cidr = "0.0.0.0/0", port = 443 }
    "PostgreSQL inside the VPC"     = { cidr = module.networking.vpc_cidr, port = 5432 }
  }
}

module "codepipeline" {
  source = "../../modules/codepipeline"

  artifacts_bucket_name     = local.artifacts_bucket_name
  before_deploy_command     = var.before_deploy_command
  before_deploy_role_arn    = module.iam.before_deploy_role_arn
  branch                    = var.branch
  build_environment         = var.build_environment
  cluster_name              = module.ecs.cluster_name
  codebuild_role_arn        = module.iam.codebuild_role_arn
  codepipeline_role_arn     = module.iam.codepipeline_role_arn
  connection_arn            = var.connection_arn
  container_name            = module.ecs.container_name
  ecr_cache_repository_name = module.ecr.cache_repository_name
  ecr_registry              = module.ecr.registry
  ecr_repository_name       = module.ecr.repository_name
  environment               = local.environment
  force_destroy             = var.force_destroy
  notification_emails       = var.notification_emails
  project                   = var.project
  repository                = var.repository
  require_approval          = true
  service_name              = module.ecs.service_name
  slack_webhook_url         = var.slack_webhook_url
  source_bucket_name        = local.source_bucket_name
  source_type               = var.source_type
}

# The second road: a workflow of GitHub Actions builds, pushes and rolls out, beside or in place of the pipeline.
module "github_deploy" {
  count  = var.github_deploy ? 1 : 0
  source = "../../modules/github-deploy"

  branch             = var.branch
  container_name     = module.ecs.container_name
  create_provider    = var.github_create_provider
  environment        = local.environment
  execution_role_arn = module.iam.execution_role_arn
  github_environment = var.github_environment
  project            = var.project
  repository         = var.repository
  repository_ids     = var.github_repository_ids
  task_role_arn      = module.iam.task_role_arn
}
