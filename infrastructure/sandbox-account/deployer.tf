data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  _arn     = "arn:${data.aws_partition.current.partition}"
  _account = data.aws_caller_identity.current.account_id

  # A run's resources are named pushproof-<run>, where <run> has eight characters; permissions by name cover nothing else. This role and
  # its policies have other names.
  _run   = "pushproof-????????"
  _names = [local._run, "${local._run}-*", "${local._run}/*", "${local._run}:*"]

  # The part before the name in the ARNs of all named resources.
  _named = [
    "codebuild:*:${local._account}:project/",
    "codebuild:*:${local._account}:report-group/",
    "codepipeline:*:${local._account}:",
    "dynamodb:*:${local._account}:table/",
    "ecr:*:${local._account}:repository/",
    "ecs:*:${local._account}:*/",
    "elasticloadbalancing:*:${local._account}:*/",
    "elasticloadbalancing:*:${local._account}:*/app/",
    "events:*:${local._account}:*/",
    "logs:*:${local._account}:log-group:/aws/codebuild/",
    "logs:*:${local._account}:log-group:/aws/ecs/containerinsights/",
    "logs:*:${local._account}:log-group:/ecs/",
    "s3:::",
    "secretsmanager:*:${local._account}:secret:",
    "sns:*:${local._account}:",
    "sqs:*:${local._account}:",
  ]
  _connections = ["${local._arn}:codeconnections:*:${local._account}:connection/*", "${local._arn}:codestar-connections:*:${local._account}:connection/*"]
  _tagged      = concat(local._connections, ["${local._arn}:acm:*:${local._account}:certificate/*"])
  _roles       = [for name in local._names : "${local._arn}:iam::${local._account}:role/${name}"]
}

resource "aws_iam_role" "deployer" {
  name                 = "pushproof-sandbox-deployer"
  description          = "Applies, pushes and sweeps in this sandbox"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = var.session_hours * 3600

  lifecycle {
    precondition {
      condition     = length(var.github_subjects) + length(var.trusted_principal_arns) > 0
      error_message = "No one could assume the role: set github_subjects, trusted_principal_arns, or both."
    }
  }
}

resource "aws_iam_policy" "this" {
  for_each = {
    delivery = data.aws_iam_policy_document.delivery.json
    naming   = data.aws_iam_policy_document.naming.json
    network  = data.aws_iam_policy_document.network.json
    reading  = data.aws_iam_policy_document.reading.json
  }

  name   = "pushproof-sandbox-${each.key}"
  policy = each.value
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = aws_iam_policy.this

  role       = aws_iam_role.deployer.name
  policy_arn = each.value.arn
}

# Every action of a service, on names of runs only.
data "aws_iam_policy_document" "naming" {
  statement {
    sid       = "WhatRunsName"
    actions   = ["codebuild:*", "codepipeline:*", "dynamodb:*", "ecr:*", "ecs:*", "elasticloadbalancing:*", "events:*", "logs:*", "s3:*", "secretsmanager:*", "sns:*", "sqs:*"]
    resources = [for pair in setproduct(local._named, local._names) : "${local._arn}:${join("", pair)}"]
  }
}

