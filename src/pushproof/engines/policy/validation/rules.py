"""AWS's rules for policy documents, by kind of policy."""

from __future__ import annotations

from dataclasses import dataclass

from pushproof.engines.policy.document import Kind


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for documents of one kind.

    Attributes:
        name: the object that the document is attached to.
        kind: the engine's kind of policy.
        modern: whether AWS reads it with its newer parser, which names the field that is missing; the older one, of identity
            policies, says little.
        resource: whether statements must (True), may (None) or must not (False) name resources.
        actions: prefixes that actions must have; empty for any.
        only: the actions that the document may name, where a service accepts only some of its own.
        incomplete: whether ARNs may lack parts, which then match any value.
        unique: whether statement ids must differ.
    """

    name: str
    kind: Kind
    modern: bool = True
    resource: bool | None = True
    actions: tuple[str, ...] = ()
    only: frozenset[str] = frozenset()
    incomplete: bool = False
    unique: bool = True


IDENTITY = Rules("identity", Kind.IDENTITY, modern=False, incomplete=True)
SESSION = Rules("session", Kind.SESSION, modern=False)
TRUST = Rules("trust", Kind.TRUST, resource=False, actions=("sts",))
BUCKET = Rules("bucket", Kind.RESOURCE)
# What a topic's policy may allow: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
TOPIC = Rules(
    "topic",
    Kind.RESOURCE,
    actions=("sns",),
    only=frozenset(
        {
            "addpermission",
            "deletetopic",
            "getdataprotectionpolicy",
            "gettopicattributes",
            "listsubscriptionsbytopic",
            "listtagsforresource",
            "publish",
            "putdataprotectionpolicy",
            "receive",
            "removepermission",
            "settopicattributes",
            "subscribe",
        }
    ),
)
QUEUE = Rules("queue", Kind.RESOURCE, actions=("sqs",), unique=False)
KEY = Rules("key", Kind.RESOURCE, unique=False)
SECRET = Rules("secret", Kind.RESOURCE, unique=False)
# https://github.com/aws/aws-cdk/issues/24314: "Invalid repository policy provided" for a statement with a Resource.
REPOSITORY = Rules("repository", Kind.RESOURCE, resource=False, actions=("ecr",), unique=False)
REGISTRY = Rules("registry", Kind.RESOURCE, actions=("ecr",), unique=False)
LOGS = Rules("logs", Kind.RESOURCE, actions=("logs",), unique=False)
BUS = Rules("bus", Kind.RESOURCE, actions=("events",))
ENDPOINT = Rules("endpoint", Kind.ENDPOINT, unique=False)
