variable "before_deploy_command" {
  description = "Command that runs as a task of the new revision before each deployment, such as [\"python3\", \"-m\", \"webapp.migrate\"]. Empty runs nothing."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "bootstrap_image" {
  description = "Image of the first revision, before the pipeline has built one. Null expects dev-bootstrap in the deploy repository; see the infrastructure's README."
  type        = string
  default     = null
}

variable "branch" {
  description = "Branch that is deployed."
  type        = string
  nullable    = false
}

variable "build_environment" {
  description = "Additional environment variables of the build, such as BASE_IMAGE. No secrets."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "certificate_arn" {
  description = "ARN of the load balancer's certificate in ACM, in the same region."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:acm:[^:]+:[0-9]+:certificate/", var.certificate_arn))
    error_message = "Request or import a certificate in ACM first, and give its ARN: arn:aws:acm:<region>:<account>:certificate/<id>."
  }
}

variable "client_cidrs" {
  description = "IPv4 blocks that may reach the load balancer."
  type        = set(string)
  default     = ["0.0.0.0/0"]
  nullable    = false
}

variable "connection_arn" {
  description = "ARN of an authorised connection to use. Null creates one, which a person must then authorise."
  type        = string
  default     = null
}

variable "cpu" {
  description = "CPU units of a task."
  type        = number
  nullable    = false
}

variable "database_secret_arn" {
  description = "ARN of an existing secret with the database's connection string. Null creates an empty secret, whose value a person sets."
  type        = string
  default     = null

  validation {
    condition     = can(regex(":secret:[a-z0-9-]+/dev/", coalesce(var.database_secret_arn, ":secret:any/dev/")))
    error_message = "Name the secret <project>/dev/...: the execution role may read no others."
  }
}

variable "deployment_alarm" {
  description = "Fail deployments during which the load balancer counts 5xx answers, and roll them back."
  type        = bool
  default     = null
}

variable "desired_count" {
  description = "Number of tasks the service starts with."
  type        = number
  nullable    = false
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete buckets and repositories with their contents."
  type        = bool
  default     = true
  nullable    = false
}

variable "github_create_provider" {
  description = "Create the account's identity provider for GitHub Actions. Set false where another environment of the account has created it."
  type        = bool
  default     = true
  nullable    = false
}

variable "github_deploy" {
  description = "Create the role with which a workflow of GitHub Actions deploys. Needs repository."
  type        = bool
  default     = false
  nullable    = false
}

variable "github_environment" {
  description = "Deployment environment on GitHub that the workflow's job names, or null for a job that names none."
  type        = string
  default     = null
}

variable "github_repository_ids" {
  description = "Numbers of the owner and the repository on GitHub, for a repository with immutable subjects (created, renamed or moved after 2026-07-15)."
  type        = object({ owner = string, repository = string })
  default     = null
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number
  nullable    = false
}

variable "notification_emails" {
  description = "Addresses that receive notifications of executions, each after its owner has confirmed."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "project" {
  description = "Name of the project; the first part of every resource name. Another name creates another system next to this one."
  type        = string
  default     = "pushproof"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.project))
    error_message = "Use 3 to 20 lower-case letters, digits and hyphens, starting with a letter: names of buckets and load balancers contain it."
  }
}

variable "repository" {
  description = "Repository that is deployed, as owner/name. Needed with source_type connection."
  type        = string
  default     = null
}

variable "secret_recovery_days" {
  description = "Days in which a deleted secret can be restored; 0 frees its name at once, so that the environment can be created again."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "Give 0, or 7 to 30 days."
  }
}

variable "secrets_kms_key_arn" {
  description = "ARN of the customer key that encrypts the secrets. Null uses the AWS managed key."
  type        = string
  default     = null
}

variable "single_nat_gateway" {
  description = "Share the first zone's NAT gateway among all zones: cheaper, and egress fails with that zone."
  type        = bool
  default     = false
  nullable    = false
}

variable "slack_webhook_url" {
  description = "Incoming webhook that receives notifications of executions, or null."
  type        = string
  default     = null
  sensitive   = true
}

variable "source_type" {
  description = "Kind of the source: connection or s3."
  type        = string
  default     = "connection"
  nullable    = false

  validation {
    condition     = contains(["connection", "s3"], var.source_type)
    error_message = "Use connection (GitHub), or s3 (a zip in a bucket) if no connection is available."
  }
}

variable "tags" {
  description = "Tags for every resource, besides Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "traffic_shift" {
  description = "Prepare for blue/green, linear and canary deployments; see modules/ecs/traffic-shift.tf."
  type        = bool
  default     = null
}

variable "vpc_cidr" {
  description = "IPv4 block of the VPC."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "Letters of the availability zones to use, at least two."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2 && alltrue([for letter in var.zones : can(regex("^[a-z]$", letter))])
    error_message = "Name at least two zones by their letters, such as [\"a\", \"b\"]: a load balancer needs two."
  }
}
