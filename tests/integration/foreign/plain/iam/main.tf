# A policy, the roles that have it, a user in a group, and the role that GitHub's workflows assume.
data "aws_caller_identity" "current" {}

module "policy" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-policy"
  version = "~> 5.60"

  name        = "plain-read"
  path        = "/"
  description = "Reads one bucket"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = "arn:aws:s3:::plain/*" }]
  })
}

module "role" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-assumable-role"
  version = "~> 5.60"

  create_role             = true
  role_name               = "plain-tasks"
  role_requires_mfa       = false
  trusted_role_services   = ["ecs-tasks.amazonaws.com"]
  custom_role_policy_arns = [module.policy.arn]
}

module "user" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-user"
  version = "~> 5.60"

  name                          = "plain.user"
  force_destroy                 = true
  create_iam_user_login_profile = false
}

module "group" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-group-with-policies"
  version = "~> 5.60"

  name                     = "plain-group"
  group_users              = [module.user.iam_user_name]
  custom_group_policy_arns = [module.policy.arn]
}

# The module's own provider asks GitHub for its certificates.
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

module "deployer" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-assumable-role-with-oidc"
  version = "~> 5.60"

  create_role                    = true
  role_name                      = "plain-deployer"
  provider_url                   = aws_iam_openid_connect_provider.github.url
  oidc_fully_qualified_audiences = ["sts.amazonaws.com"]
  oidc_subjects_with_wildcards   = ["repo:example/shop:*"]
  role_policy_arns               = [module.policy.arn]
}
