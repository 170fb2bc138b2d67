"""Makes what a root module needs before its first apply, in a world that begins empty."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import ClientError

from pushproof.base.needs import (
    NeededBucket,
    NeededProfile,
    NeededRole,
    NeededState,
    NeededThing,
    Needs,
    Provision,
)
from pushproof.terraform.errors import NotProvided

if TYPE_CHECKING:
    from types_boto3_codeconnections import CodeConnectionsClient
    from types_boto3_s3 import S3Client
    from types_boto3_s3.literals import BucketLocationConstraintType

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
#: The content of a parameter or secret that nobody gave: letters and digits, which every service takes for a password.
THROW_AWAY = "ThrowAway0123456789"
_GONE = (
    "ParameterNotFound",
    "RepositoryDoesNotExistException",
    "RepositoryNotFoundException",
    "404",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchEntity",
    "ResourceNotFoundException",
    "NotFound",
)


class Account(Protocol):
    """The account of an emulated world, with its administrator's keys and a directory of the world's own."""

    region: str
    account_id: str
    keys: tuple[str, str]

    def client(self, service: str, region: str | None = None) -> Any: ...

    def directory(self, name: str) -> Path: ...


def provide(target: Account, needs: Needs) -> Provision:
    """Make what is missing. Raises NotProvided for what a world cannot give, before Terraform is run."""
    for rule in needs.accounts:
        if (target.account_id in rule.accounts) != rule.allowed:
            listed = ", ".join(rule.accounts)
            choice = rule.accounts[0] if rule.allowed else "another account id"
            raise NotProvided(
                f"{rule.place}: the provider {'works in' if rule.allowed else 'refuses'} account {listed}, and this world is "
                f"account {target.account_id}. Choose the world's account: --pushproof-account {choice} "
                "(ini key: pushproof_account; `pushproof drill`, `up` and `serve`: --account)."
            )
    for name, place in needs.foreign_files:
        raise NotProvided(
            f"{place}: {name} names credential files of this machine, whose keys are nobody's in this world. Leave the argument "
            "out and name them by AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, which a world sets itself."
        )
    sentences: list[str] = []
    environment: dict[str, str] = {}
    if needs.profiles:
        environment = _write_profiles(target, needs.profiles)
        sentences += [f"{need.place}: profile {need.name} has this world's keys" for need in needs.profiles]
    for role in needs.roles:
        sentences += _role(target, role)
    for bucket in needs.buckets:
        sentences += _bucket(target, bucket)
    for state in needs.states:
        sentences += _state(target, state)
    for thing in needs.things:
        sentences += _thing(target, thing)
    return Provision(environment, tuple(sentences))


def _write_profiles(target: Account, profiles: tuple[NeededProfile, ...]) -> dict[str, str]:
    """Write AWS's two files, with every profile that any root of this world named.

    Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
    """
    directory = target.directory("aws")
    listed = directory / "profiles.json"
    names = json.loads(listed.read_text()) if listed.exists() else ["default"]
    names = list(dict.fromkeys([*names, *(profile.name for profile in profiles)]))
    listed.write_text(json.dumps(names))
    config, credentials = directory / "config", directory / "credentials"
    credentials.touch(mode=0o600)
    sections = {name: name if name == "default" else f"profile {name}" for name in names}
    config.write_text("".join(f"[{section}]\nregion = {target.region}\n" for section in sections.values()))
    key, secret = target.keys
    credentials.write_text(
        "".join(f"[{name}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n" for name in names)
    )
    return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}


def _role(target: Account, need: NeededRole) -> Iterator[str]:
    account, _, path = need.arn.partition(":role/")
    if account.rpartition(":")[2] != target.account_id:
        raise NotProvided(
            f"{need.place}: the role {need.arn} is in another account than this world ({target.account_id}). "
            f"Choose the world's account: --pushproof-account {account.rpartition(':')[2]} (ini key: pushproof_account; "
            "`pushproof drill`, `up` and `serve`: --account)."
        )
    iam = target.client("iam")
    folder, _, name = path.rpartition("/")
    if _there(lambda: iam.get_role(RoleName=name)):
        return
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{target.account_id}:root"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
    iam.create_role(RoleName=name, Path=f"/{folder}/" if folder else "/", AssumeRolePolicyDocument=json.dumps(trust))
    iam.attach_role_policy(RoleName=name, PolicyArn=_ADMINISTRATOR)
    yield f"{need.place}: made the role {name}, which trusts the administrator and may do everything"


def _bucket(target: Account, need: NeededBucket) -> Iterator[str]:
    region = need.region or target.region
    s3 = target.client("s3", region)
    if not _there(lambda: s3.head_bucket(Bucket=need.name)):
        _make_bucket(s3, need.name, region)
        yield f"{need.place}: made the bucket {need.name} in {region}"
    if need.lock_table:
        dynamodb = target.client("dynamodb", region)
        if not _there(lambda: dynamodb.describe_table(TableName=need.lock_table)):
            # https://developer.hashicorp.com/terraform/language/backend/s3#dynamodb-state-locking
            dynamodb.create_table(
                TableName=need.lock_table,
                KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            yield f"{need.place}: made the lock table {need.lock_table} in {region}"


def _make_bucket(s3: S3Client, name: str, region: str) -> None:
    if region == "us-east-1":
        s3.create_bucket(Bucket=name)
    else:
        s3.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": cast("BucketLocationConstraintType", region)}
        )
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def _state(target: Account, need: NeededState) -> Iterator[str]:
    region = need.region or target.region
    s3 = target.client("s3", region)
    if need.outputs is None:
        if _there(lambda: s3.head_object(Bucket=need.bucket, Key=need.key)):
            return
        first = f'apply {need.writer} first, which writes it: applied("{need.writer}")' if need.writer else ""
        outputs = f'say what is in it: applied(…, remote_states={{"{need.name}": {{"vpc_id": …}}}})'
        raise NotProvided(
            f"{need.place}: the state s3://{need.bucket}/{need.key} of another root module is not in this world. "
            f"Either {first}, or {outputs}."
            if first
            else f"{need.place}: the state s3://{need.bucket}/{need.key} of another root module is not in this world: {outputs}."
        )
    if not _there(lambda: s3.head_bucket(Bucket=need.bucket)):
        _make_bucket(s3, need.bucket, region)
    s3.put_object(Bucket=need.bucket, Key=need.key, Body=json.dumps(state_of(need.outputs)).encode())
    yield f"{need.place}: wrote the state s3://{need.bucket}/{need.key} with {', '.join(need.outputs) or 'no outputs'}"


def _thing(target: Account, need: NeededThing) -> Iterator[str]:
    """Make what a data source reads, where it is not there yet."""
    region = need.region or target.region
    ask, make = _makers(target, need, region)
    if _there(ask):
        return
    make()
    thing, content = _WORDS[need.kind]
    filling = "" if not content else ", with the value of the settings" if need.value else ", with a throw-away value"
    yield f"{need.place}: made {thing} {need.name} in {region}{filling}: a data source reads it, and nothing here makes it"


_WORDS = {
    "aws_ssm_parameter": ("the parameter", True),
    "aws_secretsmanager_secret": ("the secret", True),
    "aws_codecommit_repository": ("the CodeCommit repository", False),
    "aws_ecr_repository": ("the ECR repository", False),
    "aws_codestarconnections_connection": ("the connection", False),
    "aws_codeconnections_connection": ("the connection", False),
}


def _makers(target: Account, need: NeededThing, region: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the call that finds a thing, and the one that makes it."""
    name, value = need.name, need.value or THROW_AWAY
    match need.kind:
        case "aws_ssm_parameter":
            ssm = target.client("ssm", region)
            return (
                lambda: ssm.get_parameter(Name=name),
                lambda: ssm.put_parameter(Name=name, Value=value, Type="SecureString"),
            )
        case "aws_secretsmanager_secret":
            manager = target.client("secretsmanager", region)
            return (
                lambda: manager.describe_secret(SecretId=name),
                lambda: manager.create_secret(Name=name, SecretString=value),
            )
        case "aws_codecommit_repository":
            codecommit = target.client("codecommit", region)
            return (
                lambda: codecommit.get_repository(repositoryName=name),
                lambda: codecommit.create_repository(repositoryName=name),
            )
        case "aws_ecr_repository":
            ecr = target.client("ecr", region)
            return (
                lambda: ecr.describe_repositories(repositoryNames=[name]),
                lambda: ecr.create_repository(repositoryName=name),
            )
    connections = target.client(
        need.kind.removeprefix("aws_").removesuffix("_connection").replace("codestar", "codestar-"), region
    )
    return (
        lambda: _named_connection(connections, name),
        lambda: connections.create_connection(ConnectionName=name, ProviderType="GitHub"),
    )


def _named_connection(connections: CodeConnectionsClient, name: str) -> None:
    """Raise ClientError unless there is a connection of a name."""
    known = {connection["ConnectionName"] for connection in connections.list_connections()["Connections"]}
    if name not in known:
        raise ClientError({"Error": {"Code": "NotFound", "Message": name}}, "ListConnections")


def state_of(outputs: Mapping[str, object]) -> dict[str, object]:
    """Return a state file of version 4 that holds nothing but outputs."""
    return {
        "version": 4,
        "terraform_version": "1.5.0",
        "serial": 1,
        "lineage": str(uuid.uuid4()),
        "outputs": {name: {"value": value, "type": _type_of(value)} for name, value in outputs.items()},
        "resources": [],
    }


def _type_of(value: object) -> object:
    """Return the type of a value, as states write it."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list | tuple):
        return ["tuple", [_type_of(item) for item in value]]
    if isinstance(value, dict):
        return ["object", {name: _type_of(item) for name, item in value.items()}]
    return "string"


def _there(ask: Callable[[], object]) -> bool:
    """Return whether AWS knows what is asked for."""
    try:
        ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True
