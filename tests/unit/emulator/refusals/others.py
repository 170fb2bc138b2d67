"""Refusals of the smaller services: buckets, keys, secrets, queues, topics, logs, certificates, tables, parameters."""

from __future__ import annotations

from typing import Any

from tests.unit.emulator.refusals.rows import Refusal, Service
from tests.unit.emulator.refusals.scene import Scene

_DOCS = "https://docs.aws.amazon.com"
_MISSING_KEY = "11111111-2222-3333-4444-555555555555"


def _table(scene: Scene, **more: Any) -> dict[str, Any]:
    return {
        "TableName": scene.name("table"),
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def _metric_filter(scene: Scene, filterPattern: str = "ERROR", **metric: Any) -> dict[str, Any]:
    transformation = {"metricName": "errors", "metricNamespace": "shop", "metricValue": "1", **metric}
    return {
        "logGroupName": scene.log_group,
        "filterName": "errors",
        "filterPattern": filterPattern,
        "metricTransformations": [transformation],
    }


def _filled_bucket(scene: Scene) -> str:
    scene.s3.put_object(Bucket=scene.bucket, Key="k", Body=b"x")
    return scene.bucket


def _pending_key(scene: Scene) -> str:
    scene.kms.schedule_key_deletion(KeyId=scene.key, PendingWindowInDays=7)
    return scene.key


def _alias(scene: Scene) -> dict[str, Any]:
    sent = {"AliasName": f"alias/{scene.name('alias')}", "TargetKeyId": scene.key}
    scene.kms.create_alias(**sent)
    return sent


S3 = (
    Refusal("CreateBucket", "a name that is not allowed", "InvalidBucketName",
            lambda a: (a.s3.create_bucket,
                       {"Bucket": "No_Capitals", "CreateBucketConfiguration": {"LocationConstraint": a.region}})),
    Refusal("CreateBucket", "a name that the account has already", "BucketAlreadyOwnedByYou",
            lambda a: (a.s3.create_bucket,
                       {"Bucket": a.bucket, "CreateBucketConfiguration": {"LocationConstraint": a.region}})),
    Refusal("CreateBucket", "no location outside us-east-1", "IllegalLocationConstraintException",
            lambda a: (a.s3.create_bucket, {"Bucket": a.name("bucket")})),
    Refusal("DeleteBucket", "a bucket that holds objects", "BucketNotEmpty",
            lambda a: (a.s3.delete_bucket, {"Bucket": _filled_bucket(a)})),
    Refusal("DeleteBucket", "a bucket that does not exist", "NoSuchBucket",
            lambda a: (a.s3.delete_bucket, {"Bucket": "no-such-bucket"})),
    Refusal("PutBucketReplication", "a source without versioning", "InvalidRequest",
            lambda a: (a.s3.put_bucket_replication,
                       {"Bucket": a.bucket, "ReplicationConfiguration": {"Role": a.role, "Rules": [
                           {"Status": "Enabled", "Prefix": "", "Destination": {
                               "Bucket": f"arn:aws:s3:::{a.new_bucket()}"}}]}})),
    Refusal("GetBucketMetricsConfiguration", "a configuration that does not exist", "NoSuchConfiguration",
            lambda a: (a.s3.get_bucket_metrics_configuration, {"Bucket": a.bucket, "Id": "i"})),
    Refusal("PutBucketRequestPayment", "a payer that does not exist", "MalformedXML",
            lambda a: (a.s3.put_bucket_request_payment,
                       {"Bucket": a.bucket, "RequestPaymentConfiguration": {"Payer": "Nobody"}})),
    Refusal("GetObject", "an object that does not exist", "NoSuchKey",
            lambda a: (a.s3.get_object, {"Bucket": a.bucket, "Key": "none"})),
)  # fmt: skip

KMS = (
    Refusal("DescribeKey", "a key that does not exist", "NotFoundException",
            lambda a: (a.kms.describe_key, {"KeyId": _MISSING_KEY})),
    Refusal("CreateAlias", "an alias that exists", "AlreadyExistsException", lambda a: (a.kms.create_alias, _alias(a))),
    Refusal("CreateAlias", "an alias of AWS's", "NotAuthorizedException",
            lambda a: (a.kms.create_alias, {"AliasName": "alias/aws/mine", "TargetKeyId": a.key})),
    Refusal("CreateAlias", "a key that does not exist", "NotFoundException",
            lambda a: (a.kms.create_alias, {"AliasName": "alias/x", "TargetKeyId": _MISSING_KEY})),
    Refusal("ScheduleKeyDeletion", "a key that is pending deletion", "KMSInvalidStateException",
            lambda a: (a.kms.schedule_key_deletion, {"KeyId": _pending_key(a)})),
    Refusal("ScheduleKeyDeletion", "a window of less than seven days", "ValidationException",
            lambda a: (a.kms.schedule_key_deletion, {"KeyId": a.key, "PendingWindowInDays": 6})),
    Refusal("Encrypt", "a key that is pending deletion", "KMSInvalidStateException",
            lambda a: (a.kms.encrypt, {"KeyId": _pending_key(a), "Plaintext": b"x"})),
)  # fmt: skip

SECRETS = (
    Refusal("CreateSecret", "a name that exists", "ResourceExistsException",
            lambda a: (a.secretsmanager.create_secret,
                       {"Name": a.secretsmanager.describe_secret(SecretId=a.secret)["Name"], "SecretString": "s"})),
    Refusal("GetSecretValue", "a secret that does not exist", "ResourceNotFoundException",
            lambda a: (a.secretsmanager.get_secret_value, {"SecretId": "none"})),
    Refusal("CreateSecret", "a name with letters that are not allowed", "ValidationException",
            lambda a: (a.secretsmanager.create_secret, {"Name": "a name?", "SecretString": "s"})),
    Refusal("DeleteSecret", "a recovery window of less than seven days", "InvalidParameterException",
            lambda a: (a.secretsmanager.delete_secret, {"SecretId": a.secret, "RecoveryWindowInDays": 6})),
)  # fmt: skip

LOGS = (
    Refusal("CreateLogGroup", "a name that exists", "ResourceAlreadyExistsException",
            lambda a: (a.logs.create_log_group, {"logGroupName": a.log_group})),
    Refusal("CreateLogGroup", "a name with letters that are not allowed", "InvalidParameterException",
            lambda a: (a.logs.create_log_group, {"logGroupName": "a group?"})),
    Refusal("PutRetentionPolicy", "a number of days that CloudWatch does not offer", "InvalidParameterException",
            lambda a: (a.logs.put_retention_policy, {"logGroupName": a.log_group, "retentionInDays": 2})),
    Refusal("PutRetentionPolicy", "a group that does not exist", "ResourceNotFoundException",
            lambda a: (a.logs.put_retention_policy, {"logGroupName": "none", "retentionInDays": 7})),
    Refusal("CreateLogStream", "a group that does not exist", "ResourceNotFoundException",
            lambda a: (a.logs.create_log_stream, {"logGroupName": "none", "logStreamName": "s"})),
    Refusal("DeleteLogGroup", "a group that does not exist", "ResourceNotFoundException",
            lambda a: (a.logs.delete_log_group, {"logGroupName": "none"})),
    Refusal("FilterLogEvents", "a pattern that is none", "InvalidParameterException",
            lambda a: (a.logs.filter_log_events, {"logGroupName": a.log_group, "filterPattern": "{ $.a"}),
            "If a filter pattern starts with '{' it must end with '}'",
            "https://github.com/jorgebastida/awslogs/issues/210"),
    Refusal("FilterLogEvents", "a stream that does not exist", "ResourceNotFoundException",
            lambda a: (a.logs.filter_log_events, {"logGroupName": a.log_group, "logStreamNames": ["none"]}),
            source="https://github.com/percona/rds_exporter/issues/81"),
    Refusal("PutMetricFilter", "a pattern that is none", "InvalidParameterException",
            lambda a: (a.logs.put_metric_filter, _metric_filter(a, filterPattern="{ $.a }")),
            "Invalid metric filter pattern"),
    Refusal("PutMetricFilter", "dimensions of words", "InvalidParameterException",
            lambda a: (a.logs.put_metric_filter, _metric_filter(a, dimensions={"Level": "$.level"})),
            "The specified filter pattern does not support dimensions",
            "https://github.com/hashicorp/terraform-provider-aws/issues/28881"),
    Refusal("PutSubscriptionFilter", "a stream without a role", "InvalidParameterException",
            lambda a: (a.logs.put_subscription_filter,
                       {"logGroupName": a.log_group, "filterName": "f", "filterPattern": "",
                        "destinationArn": f"arn:aws:kinesis:{a.region}:{a.account}:stream/none"}),
            "destinationArn for vendor kinesis cannot be used without roleArn"),
)  # fmt: skip

DYNAMODB = (
    Refusal("CreateTable", "a name that exists", "ResourceInUseException",
            lambda a: (a.dynamodb.create_table, _table(a, TableName=a.table_name))),
    Refusal("CreateTable", "a key that is no attribute", "ValidationException",
            lambda a: (a.dynamodb.create_table,
                       _table(a, KeySchema=[{"AttributeName": "other", "KeyType": "HASH"}]))),
    Refusal("CreateTable", "capacity for a table that is paid by request", "ValidationException",
            lambda a: (a.dynamodb.create_table,
                       _table(a, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}))),
    Refusal("DeleteTable", "a table that does not exist", "ResourceNotFoundException",
            lambda a: (a.dynamodb.delete_table, {"TableName": "none"})),
)  # fmt: skip

