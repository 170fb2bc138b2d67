# A Fargate service behind a load balancer, in private subnets, with what the module does by itself: autoscaling, roles, logs.
data "aws_region" "here" {}

module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "~> 5.21"

  name               = "plain"
  cidr               = "10.0.0.0/16"
  azs                = ["${data.aws_region.here.name}a", "${data.aws_region.here.name}b"]
  private_subnets    = ["10.0.1.0/24", "10.0.2.0/24"]
  public_subnets     = ["10.0.101.0/24", "10.0.102.0/24"]
  enable_nat_gateway = true
  single_nat_gateway = true
}

module "alb" {
  source  = "terraform-aws-modules/alb/aws"
  version = "~> 9.17"

  name                         = "plain"
  vpc_id                       = module.vpc.vpc_id
  subnets                      = module.vpc.public_subnets
  enable_deletion_protection   = false
  security_group_ingress_rules = { http = { from_port = 80, to_port = 80, ip_protocol = "tcp", cidr_ipv4 = "0.0.0.0/0" } }
  security_group_egress_rules  = { all = { ip_protocol = "-1", cidr_ipv4 = module.vpc.vpc_cidr_block } }
  listeners                    = { http = { port = 80, protocol = "HTTP", forward = { target_group_key = "shop" } } }
  target_groups = {
    shop = { protocol = "HTTP", port = 8080, target_type = "ip", deregistration_delay = 5, health_check = { path = "/" }, create_attachment = false }
  }
}

module "ecs" {
  source  = "terraform-aws-modules/ecs/aws"
  version = "~> 5.12"

  cluster_name = "plain"
  fargate_capacity_providers = {
    FARGATE      = { default_capacity_provider_strategy = { weight = 50, base = 1 } }
    FARGATE_SPOT = { default_capacity_provider_strategy = { weight = 50 } }
  }

  services = {
    shop = {
      cpu    = 512
      memory = 1024
      container_definitions = {
        shop = {
          cpu                      = 256
          memory                   = 512
          essential                = true
          image                    = "public.ecr.aws/docker/library/busybox:latest"
          port_mappings            = [{ name = "http", containerPort = 8080, protocol = "tcp" }]
          readonly_root_filesystem = false
          environment              = [{ name = "LEVEL", value = "info" }]
        }
      }
      load_balancer = {
        service = { target_group_arn = module.alb.target_groups["shop"].arn, container_name = "shop", container_port = 8080 }
      }
      subnet_ids = module.vpc.private_subnets
      security_group_rules = {
        from_balancer = { type = "ingress", from_port = 8080, to_port = 8080, protocol = "tcp", source_security_group_id = module.alb.security_group_id }
        out           = { type = "egress", from_port = 0, to_port = 0, protocol = "-1", cidr_blocks = ["0.0.0.0/0"] }
      }
    }
  }

  tags = { Environment = "test" }
}
