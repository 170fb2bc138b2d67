"""Shapes of the requests and answers that Lambda answers here.

https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Code(TypedDict, total=False):
    """The place of a function's code: a zip, an object in S3, or an image."""

    ZipFile: bytes
    S3Bucket: str
    S3Key: str
    S3ObjectVersion: str
    ImageUri: str


class CreateFunctionRequest(TypedDict, total=False):
    """The members of CreateFunction that are looked at here."""

    FunctionName: str
    Role: str
    Code: Code
    PackageType: str


class UpdateFunctionCodeRequest(Code, total=False):
    """The members of UpdateFunctionCode that are looked at here."""

    FunctionName: str
    DryRun: bool


class UpdateFunctionConfigurationRequest(TypedDict, total=False):
    """The members of UpdateFunctionConfiguration that are looked at here."""

    FunctionName: str
    Role: str


class DeleteFunctionRequest(TypedDict):
    """A function to delete, or one of its versions."""

    FunctionName: str
    Qualifier: NotRequired[str]


class InvokeRequest(TypedDict):
    """An invocation."""

    FunctionName: str
    InvocationType: NotRequired[str]
    LogType: NotRequired[str]
    ClientContext: NotRequired[str]
    Payload: NotRequired[bytes]
    Qualifier: NotRequired[str]


class InvokeAnswer(TypedDict, total=False):
    """The answer to an invocation."""

    StatusCode: int
    FunctionError: str
    LogResult: str
    Payload: bytes
    ExecutedVersion: str


class Variables(TypedDict, total=False):
    """A function's environment."""

    Variables: dict[str, str]


class ImageConfig(TypedDict, total=False):
    """Changes that a function makes to its image's configuration."""

    EntryPoint: list[str]
    Command: list[str]
    WorkingDirectory: str


class ImageConfigResponse(TypedDict, total=False):
    """The image configuration, as it is shown."""

    ImageConfig: ImageConfig


class LoggingConfig(TypedDict, total=False):
    """The place of a function's logs."""

    LogGroup: str


class VpcConfig(TypedDict, total=False):
    """The subnets and security groups of a function's network interfaces."""

    SubnetIds: list[str]
    SecurityGroupIds: list[str]


class Configuration(TypedDict, total=False):
    """A function's configuration, as GetFunction shows it."""

    FunctionName: str
    FunctionArn: str
    Runtime: str
    Role: str
    Handler: str
    Timeout: int
    MemorySize: int
    CodeSha256: str
    Version: str
    Environment: Variables
    PackageType: str
    ImageConfigResponse: ImageConfigResponse
    LoggingConfig: LoggingConfig
    VpcConfig: VpcConfig


class CodeLocation(TypedDict, total=False):
    """The place of the code, as GetFunction shows it."""

    ImageUri: str


class Described(TypedDict, total=False):
    """GetFunction's answer."""

    Configuration: Configuration
    Code: CodeLocation
