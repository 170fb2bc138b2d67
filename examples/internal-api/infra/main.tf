terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "zone_names" {
  type    = list(string)
  default = ["eu-west-1a", "eu-west-1b"]
}

variable "tls_certificate" {
  description = "ARN of the certificate of ledger.corp.example."
  type        = string
}

variable "clients" {
  description = "Networks that may call the API."
  type        = list(string)
}

locals {
  name = "ledger"
}

data "aws_caller_identity" "me" {}

resource "aws_vpc" "corp" {
  cidr_block           = "10.140.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "corp" {
  vpc_id = aws_vpc.corp.id
}

resource "aws_subnet" "edge" {
  vpc_id            = aws_vpc.corp.id
  availability_zone = var.zone_names[0]
  cidr_block        = "10.140.255.0/24"
}

resource "aws_subnet" "inside" {
  count = length(var.zone_names)

  vpc_id            = aws_vpc.corp.id
  availability_zone = var.zone_names[count.index]
  cidr_block        = cidrsubnet("10.140.0.0/16", 8, count.index)
}

resource "aws_eip" "nat" {
  domain = "vpc"
}

# One way out for both zones: said here, and a saving that somebody chose.
resource "aws_nat_gateway" "corp" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.edge.id
  depends_on    = [aws_internet_gateway.corp]
}

resource "aws_route_table" "edge" {
  vpc_id = aws_vpc.corp.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.corp.id
  }
}

resource "aws_route_table" "inside" {
  vpc_id = aws_vpc.corp.id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.corp.id
  }
}

resource "aws_route_table_association" "edge" {
  subnet_id      = aws_subnet.edge.id
  route_table_id = aws_route_table.edge.id
}

resource "aws_route_table_association" "inside" {
  count = length(aws_subnet.inside)

  subnet_id      = aws_subnet.inside[count.index].id
  route_table_id = aws_route_table.inside.id
}

resource "aws_security_group" "front" {
  name   = "${local.name}-front"
  vpc_id = aws_vpc.corp.id
}

resource "aws_vpc_security_group_ingress_rule" "front" {
  for_each = toset(var.clients)

  security_group_id = aws_security_group.front.id
  ip_protocol       = "tcp"
  from_port         = 8443
  to_port           = 8443
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_egress_rule" "front" {
  security_group_id            = aws_security_group.front.id
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000
  referenced_security_group_id = aws_security_group.api.id
}

resource "aws_security_group" "api" {
  name   = "${local.name}-api"
  vpc_id = aws_vpc.corp.id
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  security_group_id            = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000
  referenced_security_group_id = aws_security_group.front.id
}

resource "aws_vpc_security_group_egress_rule" "api" {
  security_group_id = aws_security_group.api.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}
