"""Wordings of refusals by service: error code and HTTP status.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html and each service's "Common Errors"
page; https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html for UnauthorizedOperation.
"""

from __future__ import annotations

from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.policy import Decision

# Query and REST-XML services answer AccessDenied (403); JSON services AccessDeniedException (400).
_QUERY = frozenset({"iam", "sts", "elbv2", "cloudwatch", "autoscaling", "rds", "cloudformation"})


def denial(service: str, decision: Decision) -> AwsError:
    """Return the error of a service (botocore's name) for a call that was not allowed."""
    message = decision.message
    if service == "secretsmanager" and decision.request.action.startswith("kms:"):
        return AwsError("AccessDeniedException", "Access to KMS is not allowed", 400)
    if service == "ec2":
        return AwsError("UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403)
    if service == "s3":
        resource = decision.request.resource
        return AwsError("AccessDenied", message.replace(f"resource: {resource}", f'resource: "{resource}"', 1), 403)
    if service == "sns":
        return AwsError("AuthorizationError", message.replace("sns:", "SNS:"), 403)
    if service == "sqs":
        return AwsError("AccessDenied", message, 403)
    if service in _QUERY:
        return AwsError("AccessDenied", message, 403)
    return AwsError("AccessDeniedException", message, 400)
