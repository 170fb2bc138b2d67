# Releases come from here, and only commit tags are pushed: a tag never changes its meaning.
resource "aws_ecr_repository" "deploy" {
  name                 = local.name
  force_delete         = var.force_delete
  image_tag_mutability = "IMMUTABLE"

  encryption_configuration {
    encryption_type = "AES256"
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "deploy" {
  repository = aws_ecr_repository.deploy.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Untagged images go after a day"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = 1
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The last ${var.release_count} releases stay, so that a rollback finds its image"
        selection = {
          tagStatus     = "tagged"
          tagPrefixList = [local.release_tag_prefix]
          countType     = "imageCountMoreThan"
          countNumber   = var.release_count
        }
        action = { type = "expire" }
      },
    ]
  })
}
