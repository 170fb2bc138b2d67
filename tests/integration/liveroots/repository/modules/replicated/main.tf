terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.us_east_1]
    }
  }
}

resource "aws_sqs_queue" "replica" {
  provider = aws.us_east_1
  name     = "replica"
}

output "url" {
  value = aws_sqs_queue.replica.url
}
