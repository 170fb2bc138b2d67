"""IAM over the substrate's: its refusals, and its policy simulator.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushproof.aws.arns import account_of, resource_of
from pushproof.emulator.access.attachments import Identity
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import page_of
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.services import Service
from pushproof.emulator.services.iam.names import check_names
from pushproof.emulator.services.iam.refusals import Refusals
from pushproof.engines import policy as engine
from pushproof.engines.policy import Kind, Policy, PolicyError, SourceType, parse

if TYPE_CHECKING:
    from types_boto3_iam.type_defs import EvaluationResultTypeDef

    from pushproof.emulator.access.authority import Authority
    from pushproof.emulator.kernel.shapes.iam import (
        GetContextKeysForCustomPolicyAnswer,
        GetContextKeysForCustomPolicyRequest,
        GetContextKeysForPrincipalPolicyAnswer,
        GetContextKeysForPrincipalPolicyRequest,
        GetUserAnswer,
        GetUserRequest,
        SimulateCustomPolicyAnswer,
        SimulateCustomPolicyRequest,
        SimulatePrincipalPolicyAnswer,
        SimulatePrincipalPolicyRequest,
    )
    from pushproof.emulator.kernel.site import Site


class IamService(Service):
    """SimulatePrincipalPolicy, SimulateCustomPolicy and the listing of context keys; the substrate answers the rest."""

    overlay = True
    own_words = True

    def __init__(self, site: Site, name: str, *, authority: Authority) -> None:
        super().__init__(site, name)
        self._authority = authority
        self._refusals = Refusals(site, authority.attachments)

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        check_names(context.operation, request)
        check_limits("iam", context.operation, request, echo=False)
        self._refusals.check(context, request)

    def get_user(self, context: RequestContext, request: GetUserRequest) -> GetUserAnswer:
        """Return the user of that name, or by default the caller. The account's root user is in no list, and is answered here."""
        name = request.get("UserName")
        if not name and context.principal.kind in ("account", "plane"):
            account = context.account_id
            created = self.site.clock.stamp(0)
            root = {"UserId": account, "Arn": context.principal.arn, "CreateDate": created}
            # The model requires a path and a name, and the root user has neither.
            return {"User": root}  # type: ignore[typeddict-item]
        answer: GetUserAnswer = self.ask(
            context, "GetUser", {"UserName": name or context.principal.arn.rsplit("/", 1)[-1]}
        )
        return answer

    def simulate_principal_policy(
        self, context: RequestContext, request: SimulatePrincipalPolicyRequest
    ) -> SimulatePrincipalPolicyAnswer:
        source = request["PolicySourceArn"]
        identity = self._identity(source)
        boundary = self._inputs(
            request.get("PermissionsBoundaryPolicyInputList"), "PermissionsBoundaryPolicyInputList", Kind.BOUNDARY
        )
        policies = engine.Policies(
            identity=(
                *identity.policies,
                *self._inputs(request.get("PolicyInputList"), "PolicyInputList", Kind.IDENTITY),
            ),
            boundary=boundary[0] if boundary else identity.boundary,
            resource=self._resource(request.get("ResourcePolicy")),
            scps=self._authority.service_control_policies,
        )
        caller = engine.principal_of(source, tags=identity.tags, userid=identity.unique_id)
        return self._simulate(request, policies, self._caller(request.get("CallerArn"), caller))

    def simulate_custom_policy(
        self, context: RequestContext, request: SimulateCustomPolicyRequest
    ) -> SimulateCustomPolicyAnswer:
        boundary = self._inputs(
            request.get("PermissionsBoundaryPolicyInputList"), "PermissionsBoundaryPolicyInputList", Kind.BOUNDARY
        )
        policies = engine.Policies(
            identity=self._inputs(request.get("PolicyInputList"), "PolicyInputList", Kind.IDENTITY),
            boundary=boundary[0] if boundary else None,
            resource=self._resource(request.get("ResourcePolicy")),
        )
        if policies.resource is not None and not request.get("CallerArn"):
            raise AwsError("InvalidInput", "CallerArn is required when ResourcePolicy is given.")
        nobody = engine.Principal("", self.site.account_id, "user")
        return self._simulate(request, policies, self._caller(request.get("CallerArn"), nobody))

    def get_context_keys_for_custom_policy(
        self, context: RequestContext, request: GetContextKeysForCustomPolicyRequest
    ) -> GetContextKeysForCustomPolicyAnswer:
        return {
            "ContextKeyNames": _context_keys(
                self._inputs(request.get("PolicyInputList"), "PolicyInputList", Kind.IDENTITY)
            )
        }

    def get_context_keys_for_principal_policy(
        self, context: RequestContext, request: GetContextKeysForPrincipalPolicyRequest
    ) -> GetContextKeysForPrincipalPolicyAnswer:
        policies = self._inputs(request.get("PolicyInputList"), "PolicyInputList", Kind.IDENTITY)
        return {"ContextKeyNames": _context_keys((*self._identity(request["PolicySourceArn"]).policies, *policies))}

    def _simulate(
        self,
        request: SimulateCustomPolicyRequest | SimulatePrincipalPolicyRequest,
        policies: engine.Policies,
        caller: engine.Principal,
    ) -> SimulatePrincipalPolicyAnswer:
        context = {
            entry["ContextKeyName"]: tuple(entry.get("ContextKeyValues") or ())
            for entry in request.get("ContextEntries") or ()
            if "ContextKeyName" in entry
        }
        owner = str(request.get("ResourceOwner") or "")
        try:
            results = engine.simulate(
                policies,
                caller,
                request["ActionNames"],
                request.get("ResourceArns") or ["*"],
                context,
                resource_owner=account_of(owner) or owner or None,
            )
        except PolicyError as error:
            raise AwsError("InvalidInput", str(error)) from error
        return _page(results, request)

    def _identity(self, arn: str) -> Identity:
        attachments = self._authority.attachments
        rest = resource_of(arn)
        policies = (
            attachments.role(arn)
            if rest.startswith("role/")
            else attachments.user(arn)
            if rest.startswith("user/")
            else None
        )
        if policies is None:
            raise AwsError("NoSuchEntity", f"The user or role {arn} cannot be found.", 404)
        return policies

    def _caller(self, arn: str | None, otherwise: engine.Principal) -> engine.Principal:
        if not arn:
            return otherwise
        try:
            return engine.principal_of(arn)
        except ValueError as error:
            raise AwsError("InvalidInput", str(error)) from error

    def _resource(self, text: str | None) -> Policy | None:
        return _parse(text, Kind.RESOURCE, "ResourcePolicy", "resource") if text else None

    def _inputs(self, texts: list[str] | None, name: str, kind: Kind) -> tuple[Policy, ...]:
        return tuple(_parse(text, kind, f"{name}.{number}", "none") for number, text in enumerate(texts or (), 1))


