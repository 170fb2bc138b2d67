terraform {
  backend "s3" {
    bucket         = "acme-state"
    key            = "prod/network.tfstate"
    region         = "us-east-1"
    dynamodb_table = "acme-locks"
    profile        = "ci"
  }
}

provider "aws" {
  region  = "us-east-1"
  profile = "ci"
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

output "vpc_id" {
  value = aws_vpc.this.id
}