SSM = (
    Refusal("PutParameter", "a name that exists, without overwriting", "ParameterAlreadyExists",
            lambda a: (a.ssm.put_parameter, {"Name": a.parameter, "Value": "w", "Type": "String"})),
    Refusal("PutParameter", "a name that begins with aws", "ValidationException",
            lambda a: (a.ssm.put_parameter, {"Name": "awsthing", "Value": "w", "Type": "String"})),
    Refusal("PutParameter", "a value of more than 4 KB", "ValidationException",
            lambda a: (a.ssm.put_parameter, {"Name": "/x", "Value": "w" * 4097, "Type": "String"})),
    Refusal("GetParameter", "a parameter that does not exist", "ParameterNotFound",
            lambda a: (a.ssm.get_parameter, {"Name": "none"})),
)  # fmt: skip

ACM = (
    Refusal("DescribeCertificate", "a certificate that does not exist", "ResourceNotFoundException",
            lambda a: (a.acm.describe_certificate,
                       {"CertificateArn": f"arn:aws:acm:{a.region}:{a.account}:certificate/{_MISSING_KEY}"})),
    Refusal("RequestCertificate", "what is no domain", "ValidationException",
            lambda a: (a.acm.request_certificate, {"DomainName": "no domain"})),
)  # fmt: skip

SERVICES = (
    Service("s3", "S3: buckets", f"{_DOCS}/AmazonS3/latest/API/ErrorResponses.html", S3),
    Service("kms", "KMS", f"{_DOCS}/kms/latest/APIReference/API_Operations.html", KMS),
    Service(
        "secretsmanager", "Secrets Manager", f"{_DOCS}/secretsmanager/latest/apireference/API_Operations.html", SECRETS
    ),
    Service("logs", "CloudWatch Logs", f"{_DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html", LOGS),
    Service("dynamodb", "DynamoDB", f"{_DOCS}/amazondynamodb/latest/APIReference/API_Operations.html", DYNAMODB),
    Service(
        "ssm", "Systems Manager: parameters", f"{_DOCS}/systems-manager/latest/APIReference/API_PutParameter.html", SSM
    ),
    Service("acm", "Certificate Manager", f"{_DOCS}/acm/latest/APIReference/API_Operations.html", ACM),
)
ROWS = tuple(row for service in SERVICES for row in service.rows)
