"""Unsigned calls: those that AWS answers without a signature, and public access to buckets.

Sources: https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html and API_Unsubscribe.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-auth-workflow-object-operation.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import ParsedCall
from pushproof.engines.policy import Decision, Effect
from pushproof.engines.policy.actions import Permission, Scope, requirement

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Ground

# These services decide by themselves: by a token, or by a role's trust policy.
_BY_ITSELF = frozenset(
    {
        ("sns", "ConfirmSubscription"),
        ("sns", "Unsubscribe"),
        ("sts", "AssumeRoleWithSAML"),
        ("sts", "AssumeRoleWithWebIdentity"),
    }
)
_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


class Anonymous:
    """Decides calls without a signature."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def authorise(self, call: ParsedCall, decide: Callable[[Permission], Decision], region: str) -> None:
        """Raise AwsError unless AWS would answer this call unsigned. `decide` evaluates the resource's own policy."""
        if (call.service, call.operation) in _BY_ITSELF:
            return
        if call.service != "s3":
            # The protocol decides between the two.
            json = call.protocol in ("json", "rest-json")
            code = "MissingAuthenticationTokenException" if json else "MissingAuthenticationToken"
            raise AwsError(
                code, "Missing Authentication Token" if json else "Request is missing Authentication Token", 403
            )
        needed = requirement(call.service, call.operation, call.parameters, Scope(region, self._ground.account_id))
        decisions = [decide(permission) for permission in needed.permissions]
        if decisions and all(decision.allowed for decision in decisions):
            return
        if any(decision.effect is Effect.EXPLICIT_DENY for decision in decisions) or not self._granted(call, region):
            raise AwsError("AccessDenied", "Access Denied", 403)

    def _granted(self, call: ParsedCall, region: str) -> bool:
        """Return whether an access control list lets the public read an object, or list a bucket."""
        client = self._ground.substrate.client("s3", region)
        bucket, key = str(call.parameters.get("Bucket")), str(call.parameters.get("Key"))
        try:
            if call.operation in ("GetObject", "HeadObject"):
                grants = client.get_object_acl(Bucket=bucket, Key=key)["Grants"]
            elif call.operation in ("ListObjects", "ListObjectsV2", "HeadBucket"):
                grants = client.get_bucket_acl(Bucket=bucket)["Grants"]
            else:
                return False
            if not any(
                grant["Grantee"].get("URI") == _EVERYBODY and grant["Permission"] in ("READ", "FULL_CONTROL")
                for grant in grants
            ):
                return False
        except ClientError:
            return False
        try:
            block = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        except ClientError:
            return True
        return not block.get("IgnorePublicAcls")
