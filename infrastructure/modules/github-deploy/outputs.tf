output "provider_arn" {
  description = "Identity provider for GitHub Actions, of this module or of the account."
  value       = try(aws_iam_openid_connect_provider.github[0].arn, local.provider_arn)
}

# Available only after the role has its policy, so that nothing uses an incomplete role.
output "role_arn" {
  description = "Role that the workflow assumes."
  value       = aws_iam_role.deploy.arn

  depends_on = [aws_iam_role_policy.deploy]
}

output "role_name" {
  description = "Name of that role."
  value       = aws_iam_role.deploy.name
}

output "subject" {
  description = "Subject of the tokens that the role takes."
  value       = local.subject
}

output "workflow_variables" {
  description = "Variables of the repository, or of its environment, on GitHub: `gh variable set NAME --body VALUE`."
  value = {
    AWS_REGION     = local.region
    AWS_ROLE_ARN   = aws_iam_role.deploy.arn
    CONTAINER_NAME = var.container_name
    ECR_REPOSITORY = local.name
    ECS_CLUSTER    = local.name
    ECS_SERVICE    = local.name
    TAG_PREFIX     = "${var.environment}-"
    TASK_FAMILY    = local.name
  }
}
