# Named rules, rules of one's own, rules from another group and from itself.
resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

module "balancer" {
  source  = "terraform-aws-modules/security-group/aws"
  version = "~> 5.3"

  name        = "balancer"
  description = "From the internet"
  vpc_id      = aws_vpc.this.id

  ingress_cidr_blocks      = ["0.0.0.0/0"]
  ingress_ipv6_cidr_blocks = ["::/0"]
  ingress_rules            = ["https-443-tcp", "http-80-tcp"]
  egress_rules             = ["all-all"]
}

module "application" {
  source  = "terraform-aws-modules/security-group/aws"
  version = "~> 5.3"

  name        = "application"
  description = "From the load balancer"
  vpc_id      = aws_vpc.this.id

  ingress_with_cidr_blocks = [
    { from_port = 8080, to_port = 8090, protocol = "tcp", description = "Inside", cidr_blocks = aws_vpc.this.cidr_block },
    { rule = "postgresql-tcp", cidr_blocks = "10.0.0.0/24" },
  ]
  computed_ingress_with_source_security_group_id = [
    { rule = "http-80-tcp", source_security_group_id = module.balancer.security_group_id },
  ]
  number_of_computed_ingress_with_source_security_group_id = 1
  ingress_with_self                                        = [{ rule = "all-all" }]
  egress_with_cidr_blocks                                  = [{ rule = "https-443-tcp", cidr_blocks = "0.0.0.0/0" }]
}
