"""boto3 clients by the name of their service, with the types of types-boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypedDict, Unpack, overload

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from types_boto3_acm.client import ACMClient
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_codebuild.client import CodeBuildClient
    from types_boto3_codeconnections.client import CodeConnectionsClient
    from types_boto3_codedeploy.client import CodeDeployClient
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
    from types_boto3_route53.client import Route53Client
    from types_boto3_s3.client import S3Client
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sns.client import SNSClient
    from types_boto3_sqs.client import SQSClient
    from types_boto3_ssm.client import SSMClient
    from types_boto3_sts.client import STSClient

    from pushproof.emulator.kernel.context import Credentials

    class LambdaClient(BaseClient):
        """The methods of Lambda's client that are called here."""

        def get_function(self, **request: str) -> dict[str, object]:
            """Return a function and the place of its code."""

        def get_function_configuration(self, **request: str) -> dict[str, object]:
            """Return a function's configuration."""

        def invoke(self, **request: str | bytes) -> dict[str, object]:
            """Invoke a function."""


class SubstrateClient(Protocol):
    """Makes a client of a service in a region."""

    @overload
    def __call__(self, service: Literal["acm"], region: str) -> ACMClient: ...
    @overload
    def __call__(self, service: Literal["application-autoscaling"], region: str) -> ApplicationAutoScalingClient: ...
    @overload
    def __call__(self, service: Literal["cloudwatch"], region: str) -> CloudWatchClient: ...
    @overload
    def __call__(self, service: Literal["codebuild"], region: str) -> CodeBuildClient: ...
    @overload
    def __call__(self, service: Literal["codeconnections"], region: str) -> CodeConnectionsClient: ...
    @overload
    def __call__(self, service: Literal["codedeploy"], region: str) -> CodeDeployClient: ...
    @overload
    def __call__(self, service: Literal["codepipeline"], region: str) -> CodePipelineClient: ...
    @overload
    def __call__(self, service: Literal["codestar-connections"], region: str) -> CodeStarconnectionsClient: ...
    @overload
    def __call__(self, service: Literal["dynamodb"], region: str) -> DynamoDBClient: ...
    @overload
    def __call__(self, service: Literal["ec2"], region: str) -> EC2Client: ...
    @overload
    def __call__(self, service: Literal["ecr"], region: str) -> ECRClient: ...
    @overload
    def __call__(self, service: Literal["ecs"], region: str) -> ECSClient: ...
    @overload
    def __call__(self, service: Literal["elbv2"], region: str) -> ElasticLoadBalancingv2Client: ...
    @overload
    def __call__(self, service: Literal["events"], region: str) -> EventBridgeClient: ...
    @overload
    def __call__(self, service: Literal["iam"], region: str) -> IAMClient: ...
    @overload
    def __call__(self, service: Literal["kms"], region: str) -> KMSClient: ...
    @overload
    def __call__(self, service: Literal["lambda"], region: str) -> LambdaClient: ...
    @overload
    def __call__(self, service: Literal["logs"], region: str) -> CloudWatchLogsClient: ...
    @overload
    def __call__(self, service: Literal["resourcegroupstaggingapi"], region: str) -> ResourceGroupsTaggingAPIClient: ...
    @overload
    def __call__(self, service: Literal["route53"], region: str) -> Route53Client: ...
    @overload
    def __call__(self, service: Literal["s3"], region: str) -> S3Client: ...
    @overload
    def __call__(self, service: Literal["secretsmanager"], region: str) -> SecretsManagerClient: ...
    @overload
    def __call__(self, service: Literal["sns"], region: str) -> SNSClient: ...
    @overload
    def __call__(self, service: Literal["sqs"], region: str) -> SQSClient: ...
    @overload
    def __call__(self, service: Literal["ssm"], region: str) -> SSMClient: ...
    @overload
    def __call__(self, service: Literal["sts"], region: str) -> STSClient: ...
    @overload
    def __call__(self, service: str, region: str) -> BaseClient: ...


