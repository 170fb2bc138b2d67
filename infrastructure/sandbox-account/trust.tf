locals {
  _issuer       = "token.actions.githubusercontent.com"
  _oidc_arn     = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${local._issuer}"
  provider_arn  = try(aws_iam_openid_connect_provider.github[0].arn, local._oidc_arn)
  trusts_github = length(var.github_subjects) > 0
}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.trusts_github && var.create_oidc_provider ? 1 : 0

  url            = "https://${local._issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = local.trusts_github ? ["GitHubWorkflows"] : []

    content {
      sid     = statement.value
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [local.provider_arn]
      }

      condition {
        test     = "StringEquals"
        variable = "${local._issuer}:aud"
        values   = ["sts.amazonaws.com"]
      }

      condition {
        test     = "StringLike"
        variable = "${local._issuer}:sub"
        values   = var.github_subjects
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.trusted_principal_arns) > 0 ? ["People"] : []

    content {
      sid     = statement.value
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = var.trusted_principal_arns
      }
    }
  }
}
