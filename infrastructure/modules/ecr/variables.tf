variable "environment" {
  description = "Name of the environment, such as dev or prod; the second part of every resource name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.environment))
    error_message = "Use 2 to 8 lower-case letters and digits, starting with a letter: image tags begin with it."
  }
}

variable "force_delete" {
  description = "Let `terraform destroy` delete the deploy repository with the images in it."
  type        = bool
  default     = false
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

variable "release_count" {
  description = "Number of release images kept."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.release_count >= 2 && floor(var.release_count) == var.release_count
    error_message = "Keep at least 2 releases: the one that runs and the one a rollback returns to."
  }
}
