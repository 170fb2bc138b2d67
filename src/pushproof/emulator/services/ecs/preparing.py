"""Preparation of a task before its containers start: secrets, registry login, log streams, images.

Everything here blocks and runs off the world's lock; it sees values only. Refusals carry AWS's stopped-task texts:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.tasks import ContainerSpec, PulledImage, PullError, TaskRuntime, TaskSpec
from pushproof.engines.tasks import dependencies

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef
    from types_boto3_secretsmanager.type_defs import GetSecretValueRequestTypeDef

    from pushproof.emulator.kernel.site import Site

_AUTH = "ResourceInitializationError: unable to pull secrets or registry auth: "
_RETRIED = "execution resource retrieval failed: "
_ALL_PULLS = "pull image manifest has been retried 5 time(s): "


class TaskFailed(Exception):
    """The task cannot start; `reason` is its stoppedReason. `container` names the container at fault, if any."""

    def __init__(self, reason: str, container: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.container = container


@dataclass(frozen=True, slots=True)
class Order:
    """A task to prepare and start, as values. `streams` names each container's log stream."""

    task_id: str
    family: str
    region: str
    cpu: int
    memory: int
    containers: tuple[ContainerDefinitionOutputTypeDef, ...]
    streams: dict[str, str]
    execution_role: str | None
    subnet_id: str
    security_groups: tuple[str, ...]
    public_ip: bool
    task_arn: str
    service: str = ""
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    """By container: the variables by which it reaches the task endpoint."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task that can start, with the times at which its images were pulled."""

    spec: TaskSpec
    pull_started_at: float
    pull_stopped_at: float

    @property
    def digests(self) -> dict[str, str]:
        """Return the digests of the images, by container."""
        return {container.name: container.image.digest for container in self.spec.containers}


def prepare(site: Site, runtime: TaskRuntime | None, order: Order, credentials: Credentials | None) -> Prepared:
    """Fetch secrets and images, create log streams. Raises TaskFailed in AWS's words."""
    if runtime is None:
        raise TaskFailed("CannotStartContainerError: this world has no runtime to run tasks on.")
    secrets = {container["name"]: _secrets(site, order, container, credentials) for container in order.containers}
    login = _registry_login(site, order, credentials)
    for container in order.containers:
        if container["name"] in order.streams:
            _make_stream(site, order, container, credentials)
    pulling = site.clock.now()
    images: dict[str, PulledImage] = {}
    for container in order.containers:
        images[container["name"]] = _pull(site, runtime, order, container, login)
    pulled = site.clock.now()
    spec = TaskSpec(
        task_id=order.task_id,
        family=order.family,
        containers=tuple(
            _container(order, container, images[container["name"]], secrets[container["name"]], runtime.endpoint)
            for container in order.containers
        ),
        cpu=order.cpu,
        memory=order.memory,
        started_at=pulled,
    )
    return Prepared(spec, pulling, pulled)


def _container(
    order: Order,
    definition: ContainerDefinitionOutputTypeDef,
    image: PulledImage,
    secrets: dict[str, str],
    endpoint: str,
) -> ContainerSpec:
    environment = {
        "AWS_REGION": order.region,
        "AWS_DEFAULT_REGION": order.region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        # The one variable that AWS does not set: by it an SDK in the container reaches the world.
        **({"AWS_ENDPOINT_URL": endpoint} if endpoint else {}),
        **{pair["name"]: pair.get("value", "") for pair in definition.get("environment") or [] if pair.get("name")},
        **secrets,
        **(order.variables[definition["name"]] if endpoint else {}),
    }
    return ContainerSpec(
        name=definition["name"],
        image=image,
        environment=environment,
        command=definition.get("command"),
        entry_point=definition.get("entryPoint"),
        working_directory=definition.get("workingDirectory"),
        user=definition.get("user"),
        cpu=definition.get("cpu") or 0,
        memory=definition.get("memory") or definition.get("memoryReservation"),
        essential=definition.get("essential", True),
        stop_timeout=float(definition.get("stopTimeout") or 30),
        ports=tuple(
            mapping["containerPort"] for mapping in definition.get("portMappings", []) if "containerPort" in mapping
        ),
        read_only_root=bool(definition.get("readonlyRootFilesystem")),
        depends_on=tuple(dependency.container for dependency in dependencies(definition)),
    )


def _refusal(site: Site, order: Order, to: str) -> str | None:
    return site.paths.refusal(
        region=order.region,
        subnet_id=order.subnet_id,
        security_group_ids=list(order.security_groups),
        to=to,
        public_ip=order.public_ip,
    )


