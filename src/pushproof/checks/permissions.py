"""Two catalogues: permissions that the roles of a push-to-deploy pipeline need, and permissions that no role may have.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html#edit-role-ecs (pipeline),
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html (build),
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html (execution).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

_TASKS = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}


@dataclass(frozen=True, slots=True)
class Permission:
    """An action on a resource under some condition keys, and its purpose."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)
    purpose: str = ""

    def __str__(self) -> str:
        under = f" with {', '.join(f'{k} = {v}' for k, v in self.context.items())}" if self.context else ""
        return f"{self.action} on {self.resource}{under}"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The names in a pipeline's permissions. An empty name excludes its permissions."""

    region: str
    account: str
    artifacts_bucket: str = ""
    repository: str = ""
    cache_repository: str = ""
    build_project: str = ""
    build_log_group: str = ""
    cluster: str = ""
    service: str = ""
    task_family: str = ""
    task_log_group: str = ""
    connection_arn: str = ""
    task_role_arn: str = ""
    execution_role_arn: str = ""
    secret_arns: tuple[str, ...] = ()
    secrets_key_arn: str = ""
    approval_topic_arn: str = ""
    source_bucket: str = ""
    partition: str = "aws"
    pipeline_role: str = ""
    build_role: str = ""

    def arn(self, service: str, rest: str) -> str:
        """``arn:<partition>:<service>:<region>:<account>:<rest>``."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"

    @property
    def task_roles(self) -> tuple[str, ...]:
        """The roles that the deploy action passes to ECS."""
        return tuple(arn for arn in (self.task_role_arn, self.execution_role_arn) if arn)

    def sibling(self, own: str, other: str) -> Pipeline:
        """The same pipeline in another environment: every name with `own` replaced by `other`, as ``dev`` by ``prod``."""
        word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(own)}(?![A-Za-z0-9])")

        def renamed(value: object) -> object:
            if isinstance(value, tuple):
                return tuple(renamed(item) for item in value)
            return word.sub(other, value) if isinstance(value, str) else value

        names = {item.name: renamed(getattr(self, item.name)) for item in fields(self)}
        return replace(self, **names)  # type: ignore[arg-type]


def pipeline_needs(pipeline: Pipeline) -> list[Permission]:
    """The permissions that CodePipeline's role needs for a push to deploy."""
    out = _artifacts(pipeline, "hand artifacts from stage to stage")
    if pipeline.artifacts_bucket:
        bucket = f"arn:{pipeline.partition}:s3:::{pipeline.artifacts_bucket}"
        out += [
            Permission(f"s3:{a}", bucket, purpose="see whose bucket it is, and where")
            for a in ("GetBucketAcl", "GetBucketLocation", "GetBucketVersioning")
        ]
    if pipeline.source_bucket:
        bucket = f"arn:{pipeline.partition}:s3:::{pipeline.source_bucket}"
        out += [
            Permission(f"s3:{a}", bucket, purpose="see the source's bucket")
            for a in ("GetBucketAcl", "GetBucketLocation", "GetBucketVersioning")
        ]
        out += [
            Permission(f"s3:{a}", f"{bucket}/source.zip", purpose="fetch the source")
            for a in ("GetObject", "GetObjectTagging", "GetObjectVersion", "GetObjectVersionTagging")
        ]
    if pipeline.approval_topic_arn:
        out.append(Permission("sns:Publish", pipeline.approval_topic_arn, purpose="ask for approval"))
    if pipeline.connection_arn:
        prefix = pipeline.connection_arn.split(":")[2]
        out.append(Permission(f"{prefix}:UseConnection", pipeline.connection_arn, purpose="fetch the source"))
    if pipeline.build_project:
        project = pipeline.arn("codebuild", f"project/{pipeline.build_project}")
        out += [Permission(f"codebuild:{a}", project, purpose="build") for a in ("StartBuild", "BatchGetBuilds")]
    if pipeline.cluster and pipeline.service:
        service = pipeline.arn("ecs", f"service/{pipeline.cluster}/{pipeline.service}")
        out += [Permission(f"ecs:{a}", service, purpose="roll out") for a in ("DescribeServices", "UpdateService")]
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html:
        # registering is granted on task definitions, and describing one on `*` only.
        family = pipeline.arn("ecs", f"task-definition/{pipeline.task_family or pipeline.service}:*")
        out += [
            Permission("ecs:DescribeTaskDefinition", purpose="read the running revision"),
            Permission("ecs:RegisterTaskDefinition", family, purpose="register a revision"),
        ]
        out.append(
            Permission("ecs:TagResource", family, {"ecs:CreateAction": "RegisterTaskDefinition"}, "tag the revision")
        )
    return out + [
        Permission("iam:PassRole", role, _TASKS, "hand the roles to the tasks") for role in pipeline.task_roles
    ]


