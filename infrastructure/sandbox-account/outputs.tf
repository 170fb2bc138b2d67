output "deployer_role_arn" {
  description = "Role that runs and sweeps assume; the workflow's variable PUSHPROOF_SANDBOX_ROLE."
  value       = aws_iam_role.deployer.arn
}

output "marker_name" {
  description = "Name of the parameter that marks the account as a sandbox."
  value       = aws_ssm_parameter.marker.name
}
