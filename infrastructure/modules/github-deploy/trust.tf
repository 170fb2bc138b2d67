# https://docs.github.com/en/actions/reference/security/oidc: a job in an environment has a subject that names the environment and no
# branch. A repository that was created, renamed or moved after 2026-07-15 has subjects with its owner's and its own number.
locals {
  _owner = split("/", var.repository)[0]
  _name  = split("/", var.repository)[1]

  _repository = var.repository_ids == null ? var.repository : "${local._owner}@${var.repository_ids.owner}/${local._name}@${var.repository_ids.repository}"
  _ref        = "refs/heads/${var.branch}"
  _context    = var.github_environment == null ? "ref:${local._ref}" : "environment:${replace(var.github_environment, ":", "%3A")}"

  subject = "repo:${local._repository}:${local._context}"
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Workflows"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [try(aws_iam_openid_connect_provider.github[0].arn, local.provider_arn)]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    # Whole subjects: a star would let in what nobody thought of.
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = [local.subject]
    }

    # The subject of a job in an environment names no branch.
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:ref"
      values   = [local._ref]
    }
  }
}
