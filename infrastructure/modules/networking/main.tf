data "aws_region" "current" {}

locals {
  name = "${var.project}-${var.environment}"

  # Public subnets get the first blocks, private subnets the following ones.
  public_subnets = {
    for index, zone in var.availability_zones : zone => cidrsubnet(var.vpc_cidr, 4, index)
  }
  private_subnets = {
    for index, zone in var.availability_zones : zone => cidrsubnet(var.vpc_cidr, 4, index + length(var.availability_zones))
  }

  nat_zones = var.single_nat_gateway ? slice(var.availability_zones, 0, 1) : var.availability_zones

  # The zone of the NAT gateway that a zone's private subnet uses.
  nat_zone_of = {
    for zone in var.availability_zones : zone => var.single_nat_gateway ? var.availability_zones[0] : zone
  }
}
