output "artifacts_bucket_name" {
  description = "Bucket of the pipeline's artifacts."
  value       = module.codepipeline.artifacts_bucket_name
}

output "build_log_group_name" {
  description = "Log group of the builds."
  value       = module.codepipeline.build_log_group_name
}

output "build_project_name" {
  description = "CodeBuild project."
  value       = module.codepipeline.build_project_name
}

output "cache_repository_name" {
  description = "Repository of the layer cache."
  value       = module.ecr.cache_repository_name
}

output "cluster_name" {
  description = "ECS cluster."
  value       = module.ecs.cluster_name
}

output "connection_arn" {
  description = "Connection in use, or null if the source is a bucket. A new connection waits for a person to authorise it."
  value       = module.codepipeline.connection_arn
}

output "container_name" {
  description = "Name of the application's container."
  value       = module.ecs.container_name
}

output "container_port" {
  description = "Port the application listens on."
  value       = module.ecs.container_port
}

output "database_secret_arn" {
  description = "Secret that becomes DATABASE_URL."
  value       = local.database_secret_arn
}

output "github_role_arn" {
  description = "Role that the workflow on GitHub assumes, or null without github_deploy."
  value       = one(module.github_deploy[*].role_arn)
}

output "github_variables" {
  description = "Variables of the repository on GitHub for the workflow, or null without github_deploy."
  value       = one(module.github_deploy[*].workflow_variables)
}

output "load_balancer_arn" {
  description = "ARN of the load balancer."
  value       = module.ecs.load_balancer_arn
}

output "load_balancer_dns_name" {
  description = "Host name of the load balancer."
  value       = module.ecs.load_balancer_dns_name
}

output "load_balancer_security_group_id" {
  description = "Security group of the load balancer."
  value       = module.ecs.load_balancer_security_group_id
}

output "nat_gateway_ids" {
  description = "NAT gateway IDs by availability zone."
  value       = module.networking.nat_gateway_ids
}

output "pipeline_arn" {
  description = "ARN of the pipeline."
  value       = module.codepipeline.pipeline_arn
}

output "pipeline_name" {
  description = "Name of the pipeline."
  value       = module.codepipeline.pipeline_name
}

output "private_subnet_ids" {
  description = "Subnets of the tasks, by availability zone."
  value       = module.networking.private_subnet_ids
}

output "public_subnet_ids" {
  description = "Subnets of the load balancer, by availability zone."
  value       = module.networking.public_subnet_ids
}

output "release_tag_prefix" {
  description = "Prefix of every release's tag."
  value       = module.ecr.release_tag_prefix
}

output "repository_name" {
  description = "Repository that releases are pushed to."
  value       = module.ecr.repository_name
}

output "repository_url" {
  description = "Registry and name of that repository."
  value       = module.ecr.repository_url
}

output "role_arns" {
  description = "Role ARNs by the service that assumes them: codebuild, codepipeline, execution and task."
  value = {
    codebuild    = module.iam.codebuild_role_arn
    codepipeline = module.iam.codepipeline_role_arn
    execution    = module.iam.execution_role_arn
    task         = module.iam.task_role_arn
  }
}

output "service_name" {
  description = "ECS service."
  value       = module.ecs.service_name
}

output "source_bucket_name" {
  description = "Bucket for the source archive, or null if the source is a connection."
  value       = module.codepipeline.source_bucket_name
}

output "target_group_arn" {
  description = "ARN of the target group."
  value       = module.ecs.target_group_arn
}

output "task_definition_family" {
  description = "Family of the task definition."
  value       = module.ecs.task_definition_family
}

output "task_log_group_name" {
  description = "Log group of the tasks."
  value       = module.ecs.log_group_name
}

output "task_security_group_id" {
  description = "Security group of the tasks."
  value       = module.ecs.task_security_group_id
}

output "topic_arn" {
  description = "Topic of state changes."
  value       = module.codepipeline.topic_arn
}

output "traffic_shift" {
  description = "Names that deployments which shift traffic are set up with; null without traffic_shift."
  value       = module.ecs.traffic_shift
}

output "url" {
  description = "URL of the application."
  value       = "https://${module.ecs.load_balancer_dns_name}"
}

output "vpc_id" {
  description = "ID of the VPC."
  value       = module.networking.vpc_id
}
