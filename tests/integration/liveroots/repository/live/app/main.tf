terraform {
  backend "s3" {
    bucket = "acme-state"
    key    = "prod/app.tfstate"
    region = "us-east-1"
  }
}

variable "account" {}

provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = [var.account]

  assume_role {
    role_arn = "arn:aws:iam::${var.account}:role/teams/deploy"
  }

  default_tags {
    tags = { Team = "shop" }
  }
}

provider "aws" {
  alias   = "virginia"
  region  = "us-east-1"
  profile = "prod"
}

data "terraform_remote_state" "network" {
  backend = "s3"
  config = {
    bucket = "acme-state"
    key    = "prod/network.tfstate"
    region = "us-east-1"
  }
}

resource "aws_ssm_parameter" "settings" {
  name  = "/shop/settings"
  type  = "String"
  value = templatefile("${path.module}/../../templates/settings.json", { vpc = data.terraform_remote_state.network.outputs.vpc_id })
}

resource "aws_ecs_cluster" "virginia" {
  provider = aws.virginia
  name     = "shop"
}

module "topics" {
  source   = "../../modules/topic"
  for_each = toset(["orders", "a.b"])
  name     = replace(each.key, ".", "-")
  policy   = file("../../policies/note.txt")
}

output "settings" {
  value     = aws_ssm_parameter.settings.value
  sensitive = true
}

output "topics" {
  value = { for key, topic in module.topics : key => topic.arn }
}
