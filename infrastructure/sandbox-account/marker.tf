# The marker that the guard requires before anything is created.
resource "aws_ssm_parameter" "marker" {
  name        = var.marker_name
  description = "This account is a sandbox: runs may create and delete in it"
  type        = "String"
  value       = "sandbox"
}
