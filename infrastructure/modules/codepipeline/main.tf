data "aws_caller_identity" "current" {}

locals {
  name = "${var.project}-${var.environment}"

  from_bucket = var.source_type == "s3"

  create_connection = !local.from_bucket && var.connection_arn == null
  connection_arn    = local.from_bucket ? null : try(aws_codestarconnections_connection.this[0].arn, var.connection_arn)
}
