output "artifacts_bucket_name" {
  description = "Bucket of the artifacts."
  value       = aws_s3_bucket.artifacts.bucket
}

output "build_log_group_name" {
  description = "Log group of the builds."
  value       = aws_cloudwatch_log_group.build.name
}

output "build_project_name" {
  description = "Name of the build project."
  value       = aws_codebuild_project.this.name
}

# Depends on the connection alone: the pipeline's role needs it before there is a pipeline.
output "connection_arn" {
  description = "ARN of the connection in use, or null if the source is a bucket."
  value       = local.connection_arn
}

output "pipeline_arn" {
  description = "ARN of the pipeline."
  value       = aws_codepipeline.this.arn
}

output "pipeline_name" {
  description = "Name of the pipeline."
  value       = aws_codepipeline.this.name
}

output "source_bucket_name" {
  description = "Bucket for the source archive, or null if the source is a connection."
  value       = one(aws_s3_bucket.source[*].bucket)
}

output "topic_arn" {
  description = "Topic that the pipeline's state changes and requests for approval go to."
  value       = aws_sns_topic.pipeline.arn
}
