"""Policy documents in requests: what AWS would refuse is refused here, before anything is stored.

Each operation with a document is listed with the rules for it and with its service's words for a refusal. A principal
in a document must exist. AWS remembers which principal was meant, so a role recreated under the same name is not allowed in: when a
role or user is deleted, the documents that name it are rewritten to its unique id, which AWS shows from then on.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from pushproof.aws.arns import account_of, arn_of, arn_of_bucket, resource_of
from pushproof.emulator.kernel.context import Call, Principal, RequestContext
from pushproof.emulator.kernel.errors import AwsError, invalid_parameter
from pushproof.engines import policy as engine
from pushproof.engines.policy import Kind
from pushproof.engines.policy import validation as v
from pushproof.engines.policy.validation import Fault, Flaw

if TYPE_CHECKING:
    from pushproof.emulator.access.attachments import Attachments
    from pushproof.emulator.kernel.site import Ground

Request = Mapping[str, Any]
Refusal = Callable[[Flaw, str], AwsError]
"""A service's answer to a flaw in a document."""

_ARN = "arn:"
# An empty policy deletes a queue's, and gives an endpoint the one that allows everything.
_MAY_BE_EMPTY = (v.QUEUE, v.ENDPOINT)
_LOGS_POLICIES = 10


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a stored document: its service, its region, and the name by which it is read."""

    service: str
    region: str
    name: str


@dataclass(frozen=True, slots=True)
class Document:
    """The way one operation carries a policy document.

    `kept` returns the name under which the document can be read and written again; None if no stored document names principals.
    """

    member: str
    rules: v.Rules
    refusal: Refusal
    kept: Callable[[Request], str] | None = None

    def text(self, request: Request) -> str | None:
        """Return the document in a request; None if there is none, or an empty one with that meaning."""
        value: Any = request
        for step in self.member.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None and self.rules is v.BUCKET:
            return ""  # the policy is the body itself
        if not isinstance(value, str) or (not value and self.rules in _MAY_BE_EMPTY):
            return None
        return value


class WouldAllow(Protocol):
    """Decides whether a principal could act on a resource if a policy were the resource's own."""

    def __call__(
        self, principal: Principal, action: str, resource: str, policy: engine.Policy, region: str
    ) -> bool: ...