data "aws_iam_policy_document" "delivery" {
  # EventBridge keeps a connection's authorisation in a secret of its own.
  statement {
    sid       = "SecretsOfEventConnections"
    actions   = ["secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret"]
    resources = ["${local._arn}:secretsmanager:*:${local._account}:secret:events!connection/${local._run}*"]
  }

  # Task definitions have no resource to scope these to.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
  statement {
    sid       = "Unscopable"
    actions   = ["ecr:GetAuthorizationToken", "ecs:DeregisterTaskDefinition", "ecs:RegisterTaskDefinition"]
    resources = ["*"]
  }

  statement {
    sid       = "RolesOfRuns"
    actions   = ["iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"]
    resources = local._roles
  }

  # AWS's policies for service roles only; AdministratorAccess is not among them.
  statement {
    sid       = "AttachToRolesOfRuns"
    actions   = ["iam:AttachRolePolicy"]
    resources = local._roles

    condition {
      test     = "ArnLike"
      variable = "iam:PolicyARN"
      values   = ["${local._arn}:iam::aws:policy/service-role/*"]
    }
  }

  # Runs create neither, but added modules may, and the sweep must be able to remove them.
  statement {
    sid       = "OfOtherModules"
    actions   = ["iam:DeleteInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "kms:DeleteAlias"]
    resources = ["${local._arn}:iam::${local._account}:instance-profile/${local._run}*", "${local._arn}:kms:*:${local._account}:alias/${local._run}*"]
  }

  statement {
    sid       = "HandRolesToServices"
    actions   = ["iam:PassRole"]
    resources = local._roles

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["codebuild.amazonaws.com", "codepipeline.amazonaws.com", "ecs-tasks.amazonaws.com", "ecs.amazonaws.com", "events.amazonaws.com"]
    }
  }

  # No run may touch this role, whatever else is allowed, not even its tags, on which a sweep relies.
  statement {
    sid    = "NotThisRole"
    effect = "Deny"
    actions = [
      "iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PassRole",
      "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    ]
    resources = [aws_iam_role.deployer.arn]
  }

  # A run's role could be made to trust this role; roles of runs are for services, and this role may not assume them.
  statement {
    sid       = "NoOtherRole"
    effect    = "Deny"
    actions   = ["sts:AssumeRole"]
    resources = ["*"]
  }

  statement {
    sid       = "ServiceLinkedRoles"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["${local._arn}:iam::${local._account}:role/aws-service-role/*"]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = ["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com"]
    }
  }

  # ACM and connections have no names in their ARNs: the tag identifies them.
  statement {
    sid       = "TaggedAtBirth"
    actions   = ["acm:AddTagsToCertificate", "acm:ImportCertificate", "codeconnections:CreateConnection", "codestar-connections:CreateConnection"]
    resources = local._tagged

    condition {
      test     = "Null"
      variable = "aws:RequestTag/pushproof:run"
      values   = ["false"]
    }
  }

  # Creating a cluster has no resource to scope it by: the condition is on its tags, not on its name.
  statement {
    sid       = "ClustersTaggedAtBirth"
    actions   = ["ecs:CreateCluster"]
    resources = ["*"]

    condition {
      test     = "Null"
      variable = "aws:RequestTag/pushproof:run"
      values   = ["false"]
    }
  }

  statement {
    sid       = "TaggedByARun"
    actions   = ["acm:DeleteCertificate", "codeconnections:DeleteConnection", "codeconnections:TagResource", "codestar-connections:DeleteConnection", "codestar-connections:TagResource", "kms:DeleteAlias", "kms:ScheduleKeyDeletion"]
    resources = concat(local._tagged, ["${local._arn}:kms:*:${local._account}:key/*"])

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/pushproof:run"
      values   = ["false"]
    }
  }

  # The creator of a pipeline passes it a connection.
  statement {
    sid       = "PassConnections"
    actions   = ["codeconnections:PassConnection", "codestar-connections:PassConnection"]
    resources = local._connections
  }
}

