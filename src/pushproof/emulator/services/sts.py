"""STS over the substrate's: only trusted principals can assume a role, and the authority registers every session."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Protocol

from pushproof.aws.arns import arn_of_root
from pushproof.emulator.access.keys import new_key
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.services import Handler, Service
from pushproof.engines.github import Claims, condition_keys
from pushproof.engines.policy import Kind, Policy, PolicyError, parse
from pushproof.engines.webidentity import (
    INVALID,
    NO_JWT,
    NOT_AUTHORIZED,
    Presented,
    Refused,
    Signature,
    accepted_audience,
    provider_path,
)

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


class Identities(Protocol):
    """Verification of tokens that identity providers issued."""

    def read(self, token: str) -> tuple[Presented, Claims]:
        """Return a token as it was presented, and its claims. Raises ValueError for what is no JSON Web Token."""


class StsService(Service):
    """AssumeRole, AssumeRoleWithWebIdentity, GetSessionToken and GetCallerIdentity; the substrate answers the rest."""

    overlay = True
    own_words = True
    # The substrate's keys are the same in every world, and public.
    refused = frozenset({"GetFederationToken"})

    def __init__(self, site: Site, name: str, *, authority: Authority, identities: Identities) -> None:
        super().__init__(site, name)
        self._authority = authority
        self._identities = identities

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
        """Exchange a token for a session of the role: the provider, the token, and last the role's trust policy decide."""
        attachments, role_arn, session_name = (
            self._authority.attachments,
            request["RoleArn"],
            request["RoleSessionName"],
        )
        policies = self._session_policies(request)
        settings = self.site.settings
        try:
            presented, claims = self._identities.read(request["WebIdentityToken"])
        except ValueError:
            if settings.open:
                # An open world takes any credential, as it takes any key.
                return self._unverified(context, request)
            raise AwsError(INVALID, NO_JWT, 400) from None
        if settings.open and presented.signature is not Signature.VALID:
            return self._unverified(context, request)
        provider = (
            f"{arn_of_root(context.account_id).removesuffix('root')}oidc-provider/{provider_path(presented.issuer)}"
        )
        now = self.site.clock.stamp(self.site.clock.now()).timestamp()
        try:
            audience = accepted_audience(presented, attachments.client_ids(provider), now)
        except Refused as refused:
            raise AwsError(refused.code, str(refused), 400) from None
        duration = request.get("DurationSeconds", 3600)
        keys = {
            **condition_keys({**claims, "aud": audience}, presented.issuer),
            "sts:RoleSessionName": (session_name,),
            "sts:DurationSeconds": (str(duration),),
        }
        role = attachments.role(role_arn)
        if role is None or not (
            not settings.enforce_iam or self._authority.trusts_identity(role_arn, presented.subject, provider, keys)
        ):
            raise AwsError("AccessDenied", NOT_AUTHORIZED, 403)
        if duration > role.longest_session:
            raise AwsError(
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                400,
            )
        opened = self.ask(
            context,
            "assume_role",
            {"RoleArn": role_arn, "RoleSessionName": session_name, "DurationSeconds": duration},
        )
        self._authority.opened(opened["Credentials"], role_arn, session_name, policies=policies, provider=provider)
        return {
            "Credentials": opened["Credentials"],
            "SubjectFromWebIdentityToken": presented.subject,
            "AssumedRoleUser": {
                "AssumedRoleId": f"{role.unique_id}:{session_name}",
                "Arn": opened["AssumedRoleUser"]["Arn"],
            },
            "Provider": provider,
            "Audience": audience,
        }

    def _unverified(
        self, context: RequestContext, request: AssumeRoleWithWebIdentityRequest
    ) -> AssumeRoleWithWebIdentityAnswer:
        answer: AssumeRoleWithWebIdentityAnswer = self.ask(context, "assume_role_with_web_identity", request)
        return answer

    def assume_role_with_saml(
        self, context: RequestContext, request: AssumeRoleWithSAMLRequest
    ) -> AssumeRoleWithSAMLAnswer:
        words = (
            "The SAML assertion cannot be verified: this world has no identity provider's keys to check it with. Assume "
            "the role with AssumeRole, or open the world to any key (--open)."
        )
        raise AwsError("InvalidIdentityToken", words, 400)

    def handler(self, operation: str) -> Handler | None:
        if self.site.settings.open and operation == "AssumeRoleWithSAML":
            return None
        return super().handler(operation)

    def _session_policies(
        self, request: AssumeRoleRequest | AssumeRoleWithWebIdentityRequest
    ) -> tuple[Policy, ...] | None:
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
