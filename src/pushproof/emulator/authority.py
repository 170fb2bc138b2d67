"""Who may do what: the decision on every call that passes the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.context import Credentials, Principal
from pushproof.emulator.protocol import ParsedCall

if TYPE_CHECKING:
    from pushproof.emulator.world import World


class Authority:
    """Knows the principal behind an access key, and decides calls."""

    def __init__(self, world: World) -> None:
        self._world = world

    def principal(self, access_key_id: str | None) -> Principal:
        """The principal of an access key; a key that nobody issued is the account's administrator."""
        account = self._world.account_id
        kind = "plane" if access_key_id == self._world.plane_key else "account"
        return Principal(kind, f"arn:aws:iam::{account}:root", account, access_key_id or "")  # type: ignore[arg-type]

    def authorise(self, principal: Principal, call: ParsedCall, region: str) -> None:
        """Raise AwsError, worded as the service words it, when the principal may not make this call."""

    def assume(
        self, role_arn: str, service_principal: str, session_name: str, *, source_arn: str | None = None
    ) -> Credentials:
        """Credentials of a role for an AWS service. Raises AwsError (AccessDenied) when its trust policy refuses."""
        answer = self._world.substrate.client("sts", self._world.region).assume_role(
            RoleArn=role_arn, RoleSessionName=session_name
        )["Credentials"]
        return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
