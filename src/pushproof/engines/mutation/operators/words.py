"""Words that AWS defines, with the others that fit the same place; and optional settings whose absence hurts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Site

_S3_KEY = aws("s3/UsingKMSEncryption")
_LISTENER = aws("alb/create-https-listener")
_TARGETS = aws("alb/load-balancer-target-groups")
_NETWORK = aws("ecs/task-networking")
_ACTIONS = aws("codepipeline/reference-pipeline-structure")
_LIFECYCLE = aws("ecr/lifecycle_policy_parameters")
_BUILD = aws("codebuild/create-project")
_CAPACITY = aws("ecs/fargate-capacity-providers")
_ALARM = aws("cloudwatch/AlarmThatSendsEmail")

#: Pattern of the name, the word, the others, harm, page.
_WORDS: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    (r"image_tag_mutability", "IMMUTABLE", ("MUTABLE",),
     "A tag can be pushed again, so that a rollback runs other code than it says.",
     aws("ecr/image-tag-mutability")),
    (r"image_tag_mutability", "MUTABLE", ("IMMUTABLE",),
     "The second push of a moving tag, such as a cache's, is refused.",
     aws("ecr/image-tag-mutability")),
    (r"encryption_type", "KMS", ("AES256",), "The customer's key protects nothing.",
     aws("ecr/encryption-at-rest")),
    (r"encryption_type", "AES256", ("KMS",),
     "A repository's encryption cannot change: Terraform replaces it, images included.",
     aws("ecr/encryption-at-rest")),
    (r"sse_algorithm", "aws:kms", ("AES256",), "The customer's key protects nothing.", _S3_KEY),
    (r"sse_algorithm", "AES256", ("aws:kms",),
     "Roles without permission on the key can no longer read the bucket.", _S3_KEY),
    (r"^status$", "Enabled", ("Suspended",),
     "An overwritten or deleted object is gone, and CodePipeline refuses such a source bucket.",
     aws("s3/Versioning")),
    (r"launch_type|requires_compatibilities|capacity_provider", "FARGATE", ("EC2",),
     "There are no instances to place tasks on.",
     aws("ecs/launch_types")),
    (r"capacity_provider$", "FARGATE", ("FARGATE_SPOT",),
     "AWS stops tasks whenever it needs the capacity back.", _CAPACITY),
    (r"network_mode", "awsvpc", ("bridge",), "Fargate runs tasks in awsvpc only.", _NETWORK),
    (r"target_type", "ip", ("instance",),
     "Tasks in awsvpc have an address and no instance, so none can be registered.", _TARGETS),
    (r"target_type", "instance", ("ip",), "Instances cannot be registered.", _TARGETS),
    (r"^protocol$", "HTTPS", ("HTTP",),
     "Traffic is not encrypted, or speaks HTTP to a port that speaks TLS.", _LISTENER),
    (r"^protocol$", "HTTP", ("HTTPS",),
     "TLS is spoken to a port that speaks HTTP: every check and request fails.", _TARGETS),
    (r"^protocol$", "tcp", ("udp",), "Nothing that speaks TCP passes.",
     aws("vpc/security-group-rules")),
    (r"^protocol$", "TCP", ("UDP",), "Nothing that speaks TCP passes.", _TARGETS),
    (r"ssl_policy", "ELBSecurityPolicy-TLS", ("ELBSecurityPolicy-2016-08",), "Clients may negotiate TLS 1.0.",
     aws("alb/describe-ssl-policies")),
    (r"load_balancer_type", "application", ("network",),
     "A network load balancer has no redirects, no paths and no HTTP checks.",
     aws("elb/what-is-load-balancing")),
    (r"^type$", "redirect", ("forward",), "Clients keep speaking plain HTTP.",
     aws("alb/rule-action-types")),
    (r"compute_type", "BUILD_GENERAL1_", ("BUILD_GENERAL1_2XLARGE",), "Builds cost many times as much.",
     aws("codebuild/build-env-ref-compute-types")),
    (r"^type$", "LINUX_CONTAINER", ("ARM_CONTAINER",), "The image is made for another processor: `exec format error`.",
     aws("codebuild/build-env-ref-compute-types")),
    (r"cpu_architecture", "X86_64", ("ARM64",), "The image is made for another processor: `exec format error`.",
     aws("ecs/ecs-arm64")),
    (r"cpu_architecture", "ARM64", ("X86_64",), "The image is made for another processor: `exec format error`.",
     aws("ecs/ecs-arm64")),
    (r"^type$", "SECRETS_MANAGER", ("PLAINTEXT",), "The build gets the secret's name instead of the secret.",
     aws("codebuild-api/API_EnvironmentVariable")),
    (r"^type$", "PARAMETER_STORE", ("PLAINTEXT",), "The build gets the parameter's name instead of its value.",
     aws("codebuild-api/API_EnvironmentVariable")),
    (r"^type$", "PLAINTEXT", ("SECRETS_MANAGER",),
     "CodeBuild takes the value for a secret's name, and the build fails before it begins.",
     aws("codebuild-api/API_EnvironmentVariable")),
    (r"^type$", "CODEPIPELINE", ("NO_SOURCE", "NO_ARTIFACTS"),
     "The build has no source, or the pipeline gets no artifact from it.", _BUILD),
    (r"^type$", "S3", ("NO_CACHE",), "Every build starts from nothing.", aws("codebuild/build-caching")),
    (r"^type$", "LOCAL", ("NO_CACHE",), "Every build starts from nothing.", aws("codebuild/build-caching")),
    (r"^type$", "ECS", ("CODE_DEPLOY",), "The service waits for CodeDeploy, which nothing has set up.",
     aws("ecs/service_deployment-controllers")),
    (r"pipeline_type", "V2", ("V1",),
     "V1 has no execution modes and no variables.", aws("codepipeline/pipeline-types")),
    (r"execution_mode", "SUPERSEDED", ("PARALLEL",), "Two rollouts run at once, and an older commit can win.",
     aws("codepipeline/concepts-how-it-works")),
    (r"execution_mode", "QUEUED", ("PARALLEL",), "Two rollouts run at once, and an older commit can win.",
     aws("codepipeline/concepts-how-it-works")),
    (r"^provider$", "ECS", ("CodeDeployToECS",),
     "The deploy action looks for an AppSpec file and a deployment group.", _ACTIONS),
    (r"^provider$", "Manual", ("CodeBuild",), "Nobody is asked for approval.", _ACTIONS),
    (r"propagate_tags", "SERVICE", ("TASK_DEFINITION",), "Tasks lack the tags that costs and permissions go by.",
     aws("ecs/ecs-using-tags")),
    (r"^tagStatus$", "untagged", ("any",), "The rule expires releases as well.", _LIFECYCLE),
    (r"^tagStatus$", "tagged", ("untagged",), "The rule selects other images than the releases.", _LIFECYCLE),
    (r"^countType$", "imageCountMoreThan", ("sinceImagePushed",),
     "A release expires by age, also the one that runs.", _LIFECYCLE),
    (r"^countType$", "sinceImagePushed", ("imageCountMoreThan",),
     "Images expire by number instead of age.", _LIFECYCLE),
    (r"^logDriver$", "awslogs", ("json-file",), "Fargate has no such driver, or logs never leave the host.",
     aws("ecs/using_awslogs")),
    (r"^DetectChanges$", "true", ("false",), "A push starts no pipeline.",
     aws("codepipeline/action-reference-CodestarConnectionSource")),
    (r"^PollForSourceChanges$", "false", ("true",),
     "Every change starts the pipeline twice: by the poll and by the rule.",
     aws("codepipeline/action-reference-S3")),
    (r"^OutputArtifactFormat$", "CODE_ZIP", ("CODEBUILD_CLONE_REF",),
     "The build's role needs the connection to clone, and has no permission.",
     aws("codepipeline/action-reference-CodestarConnectionSource")),
    (r"vpc_endpoint_type", "Interface", ("Gateway",), "Only S3 and DynamoDB have gateway endpoints.",
     aws("privatelink/vpce-gateway")),
    (r"vpc_endpoint_type", "Gateway", ("Interface",),
     "The interface endpoint of S3 costs money and does nothing for route tables.",
     aws("privatelink/vpce-gateway")),
    (r"availability_zone_rebalancing", "ENABLED", ("DISABLED",), "Tasks stay crowded in one zone after an outage.",
     aws("ecs/service-rebalancing")),
    (r"^(name|value)$", "enabled", ("disabled",), "There are no metrics of tasks and containers.",
     aws("ecs/cloudwatch-container-insights")),
    (r"comparison_operator", "Greater", ("LessThanThreshold",),
     "The alarm rings while all is well, and never otherwise.", _ALARM),
    (r"comparison_operator", "Less", ("GreaterThanThreshold",),
     "The alarm rings while all is well, and never otherwise.", _ALARM),
    (r"treat_missing_data", "breaching", ("notBreaching",),
     "A service that sends nothing at all counts as well.", _ALARM),
    (r"^test$", "Bool", ("BoolIfExists",), "Requests without the key pass.",
     aws("iam/reference_policies_elements_condition_operators")),
    (r"^port$", "traffic-port", ("80",), "Checks go to a port that nothing listens on.", _TARGETS),
)  # fmt: skip

#: Pattern of the setting's name, pattern of the type or chain, harm, page.
_MISSING: tuple[tuple[str, str, str, str], ...] = (
    (r"^(kms_key_id|kms_key_arn|kms_master_key_id|kms_key|encryption_key)$", "", "The customer's key protects nothing.",
     aws("kms/concepts")),
    (r"^(storage_)?encrypted$", "", "Data lies unencrypted.", aws("security/protecting-data-at-rest")),
    (r"^drop_invalid_header_fields$", "", "Requests with malformed headers reach the application.",
     aws("alb/edit-load-balancer-attributes")),
    (r"^(enable_)?deletion_protection(_enabled)?$", "", "One apply, or one click, deletes it.",
     aws("alb/edit-load-balancer-attributes")),
    (r"^ssl_policy$", "", "Clients may negotiate TLS 1.0.", aws("alb/describe-ssl-policies")),
    (r"^image_tag_mutability$", "", "A tag can be pushed again: the default is mutable.",
     aws("ecr/image-tag-mutability")),
    (r"^retention_in_days$", "", "Logs stay, and cost, for ever.",
     aws("logs/Working-with-log-groups-and-streams")),
    (r"^health_check_grace_period_seconds$", "",
     "Tasks are killed by the load balancer's health check while they start.",
     aws("ecs/service-definition-parameters")),
    (r"^deregistration_delay$", "", "A rollout waits five minutes for each task.",
     aws("alb/edit-target-group-attributes")),
    (r"^propagate_tags$", "", "Tasks lack the tags that costs and permissions go by.",
     aws("ecs/ecs-using-tags")),
    (r"^private_dns_enabled$", "", "The service's public name does not lead to the endpoint, so calls pass it by.",
     aws("privatelink/manage-dns-names")),
    (r"^(security_groups|security_group_ids|vpc_security_group_ids)$", "",
     "The VPC's default security group holds instead.",
     aws("vpc/default-security-group")),
    (r"^route_table_ids$", "endpoint",
     "The gateway endpoint is in no route table, so traffic goes on through the NAT gateway.",
     aws("privatelink/gateway-endpoints")),
    (r"^subnet_ids$", "endpoint",
     "The interface endpoint is in no zone.", aws("privatelink/create-interface-endpoint")),
    (r"^enable_dns_hostnames$", "", "Private names of interface endpoints resolve no longer.", aws("vpc/vpc-dns")),
    (r"^(deployment_)?minimum_healthy_percent$|^deployment_maximum_percent$", "", "A rollout goes by AWS's defaults.",
     aws("ecs/service-definition-parameters")),
    (r"^execution_role_arn$", "task_definition", "ECS may neither pull the image nor read the secrets.",
     aws("ecs/task_execution_IAM_role")),
    (r"^task_role_arn$", "task_definition", "The application has no permissions.",
     aws("ecs/task-iam-roles")),
    (r"^execution_mode$", "codepipeline", "Rollouts go by the default mode.",
     aws("codepipeline/concepts-how-it-works")),
    (r"^privileged_mode$", "", "The build has no Docker daemon: `docker build` cannot connect.",
     aws("codebuild/sample-docker")),
    (r"^buildspec$", "", "CodeBuild looks for buildspec.yml at the root, whatever the repository has.",
     aws("codebuild/build-spec-ref")),
    (r"^matcher$", "health_check", "Only 200 counts as healthy.",
     aws("alb/target-group-health-checks")),
    (r"^path$", "health_check", "Checks go to `/`.", aws("alb/target-group-health-checks")),
    (r"^role_arn$", "event_target", "EventBridge may not start the target.", aws("events/eb-use-identity-based")),
    (r"^certificate_arn$", "listener", "An HTTPS listener without certificate is refused.",
     aws("alb/create-https-listener")),
    (r"^permissions_boundary$", "", "The role is limited by nothing but its own policies.",
     aws("iam/access_policies_boundaries")),
    (r"^namespace$", "stage", "Later actions cannot read the variables of this one.",
     aws("codepipeline/reference-variables")),
    (r"^healthCheck$", "container_definitions", "A hanging application runs on unnoticed.", aws("ecs/healthcheck")),
    (r"^logConfiguration$", "container_definitions", "The container's output goes nowhere.",
     aws("ecs/using_awslogs")),
    (r"^secrets$", "container_definitions", "The application starts without its secrets.",
     aws("ecs/specifying-sensitive-data")),
    (r"^environment$", "container_definitions", "The application starts without its settings.",
     aws("ecs/taskdef-envfiles")),
    (r"^portMappings$", "container_definitions", "The load balancer finds no port of that container.",
     aws("ecs-api/API_PortMapping")),
    (r"^startPeriod$", "healthCheck", "An application that takes a moment to start is killed before it listens.",
     aws("ecs-api/API_HealthCheck")),
    (r"^awslogs-stream-prefix$", "", "Fargate refuses the log configuration.", aws("ecs/using_awslogs")),
    (r"^FileName$", "configuration", "The deploy action looks for imagedefinitions.json, whatever the build wrote.",
     aws("codepipeline/action-reference-ECS")),
    (r"^DeploymentTimeout$", "configuration", "A rollout that never ends holds the pipeline for an hour.",
     aws("codepipeline/action-reference-ECS")),
    (r"^(DetectChanges|PollForSourceChanges)$", "", "A push starts the pipeline twice, or never.",
     aws("codepipeline/action-reference-CodestarConnectionSource")),
    (r"^output_artifacts$", "stage",
     "The next action has no input.", aws("codepipeline/welcome-introducing-artifacts")),
    (r"^tagPrefixList$", "", "The lifecycle policy is refused, or expires other images.", _LIFECYCLE),
    (r"^force_(delete|destroy)$", "", "The environment cannot be taken down, since its contents hold it.",
     aws("ecr/repository-delete")),
    (r"^capacity_providers$", "", "Services that name a capacity provider place no task.", _CAPACITY),
    (r"^(alarm_actions|ok_actions)$", "", "Nobody hears the alarm.", _ALARM),
    (r"^backup_retention_period$", "", "Backups are gone after a day.",
     aws("rds/USER_WorkingWithAutomatedBackups")),
)  # fmt: skip


#: Words that mean something else outside of these blocks.
_PARENTS = {
    "CODE_DEPLOY": "controller", "LINUX_CONTAINER": "environment", "LOCAL": "cache", "NO_ARTIFACTS": "artifacts",
    "NO_CACHE": "cache", "NO_SOURCE": "source", "S3": "cache",
}  # fmt: skip


def others(site: Site, word: str) -> Iterator[tuple[str, str, str]]:
    """Yield other words for a place, each with harm and page. A word of the table that ends with a mark stands for all like it."""
    for pattern, known, alternatives, harm, page in _WORDS:
        same = word.startswith(known) if known.endswith(("_", "-TLS", "Greater", "Less")) else word == known
        if not same or not re.search(pattern, site.name) or not _fits(site, known):
            continue
        for alternative in alternatives:
            if alternative != word and _fits(site, alternative):
                yield alternative, harm, page


def _fits(site: Site, word: str) -> bool:
    """Return whether a word means the thing at this place: `S3` is a cache in one block and a store in another."""
    parents = site.chain[:-1]
    if word == "EC2":
        return site.name in ("launch_type", "requires_compatibilities")
    return word not in _PARENTS or any(_PARENTS[word] in parent for parent in parents)


#: Settings that say what holds anyway: leaving them out changes nothing.
_DEFAULTS = frozenset((
    ("deployment_maximum_percent", "200"), ("deployment_minimum_healthy_percent", "100"), ("image_tag_mutability", "MUTABLE"),
    ("matcher", "200"), ("force_destroy", "false"), ("force_delete", "false"), ("privileged_mode", "false"), ("path", "/"),
))  # fmt: skip


def harm_of_missing(site: Site) -> tuple[str, str] | None:
    """Return harm and page of a setting's absence; None for a setting outside of the table."""
    if (site.name, site.value.literal) in _DEFAULTS:
        return None
    place = " ".join((site.type, *site.chain[:-1]))
    for pattern, where, harm, page in _MISSING:
        if re.search(pattern, site.name) and (not where or where in place):
            return harm, page
    return None
