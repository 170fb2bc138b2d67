locals {
  issuer       = "token.actions.githubusercontent.com"
  provider_arn = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"
}

# An account has one provider for an issuer: every role of the account that trusts GitHub shares it. AWS verifies the issuer's
# certificate by its own list of authorities, so it needs no thumbprint.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_provider ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}
