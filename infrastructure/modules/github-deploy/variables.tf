variable "branch" {
  description = "Branch whose workflow may deploy."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^*?\\s]+$", var.branch)) && !startswith(var.branch, "refs/")
    error_message = "Name one branch, such as main: without refs/heads/, and without a wildcard."
  }
}

variable "container_name" {
  description = "Name of the application's container, for the workflow."
  type        = string
  default     = "app"
  nullable    = false
}

variable "create_provider" {
  description = "Create the identity provider for GitHub Actions. An account has one: set false where it exists."
  type        = bool
  default     = true
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

variable "execution_role_arn" {
  description = "Role that ECS uses to start tasks. The workflow passes it."
  type        = string
  nullable    = false
}

variable "github_environment" {
  description = "Deployment environment on GitHub that the workflow's job names, or null for a job that names none."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[^*?]+$", coalesce(var.github_environment, "none")))
    error_message = "Name one environment of the repository, such as production, without a wildcard."
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

variable "repository" {
  description = "Repository on GitHub whose workflow may deploy, as owner/name, in GitHub's own spelling."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$", var.repository))
    error_message = "Give owner/name as GitHub writes it, such as example/shop: without a host, and without a wildcard."
  }
}

variable "repository_ids" {
  description = "Numbers of the owner and the repository, for a repository with immutable subjects: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`. Null for an older one."
  type        = object({ owner = string, repository = string })
  default     = null

  validation {
    condition     = var.repository_ids == null || can(regex("^[0-9]+/[0-9]+$", "${var.repository_ids.owner}/${var.repository_ids.repository}"))
    error_message = "Give both numbers as digits, such as { owner = \"65\", repository = \"74\" }."
  }
}

variable "task_role_arn" {
  description = "Role of the application. The workflow passes it."
  type        = string
  nullable    = false
}
