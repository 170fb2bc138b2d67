terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

# No backend: the state is a file beside this one.
provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { owner = "shopfront" }
  }
}

data "aws_caller_identity" "this" {}

locals {
  account  = data.aws_caller_identity.this.account_id
  services = { orders = 9001, catalog = 9002 }
}