class ClientOptions(TypedDict, total=False):
    """Region and credentials of a client."""

    region: str | None
    credentials: Credentials | None


class PlaneClient(Protocol):
    """Makes a client of a service; without credentials it acts as AWS itself inside its own services."""

    @overload
    def __call__(self, service: Literal["acm"], **options: Unpack[ClientOptions]) -> ACMClient: ...
    @overload
    def __call__(
        self, service: Literal["application-autoscaling"], **options: Unpack[ClientOptions]
    ) -> ApplicationAutoScalingClient: ...
    @overload
    def __call__(self, service: Literal["cloudwatch"], **options: Unpack[ClientOptions]) -> CloudWatchClient: ...
    @overload
    def __call__(self, service: Literal["codebuild"], **options: Unpack[ClientOptions]) -> CodeBuildClient: ...
    @overload
    def __call__(
        self, service: Literal["codeconnections"], **options: Unpack[ClientOptions]
    ) -> CodeConnectionsClient: ...
    @overload
    def __call__(self, service: Literal["codedeploy"], **options: Unpack[ClientOptions]) -> CodeDeployClient: ...
    @overload
    def __call__(self, service: Literal["codepipeline"], **options: Unpack[ClientOptions]) -> CodePipelineClient: ...
    @overload
    def __call__(
        self, service: Literal["codestar-connections"], **options: Unpack[ClientOptions]
    ) -> CodeStarconnectionsClient: ...
    @overload
    def __call__(self, service: Literal["dynamodb"], **options: Unpack[ClientOptions]) -> DynamoDBClient: ...
    @overload
    def __call__(self, service: Literal["ec2"], **options: Unpack[ClientOptions]) -> EC2Client: ...
    @overload
    def __call__(self, service: Literal["ecr"], **options: Unpack[ClientOptions]) -> ECRClient: ...
    @overload
    def __call__(self, service: Literal["ecs"], **options: Unpack[ClientOptions]) -> ECSClient: ...
    @overload
    def __call__(self, service: Literal["elbv2"], **options: Unpack[ClientOptions]) -> ElasticLoadBalancingv2Client: ...
    @overload
    def __call__(self, service: Literal["events"], **options: Unpack[ClientOptions]) -> EventBridgeClient: ...
    @overload
    def __call__(self, service: Literal["iam"], **options: Unpack[ClientOptions]) -> IAMClient: ...
    @overload
    def __call__(self, service: Literal["kms"], **options: Unpack[ClientOptions]) -> KMSClient: ...
    @overload
    def __call__(self, service: Literal["lambda"], **options: Unpack[ClientOptions]) -> LambdaClient: ...
    @overload
    def __call__(self, service: Literal["logs"], **options: Unpack[ClientOptions]) -> CloudWatchLogsClient: ...
    @overload
    def __call__(
        self, service: Literal["resourcegroupstaggingapi"], **options: Unpack[ClientOptions]
    ) -> ResourceGroupsTaggingAPIClient: ...
    @overload
    def __call__(self, service: Literal["s3"], **options: Unpack[ClientOptions]) -> S3Client: ...
    @overload
    def __call__(
        self, service: Literal["secretsmanager"], **options: Unpack[ClientOptions]
    ) -> SecretsManagerClient: ...
    @overload
    def __call__(self, service: Literal["sns"], **options: Unpack[ClientOptions]) -> SNSClient: ...
    @overload
    def __call__(self, service: Literal["sqs"], **options: Unpack[ClientOptions]) -> SQSClient: ...
    @overload
    def __call__(self, service: Literal["ssm"], **options: Unpack[ClientOptions]) -> SSMClient: ...
    @overload
    def __call__(self, service: Literal["sts"], **options: Unpack[ClientOptions]) -> STSClient: ...
    @overload
    def __call__(self, service: str, **options: Unpack[ClientOptions]) -> BaseClient: ...