def build_needs(pipeline: Pipeline, buildspec: str = "") -> list[Permission]:
    """The permissions that CodeBuild's role needs to test, build and push an image, and to run the ECR commands in `buildspec`."""
    out = _artifacts(pipeline, "take the source and leave the image definitions")
    if pipeline.artifacts_bucket:
        bucket = f"arn:{pipeline.partition}:s3:::{pipeline.artifacts_bucket}"
        out += [
            Permission(f"s3:{a}", bucket, purpose="see whose bucket it is, and where")
            for a in ("GetBucketAcl", "GetBucketLocation")
        ]
    if pipeline.repository:
        repository = pipeline.arn("ecr", f"repository/{pipeline.repository}")
        # `aws ecr <operation>` in a command; the login is asked about below.
        operations = dict.fromkeys(re.findall(r"\baws\s+(?:--\S+\s+)*ecr\s+([a-z-]+)", buildspec))
        out += [
            Permission(f"ecr:{_operation(operation)}", repository, purpose=f"run aws ecr {operation}")
            for operation in operations
            if operation not in ("get-login-password", "get-login", "wait")
        ]
    if pipeline.repository or pipeline.cache_repository:
        out.append(Permission("ecr:GetAuthorizationToken", purpose="log in to the registry"))
    push = ("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")
    for name in filter(None, (pipeline.repository, pipeline.cache_repository)):
        repository = pipeline.arn("ecr", f"repository/{name}")
        out += [Permission(f"ecr:{action}", repository, purpose="push the image") for action in push]
    if pipeline.cache_repository:
        cache = pipeline.arn("ecr", f"repository/{pipeline.cache_repository}")
        out += [
            Permission(f"ecr:{a}", cache, purpose="use the cache") for a in ("BatchGetImage", "GetDownloadUrlForLayer")
        ]
    if pipeline.build_log_group:
        group = pipeline.arn("logs", f"log-group:{pipeline.build_log_group}")
        out += [
            Permission("logs:CreateLogGroup", group, purpose="write the log"),
            *_log(pipeline, pipeline.build_log_group),
        ]
    return out


def execution_needs(pipeline: Pipeline) -> list[Permission]:
    """The permissions that the task execution role needs for ECS to start a task."""
    out = []
    if pipeline.repository:
        repository = pipeline.arn("ecr", f"repository/{pipeline.repository}")
        pull = ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")
        out.append(Permission("ecr:GetAuthorizationToken", purpose="log in to the registry"))
        out += [Permission(f"ecr:{action}", repository, purpose="pull the image") for action in pull]
    if pipeline.task_log_group:
        out += _log(pipeline, pipeline.task_log_group)
    reading = "secretsmanager:GetSecretValue"
    if pipeline.secrets_key_arn:
        through = {"kms:ViaService": f"secretsmanager.{pipeline.region}.amazonaws.com"}
        out.append(Permission("kms:Decrypt", pipeline.secrets_key_arn, through, "decrypt the secrets"))
    return out + [Permission(reading, arn, purpose="hand secrets to the containers") for arn in pipeline.secret_arns]


def task_needs(pipeline: Pipeline, *, project: str, family: str) -> list[Permission]:
    """The permissions of a CodeBuild project that runs one task of a family before each deployment, such as a migration.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html
    """
    revision = pipeline.arn("ecs", f"task-definition/{family}:1")
    service = pipeline.arn("ecs", f"service/{pipeline.cluster}/{pipeline.service}")
    cluster = pipeline.arn("ecs", f"cluster/{pipeline.cluster}")
    task = pipeline.arn("ecs", f"task/{pipeline.cluster}/0123456789abcdef0123456789abcdef")
    group = f"/aws/codebuild/{project}"
    bucket = f"arn:{pipeline.partition}:s3:::{pipeline.artifacts_bucket}"
    return [
        *(
            permission
            for permission in _artifacts(pipeline, "read the image definitions")
            if "Put" not in permission.action
        ),
        *(
            Permission(f"s3:{action}", bucket, purpose="see whose bucket it is, and where")
            for action in ("GetBucketAcl", "GetBucketLocation")
        ),
        Permission("logs:CreateLogGroup", pipeline.arn("logs", f"log-group:{group}"), purpose="write the log"),
        *_log(pipeline, group),
        Permission("ecs:DescribeServices", service, purpose="see network and revision of the service"),
        Permission("ecs:DescribeTaskDefinition", purpose="read the running revision"),
        Permission("ecs:RegisterTaskDefinition", revision, purpose="register the task's revision"),
        Permission("ecs:RunTask", revision, {"ecs:cluster": cluster}, "run the task"),
        Permission("ecs:DescribeTasks", task, purpose="wait for the task, and read its exit code"),
        *(Permission("iam:PassRole", role, _TASKS, "hand the roles to the task") for role in pipeline.task_roles),
    ]


