# Each ARN is available only after the role has its policies, so that nothing uses an incomplete role.

output "before_deploy_role_arn" {
  description = "Role of the project that runs a task before each deployment, or null."
  value       = one(aws_iam_role.before[*].arn)

  depends_on = [aws_iam_role_policy.before]
}

output "codebuild_role_arn" {
  description = "Role of the build project."
  value       = aws_iam_role.codebuild.arn

  depends_on = [aws_iam_role_policy.codebuild]
}

output "codepipeline_role_arn" {
  description = "Role of the pipeline."
  value       = aws_iam_role.codepipeline.arn

  depends_on = [aws_iam_role_policy.codepipeline]
}

output "execution_role_arn" {
  description = "Role that ECS uses to start tasks."
  value       = aws_iam_role.execution.arn

  depends_on = [
    aws_iam_role_policy.execution_secrets,
    aws_iam_role_policy_attachment.execution,
  ]
}

output "task_role_arn" {
  description = "Role of the application. Attach policies to it for what the application needs."
  value       = aws_iam_role.task.arn
}

output "task_role_name" {
  description = "Name of the application's role."
  value       = aws_iam_role.task.name
}
