# The secret without its value, because Terraform's state would reveal the value. A person sets the value,
#   aws secretsmanager put-secret-value --secret-id <project>/dev/database-url --secret-string ...
resource "aws_secretsmanager_secret" "database_url" {
  count = var.database_secret_arn == null ? 1 : 0

  name                    = "${var.project}/${local.environment}/database-url"
  description             = "Connection string of the application's database"
  kms_key_id              = var.secrets_kms_key_arn
  recovery_window_in_days = var.secret_recovery_days
}
