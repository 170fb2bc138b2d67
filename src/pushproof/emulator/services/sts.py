"""STS over the substrate's: only trusted principals can assume a role, and the authority registers every session."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pushproof.emulator.access.keys import new_key
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.services import Handler, Service
from pushproof.engines.policy import Kind, Policy, PolicyError, parse

if TYPE_CHECKING:
    from pushproof.emulator.access.authority import Authority
    from pushproof.emulator.kernel.shapes.sts import (
        AssumeRoleAnswer,
        AssumeRoleRequest,
        AssumeRoleWithSAMLAnswer,
        AssumeRoleWithSAMLRequest,
        AssumeRoleWithWebIdentityAnswer,
        AssumeRoleWithWebIdentityRequest,
        GetCallerIdentityAnswer,
        GetCallerIdentityRequest,
        GetSessionTokenAnswer,
        GetSessionTokenRequest,
    )
    from pushproof.emulator.kernel.site import Site


class StsService(Service):
    """AssumeRole, GetSessionToken and GetCallerIdentity; the substrate answers the rest."""

    overlay = True
    own_words = True
    # The substrate's keys are the same in every world, and public.
    refused = frozenset({"GetFederationToken"})

    def __init__(self, site: Site, name: str, *, authority: Authority) -> None:
        super().__init__(site, name)
        self._authority = authority

    def assume_role(self, context: RequestContext, request: AssumeRoleRequest) -> AssumeRoleAnswer:
        # The caller's permission, and the role's trust in it, were decided when the call was authorised.
        policies = self._session_policies(request)
        answer: AssumeRoleAnswer = self.ask(context, "assume_role", request)
        role = self._authority.attachments.role(request["RoleArn"])
        if role is not None:
            answer["AssumedRoleUser"]["AssumedRoleId"] = f"{role.unique_id}:{request['RoleSessionName']}"
        self._authority.opened(answer["Credentials"], request["RoleArn"], request["RoleSessionName"], policies=policies)
        return answer

    def get_caller_identity(
        self, context: RequestContext, request: GetCallerIdentityRequest
    ) -> GetCallerIdentityAnswer:
        """Return the caller, under the one name that refusals, `createdBy` and policies use."""
        caller, _policies = self._authority.bearing(context.principal)
        userid = caller.userid or context.account_id
        return {"UserId": userid, "Account": context.account_id, "Arn": context.principal.arn}

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        check_limits("sts", context.operation, request)

    def get_session_token(self, context: RequestContext, request: GetSessionTokenRequest) -> GetSessionTokenAnswer:
        answer: GetSessionTokenAnswer = self.ask(context, "get_session_token", request)
        if not self.site.settings.open:
            # The substrate's are the same in every world, and public.
            keys = new_key("ASIA")
            answer["Credentials"] |= {
                "AccessKeyId": keys.access_key_id,
                "SecretAccessKey": keys.secret_access_key,
                "SessionToken": secrets.token_urlsafe(128),
            }
        self._authority.same(answer["Credentials"], context.principal)
        return answer

    def assume_role_with_web_identity(
        self, context: RequestContext, request: AssumeRoleWithWebIdentityRequest
    ) -> AssumeRoleWithWebIdentityAnswer:
        raise self._unverified("web identity token")

    def assume_role_with_saml(
        self, context: RequestContext, request: AssumeRoleWithSAMLRequest
    ) -> AssumeRoleWithSAMLAnswer:
        raise self._unverified("SAML assertion")

    def handler(self, operation: str) -> Handler | None:
        if self.site.settings.open and operation in ("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"):
            return None
        return super().handler(operation)

    @staticmethod
    def _unverified(what: str) -> AwsError:
        words = (
            f"The {what} cannot be verified: this world has no identity provider's keys to check it with. Assume "
            f"the role with AssumeRole, or open the world to any key (--open)."
        )
        return AwsError("InvalidIdentityToken", words, 400)

    def _session_policies(self, request: AssumeRoleRequest) -> tuple[Policy, ...] | None:
        """Return the policies passed with the request; None if there are none, which limits nothing."""
        inline = request.get("Policy")
        arns = [item["arn"] for item in request.get("PolicyArns") or () if "arn" in item]
        if not inline and not arns:
            return None
        out = []
        if inline:
            try:
                out.append(parse(inline, Kind.SESSION, name="session policy"))
            except PolicyError as error:
                raise AwsError("MalformedPolicyDocument", str(error)) from error
        for arn in arns:
            policy = self._authority.attachments.managed(arn, Kind.SESSION)
            if policy is None:
                raise AwsError("ValidationError", f"The policy {arn} does not exist.")
            out.append(policy)
        return tuple(out)