def _resolve(site: Site, host: str, words: str, container: str | None = None) -> None:
    """Raise TaskFailed if a name does not resolve in the VPC."""
    if not site.faults.resolves(host):
        raise TaskFailed(f"{words}dial tcp: lookup {host}: no such host", container)


def _words(error: Exception) -> str:
    if isinstance(error, ClientError):
        words = error.response["Error"]
        return f"{words.get('Code')}: {words.get('Message')}"
    if isinstance(error, AwsError):
        return f"{error.code}: {error.message}"
    return str(error)


# Secrets ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A `valueFrom`. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html"""

    service: str
    identifier: str
    region: str | None = None
    json_key: str = ""
    version_stage: str = ""
    version_id: str = ""

    @classmethod
    def parse(cls, value_from: str) -> SecretReference:
        parts = value_from.split(":")
        if len(parts) >= 7 and parts[2] == "secretsmanager":
            key, stage, version = (*parts[7:10], "", "", "")[:3]
            return cls("secretsmanager", ":".join(parts[:7]), parts[3], key, stage, version)
        if len(parts) >= 6 and parts[0] == "arn" and parts[2] == "ssm":
            name = parts[5].removeprefix("parameter")
            return cls("ssm", name if name.count("/") > 1 else name.lstrip("/"), parts[3])
        return cls("ssm", value_from)


def _secrets(
    site: Site, order: Order, container: ContainerDefinitionOutputTypeDef, credentials: Credentials | None
) -> dict[str, str]:
    values: dict[str, str] = {}
    for secret in container.get("secrets") or []:
        reference = SecretReference.parse(secret["valueFrom"])
        _check_path(site, order, reference)
        try:
            values[secret["name"]] = _secret(site, order, reference, credentials)
        except (ClientError, AwsError) as error:
            what = "secret from asm" if reference.service == "secretsmanager" else "secrets from ssm"
            where = (
                f"failed to fetch secret {reference.identifier} from secrets manager: "
                if reference.service == "secretsmanager"
                else ""
            )
            raise TaskFailed(
                f"{_AUTH}{_RETRIED}unable to retrieve {what}: service call has been retried 1 time(s): "
                f"{where}{_words(error)}"
            ) from error
    return values


def _check_path(site: Site, order: Order, reference: SecretReference) -> None:
    what = "secret from asm" if reference.service == "secretsmanager" else "secrets from ssm"
    place = f"{reference.service}.{reference.region or order.region}.amazonaws.com"
    _resolve(site, place, f"{_AUTH}{_RETRIED}unable to retrieve {what}: service call has been retried 5 time(s): ")
    refused = _refusal(site, order, reference.service)
    if refused is None:
        return
    if reference.service == "secretsmanager":
        raise TaskFailed(
            f"{_AUTH}unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets "
            f"Manager. Check your task network configuration. failed to fetch secret {reference.identifier} from "
            f"secrets manager: RequestCanceled: request context canceled caused by: context deadline exceeded "
            f"({refused})"
        )
    raise TaskFailed(
        f"{_AUTH}unable to retrieve secrets from ssm: The task cannot pull secrets from AWS Systems Manager. There "
        f"is a "
        f"connection issue between the task and AWS Systems Manager Parameter Store. Check your task network "
        f"configuration. RequestCanceled: request context canceled caused by: context deadline exceeded ({refused})"
    )


def _secret(site: Site, order: Order, reference: SecretReference, credentials: Credentials | None) -> str:
    region = reference.region or order.region
    if reference.service == "ssm":
        ssm = site.client("ssm", region=region, credentials=credentials)
        parameters = ssm.get_parameters(Names=[reference.identifier], WithDecryption=True)["Parameters"]
        if not parameters:
            raise AwsError("ResourceNotFoundException", f"invalid ssm parameters: {reference.identifier}")
        return str(parameters[0]["Value"])
    query: GetSecretValueRequestTypeDef = {"SecretId": reference.identifier}
    if reference.version_stage:
        query["VersionStage"] = reference.version_stage
    if reference.version_id:
        query["VersionId"] = reference.version_id
    answer = site.client("secretsmanager", region=region, credentials=credentials).get_secret_value(**query)
    text = answer.get("SecretString")
    if text is None:
        text = base64.b64encode(answer.get("SecretBinary", b"")).decode()
    if not reference.json_key:
        return str(text)
    try:
        value = json.loads(text)[reference.json_key]
    except (ValueError, KeyError, TypeError):
        raise AwsError(
            "ResourceInitializationError",
            f"retrieved secret from Secrets Manager did not contain json key {reference.json_key}",
        ) from None
    return value if isinstance(value, str) else json.dumps(value)


# Images -------------------------------------------------------------------------------------------------------


def is_ecr(site: Site, image: str) -> bool:
    host = image.partition("/")[0]
    return bool(re.search(r"\.dkr\.ecr\.", host)) or host == site.endpoint.host


