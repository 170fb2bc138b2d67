output "cache_repository_arn" {
  description = "ARN of the cache repository."
  value       = aws_ecr_repository.cache.arn
}

output "cache_repository_name" {
  description = "Name of the cache repository."
  value       = aws_ecr_repository.cache.name
}

output "registry" {
  description = "Host name of the registry, for `docker login`."
  value       = split("/", aws_ecr_repository.deploy.repository_url)[0]
}

output "release_tag_prefix" {
  description = "Prefix of every release's tag; the lifecycle rule selects by it."
  value       = local.release_tag_prefix
}

output "repository_arn" {
  description = "ARN of the deploy repository."
  value       = aws_ecr_repository.deploy.arn
}

output "repository_name" {
  description = "Name of the deploy repository."
  value       = aws_ecr_repository.deploy.name
}

output "repository_url" {
  description = "Registry and name of the deploy repository; an image reference is this, a colon and a tag."
  value       = aws_ecr_repository.deploy.repository_url
}
