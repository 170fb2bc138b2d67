"""Configurations of buckets, read back as they were written.

The substrate keeps most of them, without all their members. Those it lacks are kept here alone, and have no effect except that they
can be read: who pays for requests, metrics, analytics, storage tiers and inventories of objects.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import copy
import functools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pushproof.emulator.kernel.context import Call, RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import page_of
from pushproof.emulator.kernel.protocol import service_model
from pushproof.emulator.kernel.reading import malformed_xml

# Requests, answers and configurations are read by the names in the tables below, which no one shape has.
Document = dict[str, object]
Ask = Callable[[RequestContext, str, Mapping[str, object]], Document]
Answer = Callable[[RequestContext, Document], Document]


@dataclass(frozen=True, slots=True)
class Native:
    """A configuration that the substrate has, and reads back without all of its members.

    `put`, `get` and `delete` are operations, `member` is the content of `put`, `beside` are other members of `put` that `get`
    shows, `lasting` members that keep their values when a later `put` leaves them out.
    """

    put: str
    get: str
    member: str
    delete: str = ""
    beside: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    rules_have_ids: bool = False


@dataclass(frozen=True, slots=True)
class Numbered:
    """A configuration of which a bucket may have many, each with an id, and that the substrate lacks."""

    name: str
    member: str
    listing: str


NATIVE = (
    Native(
        "PutBucketLifecycleConfiguration",
        "GetBucketLifecycleConfiguration",
        "LifecycleConfiguration",
        "DeleteBucketLifecycle",
        beside=("TransitionDefaultMinimumObjectSize",),
        rules_have_ids=True,
    ),
    Native(
        "PutBucketReplication",
        "GetBucketReplication",
        "ReplicationConfiguration",
        "DeleteBucketReplication",
        rules_have_ids=True,
    ),
    # "This element is only returned if the bucket has been configured with MFA delete."
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
    Native("PutBucketVersioning", "GetBucketVersioning", "VersioningConfiguration", lasting=("MFADelete",)),
    Native("PutBucketWebsite", "GetBucketWebsite", "WebsiteConfiguration", "DeleteBucketWebsite"),
    Native("PutBucketLogging", "GetBucketLogging", "BucketLoggingStatus"),
    Native("PutObjectLockConfiguration", "GetObjectLockConfiguration", "ObjectLockConfiguration"),
    Native("PutBucketNotificationConfiguration", "GetBucketNotificationConfiguration", "NotificationConfiguration"),
)

NUMBERED = (
    Numbered("Analytics", "AnalyticsConfiguration", "ListBucketAnalyticsConfigurations"),
    Numbered("IntelligentTiering", "IntelligentTieringConfiguration", "ListBucketIntelligentTieringConfigurations"),
    Numbered("Inventory", "InventoryConfiguration", "ListBucketInventoryConfigurations"),
    Numbered("Metrics", "MetricsConfiguration", "ListBucketMetricsConfigurations"),
)


_PAYER = ("PutBucketRequestPayment", "GetBucketRequestPayment")


@functools.cache
def configuring() -> frozenset[str]:
    """Return the operations on configurations."""
    native = {name for kind in NATIVE for name in (kind.put, kind.get, kind.delete) if name}
    numbered = {
        name
        for kind in NUMBERED
        for name in (*(f"{verb}Bucket{kind.name}Configuration" for verb in ("Put", "Get", "Delete")), kind.listing)
    }
    return frozenset({*_PAYER, *native, *numbered})


def acting() -> frozenset[str]:
    """Return the operations on configurations that affect objects or events, here or in the substrate."""
    obeyed = ("PutBucketVersioning", "PutObjectLockConfiguration", "PutBucketNotificationConfiguration")
    return frozenset(name for kind in NATIVE if kind.put in obeyed for name in (kind.put, kind.get))


def require_body(operation: str, request: Mapping[str, object]) -> None:
    """Raise AwsError unless a request contains the configuration to write.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MissingRequestBodyError)
    """
    member = service_model("s3").operation_model(operation).input_shape.serialization.get("payload")
    if member and member not in request:
        raise AwsError("MissingRequestBodyError", "Request Body is empty", 400)
    if operation == "PutBucketVersioning" and "Status" not in _document(request[member]):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html
        raise AwsError("IllegalVersioningConfigurationException", "The Versioning element must be specified", 400)


@dataclass(slots=True)
class _Kept:
    """The configurations of one bucket, as they were written."""

    native: dict[str, Document] = field(default_factory=dict)
    numbered: dict[str, dict[str, Document]] = field(default_factory=dict)
    payer: str = "BucketOwner"


class Configurations:
    """Answers the operations on configurations of buckets.

    Args:
        ask: calls the substrate's S3.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._buckets: dict[str, _Kept] = {}
        self._handlers: dict[str, Answer] = {
            "PutBucketRequestPayment": self._put_payer,
            "GetBucketRequestPayment": self._get_payer,
        }
        for kind in NATIVE:
            self._handlers[kind.put] = functools.partial(self._put, kind)
            self._handlers[kind.get] = functools.partial(self._get, kind)
            if kind.delete:
                self._handlers[kind.delete] = functools.partial(self._delete, kind)
        for numbered in NUMBERED:
            name = f"Bucket{numbered.name}Configuration"
            self._handlers[f"Put{name}"] = functools.partial(self._put_numbered, numbered)
            self._handlers[f"Get{name}"] = functools.partial(self._get_numbered, numbered)
            self._handlers[f"Delete{name}"] = functools.partial(self._delete_numbered, numbered)
            self._handlers[numbered.listing] = functools.partial(self._list_numbered, numbered)

    def handler(self, operation: str) -> Answer | None:
        """Return the method for an operation of S3; None for operations on anything but configurations."""
        return self._handlers.get(operation)

    def bucket_deleted(self, call: Call) -> None:
        """Drop a bucket's configurations, so that a later bucket of the same name starts without them."""
        if call.status < 400:
            self._buckets.pop(call.request.get("Bucket", ""), None)

    def notifies_events(self, bucket: str) -> bool:
        """Return whether a bucket sends EventBridge events about its objects."""
        kept = self._buckets.get(bucket)
        return kept is not None and "EventBridgeConfiguration" in kept.native.get(
            "PutBucketNotificationConfiguration", {}
        )

    # Configurations that the substrate has.

    def _put(self, kind: Native, context: RequestContext, request: Document) -> Document:
        written = copy.deepcopy(_document(request[kind.member]))
        if kind.rules_have_ids:
            for rule in _documents(written.get("Rules")):
                if not rule.get("ID"):
                    # S3 invents one: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
                    rule["ID"] = str(uuid.uuid4())
        try:
            answer = self._ask(context, kind.put, request)
        except AwsError as error:
            raise _REFUSED.get(error.code, error) from None
        native = self._of(_text(request, "Bucket")).native
        before = native.get(kind.put, {})
        lasting = {name: before[name] for name in kind.lasting if name in before}
        native[kind.put] = {**lasting, **_as_read(kind, written, request)}
        return answer

    def _get(self, kind: Native, context: RequestContext, request: Document) -> Document:
        answer = self._ask(context, kind.get, request)
        written = self._of(_text(request, "Bucket")).native.get(kind.put)
        return {**answer, **copy.deepcopy(written)} if written is not None else answer

    def _delete(self, kind: Native, context: RequestContext, request: Document) -> Document:
        answer = self._ask(context, kind.delete, request)
        self._of(_text(request, "Bucket")).native.pop(kind.put, None)
        return answer

    # Configurations that it lacks.

    def _put_payer(self, context: RequestContext, request: Document) -> Document:
        payment = _document(request["RequestPaymentConfiguration"])
        self._existing(context, request).payer = _text(payment, "Payer")
        return {}

    def _get_payer(self, context: RequestContext, request: Document) -> Document:
        return {"Payer": self._existing(context, request).payer}

    def _put_numbered(self, kind: Numbered, context: RequestContext, request: Document) -> Document:
        kept, configuration = self._existing(context, request), _document(request[kind.member])
        if configuration.get("Id") != request["Id"]:
            raise malformed_xml()
        kept.numbered.setdefault(kind.name, {})[_text(request, "Id")] = copy.deepcopy(configuration)
        return {}

    def _get_numbered(self, kind: Numbered, context: RequestContext, request: Document) -> Document:
        configurations = self._existing(context, request).numbered.get(kind.name, {})
        if request["Id"] not in configurations:
            raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
        return {kind.member: copy.deepcopy(configurations[_text(request, "Id")])}

    def _delete_numbered(self, kind: Numbered, context: RequestContext, request: Document) -> Document:
        self._get_numbered(kind, context, request)
        del self._of(_text(request, "Bucket")).numbered[kind.name][_text(request, "Id")]
        return {}

    def _list_numbered(self, kind: Numbered, context: RequestContext, request: Document) -> Document:
        """Return a page of a hundred, like S3's."""
        configurations = self._existing(context, request).numbered.get(kind.name, {})
        token = _text(request, "ContinuationToken") if "ContinuationToken" in request else None
        refusal = AwsError("InvalidArgument", "The continuation token provided is incorrect", 400)
        page, more = page_of(sorted(configurations), token, refusal)
        shown = [copy.deepcopy(configurations[identity]) for identity in page]
        answer: Document = {f"{kind.member}List": shown, "IsTruncated": more is not None}
        if more is not None:
            answer["NextContinuationToken"] = more
        return answer

    def _existing(self, context: RequestContext, request: Document) -> _Kept:
        # A get and not a head: its error has a code and a text.
        self._ask(context, "GetBucketVersioning", {"Bucket": request["Bucket"]})
        return self._of(_text(request, "Bucket"))

    def _of(self, bucket: str) -> _Kept:
        return self._buckets.setdefault(bucket, _Kept())


def _document(value: object) -> Document:
    """Return a structure of a request, which the model says is one."""
    if not isinstance(value, dict):
        raise malformed_xml()
    return value


def _documents(value: object) -> list[Document]:
    return [_document(entry) for entry in value] if isinstance(value, list) else []


def _text(document: Document, member: str) -> str:
    return str(document[member])


# Refusals that the substrate answers with another code, text or status than S3, in S3's spelling. Recorded:
# localstack/localstack, test_s3.py::TestS3BucketLogging::test_put_bucket_logging_wrong_target
_REFUSED = {
    "CrossLocationLoggingProhibited": AwsError(
        "CrossLocationLoggingProhibitted", "Cross S3 location logging not allowed. ", 403
    )
}


def _as_read(kind: Native, written: Document, request: Document) -> Document:
    """Return Get's view of Put's input: the configuration under its own name, or its members by theirs."""
    shown = service_model("s3").operation_model(kind.get).output_shape.members
    read: Document = (
        {kind.member: written} if kind.member in shown else {k: v for k, v in written.items() if k in shown}
    )
    read.update({name: request[name] for name in kind.beside if name in request})
    return read
