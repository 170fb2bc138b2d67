"""The variables of a build: the configured ones, resolved with the project's role, and those that CodeBuild supplies.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pushproof.emulator.services.codebuild.builds import Build
from pushproof.emulator.services.codebuild.failures import PhaseFailure, words
from pushproof.emulator.services.codebuild.transfers import SecondarySource
from pushproof.engines.buildspec import SecretReference, Variable

if TYPE_CHECKING:
    from types_boto3_codebuild.type_defs import EnvironmentVariableTypeDef, ProjectSourceTypeDef
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_ssm.client import SSMClient


Client = Callable[[str], Any]

# The initial variables of the shells in CodeBuild's Linux images.
_SHELL = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "USER": "root",
}


def configured(entries: Iterable[EnvironmentVariableTypeDef]) -> list[Variable]:
    """Convert variables in the form of API_EnvironmentVariable."""
    return [Variable(entry["name"], entry["value"], entry.get("type", "PLAINTEXT")) for entry in entries]


def resolve(variables: Mapping[str, Variable], client: Client) -> dict[str, str]:
    """Fetch the values of references, with the project's role. Raises PhaseFailure in CodeBuild's words."""
    values = {name: variable.value for name, variable in variables.items() if variable.type == "PLAINTEXT"}
    parameters = {name: variable.value for name, variable in variables.items() if variable.type == "PARAMETER_STORE"}
    if parameters:
        values |= _parameters(parameters, client("ssm"))
    for name, variable in variables.items():
        if variable.type == "SECRETS_MANAGER":
            values[name] = _secret(SecretReference.parse(variable.value), client("secretsmanager"))
    return values


def _parameters(references: Mapping[str, str], ssm: SSMClient) -> dict[str, str]:
    values: dict[str, str] = {}
    names = sorted(set(references.values()))
    for start in range(0, len(names), 10):
        try:
            answer = ssm.get_parameters(Names=names[start : start + 10], WithDecryption=True)
        except ClientError as error:
            raise PhaseFailure("Decrypted Variables Error", words(error)) from error
        if answer.get("InvalidParameters"):
            raise PhaseFailure(
                "Decrypted Variables Error", f"parameter does not exist: {', '.join(answer['InvalidParameters'])}"
            )
        for parameter in answer["Parameters"]:
            values |= {parameter["Name"]: parameter["Value"]}
            values |= {name: parameter["Value"] for name in names if parameter.get("ARN") == name}
    return {name: values[reference] for name, reference in references.items()}


def _secret(reference: SecretReference, secrets: SecretsManagerClient) -> str:
    arguments = {"SecretId": reference.secret_id}
    if reference.version_stage:
        arguments["VersionStage"] = reference.version_stage
    if reference.version_id:
        arguments["VersionId"] = reference.version_id
    try:
        text: str = secrets.get_secret_value(**arguments)["SecretString"]
    except ClientError as error:
        raise PhaseFailure("Secrets Manager Error", words(error)) from error
    except KeyError:
        raise PhaseFailure("Secrets Manager Error", f"the secret {reference.secret_id} is not a string") from None
    if reference.json_key is None:
        return text
    try:
        return str(json.loads(text)[reference.json_key])
    except (ValueError, KeyError, TypeError):
        raise PhaseFailure(
            "Secrets Manager Error",
            f"the secret {reference.secret_id} has no JSON key {reference.json_key}: check the part after its id",
        ) from None


def supplied(
    build: Build,
    *,
    source: str,
    secondary: Mapping[str, tuple[str, SecondarySource]],
    endpoint: str,
    credentials: Mapping[str, str],
    start_milliseconds: int,
) -> dict[str, str]:
    """Return the variables that CodeBuild itself sets, and those by which the AWS CLI reaches the world and uses the role.

    `secondary` maps identifiers to the directory of each secondary source, and the source.
    """
    settings = build.settings
    variables = {
        **_SHELL,
        **credentials,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": build.region,
        "AWS_REGION": build.region,
        "CI": "true",
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_ARN": build.arn,
        "CODEBUILD_BUILD_ID": build.id,
        "CODEBUILD_BUILD_IMAGE": settings["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(build.number),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_BUILD_URL": f"https://{build.region}.console.aws.amazon.com/codebuild/home?region={build.region}"
        f"#/builds/{build.id}/view/new",
        "CODEBUILD_INITIATOR": build.initiator,
        "CODEBUILD_KMS_KEY_ID": settings["encryptionKey"],
        "CODEBUILD_PROJECT_ARN": build.project_arn,
        "CODEBUILD_SRC_DIR": source,
        "CODEBUILD_START_TIME": str(start_milliseconds),
    }
    optional = {
        "CODEBUILD_LOG_PATH": build.log_stream,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": build.resolved_source_version,
        "CODEBUILD_SOURCE_VERSION": build.source_version,
        "CODEBUILD_SOURCE_REPO_URL": _repository(settings["source"]),
    }
    for name, (directory, secondary_source) in secondary.items():
        optional |= {
            f"CODEBUILD_SRC_DIR_{name}": directory,
            f"CODEBUILD_SOURCE_VERSION_{name}": secondary_source.version,
            f"CODEBUILD_SOURCE_REPO_URL_{name}": secondary_source.location,
        }
    return variables | {name: value for name, value in optional.items() if value}


def _repository(source: ProjectSourceTypeDef) -> str | None:
    """Return CODEBUILD_SOURCE_REPO_URL; "for Amazon S3, this is s3:// followed by the bucket name and path"."""
    location: str | None = source.get("location")
    return f"s3://{location.removeprefix('arn:aws:s3:::')}" if location and source["type"] == "S3" else location
