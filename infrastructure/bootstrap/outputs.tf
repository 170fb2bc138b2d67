output "backend_config" {
  description = "Content of backend.hcl for each environment, by environment name."
  value = {
    for environment in ["dev", "prod"] : environment => join("\n", concat(
      [
        "bucket  = \"${aws_s3_bucket.state.bucket}\"",
        "key     = \"${environment}/terraform.tfstate\"",
        "region  = \"${data.aws_region.current.id}\"",
        "encrypt = true",
      ],
      var.create_lock_table
      ? ["dynamodb_table = \"${aws_dynamodb_table.lock[0].name}\""]
      : ["use_lockfile = true"],
      [""],
    ))
  }
}

output "lock_table_name" {
  description = "Name of the lock table, or null if the bucket holds the locks."
  value       = one(aws_dynamodb_table.lock[*].name)
}

output "state_bucket_arn" {
  description = "ARN of the state bucket."
  value       = aws_s3_bucket.state.arn
}

output "state_bucket_name" {
  description = "Name of the state bucket."
  value       = aws_s3_bucket.state.bucket

  # The output is available only when a state can be written.
  depends_on = [
    aws_s3_bucket_public_access_block.state,
    aws_s3_bucket_server_side_encryption_configuration.state,
    aws_s3_bucket_versioning.state,
  ]
}
