variable "create_lock_table" {
  description = "Create a DynamoDB table for state locking. Needed by Terraform older than 1.10 only; newer versions lock in the bucket (use_lockfile)."
  type        = bool
  default     = false
  nullable    = false
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with every state in it. Leave false wherever a state matters."
  type        = bool
  default     = false
  nullable    = false
}

variable "project" {
  description = "Name of the project; the first part of every resource name."
  type        = string
  default     = "pushproof"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.project))
    error_message = "Use 3 to 20 lower-case letters, digits and hyphens, starting with a letter: names of buckets and load balancers contain it."
  }
}

variable "tags" {
  description = "Tags for every resource, besides Project and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false
}
