# Public and private subnets in three zones, a NAT gateway for each, and the endpoints that Fargate tasks use.
data "aws_region" "here" {}

locals {
  zones = [for letter in ["a", "b", "c"] : "${data.aws_region.here.name}${letter}"]
}

module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "~> 5.21"

  name = "plain"
  cidr = "10.0.0.0/16"

  azs             = local.zones
  private_subnets = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
  public_subnets  = ["10.0.101.0/24", "10.0.102.0/24", "10.0.103.0/24"]

  enable_nat_gateway     = true
  one_nat_gateway_per_az = true

  tags = { Environment = "test" }
}

module "endpoints" {
  source  = "terraform-aws-modules/vpc/aws//modules/vpc-endpoints"
  version = "~> 5.21"

  vpc_id                     = module.vpc.vpc_id
  create_security_group      = true
  security_group_name_prefix = "plain-endpoints-"
  security_group_rules = {
    https = { cidr_blocks = [module.vpc.vpc_cidr_block] }
  }
  endpoints = {
    s3      = { service = "s3", service_type = "Gateway", route_table_ids = module.vpc.private_route_table_ids }
    ecr_api = { service = "ecr.api", private_dns_enabled = true, subnet_ids = module.vpc.private_subnets }
    ecr_dkr = { service = "ecr.dkr", private_dns_enabled = true, subnet_ids = module.vpc.private_subnets }
    logs    = { service = "logs", private_dns_enabled = true, subnet_ids = module.vpc.private_subnets }
  }
}
