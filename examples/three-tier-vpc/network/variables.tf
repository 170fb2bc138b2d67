variable "cidr" {
  description = "IPv4 block of the VPC."
  type        = string
}

variable "name" {
  description = "What everything is called."
  type        = string
}

variable "zones" {
  description = "Availability zones, at most five."
  type        = list(string)
}
