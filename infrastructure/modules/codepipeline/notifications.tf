locals {
  # Not jsonencode: it writes < and > as \u003c and \u003e, and EventBridge would find no placeholder.
  _sentence   = "Pipeline <pipeline> changed state to <state> at <time>"
  _topic_text = "\"${local._sentence}\""
  _slack_text = "{\"text\": \"${local._sentence}\"}"
  _event_paths = {
    pipeline = "$.detail.pipeline"
    state    = "$.detail.state"
    time     = "$.time"
  }

  # The existence of a webhook is no secret; its URL is.
  to_slack = nonsensitive(var.slack_webhook_url != null)
}

resource "aws_cloudwatch_event_rule" "pipeline" {
  name        = "${local.name}-pipeline"
  description = "The pipeline ${local.name} started, succeeded or failed"

  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail = {
      pipeline = [aws_codepipeline.this.name]
      state    = ["STARTED", "SUCCEEDED", "FAILED"]
    }
  })
}

# Not encrypted with the AWS managed key of SNS: EventBridge may not use that key, and messages would be lost.
resource "aws_sns_topic" "pipeline" {
  name = "${local.name}-pipeline"
}

data "aws_iam_policy_document" "topic" {
  # A topic policy replaces the default one of SNS, so the owner statement is repeated.
  statement {
    sid = "Owner"
    actions = [
      "sns:AddPermission",
      "sns:DeleteTopic",
      "sns:GetTopicAttributes",
      "sns:ListSubscriptionsByTopic",
      "sns:Publish",
      "sns:RemovePermission",
      "sns:SetTopicAttributes",
      "sns:Subscribe",
    ]
    resources = [aws_sns_topic.pipeline.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceOwner"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  statement {
    sid       = "EventBridge"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.pipeline.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.pipeline.arn]
    }
  }
}

resource "aws_sns_topic_policy" "pipeline" {
  arn    = aws_sns_topic.pipeline.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.notification_emails

  topic_arn = aws_sns_topic.pipeline.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_event_target" "topic" {
  rule      = aws_cloudwatch_event_rule.pipeline.name
  target_id = "topic"
  arn       = aws_sns_topic.pipeline.arn

  input_transformer {
    input_paths    = local._event_paths
    input_template = local._topic_text
  }

  depends_on = [aws_sns_topic_policy.pipeline]
}

# Slack: an incoming webhook can neither confirm an SNS subscription nor read what SNS sends. EventBridge calls it
# directly, with a body in Slack's format.

resource "aws_cloudwatch_event_connection" "slack" {
  count = local.to_slack ? 1 : 0

  name               = "${local.name}-slack"
  description        = "The webhook's URL is its credential; EventBridge asks for a header all the same"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "X-Notification-Source"
      value = local.name
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "slack" {
  count = local.to_slack ? 1 : 0

  name                             = "${local.name}-slack"
  connection_arn                   = aws_cloudwatch_event_connection.slack[0].arn
  http_method                      = "POST"
  invocation_endpoint              = var.slack_webhook_url
  invocation_rate_limit_per_second = 1 # Slack's own limit
}

data "aws_iam_policy_document" "notify_slack" {
  count = local.to_slack ? 1 : 0

  statement {
    sid       = "CallTheWebhook"
    actions   = ["events:InvokeApiDestination"]
    resources = [aws_cloudwatch_event_api_destination.slack[0].arn]
  }
}

resource "aws_iam_role" "notify_slack" {
  count = local.to_slack ? 1 : 0

  name               = "${local.name}-notify-slack"
  description        = "EventBridge: tell Slack about ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.trust_events.json
}

resource "aws_iam_role_policy" "notify_slack" {
  count = local.to_slack ? 1 : 0

  name   = "notify"
  role   = aws_iam_role.notify_slack[0].id
  policy = data.aws_iam_policy_document.notify_slack[0].json
}

resource "aws_cloudwatch_event_target" "slack" {
  count = local.to_slack ? 1 : 0

  rule      = aws_cloudwatch_event_rule.pipeline.name
  target_id = "slack"
  arn       = aws_cloudwatch_event_api_destination.slack[0].arn
  role_arn  = aws_iam_role.notify_slack[0].arn

  input_transformer {
    input_paths    = local._event_paths
    input_template = local._slack_text
  }

  depends_on = [aws_iam_role_policy.notify_slack]
}
