variable "cidr" {
  description = "IPv4 block of the VPC."
  type        = string
  default     = "10.30.0.0/16"
}

variable "name" {
  description = "What everything is called."
  type        = string
}

variable "zones" {
  description = "Availability zones; a load balancer wants at least two."
  type        = list(string)
}
