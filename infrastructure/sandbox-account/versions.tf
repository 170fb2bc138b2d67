terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

# Region and credentials come from the caller's environment.
provider "aws" {
  default_tags {
    tags = merge({ Project = "pushproof", ManagedBy = "terraform" }, var.tags)
  }
}
