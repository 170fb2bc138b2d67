variable "artifacts_bucket_name" {
  description = "Name of the bucket for artifacts and the build cache; this module creates it."
  type        = string
  nullable    = false
}

variable "before_deploy_command" {
  description = "Command that runs as a task of the new revision before each deployment, such as a database migration: the words of it. Empty runs nothing. A command that fails stops the deployment."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "before_deploy_role_arn" {
  description = "Role of the project that runs that task. Needed with before_deploy_command."
  type        = string
  default     = null
}

variable "branch" {
  description = "Branch that is deployed. Needed with a connection."
  type        = string
  default     = null
}

variable "build_environment" {
  description = "Additional environment variables of the build, such as BASE_IMAGE. Visible to everyone who may read the project: no secrets."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.build_environment) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && !startswith(name, "CODEBUILD_")])
    error_message = "Use letters, digits and underscores in names; those that start with CODEBUILD_ are reserved by AWS."
  }
}

variable "cluster_name" {
  description = "ECS cluster of the service."
  type        = string
  nullable    = false
}

variable "codebuild_role_arn" {
  description = "Role of the build project."
  type        = string
  nullable    = false
}

variable "codepipeline_role_arn" {
  description = "Role of the pipeline."
  type        = string
  nullable    = false
}

variable "connection_arn" {
  description = "ARN of an authorised connection to use. Null creates one, which a person must then authorise."
  type        = string
  default     = null
}

variable "container_name" {
  description = "Container whose image the pipeline replaces; buildspec.yml writes it into imagedefinitions.json."
  type        = string
  nullable    = false
}

variable "deployment_timeout_minutes" {
  description = "Minutes that the deploy action waits for the rollout: longer than a rollout takes, but short enough to wait for after a rollback."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deployment_timeout_minutes >= 1 && var.deployment_timeout_minutes <= 60
    error_message = "Give 1 to 60 minutes; CodePipeline waits no longer."
  }
}

variable "ecr_cache_repository_name" {
  description = "Repository of the layer cache."
  type        = string
  nullable    = false
}

variable "ecr_registry" {
  description = "Host name of the registry."
  type        = string
  nullable    = false
}

variable "ecr_repository_name" {
  description = "Repository that releases are pushed to."
  type        = string
  nullable    = false
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

variable "force_destroy" {
  description = "Let `terraform destroy` delete the buckets with their contents. False in production."
  type        = bool
  default     = false
  nullable    = false
}

variable "notification_emails" {
  description = "Addresses subscribed to the topic, each after its owner has confirmed."
  type        = set(string)
  default     = []
  nullable    = false
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

variable "repository" {
  description = "Repository that is deployed, as owner/name. Needed with a connection."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[^/\\s]+/[^/\\s]+$", coalesce(var.repository, "owner/name")))
    error_message = "Give the repository as owner/name, without host and without .git."
  }
}

variable "require_approval" {
  description = "Put a manual approval between Build and Deploy."
  type        = bool
  default     = false
  nullable    = false
}

variable "service_name" {
  description = "ECS service that the pipeline deploys to."
  type        = string
  nullable    = false
}

variable "slack_webhook_url" {
  description = "Incoming webhook that receives notifications of executions, or null. Anyone who has the URL can post to it."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = can(regex("^https?://", coalesce(var.slack_webhook_url, "https://")))
    error_message = "Set the webhook's whole URL, or null if there is none."
  }
}

variable "source_bucket_name" {
  description = "Name of the source bucket, which this module creates. Needed with source_type s3."
  type        = string
  default     = null
}

variable "source_object_key" {
  description = "Key of the source archive in the source bucket, a zip with buildspec.yml at its root."
  type        = string
  default     = "source.zip"
  nullable    = false
}

variable "source_type" {
  description = "Kind of the source: connection (GitHub through CodeConnections) or s3 (a zip in a bucket)."
  type        = string
  default     = "connection"
  nullable    = false

  validation {
    condition     = contains(["connection", "s3"], var.source_type)
    error_message = "Use connection or s3."
  }
}
