variable "availability_zones" {
  description = "Availability zones, at least two, such as eu-west-1a. The position of a zone decides its address blocks: add zones at the end only together with a new VPC."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 8
    error_message = "Name 2 to 8 zones: a load balancer needs two, and a sixteenth of the VPC goes to each of a zone's two subnets."
  }

  validation {
    condition     = length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "Name each zone once."
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

variable "interface_endpoints" {
  description = "AWS services reached through interface endpoints. Add logs and secretsmanager where tasks may not use a NAT gateway at all."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr"]
  nullable    = false

  validation {
    condition     = contains(var.interface_endpoints, "ecr.api") && contains(var.interface_endpoints, "ecr.dkr")
    error_message = "Keep ecr.api and ecr.dkr in the set: tasks pull their image through them."
  }

  validation {
    condition     = !contains(var.interface_endpoints, "s3")
    error_message = "Leave s3 out: the module already provides the gateway endpoint, which costs nothing."
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

variable "single_nat_gateway" {
  description = "Send every zone through the NAT gateway of the first one. Cheaper, but a failure of that zone ends all egress: never in production."
  type        = bool
  default     = false
  nullable    = false
}

variable "vpc_cidr" {
  description = "IPv4 block of the VPC, /16 to /23."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 23, false)
    error_message = "Give an IPv4 block from /16 to /23, such as 10.0.0.0/16: AWS creates no larger VPC, and a load balancer needs subnets of at least /27, a sixteenth of a /23."
  }
}