def forbidden(pipeline: Pipeline) -> list[Permission]:
    """The permissions that no role may have: takeover of the account, access to other owners' resources, and deletion of
    the role's own foundation."""
    stranger = f"arn:{pipeline.partition}:iam::{pipeline.account}:role/somebody-elses-role"
    others_secret = pipeline.arn("secretsmanager", "secret:somebody-elses/secret-AbCdEf")
    own_iam = f"arn:{pipeline.partition}:iam::{pipeline.account}"
    out = [
        *(
            Permission(f"iam:{action}", f"{own_iam}:{target}", purpose="become more than it is")
            for action, target in (
                ("CreateUser", "user/intruder"), ("CreateAccessKey", "user/intruder"), ("CreateRole", "role/intruder"),
                ("AttachRolePolicy", "role/intruder"), ("PutRolePolicy", "role/intruder"),
                ("UpdateAssumeRolePolicy", "role/intruder"),
            )
        ),
        Permission("iam:PassRole", stranger, _TASKS, "run tasks as somebody else"),
        Permission("sts:AssumeRole", stranger, purpose="become somebody else"),
        Permission("s3:GetObject", f"arn:{pipeline.partition}:s3:::somebody-elses-bucket/key", purpose="read others' data"),
        Permission("s3:PutObject", f"arn:{pipeline.partition}:s3:::somebody-elses-bucket/key", purpose="write others' data"),
        Permission("secretsmanager:GetSecretValue", others_secret, purpose="read others' secrets"),
        Permission("ecr:PutImage", pipeline.arn("ecr", "repository/somebody-elses"), purpose="replace others' images"),
        Permission("ecr:DeleteRepository", pipeline.arn("ecr", "repository/somebody-elses"), purpose="delete others' images"),
        Permission("ecs:UpdateService", pipeline.arn("ecs", "service/somebody-elses/service"), purpose="change others' services"),
        Permission("ecs:RunTask", pipeline.arn("ecs", "task-definition/somebody-elses:1"), purpose="run tasks past the service"),
        Permission("codebuild:StartBuild", pipeline.arn("codebuild", "project/somebody-elses"), purpose="run others' builds"),
        Permission("kms:Decrypt", pipeline.arn("kms", "key/00000000-0000-0000-0000-000000000000"), purpose="decrypt others' data"),
        Permission("logs:DeleteLogGroup", pipeline.arn("logs", "log-group:/somebody-elses:log-stream:"), purpose="remove traces"),
        Permission("ec2:TerminateInstances", pipeline.arn("ec2", "instance/i-0123456789abcdef0"), purpose="stop others' machines"),
        Permission("lambda:CreateFunction", pipeline.arn("lambda", "function:intruder"), purpose="run code elsewhere"),
    ]  # fmt: skip
    if pipeline.secrets_key_arn:
        out.append(
            Permission("kms:Decrypt", pipeline.secrets_key_arn, purpose="decrypt with the key what is no secret")
        )
    if family := pipeline.task_family or pipeline.service:
        revision = pipeline.arn("ecs", f"task-definition/{family}:1")
        out.append(Permission("ecs:TagResource", revision, purpose="change the tags of what runs"))
    for role in pipeline.task_roles:
        other = {"iam:PassedToService": "ec2.amazonaws.com"}
        out.append(Permission("iam:PassRole", role, other, "hand the tasks' roles to another service"))
    if pipeline.artifacts_bucket:
        bucket = f"arn:{pipeline.partition}:s3:::{pipeline.artifacts_bucket}"
        out += [
            Permission(f"s3:{a}", bucket, purpose="destroy or open the artifacts")
            for a in ("DeleteBucket", "PutBucketPolicy")
        ]
    for name in filter(None, (pipeline.repository, pipeline.cache_repository)):
        repository = pipeline.arn("ecr", f"repository/{name}")
        out += [
            Permission(f"ecr:{a}", repository, purpose="destroy or open the images")
            for a in ("DeleteRepository", "SetRepositoryPolicy")
        ]
    return out


def forbidden_beyond(pipeline: Pipeline, other: Pipeline) -> list[Permission]:
    """The permissions on another pipeline's own resources, which no role of this pipeline may have."""
    needs = [*pipeline_needs(other), *build_needs(other), *execution_needs(other)]
    own = {
        (p.action, p.resource) for p in [*pipeline_needs(pipeline), *build_needs(pipeline), *execution_needs(pipeline)]
    }
    return [
        replace(permission, purpose="act on another environment's resources")
        for permission in needs
        if permission.resource != "*" and (permission.action, permission.resource) not in own
    ]


def _artifacts(pipeline: Pipeline, purpose: str) -> list[Permission]:
    if not pipeline.artifacts_bucket:
        return []
    objects = f"arn:{pipeline.partition}:s3:::{pipeline.artifacts_bucket}/app/source/x.zip"
    return [
        Permission(f"s3:{action}", objects, purpose=purpose)
        for action in ("GetObject", "GetObjectVersion", "PutObject")
    ]


def _log(pipeline: Pipeline, group: str) -> list[Permission]:
    stream = pipeline.arn("logs", f"log-group:{group}:log-stream:app/1")
    return [
        Permission(f"logs:{action}", stream, purpose="write the log") for action in ("CreateLogStream", "PutLogEvents")
    ]


def _operation(command: str) -> str:
    """The API operation of an AWS CLI command: ``DescribeImages`` of ``describe-images``."""
    return "".join(word.title() for word in command.split("-"))
