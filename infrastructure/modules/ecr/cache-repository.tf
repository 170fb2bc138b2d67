# Layer cache of the build. Its tags move with each build, which an immutable repository would refuse the second time.
resource "aws_ecr_repository" "cache" {
  name                 = "${local.name}-cache"
  force_delete         = true # a lost cache costs one slow build
  image_tag_mutability = "MUTABLE"

  encryption_configuration {
    encryption_type = "AES256"
  }

  image_scanning_configuration {
    scan_on_push = false # nothing runs from here
  }
}

resource "aws_ecr_lifecycle_policy" "cache" {
  repository = aws_ecr_repository.cache.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "A moved tag leaves its old image untagged; it goes after a day"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = 1
        }
        action = { type = "expire" }
      },
    ]
  })
}
