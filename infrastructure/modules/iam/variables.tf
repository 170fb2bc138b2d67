variable "artifacts_bucket_name" {
  description = "Bucket of the pipeline's artifacts."
  type        = string
  nullable    = false
}

variable "before_deploy" {
  description = "Create the role of a project that runs a task of the new revision before each deployment."
  type        = bool
  default     = false
  nullable    = false
}

variable "connection_arn" {
  description = "ARN of the connection to the source host, or null if the source is a bucket."
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
    error_message = "Use 3 to 20 lower-case letters, digits and hyphens, starting with a letter: names of buckets and load balancers contain it."
  }
}

variable "require_approval" {
  description = "Whether the pipeline asks for approval on its topic."
  type        = bool
  default     = false
  nullable    = false
}

variable "secrets_kms_key_arn" {
  description = "ARN of the customer key that encrypts the secrets, or null for the AWS managed key."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]+:key/", coalesce(var.secrets_kms_key_arn, "arn:aws:kms:region:0:key/")))
    error_message = "Give the key's ARN, arn:aws:kms:<region>:<account>:key/<id>; IAM does not follow aliases."
  }
}

variable "source_bucket_name" {
  description = "Bucket that is the pipeline's source, or null if the source is a connection."
  type        = string
  default     = null
}
