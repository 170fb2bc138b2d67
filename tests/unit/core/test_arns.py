"""ARNs, made and read.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import pytest

from pushproof.aws.arns import account_of, arn_of, arn_of_bucket, arn_of_role, arn_of_root, region_of, resource_of

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        (arn_of("sns", "topic", region="eu-west-1", account=ACCOUNT), f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic"),
        (arn_of_bucket("store"), "arn:aws:s3:::store"),
        (arn_of_bucket("store", "a/b.zip"), "arn:aws:s3:::store/a/b.zip"),
        (arn_of_role(ACCOUNT, "team/deploy"), f"arn:aws:iam::{ACCOUNT}:role/team/deploy"),
        (arn_of_root(ACCOUNT), f"arn:aws:iam::{ACCOUNT}:root"),
    ],
)
def test_arns_have_awss_six_parts(arn: str, text: str) -> None:
    """Global services leave region or account empty, and keep the colons."""
    assert arn == text


@pytest.mark.parametrize(
    ("arn", "parts"),
    [
        (f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/a:*", ("eu-west-1", ACCOUNT, "log-group:/a:*")),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/x", ("", ACCOUNT, "role/x")),
        ("arn:aws:s3:::store/a:b", ("", "", "store/a:b")),
        ("store", ("", "", "")),
        ("a:b:c:d:e:f", ("", "", "")),
        ("arn:aws:sns", ("", "", "")),
    ],
)
def test_the_parts_of_an_arn_are_read(arn: str, parts: tuple[str, str, str]) -> None:
    """Colons in the resource are its own; what is no ARN has no parts."""
    assert (region_of(arn), account_of(arn), resource_of(arn)) == parts
