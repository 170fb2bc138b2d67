"""The mistakes, as data: which text of the reference becomes which, and what must be found then. See docs/cliffs.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """A small patch and what catches it.

    Attributes:
        name: As docs/cliffs.md lists it.
        stand: The module it is made in.
        file: The file, by its name in that module; `app/…` for the application's.
        old: The text that is replaced; it stands there exactly once.
        new: What it is replaced by.
        check: The check that must find it, and find nothing without it.
        says: A part of what the findings must say.
    """

    name: str
    stand: str
    file: str
    old: str
    new: str
    check: str
    says: str


_PULLS = """      - docker pull --quiet "$CACHE:test" || true
      - docker pull --quiet "$CACHE:runtime" || true
"""
_PUSH = """      - '[ "$IMAGE_EXISTS" = yes ] || docker push "$IMAGE"'
"""
_DEPLOYED = """      input_artifacts = ["{}"]
      owner           = "AWS"
      provider        = "ECS"
"""
_PASSED = """    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"]
    }
"""

_SUBJECT = """    # Whole subjects: a star would let in what nobody thought of.
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = [local.subject]
    }
"""
_REF = """    # The subject of a job in an environment names no branch.
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:ref"
      values   = [local._ref]
    }
"""
_AUDIENCE = """    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
"""


def _compared(subject: str, operator: str = "StringLike") -> str:
    """Return the condition on the subject, compared with another text."""
    return (
        f'    condition {{\n      test     = "{operator}"\n      variable = "${{local.issuer}}:sub"\n'
        f'      values   = ["{subject}"]\n    }}\n'
    )


MISTAKES = (
    # The seven cliffs.
    Mistake(
        "1. One NAT gateway for all zones",
        "networking",
        "main.tf",
        "zone => var.single_nat_gateway ? var.availability_zones[0] : zone",
        "zone => var.availability_zones[0]",
        "networking.every_private_subnet_leaves_by_its_own_zone",
        "traffic between zones costs money",
    ),
    Mistake(
        "1. One NAT gateway for all zones",
        "networking",
        "main.tf",
        "zone => var.single_nat_gateway ? var.availability_zones[0] : zone",
        "zone => var.availability_zones[0]",
        "networking.survives_loss_of_any_zone",
        "One lost zone takes down what runs in the others",
    ),
    Mistake(
        "2. Wildcard IAM",
        "iam",
        "codebuild.tf",
        "resources = [local.repository_arn, local.cache_repository_arn]",
        'resources = ["*"]',
        "iam.is_scoped",
        "PushAndPullImages",
    ),
    Mistake(
        "2. Wildcard IAM",
        "iam",
        "codebuild.tf",
        'actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]\n'
        '    resources = ["${local.artifacts_bucket_arn}/*"]',
        'actions   = ["s3:*"]\n    resources = ["*"]',
        "iam.denies",
        "s3:GetObject on arn:aws:s3:::somebody-elses-bucket",
    ),
    Mistake(
        "3. Layer cache never used",
        "codepipeline",
        "app/buildspec.yml",
        _PULLS,
        "",
        "pipeline.builds_use_the_layer_cache",
        "is not pulled before the first build",
    ),
    Mistake(
        "3. Layer cache never used",
        "codepipeline",
        "build.tf",
        "privileged_mode = true",
        "privileged_mode = false",
        "pipeline.builds_can_use_docker",
        "Cannot connect to the Docker daemon",
    ),
    Mistake(
        "4. CannotPullContainerError",
        "networking",
        "endpoints.tf",
        "private_dns_enabled = true",
        "private_dns_enabled = false",
        "networking.endpoints_are_reachable_on_443",
        "CannotPullContainerError",
    ),
    Mistake(
        "4. CannotPullContainerError",
        "networking",
        "endpoints.tf",
        "route_table_ids   = [for table in aws_route_table.private : table.id]",
        "route_table_ids   = []",
        "networking.every_private_route_table_has_the_s3_endpoint",
        "CannotPullContainerError",
    ),
    Mistake(
        "5. Terraform fighting the pipeline",
        "ecs",
        "service.tf",
        "ignore_changes = [desired_count, task_definition]",
        "ignore_changes = []",
        "state.plan_is_empty",
        "takes back what the pipeline deployed",
    ),
    Mistake(
        "7. Secrets as plain environment variables",
        "ecs",
        "task-definition.tf",
        '{ name = "APP_ENV", value = var.environment },',
        # A name of its own: ECS refuses one that is a secret's too.
        '{ name = "REPLICA_URL", value = "postgresql://shop:hunter2@db.internal/shop" },',
        "secrets.secrets_are_passed_by_reference",
        "a URL with a password in it",
    ),
    # What the write-up gets wrong.
    Mistake(
        "Pushing :latest to an immutable repository",
        "codepipeline",
        "app/buildspec.yml",
        _PUSH,
        _PUSH + '      - docker push "$ECR_REGISTRY/$ECR_REPOSITORY_NAME:latest"\n',
        "pipeline.releases_have_tags_of_their_own",
        "ImageTagAlreadyExistsException",
    ),
    Mistake(
        "A tag that guesses",
        "codepipeline",
        "app/buildspec.yml",
        'IMAGE_TAG="$ENVIRONMENT-$COMMIT"',
        'IMAGE_TAG="$ENVIRONMENT-${COMMIT_HASH:=latest}"',
        "pipeline.releases_have_tags_of_their_own",
        "whose tag may be latest",
    ),
    Mistake(
        "Tags that may be pushed again",
        "ecr",
        "deploy-repository.tf",
        'image_tag_mutability = "IMMUTABLE"',
        'image_tag_mutability = "MUTABLE"',
        "registry.refuses_a_second_push_of_a_tag",
        "the second push moved the tag",
    ),
    Mistake(
        "A lifecycle prefix that no tag has",
        "ecr",
        "deploy-repository.tf",
        "tagPrefixList = [local.release_tag_prefix]",
        'tagPrefixList = ["prod-"]',
        "registry.lifecycle_selects",
        "the prefix prod-",
    ),
    Mistake(
        "A lifecycle prefix that no tag has",
        "ecr",
        "app/buildspec.yml",
        'IMAGE_TAG="$ENVIRONMENT-$COMMIT"',
        'IMAGE_TAG="$COMMIT"',
        "registry.lifecycle_selects",
        "releases such as 0123456",
    ),
    Mistake(
        "A lifecycle that takes what runs",
        "ecr",
        "deploy-repository.tf",
        "countNumber   = var.release_count",
        "countNumber   = 2",
        "registry.keeps_what_runs",
        "the rule with priority 2 expires it",
    ),
    Mistake(
        "PassRole for one role only",
        "iam",
        "codepipeline.tf",
        "resources = [aws_iam_role.execution.arn, aws_iam_role.task.arn]",
        "resources = [aws_iam_role.execution.arn]",
        "iam.allows",
        "iam:PassRole on arn:aws:iam::",
    ),
    Mistake(
        "PassRole to any service",
        "iam",
        "codepipeline.tf",
        _PASSED,
        "",
        "iam.passes_only",
        "act as the role",
    ),
    Mistake(
        "No ecs:TagResource",
        "iam",
        "codepipeline.tf",
        'actions   = ["ecs:TagResource"]',
        'actions   = ["ecs:ListTagsForResource"]',
        "iam.allows",
        "may ecs:TagResource",
    ),
    Mistake(
        "UseConnection under the other prefix",
        "iam",
        "codepipeline.tf",
        'actions   = ["${local._connection_prefix}:UseConnection"]',
        'actions   = ["codeconnections:UseConnection"]',
        "iam.every_permission_can_apply",
        "a connection's action prefix must be that of its ARN",
    ),
    Mistake(
        "kms:Decrypt on the secret",
        "iam",
        "tasks.tf",
        'actions   = ["secretsmanager:GetSecretValue"]',
        'actions   = ["secretsmanager:GetSecretValue", "kms:Decrypt"]',
        "iam.every_permission_can_apply",
        "kms:Decrypt on resources of its own service",
    ),
    Mistake(
        "Secrets of every environment",
        "iam",
        "main.tf",
        "secret:${var.project}/${var.environment}/*",
        "secret:${var.project}/*",
        "iam.denies",
        "secret:cliff/prod/",
    ),
    Mistake(
        "A topic that EventBridge may not publish to",
        "codepipeline",
        "notifications.tf",
        'identifiers = ["events.amazonaws.com"]',
        'identifiers = ["cloudwatch.amazonaws.com"]',
        "pipeline.somebody_is_notified",
        "EventBridge is refused, silently",
    ),
    Mistake(
        "Slack subscribed to the topic",
        "codepipeline",
        "notifications.tf",
        'resource "aws_sns_topic_policy" "pipeline" {',
        'resource "aws_sns_topic_subscription" "slack" {\n'
        "  topic_arn = aws_sns_topic.pipeline.arn\n"
        '  protocol  = "https"\n'
        '  endpoint  = "https://hooks.slack.com/services/T000/B000/XXXX"\n'
        '}\n\nresource "aws_sns_topic_policy" "pipeline" {',
        "pipeline.somebody_is_notified",
        "A webhook cannot confirm a subscription",
    ),
    Mistake(
        "A health check that the image cannot run",
        "ecs",
        "main.tf",
        '"CMD", "/app/healthcheck", "http://127.0.0.1:${var.container_port}${var.health_check_path}",',
        '"CMD-SHELL", "curl -f http://127.0.0.1:${var.container_port}${var.health_check_path} || exit 1",',
        "service.health_check_is_in_the_image",
        "the check runs curl",
    ),
    Mistake(
        "Tasks that admit everybody",
        "ecs",
        "security-groups.tf",
        'description       = "The container port, from the load balancer only"\n\n'
        "  from_port                    = var.container_port\n"
        '  ip_protocol                  = "tcp"\n'
        "  referenced_security_group_id = aws_security_group.load_balancer.id",
        'description       = "The container port, from the load balancer only"\n\n'
        "  from_port                    = var.container_port\n"
        '  ip_protocol                  = "tcp"\n'
        '  cidr_ipv4                    = "0.0.0.0/0"',
        "networking.tasks_admit_only_the_load_balancer",
        "it admits 0.0.0.0/0",
    ),
    Mistake(
        "No rollback",
        "ecs",
        "service.tf",
        "rollback = true",
        "rollback = false",
        "service.rolls_back_by_itself",
        "nobody puts the last good one back",
    ),
    Mistake(
        "runtime-versions: docker",
        "codepipeline",
        "app/buildspec.yml",
        "  pre_build:\n",
        "  install:\n    runtime-versions:\n      docker: 20\n\n  pre_build:\n",
        "pipeline.buildspec_is_up_to_date",
        "runtime-versions: docker",
    ),
    Mistake(
        "A push after a failed build",
        "codepipeline",
        "app/buildspec.yml",
        '[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ]',
        "true",
        "pipeline.pushes_only_after_a_successful_build",
        "post_build runs although build failed",
    ),
    Mistake(
        "Production without approval",
        "codepipeline",
        "pipeline.tf",
        'for_each = var.require_approval ? ["Approval"] : []',
        "for_each = []",
        "pipeline.asks_before_it_deploys",
        "an Approval action before Deploy",
    ),
    # What works at first, too.
    Mistake(
        "An administrator for builds",
        "iam",
        "codebuild.tf",
        'resource "aws_iam_role_policy" "codebuild" {',
        'resource "aws_iam_role_policy_attachment" "codebuild" {\n'
        "  role       = aws_iam_role.codebuild.name\n"
        '  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"\n'
        '}\n\nresource "aws_iam_role_policy" "codebuild" {',
        "iam.is_scoped",
        "AdministratorAccess",
    ),
    Mistake(
        "Objects by the name of their bucket",
        "iam",
        "codebuild.tf",
        'actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]\n'
        '    resources = ["${local.artifacts_bucket_arn}/*"]',
        'actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]\n'
        "    resources = [local.artifacts_bucket_arn]",
        "iam.every_permission_can_apply",
        "s3:GetObject",
    ),
    Mistake(
        "A push before the tests",
        "codepipeline",
        "app/buildspec.yml",
        "  build:\n    commands:\n",
        '  build:\n    commands:\n      - docker push "$IMAGE"\n',
        "pipeline.tests_run_before_anything_is_pushed",
        "docker push",
    ),
    Mistake(
        "An object where Deploy reads a list",
        "codepipeline",
        "app/buildspec.yml",
        """printf '[{"name":"%s","imageUri":"%s"}]'""",
        """printf '{"name":"%s","imageUri":"%s"}'""",
        "pipeline.build_makes_what_deploy_reads",
        "imagedefinitions.json",
    ),
    Mistake(
        "Placeholders that are escaped",
        "codepipeline",
        "notifications.tf",
        '_topic_text = "\\"${local._sentence}\\""',
        "_topic_text = jsonencode(local._sentence)",
        "pipeline.somebody_is_notified",
        "\\u003c",
    ),
    Mistake(
        "Deploy reads the source, not the build",
        "codepipeline",
        "pipeline.tf",
        _DEPLOYED.format("BuildArtifact"),
        _DEPLOYED.format("SourceArtifact"),
        "pipeline.build_makes_what_deploy_reads",
        "SourceArtifact",
    ),
    # Pushes from GitHub.
    Mistake(
        "Workflows of every branch",
        "github_deploy",
        "trust.tf",
        f"{_SUBJECT}\n{_REF}",
        _compared("repo:${local._repository}:*"),
        "iam.can_be_assumed_from_github_only",
        "Whoever may push a branch deploys what nobody has reviewed",
    ),
    Mistake(
        "Workflows of every repository",
        "github_deploy",
        "trust.tf",
        _SUBJECT,
        _compared("repo:${local._owner}@*"),
        "iam.can_be_assumed_from_github_only",
        "Everyone who may push to any of the owner's repositories takes the role",
    ),
    Mistake(
        "Workflows of forks",
        "github_deploy",
        "trust.tf",
        _SUBJECT,
        _compared("repo:*:${local._context}"),
        "iam.can_be_assumed_from_github_only",
        "Anyone on GitHub can fork the repository",
    ),
    Mistake(
        "A token for any audience",
        "github_deploy",
        "trust.tf",
        _AUDIENCE,
        "",
        "iam.can_be_assumed_from_github_only",
        "a condition on token.actions.githubusercontent.com:aud",
    ),
    Mistake(
        "An environment without its branch",
        "github_deploy",
        "trust.tf",
        _REF,
        "    # The environment alone decides.\n",
        "iam.can_be_assumed_from_github_only",
        'Add StringEquals "token.actions.githubusercontent.com:ref" = "refs/heads/main"',
    ),
    Mistake(
        "A name where the subject is immutable",
        "github_deploy",
        "trust.tf",
        "repo:${local._repository}:${local._context}",
        "repo:${var.repository}:${local._context}",
        "iam.can_be_assumed_from_github",
        "created, renamed or moved after 2026-07-15",
    ),
    Mistake(
        "A star where StringEquals compares",
        "github_deploy",
        "trust.tf",
        _SUBJECT,
        _compared("repo:${local._repository}:*", "StringEquals"),
        "iam.can_be_assumed_from_github",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    ),
)
