# A connection starts as PENDING, and only a person can complete the handshake with the source host, in the console.
# Until then every execution fails at Source.
resource "aws_codestarconnections_connection" "this" {
  count = local.create_connection ? 1 : 0

  name          = local.name
  provider_type = "GitHub"
}

# The other kind of source, for code that no connection reaches: a zip in a bucket.

resource "aws_s3_bucket" "source" {
  count = local.from_bucket ? 1 : 0

  bucket        = var.source_bucket_name
  force_destroy = var.force_destroy
}

# CodePipeline takes its sources from versioned buckets only.
resource "aws_s3_bucket_versioning" "source" {
  count = local.from_bucket ? 1 : 0

  bucket = aws_s3_bucket.source[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "source" {
  count = local.from_bucket ? 1 : 0

  bucket = aws_s3_bucket.source[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "source" {
  count = local.from_bucket ? 1 : 0

  bucket = aws_s3_bucket.source[0].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_notification" "source" {
  count = local.from_bucket ? 1 : 0

  bucket      = aws_s3_bucket.source[0].id
  eventbridge = true
}

resource "aws_cloudwatch_event_rule" "source" {
  count = local.from_bucket ? 1 : 0

  name        = "${local.name}-source"
  description = "A new source archive for ${local.name}"

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.source_bucket_name] }
      object = { key = [var.source_object_key] }
    }
  })
}

data "aws_iam_policy_document" "trust_events" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

data "aws_iam_policy_document" "start_pipeline" {
  statement {
    sid       = "StartThePipeline"
    actions   = ["codepipeline:StartPipelineExecution"]
    resources = [aws_codepipeline.this.arn]
  }
}

resource "aws_iam_role" "source_events" {
  count = local.from_bucket ? 1 : 0

  name               = "${local.name}-source-events"
  description        = "EventBridge: start ${local.name} when its source changes"
  assume_role_policy = data.aws_iam_policy_document.trust_events.json
}

resource "aws_iam_role_policy" "source_events" {
  count = local.from_bucket ? 1 : 0

  name   = "start"
  role   = aws_iam_role.source_events[0].id
  policy = data.aws_iam_policy_document.start_pipeline.json
}

resource "aws_cloudwatch_event_target" "source" {
  count = local.from_bucket ? 1 : 0

  rule      = aws_cloudwatch_event_rule.source[0].name
  target_id = "pipeline"
  arn       = aws_codepipeline.this.arn
  role_arn  = aws_iam_role.source_events[0].arn

  depends_on = [aws_iam_role_policy.source_events]
}
