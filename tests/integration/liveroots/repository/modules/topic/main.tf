variable "name" {}
variable "policy" {}

resource "aws_sns_topic" "this" {
  count        = 1
  name         = var.name
  display_name = trimspace(var.policy)
}

output "arn" {
  value = aws_sns_topic.this[0].arn
}