data "aws_iam_policy_document" "network" {
  # Created with a run's tag, or not at all. Resources that a creation only refers to are in the next statement.
  statement {
    sid     = "TaggedAtBirth"
    actions = ["ec2:AllocateAddress", "ec2:CreateInternetGateway", "ec2:CreateNatGateway", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateVpc", "ec2:CreateVpcEndpoint", "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"]
    resources = [
      for kind in ["elastic-ip", "internet-gateway", "natgateway", "route-table", "security-group", "security-group-rule", "subnet", "vpc", "vpc-endpoint"] :
      "${local._arn}:ec2:*:${local._account}:${kind}/*"
    ]

    condition {
      test     = "Null"
      variable = "aws:RequestTag/pushproof:run"
      values   = ["false"]
    }
  }

  statement {
    sid = "OfARun"
    actions = [
      "ec2:AllocateAddress", "ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateNatGateway", "ec2:CreateRoute", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateVpcEndpoint",
      "ec2:DeleteInternetGateway", "ec2:DeleteNatGateway", "ec2:DeleteNetworkInsightsAnalysis", "ec2:DeleteNetworkInsightsPath", "ec2:DeleteNetworkInterface", "ec2:DeleteRoute", "ec2:DeleteRouteTable", "ec2:DeleteSecurityGroup",
      "ec2:DeleteSubnet", "ec2:DeleteTags", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:DetachInternetGateway", "ec2:DisassociateAddress",
      "ec2:DisassociateRouteTable", "ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint",
      "ec2:ReleaseAddress", "ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
    ]
    resources = ["${local._arn}:ec2:*:${local._account}:*/*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/pushproof:run"
      values   = ["false"]
    }
  }

  # An address is associated with an interface of AWS's, which carries no tag: the address decides (above). After its NAT gateway is
  # deleted it is associated no more; Terraform ends the association all the same, and then there is no resource to decide on.
  statement {
    sid       = "AssociationsOfARun"
    actions   = ["ec2:DisassociateAddress"]
    resources = ["${local._arn}:ec2:*:${local._account}:*/*"]

    condition {
      test     = "Null"
      variable = "ec2:AllocationId"
      values   = ["true"]
    }
  }

  # Interfaces that AWS leaves in a run's VPC carry no tag; those in use cannot be deleted anyway.
  statement {
    sid       = "LeftInterfaces"
    actions   = ["ec2:DeleteNetworkInterface"]
    resources = ["${local._arn}:ec2:*:${local._account}:network-interface/*"]
  }

  # Rules inherit their group's tags; no other resource can get a run's tag afterwards.
  statement {
    sid       = "TagAtBirth"
    actions   = ["ec2:CreateTags"]
    resources = ["${local._arn}:ec2:*:${local._account}:*/*"]

    condition {
      test     = "Null"
      variable = "ec2:CreateAction"
      values   = ["false"]
    }
  }

  statement {
    sid       = "TagTheRuns"
    actions   = ["ec2:CreateTags"]
    resources = ["${local._arn}:ec2:*:${local._account}:*/*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/pushproof:run"
      values   = ["false"]
    }
  }
}

# Listing has no resource to scope it by. The sweep needs it to identify leftovers, and to prove that nothing is left.
data "aws_iam_policy_document" "reading" {
  statement {
    sid = "Look"
    actions = [
      "acm:DescribeCertificate", "acm:GetCertificate", "acm:ListCertificates", "acm:ListTagsForCertificate",
      "codebuild:BatchGet*", "codebuild:List*",
      "codeconnections:GetConnection", "codeconnections:ListConnections", "codeconnections:ListTagsForResource",
      "codepipeline:Get*", "codepipeline:List*",
      "codestar-connections:GetConnection", "codestar-connections:ListConnections", "codestar-connections:ListTagsForResource",
      "dynamodb:Describe*", "dynamodb:ListTables", "dynamodb:ListTagsOfResource",
      "ec2:Describe*",
      "ecr:Describe*", "ecr:ListTagsForResource",
      "ecs:Describe*", "ecs:List*",
      "elasticloadbalancing:Describe*",
      "events:Describe*", "events:List*",
      "iam:GetInstanceProfile", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy", "iam:List*", "iam:SimulatePrincipalPolicy",
      "kms:DescribeKey", "kms:ListAliases", "kms:ListKeys", "kms:ListResourceTags",
      "logs:Describe*", "logs:ListTagsForResource",
      "s3:GetBucketLocation", "s3:GetBucketTagging", "s3:ListAllMyBuckets",
      "secretsmanager:ListSecrets",
      "sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:List*",
      "sqs:ListQueues",
      "sts:GetCallerIdentity",
      "tag:GetResources",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "Marker"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.marker.arn]
  }
}
