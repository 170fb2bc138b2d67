# A private bucket with versions, encryption, logging and a lifecycle, as most stacks keep their artifacts in.
data "aws_caller_identity" "current" {}

module "logs" {
  source  = "terraform-aws-modules/s3-bucket/aws"
  version = "~> 4.11"

  bucket_prefix                              = "plain-logs-"
  force_destroy                              = true
  control_object_ownership                   = true
  object_ownership                           = "BucketOwnerEnforced"
  attach_elb_log_delivery_policy             = true
  attach_lb_log_delivery_policy              = true
  attach_access_log_delivery_policy          = true
  access_log_delivery_policy_source_accounts = [data.aws_caller_identity.current.account_id]
}

module "artifacts" {
  source  = "terraform-aws-modules/s3-bucket/aws"
  version = "~> 4.11"

  bucket_prefix = "plain-artifacts-"
  force_destroy = true

  control_object_ownership = true
  object_ownership         = "ObjectWriter"
  acl                      = "private"
  versioning               = { enabled = true }
  logging                  = { target_bucket = module.logs.s3_bucket_id, target_prefix = "artifacts/" }
  server_side_encryption_configuration = {
    rule = { apply_server_side_encryption_by_default = { sse_algorithm = "AES256" } }
  }
  lifecycle_rule = [{
    id                            = "old"
    enabled                       = true
    filter                        = { prefix = "builds/" }
    expiration                    = { days = 90 }
    noncurrent_version_expiration = { days = 30 }
    transition                    = [{ days = 30, storage_class = "STANDARD_IA" }]
  }]

  attach_deny_insecure_transport_policy = true
  attach_require_latest_tls_policy      = true
}