class Documents:
    """Checks the documents in calls, and remembers the principals in stored ones."""

    def __init__(
        self, ground: Ground, attachments: Attachments, allows: WouldAllow, owned: Callable[[str], bool]
    ) -> None:
        """Set up. `allows` decides what a policy would allow if it were in force; for `owned` see `Attachments`."""
        self._ground = ground
        self._attachments = attachments
        self._allows = allows
        self._owned = owned
        self._named: dict[str, Named] = {}
        for service, operation in _DOCUMENTS:
            ground.calls.observe(service, self._kept, operation)
        ground.calls.observe("iam", self._gone, "DeleteRole", "DeleteUser", "DeleteServiceLinkedRole")

    def examine(self, context: RequestContext, request: Request) -> None:
        """Raise AwsError, worded as the service words it, for a document that AWS would refuse."""
        carried = _DOCUMENTS.get((context.service, context.operation))
        if carried is None or context.principal.kind == "plane":
            return
        text = carried.text(request)
        if text is None or (carried.rules is v.TOPIC and not _sets_policy(context, request)):
            return
        flaw = v.examine(text, carried.rules, self)
        if flaw is not None:
            raise carried.refusal(flaw, text)
        further = _FURTHER.get(carried.rules.name)
        if further is not None:
            further(self, context, request, text)

    # Existing principals.

    def knows(self, principal: str) -> bool:
        """Return whether a principal of this account exists; those of other accounts, which no API shows, count as existing."""
        if not principal.startswith(_ARN):
            return self._attachments.has_unique_id(principal)
        account, rest = principal.split(":", 5)[4:]
        if account != self._ground.account_id or rest.startswith("federated-user/"):
            return True
        return self._attachments.exists(principal)

    # Rules of a service beyond the grammar.

    def bucket(self, context: RequestContext, request: Request, text: str) -> None:
        """Check S3's rules: the policy is about this bucket, and not public where that is blocked."""
        bucket = str(request.get("Bucket", ""))
        policy = engine.parse(text, Kind.RESOURCE)
        flaw = v.bucket_flaw(policy, bucket)
        if flaw is not None:
            raise _bucket(flaw, text)
        if v.is_public(policy) and self._attachments.blocks_public_policy(bucket, context.region):
            arn = arn_of_bucket(bucket)
            raise AwsError(
                "AccessDenied",
                f'User: {context.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "{arn}" because '
                "public policies are blocked by the BlockPublicPolicy block public access setting.",
                403,
            )

    def key(self, context: RequestContext, request: Request, text: str) -> None:
        """Check KMS's rule: the caller that sets a key's policy must be able to change it again.

        https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#prevent-unmanageable-key
        """
        if request.get("BypassPolicyLockoutSafetyCheck"):
            return
        key = str(request.get("KeyId") or "00000000-0000-0000-0000-000000000000").rsplit("/", 1)[-1]
        arn = arn_of("kms", f"key/{key}", region=context.region, account=context.account_id)
        policy = engine.parse(text, Kind.RESOURCE, name=key)
        if not self._allows(context.principal, "kms:PutKeyPolicy", arn, policy, context.region):
            raise AwsError(
                "MalformedPolicyDocumentException",
                "The new key policy will not allow you to update the key policy in the future.",
                400,
            )

    def secret(self, context: RequestContext, request: Request, text: str) -> None:
        """Check Secrets Manager's rule: no broad access, if the caller requested that check."""
        if request.get("BlockPublicPolicy") and v.is_public(engine.parse(text, Kind.RESOURCE)):
            words = "You can't attach a resource-based policy that allows broad access to the secret."
            raise AwsError("PublicPolicyException", words, 400)

    def logs(self, context: RequestContext, request: Request, text: str) -> None:
        """Check CloudWatch Logs' rules: principals are services and accounts, and there are ten policies at most."""
        if any(name.startswith(_ARN) for name in v.aws_principals(text)):
            raise AwsError(
                "InvalidParameterException", "Principal section of policy contains ARN instead of account ID", 400
            )
        if not request.get("resourceArn"):
            names = self._attachments.log_policies(context.region)
            if request.get("policyName") not in names and len(names) >= _LOGS_POLICIES:
                raise AwsError("LimitExceededException", "Resource limit exceeded.", 400)

    # Deleted principals.

    def _kept(self, call: Call) -> None:
        if call.status >= 400:
            return
        carried = _DOCUMENTS[call.context.service, call.context.operation]
        text = carried.text(call.request)
        # LocalStack accepts an empty policy, which SNS refuses.
        if not text or carried.kept is None:
            return
        place = Place(call.context.service, call.context.region, carried.kept(call.request))
        for arn in v.principals_of(text):
            if account_of(arn) == call.context.account_id:
                unique = self._attachments.unique_id(arn)
                if unique:
                    self._named.setdefault(arn, Named(unique)).places.add(place)

    def _gone(self, call: Call) -> None:
        if call.status >= 400 or not self._named:
            return
        sort = "user" if "UserName" in call.request else "role"
        name = call.request.get("UserName") or call.request.get("RoleName")
        for arn in [arn for arn in self._named if _is(arn, sort, str(name))]:
            named = self._named.pop(arn)
            for place in named.places:
                self._rename(place, arn, named.unique_id)

    def _rename(self, place: Place, arn: str, unique_id: str) -> None:
        text = self._attachments.document(place.service, place.name, place.region)
        if text is None or arn not in text:
            return
        document = v.renamed(text, arn, unique_id)
        operation, arguments = _WRITERS[place.service]
        own = self._owned(place.service)
        client = (
            self._ground.client(place.service, region=place.region)
            if own
            else self._ground.substrate.client(place.service, place.region)
        )
        try:
            getattr(client, operation)(**arguments(place.name, document))
        except ClientError:
            return  # deleted in the meantime
        self._attachments.forget()


