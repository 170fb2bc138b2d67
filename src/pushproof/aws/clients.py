"""boto3 clients by the name of their service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, overload

from boto3.session import Session

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from types_boto3_acm.client import ACMClient
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_codebuild.client import CodeBuildClient
    from types_boto3_codeconnections.client import CodeConnectionsClient
    from types_boto3_codepipeline.client import CodePipelineClient
    from types_boto3_codestar_connections.client import CodeStarconnectionsClient
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_ec2.client import EC2Client
    from types_boto3_ecr.client import ECRClient
    from types_boto3_ecs.client import ECSClient
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_iam.client import IAMClient
    from types_boto3_kms.client import KMSClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_resourcegroupstaggingapi.client import ResourceGroupsTaggingAPIClient
    from types_boto3_s3.client import S3Client
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sns.client import SNSClient
    from types_boto3_sqs.client import SQSClient
    from types_boto3_ssm.client import SSMClient
    from types_boto3_sts.client import STSClient


class Clients(Protocol):
    """A function that returns a boto3 client by the name of its service, as `boto3.Session().client` does."""

    @overload
    def __call__(self, service: Literal["acm"], /) -> ACMClient: ...
    @overload
    def __call__(self, service: Literal["application-autoscaling"], /) -> ApplicationAutoScalingClient: ...
    @overload
    def __call__(self, service: Literal["cloudwatch"], /) -> CloudWatchClient: ...
    @overload
    def __call__(self, service: Literal["codebuild"], /) -> CodeBuildClient: ...
    @overload
    def __call__(self, service: Literal["codeconnections"], /) -> CodeConnectionsClient: ...
    @overload
    def __call__(self, service: Literal["codepipeline"], /) -> CodePipelineClient: ...
    @overload
    def __call__(self, service: Literal["codestar-connections"], /) -> CodeStarconnectionsClient: ...
    @overload
    def __call__(self, service: Literal["dynamodb"], /) -> DynamoDBClient: ...
    @overload
    def __call__(self, service: Literal["ec2"], /) -> EC2Client: ...
    @overload
    def __call__(self, service: Literal["ecr"], /) -> ECRClient: ...
    @overload
    def __call__(self, service: Literal["ecs"], /) -> ECSClient: ...
    @overload
    def __call__(self, service: Literal["elbv2"], /) -> ElasticLoadBalancingv2Client: ...
    @overload
    def __call__(self, service: Literal["events"], /) -> EventBridgeClient: ...
    @overload
    def __call__(self, service: Literal["iam"], /) -> IAMClient: ...
    @overload
    def __call__(self, service: Literal["kms"], /) -> KMSClient: ...
    @overload
    def __call__(self, service: Literal["logs"], /) -> CloudWatchLogsClient: ...
    @overload
    def __call__(self, service: Literal["resourcegroupstaggingapi"], /) -> ResourceGroupsTaggingAPIClient: ...
    @overload
    def __call__(self, service: Literal["s3"], /) -> S3Client: ...
    @overload
    def __call__(self, service: Literal["secretsmanager"], /) -> SecretsManagerClient: ...
    @overload
    def __call__(self, service: Literal["sns"], /) -> SNSClient: ...
    @overload
    def __call__(self, service: Literal["sqs"], /) -> SQSClient: ...
    @overload
    def __call__(self, service: Literal["ssm"], /) -> SSMClient: ...
    @overload
    def __call__(self, service: Literal["sts"], /) -> STSClient: ...
    @overload
    def __call__(self, service: str, /) -> BaseClient: ...


def make_client(session: Session, service: str, **settings: Any) -> Any:
    """Return a boto3 client of `service`.

    boto3's type stubs derive the client's type from the literal name of its service, and here the name is a value. Callers annotate
    the result with the stubs' client type.

    Raises:
        botocore.exceptions.UnknownServiceError: boto3 has no such service.
    """
    return cast(Any, session).client(service, **settings)
