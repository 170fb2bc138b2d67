terraform {
  required_version = ">= 1.10"

  backend "s3" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

variable "hold" {
  description = "A file to wait for during the apply, at most half a minute; none, and there is no waiting."
  type        = string
  default     = ""
}

resource "aws_cloudwatch_log_group" "this" {
  name = "/tiny/state"
}

resource "terraform_data" "hold" {
  count = var.hold == "" ? 0 : 1

  provisioner "local-exec" {
    command = "touch '${var.hold}.begun'; n=0; until [ -e '${var.hold}' ] || [ $n -ge 300 ]; do sleep 0.1; n=$((n+1)); done"
  }
}
