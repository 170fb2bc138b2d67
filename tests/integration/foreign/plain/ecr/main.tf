# A repository whose tags do not move, with a lifecycle policy and a reader; the registry's scanning with it.
data "aws_caller_identity" "current" {}

resource "aws_iam_role" "reader" {
  name = "plain-reader"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ecs-tasks.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

module "ecr" {
  source  = "terraform-aws-modules/ecr/aws"
  version = "~> 2.4"

  repository_name                 = "plain"
  repository_image_tag_mutability = "IMMUTABLE"
  repository_read_access_arns     = [aws_iam_role.reader.arn]
  repository_force_delete         = true
  repository_lifecycle_policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last 30 images"
      selection    = { tagStatus = "tagged", tagPrefixList = ["v"], countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    }]
  })

  manage_registry_scanning_configuration = true
  registry_scan_type                     = "BASIC"
  registry_scan_rules                    = [{ scan_frequency = "SCAN_ON_PUSH", filter = [{ filter = "*", filter_type = "WILDCARD" }] }]

  tags = { Environment = "test" }
}
