locals {
  name = "${var.project}-${var.environment}"

  # The build tags releases `<environment>-<commit>`. Bare commits would match no prefix, and nothing would ever expire.
  release_tag_prefix = "${var.environment}-"
}
