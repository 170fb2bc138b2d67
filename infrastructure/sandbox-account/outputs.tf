output "deployer_role_arn" {
  description = "Role that runs and sweeps take; the workflow's variable PUSHPROOF_SANDBOX_ROLE."
  value       = aws_iam_role.deployer.arn
}

output "marker_name" {
  description = "Parameter that says sandbox."
  value       = aws_ssm_parameter.marker.name
}
