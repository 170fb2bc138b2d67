"""A certificate named by its ARN. It must exist and be issued before anything is created that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.aws.arns import region_of
from pushproof.base.target import TargetUnavailable

if TYPE_CHECKING:
    from pushproof.aws.clients import Clients


def require_issued(client: Clients, arn: str, region: str) -> None:
    """Raise TargetUnavailable, with the remedy, unless the certificate is ISSUED and in the load balancer's region.

    Source: https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
    """
    otherwise = "or unset PUSHPROOF_SANDBOX_CERTIFICATE_ARN: the run then imports a self-signed certificate."
    if region_of(arn) != region:
        raise TargetUnavailable(
            f"the certificate {arn} is in {arn.split(':')[3]}; a load balancer needs a certificate of its own "
            f"region, {region}. "
            f"Name one from there, {otherwise}"
        )
    try:
        status = client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
    except (ClientError, BotoCoreError) as error:
        raise TargetUnavailable(
            f"the certificate {arn} cannot be read: {error}. Set PUSHPROOF_SANDBOX_CERTIFICATE_ARN to a certificate "
            f"that exists, {otherwise}"
        ) from error
    if status != "ISSUED":
        raise TargetUnavailable(
            f"the certificate {arn} is {status}, not ISSUED: no listener can use it. Complete its validation in "
            f"ACM, {otherwise}"
        )
