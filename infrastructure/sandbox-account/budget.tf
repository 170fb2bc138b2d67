resource "aws_budgets_budget" "this" {
  count = length(var.budget_emails) > 0 ? 1 : 0

  name         = "pushproof-sandbox"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.key
      subscriber_email_addresses = var.budget_emails
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
    }
  }
}