@dataclass(slots=True)
class Named:
    """A role or user that stored documents name, and the places of these documents."""

    unique_id: str
    places: set[Place] = field(default_factory=set)


def _is(arn: str, sort: str, name: str) -> bool:
    rest = resource_of(arn)
    return rest.startswith(f"{sort}/") and rest.rsplit("/", 1)[-1] == name


def _sets_policy(context: RequestContext, request: Request) -> bool:
    return context.operation != "SetTopicAttributes" or request.get("AttributeName") == "Policy"


# The services' wordings.


def _iam(flaw: Flaw, _text: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", flaw.message, 400)


def _bucket(flaw: Flaw, text: str) -> AwsError:
    message = flaw.message
    if flaw.fault is Fault.JSON and not text.startswith("{"):
        message = "Policies must be valid JSON and the first byte must be '{'"
    elif flaw.fault in (Fault.NOBODY, Fault.NO_SERVICE):
        message = "Invalid principal in policy"
    elif flaw.fault is Fault.ACTION and not message.startswith("Missing"):
        message = "Policy has invalid action"
    return AwsError("MalformedPolicy", message, 400)


def _topic(flaw: Flaw, _text: str) -> AwsError:
    if flaw.fault is Fault.NOBODY:
        return AwsError("InvalidParameter", "Invalid parameter: Policy Error: PrincipalNotFound", 400)
    if flaw.message.endswith("out of service scope!"):
        return AwsError("InvalidParameter", f"Invalid parameter: {flaw.message}", 400)
    return AwsError("InvalidParameter", "Invalid parameter: Policy Error: null", 400)


def _queue(_flaw: Flaw, _text: str) -> AwsError:
    return AwsError("InvalidAttributeValue", "Invalid value for the parameter Policy.", 400)


def _key(flaw: Flaw, _text: str) -> AwsError:
    # KMS's wording of other flaws is unknown (https://github.com/aws/aws-sdk-ruby/issues/1784); the sentence is IAM's.
    nobody = "Policy contains a statement with one or more invalid principals."
    message = nobody if flaw.fault in (Fault.NOBODY, Fault.NO_SERVICE) else flaw.message
    return AwsError("MalformedPolicyDocumentException", message, 400)


def _secret(flaw: Flaw, _text: str) -> AwsError:
    message = {
        Fault.NOBODY: "This resource policy contains an unsupported principal.",
        Fault.NO_SERVICE: "This resource policy contains an unsupported service principal.",
    }.get(flaw.fault, "This resource policy contains a syntax error.")
    return AwsError("MalformedPolicyDocumentException", message, 400)


def _repository(flaw: Flaw, _text: str) -> AwsError:
    what = "Principal not found" if flaw.fault is Fault.NOBODY else "Invalid repository policy provided"
    return invalid_parameter("PolicyText", what)


def _registry(_flaw: Flaw, _text: str) -> AwsError:
    what = "Invalid registry policy provided"
    return invalid_parameter("PolicyText", what)


def _logs(_flaw: Flaw, _text: str) -> AwsError:
    # https://github.com/hashicorp/terraform-provider-aws/issues/32260
    return AwsError("InvalidParameterException", "Could not convert to persistable policy.", 400)


def _bus(flaw: Flaw, _text: str) -> AwsError:
    return AwsError("ValidationException", flaw.message, 400)


def _endpoint(flaw: Flaw, _text: str) -> AwsError:
    # https://github.com/hashicorp/terraform-provider-aws/issues/42291
    position = flaw.position
    where = f"Syntax error at position ({position.line},{position.column})" if position else flaw.message
    return AwsError("InvalidPolicyDocument", f"The Policy Document is not valid. {where}", 400)


def _of(*names: str) -> Callable[[Request], str]:
    return lambda request: next((str(request[name]) for name in names if request.get(name)), "")


_queue_name: Callable[[Request], str] = lambda request: str(request.get("QueueUrl", "")).rsplit("/", 1)[-1]  # noqa: E731

_DOCUMENTS: dict[tuple[str, str], Document] = {
    ("iam", "CreateRole"): Document("AssumeRolePolicyDocument", v.TRUST, _iam, _of("RoleName")),
    ("iam", "UpdateAssumeRolePolicy"): Document("PolicyDocument", v.TRUST, _iam, _of("RoleName")),
    ("iam", "CreatePolicy"): Document("PolicyDocument", v.IDENTITY, _iam),
    ("iam", "CreatePolicyVersion"): Document("PolicyDocument", v.IDENTITY, _iam),
    ("iam", "PutRolePolicy"): Document("PolicyDocument", v.IDENTITY, _iam),
    ("iam", "PutUserPolicy"): Document("PolicyDocument", v.IDENTITY, _iam),
    ("iam", "PutGroupPolicy"): Document("PolicyDocument", v.IDENTITY, _iam),
    ("sts", "AssumeRole"): Document("Policy", v.SESSION, _iam),
    ("sts", "AssumeRoleWithSAML"): Document("Policy", v.SESSION, _iam),
    ("sts", "AssumeRoleWithWebIdentity"): Document("Policy", v.SESSION, _iam),
    ("sts", "GetFederationToken"): Document("Policy", v.SESSION, _iam),
    ("s3", "PutBucketPolicy"): Document("Policy", v.BUCKET, _bucket, _of("Bucket")),
    ("sns", "CreateTopic"): Document("Attributes.Policy", v.TOPIC, _topic),
    ("sns", "SetTopicAttributes"): Document("AttributeValue", v.TOPIC, _topic, _of("TopicArn")),
    ("sqs", "CreateQueue"): Document("Attributes.Policy", v.QUEUE, _queue, _of("QueueName")),
    ("sqs", "SetQueueAttributes"): Document("Attributes.Policy", v.QUEUE, _queue, _queue_name),
    ("kms", "CreateKey"): Document("Policy", v.KEY, _key),
    ("kms", "PutKeyPolicy"): Document("Policy", v.KEY, _key, _of("KeyId")),
    ("secretsmanager", "PutResourcePolicy"): Document("ResourcePolicy", v.SECRET, _secret, _of("SecretId")),
    ("ecr", "SetRepositoryPolicy"): Document("policyText", v.REPOSITORY, _repository, _of("repositoryName")),
    ("ecr", "PutRegistryPolicy"): Document("policyText", v.REGISTRY, _registry),
    ("logs", "PutResourcePolicy"): Document("policyDocument", v.LOGS, _logs),
    ("events", "PutPermission"): Document("Policy", v.BUS, _bus),
    ("ec2", "CreateVpcEndpoint"): Document("PolicyDocument", v.ENDPOINT, _endpoint),
    ("ec2", "ModifyVpcEndpoint"): Document("PolicyDocument", v.ENDPOINT, _endpoint),
}

_FURTHER: dict[str, Callable[[Documents, RequestContext, Request, str], None]] = {
    v.BUCKET.name: Documents.bucket,
    v.KEY.name: Documents.key,
    v.SECRET.name: Documents.secret,
    v.LOGS.name: Documents.logs,
}

# Rewriting of stored documents.
_WRITERS: dict[str, tuple[str, Callable[[str, str], dict[str, Any]]]] = {
    "iam": ("update_assume_role_policy", lambda name, text: {"RoleName": name, "PolicyDocument": text}),
    "s3": ("put_bucket_policy", lambda name, text: {"Bucket": name, "Policy": text}),
    "sns": (
        "set_topic_attributes",
        lambda name, text: {"TopicArn": name, "AttributeName": "Policy", "AttributeValue": text},
    ),
    "sqs": ("set_queue_attributes", lambda name, text: {"QueueUrl": name, "Attributes": {"Policy": text}}),
    "kms": ("put_key_policy", lambda name, text: {"KeyId": name, "PolicyName": "default", "Policy": text}),
    "secretsmanager": ("put_resource_policy", lambda name, text: {"SecretId": name, "ResourcePolicy": text}),
    "ecr": ("set_repository_policy", lambda name, text: {"repositoryName": name, "policyText": text}),
}
