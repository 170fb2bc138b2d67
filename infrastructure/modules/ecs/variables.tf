variable "bootstrap_image" {
  description = "Image of the first revision, before the pipeline has built one. It must serve the health check without a command of its own."
  type        = string
  nullable    = false
}

variable "certificate_arn" {
  description = "ARN of the ACM certificate of the HTTPS listener."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:acm:[^:]+:[0-9]+:certificate/", var.certificate_arn))
    error_message = "Give the ARN of a certificate in ACM, in the region of the load balancer: arn:aws:acm:<region>:<account>:certificate/<id>."
  }
}

variable "client_cidrs" {
  description = "IPv4 blocks that may reach the load balancer."
  type        = set(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.client_cidrs : can(cidrhost(cidr, 0))])
    error_message = "Give IPv4 blocks such as 203.0.113.0/24."
  }
}

variable "container_name" {
  description = "Name of the application's container; imagedefinitions.json names the same."
  type        = string
  default     = "app"
  nullable    = false
}

variable "container_port" {
  description = "Port that the application listens on; the container gets it in PORT."
  type        = number
  default     = 8080
  nullable    = false

  validation {
    condition     = var.container_port >= 1 && var.container_port <= 65535
    error_message = "Give a port from 1 to 65535; above 1023 unless the container runs as root."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU."
  type        = number
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "Fargate offers 256, 512, 1024, 2048, 4096, 8192 and 16384 CPU units."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the load balancer until this is turned off."
  type        = bool
  default     = false
  nullable    = false
}

variable "deployment_alarm" {
  description = "Make an alarm on the load balancer's 5xx answers, during which deployments fail and are rolled back."
  type        = bool
  default     = false
  nullable    = false
}

variable "deployment_alarm_errors" {
  description = "Answers with 5xx in a minute that set the alarm off."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.deployment_alarm_errors >= 1
    error_message = "Give at least 1: an alarm that 0 errors set off stops every deployment."
  }
}

variable "deregistration_delay" {
  description = "Seconds that a deregistered task has to finish its requests. At least as long as the slowest request."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deregistration_delay >= 0 && var.deregistration_delay <= 3600
    error_message = "Give 0 to 3600 seconds."
  }
}

variable "desired_count" {
  description = "Number of tasks that the service starts with. Make later changes on the service, not here."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.desired_count >= 1
    error_message = "Start at least one task: Terraform does not change the count afterwards, and a deployment without tasks proves nothing."
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

variable "execution_role_arn" {
  description = "Role that ECS uses to start tasks."
  type        = string
  nullable    = false
}

variable "health_check_command" {
  description = "Container health check, in ECS's form. Null runs /app/healthcheck of the image with the URL of the health path. The image must contain the program."
  type        = list(string)
  default     = null

  validation {
    condition     = contains(["CMD", "CMD-SHELL"], try(var.health_check_command[0], "CMD"))
    error_message = "Begin with CMD (a program and its arguments) or CMD-SHELL (one shell line), as ECS expects."
  }
}

variable "health_check_grace_period_seconds" {
  description = "Seconds after a task's start during which its failed health checks do not count."
  type        = number
  default     = 60
  nullable    = false
}

variable "health_check_path" {
  description = "Path that answers 200 as long as the application is healthy."
  type        = string
  default     = "/health"
  nullable    = false

  validation {
    condition     = startswith(var.health_check_path, "/")
    error_message = "Begin the path with a slash."
  }
}

variable "memory" {
  description = "Memory of a task in MiB. Fargate accepts certain amounts for each CPU size."
  type        = number
  nullable    = false
}

variable "private_subnet_ids" {
  description = "Subnets of the tasks, by availability zone."
  type        = map(string)
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

variable "public_subnet_ids" {
  description = "Subnets of the load balancer, by availability zone."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.public_subnet_ids) >= 2
    error_message = "Pass subnets in at least two zones: AWS creates no load balancer in one."
  }
}

variable "secrets" {
  description = "Secrets Manager ARNs by the name of their environment variable in the container."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[^:]+:(secretsmanager|ssm):", arn))])
    error_message = "Give ARNs of secrets, never their values: a value here is readable in the task definition and in the state."
  }
}

variable "smoke_test_path" {
  description = "Path that the smoke test of a new revision asks for; with traffic_shift."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = startswith(var.smoke_test_path, "/")
    error_message = "Begin the path with a slash."
  }
}

variable "task_egress" {
  description = "Destinations that tasks may connect to, by description."
  type        = map(object({ cidr = string, port = number }))
  default     = { "HTTPS to AWS and the internet" = { cidr = "0.0.0.0/0", port = 443 } }
  nullable    = false
}

variable "task_role_arn" {
  description = "Role of the application."
  type        = string
  nullable    = false
}

variable "test_port" {
  description = "Port of the listener that sends requests to the new revision while it is tested; with traffic_shift."
  type        = number
  default     = 8443
  nullable    = false

  validation {
    condition     = var.test_port >= 1 && var.test_port <= 65535 && !contains([80, 443], var.test_port)
    error_message = "Give a port from 1 to 65535 other than 80 and 443, which users take."
  }
}

variable "traffic_shift" {
  description = "Prepare for blue/green, linear and canary deployments: a second target group, a test listener, the roles, a smoke test."
  type        = bool
  default     = false
  nullable    = false
}

variable "vpc_id" {
  description = "VPC of the subnets."
  type        = string
  nullable    = false
}
