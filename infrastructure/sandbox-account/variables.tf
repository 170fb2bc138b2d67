variable "budget_emails" {
  description = "Addresses that receive a warning at 80 % of the budget, and when the forecast is above it. Empty creates no budget."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "create_oidc_provider" {
  description = "Create GitHub's identity provider. False if the account already has it: an account can have only one."
  type        = bool
  default     = true
  nullable    = false
}

variable "github_subjects" {
  description = "Subjects of GitHub's tokens that may assume the role, such as repo:example/shop:ref:refs/heads/main. Empty allows no workflow."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for subject in var.github_subjects : can(regex("^repo:[^/*]+/[^:*]+:.+$", subject))])
    error_message = "Name the repository in full, as in repo:owner/name:ref:refs/heads/main; a pattern for it would allow foreign repositories."
  }
}

variable "marker_name" {
  description = "Name of the parameter that marks this account as a sandbox; the guard reads it."
  type        = string
  default     = "/pushproof/sandbox"
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "Budget of the account in US dollars a month."
  type        = number
  default     = 50
  nullable    = false
}

variable "session_hours" {
  description = "Hours that a session of the role may last. Credentials must outlive a run and its sweep."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.session_hours >= 1 && var.session_hours <= 12
    error_message = "Give 1 to 12 hours, as IAM allows."
  }
}

variable "tags" {
  description = "Tags for every resource, besides Project and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "trusted_principal_arns" {
  description = "Roles and users of people who may assume the role by hand."
  type        = set(string)
  default     = []
  nullable    = false
}