def _registry_login(site: Site, order: Order, credentials: Credentials | None) -> tuple[str, str] | None:
    """Return the user and password for ECR, obtained with the execution role; None if no image is ECR's."""
    if not any(is_ecr(site, container["image"]) for container in order.containers):
        return None
    refused = _refusal(site, order, "ecr.api")
    _resolve(site, f"api.ecr.{order.region}.amazonaws.com", f"{_AUTH}{_RETRIED}unable to retrieve ecr registry auth: ")
    if refused is not None:
        raise TaskFailed(
            f"{_AUTH}The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task "
            "and Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: Post "
            f'"https://api.ecr.{order.region}.amazonaws.com/": dial tcp: i/o timeout ({refused})'
        )
    try:
        answer = site.client("ecr", region=order.region, credentials=credentials).get_authorization_token()
    except (ClientError, AwsError) as error:
        raise TaskFailed(
            f"{_AUTH}{_RETRIED}unable to retrieve ecr registry auth: service call has been retried 1 time(s): "
            f"{_words(error)}"
        ) from error
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    user, _, password = token.partition(":")
    return user, password


def login_for(site: Site, image: str, region: str) -> tuple[str, str] | None:
    """Return the user and password of the world's registry, as ECS itself logs in; None for an image of another registry."""
    if not is_ecr(site, image):
        return None
    answer = site.client("ecr", region=region).get_authorization_token()
    user, _, password = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode().partition(":")
    return user, password


def _pull(
    site: Site,
    runtime: TaskRuntime,
    order: Order,
    container: ContainerDefinitionOutputTypeDef,
    login: tuple[str, str] | None,
) -> PulledImage:
    image, name = container["image"], container["name"]
    ecr = is_ecr(site, image)
    host = image.partition("/")[0]
    lookup = f"CannotPullContainerError: {_ALL_PULLS}failed to resolve ref {image}: failed to do request: "
    _resolve(site, host, lookup, name)
    if ecr and site.faults.pull_is_throttled(image):
        raise TaskFailed(
            f"CannotPullContainerError: {_ALL_PULLS}failed to copy: httpReadSeeker: failed open: unexpected status code "
            f"https://{host}/v2/: 429 Too Many Requests - Server message: toomanyrequests: Rate exceeded",
            name,
        )
    if site.faults.disk_is_full(order.service):
        raise TaskFailed(
            f"CannotPullContainerError: {_ALL_PULLS}failed to extract layer of {image}: write: no space left on device: "
            "unknown",
            name,
        )
    for to in ("ecr.dkr", "s3") if ecr else ("internet",):
        refused = _refusal(site, order, to)
        if refused is not None:
            raise TaskFailed(
                "CannotPullContainerError: The task cannot pull "
                f"{image} from the registry {image.partition('/')[0]}. There is a connection issue between the task "
                f"and "
                "the registry. Check your task network configuration. : failed to copy: httpReadSeeker: failed open: "
                f"failed to do request: dial tcp: i/o timeout ({refused})",
                name,
            )
    try:
        return runtime.pull(image, login if ecr else None)
    except PullError as error:
        raise TaskFailed(f"CannotPullContainerError: {error.reason}", name) from error


# Logs ---------------------------------------------------------------------------------------------------------


def log_options(container: ContainerDefinitionOutputTypeDef) -> dict[str, str] | None:
    """Return the awslogs options of a container; None if it logs elsewhere or nowhere."""
    configuration = container.get("logConfiguration")
    if not configuration or configuration.get("logDriver") != "awslogs":
        return None
    return configuration.get("options", {})


def _make_stream(
    site: Site, order: Order, container: ContainerDefinitionOutputTypeDef, credentials: Credentials | None
) -> None:
    options = log_options(container) or {}
    group, stream = options.get("awslogs-group", ""), order.streams[container["name"]]
    place = f"logs.{options.get('awslogs-region') or order.region}.amazonaws.com"
    _resolve(
        site,
        place,
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
        "failed to create Cloudwatch log stream: ",
    )
    refused = _refusal(site, order, "logs")
    if refused is not None:
        raise TaskFailed(
            "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch "
            f"log group defined in the task definition. There is a connection issue between the task and Amazon "
            f"CloudWatch. Check your network configuration. : signal: killed ({refused})"
        )
    client = site.client("logs", region=options.get("awslogs-region") or order.region, credentials=credentials)
    try:
        if options.get("awslogs-create-group") == "true":
            with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName=stream)
    except (ClientError, AwsError) as error:
        raise TaskFailed(
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
            f"failed to create Cloudwatch log stream: {_words(error)} : exit status 1"
        ) from error
