# A load balancer that redirects to HTTPS and sends a path to a target group of its own.
variable "certificate_arn" {
  type = string
}

data "aws_region" "here" {}

module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "~> 5.21"

  name           = "plain"
  cidr           = "10.0.0.0/16"
  azs            = ["${data.aws_region.here.name}a", "${data.aws_region.here.name}b"]
  public_subnets = ["10.0.101.0/24", "10.0.102.0/24"]
}

module "alb" {
  source  = "terraform-aws-modules/alb/aws"
  version = "~> 9.17"

  name                       = "plain"
  vpc_id                     = module.vpc.vpc_id
  subnets                    = module.vpc.public_subnets
  enable_deletion_protection = false

  security_group_ingress_rules = {
    http  = { from_port = 80, to_port = 80, ip_protocol = "tcp", cidr_ipv4 = "0.0.0.0/0" }
    https = { from_port = 443, to_port = 443, ip_protocol = "tcp", cidr_ipv4 = "0.0.0.0/0" }
  }
  security_group_egress_rules = {
    all = { ip_protocol = "-1", cidr_ipv4 = module.vpc.vpc_cidr_block }
  }

  listeners = {
    http = {
      port     = 80
      protocol = "HTTP"
      redirect = { port = "443", protocol = "HTTPS", status_code = "HTTP_301" }
    }
    https = {
      port            = 443
      protocol        = "HTTPS"
      certificate_arn = var.certificate_arn
      forward         = { target_group_key = "application" }
      rules = {
        api = {
          priority   = 10
          actions    = [{ type = "weighted-forward", target_groups = [{ target_group_key = "api", weight = 2 }, { target_group_key = "application", weight = 1 }] }]
          conditions = [{ path_pattern = { values = ["/api/*"] } }, { http_header = { http_header_name = "x-version", values = ["2"] } }]
        }
        closed = {
          priority   = 20
          actions    = [{ type = "fixed-response", content_type = "text/plain", status_code = 404, message_body = "closed" }]
          conditions = [{ query_string = { key = "closed", value = "yes" } }]
        }
      }
    }
  }

  target_groups = {
    application = {
      name_prefix                       = "app-"
      protocol                          = "HTTP"
      port                              = 8080
      target_type                       = "ip"
      deregistration_delay              = 5
      load_balancing_cross_zone_enabled = true
      health_check                      = { enabled = true, interval = 30, path = "/health", matcher = "200-299" }
      create_attachment                 = false
    }
    api = {
      name_prefix       = "api-"
      protocol          = "HTTP"
      port              = 8081
      target_type       = "ip"
      stickiness        = { type = "lb_cookie", cookie_duration = 3600 }
      create_attachment = false
    }
  }

  tags = { Environment = "test" }
}
