variable "artifacts_bucket_name" {
  description = "Bucket the pipeline passes its artifacts through."
  type        = string
  nullable    = false
}

variable "connection_arn" {
  description = "ARN of the connection to the source host, or null where the source is a bucket."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:[^:]+:(codestar-connections|codeconnections):", coalesce(var.connection_arn, "arn:aws:codeconnections:")))
    error_message = "Give the ARN of a connection, arn:aws:codeconnections:... or arn:aws:codestar-connections:...; both names are in use."
  }
}

variable "environment" {
  description = "Name of the environment, such as dev or prod; the second part of every resource name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.environment))
    error_message = "Use 2 to 8 lower-case letters and digits, starting with a letter: image tags begin with it."
  }
}

variable "project" {
  description = "Name of the project; the first part of every resource name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.project))
    error_message = "Use 3 to 20 lower-case letters, digits and hyphens, starting with a letter: bucket and load balancer names are made from it."
  }
}

variable "require_approval" {
  description = "Whether the pipeline asks for approval on its topic."
  type        = bool
  default     = false
  nullable    = false
}

variable "secrets_kms_key_arn" {
  description = "ARN of the customer key the secrets are encrypted with, or null for the key AWS manages."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]+:key/", coalesce(var.secrets_kms_key_arn, "arn:aws:kms:region:0:key/")))
    error_message = "Give the key's ARN, arn:aws:kms:<region>:<account>:key/<id>; IAM does not follow aliases."
  }
}

variable "source_bucket_name" {
  description = "Bucket that is the pipeline's source, or null where the source is a connection."
  type        = string
  default     = null
}
