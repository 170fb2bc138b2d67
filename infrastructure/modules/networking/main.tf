data "aws_region" "current" {}

locals {
  name = "${var.project}-${var.environment}"

  # Public subnets take the first blocks, private ones the blocks after them.
  public_subnets = {
    for index, zone in var.availability_zones : zone => cidrsubnet(var.vpc_cidr, 4, index)
  }
  private_subnets = {
    for index, zone in var.availability_zones : zone => cidrsubnet(var.vpc_cidr, 4, index + length(var.availability_zones))
  }

  nat_zones = var.single_nat_gateway ? slice(var.availability_zones, 0, 1) : var.availability_zones

  # The zone whose NAT gateway a zone's private subnet leaves by.
  nat_zone_of = {
    for zone in var.availability_zones : zone => var.single_nat_gateway ? var.availability_zones[0] : zone
  }
}