def _parse(text: str, kind: Kind, name: str, source: SourceType) -> Policy:
    try:
        return parse(text, kind, name=name, source_type=source)
    except PolicyError as error:
        raise AwsError("InvalidInput", f"{name}: {error}") from error


def _context_keys(policies: tuple[Policy, ...]) -> list[str]:
    keys: dict[str, str] = {}
    for policy in policies:
        for statement in policy.statements:
            for condition in statement.conditions:
                keys.setdefault(condition.key.lower(), condition.key)
                for key in condition.needs:
                    keys.setdefault(key, key)
            for pattern in statement.resources or ():
                for key in pattern.template.keys:
                    keys.setdefault(key.lower(), key)
    return [keys[key] for key in sorted(keys)]


def _page(
    results: list[EvaluationResultTypeDef], request: SimulateCustomPolicyRequest | SimulatePrincipalPolicyRequest
) -> SimulatePrincipalPolicyAnswer:
    refusal = AwsError("InvalidInput", f"Invalid Marker: {request.get('Marker')!r}.")
    page, marker = page_of(results, request.get("Marker"), refusal, size=request.get("MaxItems"))
    answer: SimulatePrincipalPolicyAnswer = {"EvaluationResults": page, "IsTruncated": marker is not None}
    if marker is not None:
        answer["Marker"] = marker
    return answer
