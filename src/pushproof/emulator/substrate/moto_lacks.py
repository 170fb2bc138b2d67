"""Sub-resources of S3 that moto has no route for: it takes `PUT /bucket?metrics` for CreateBucket, `DELETE` for DeleteBucket."""

from __future__ import annotations

import functools
from urllib.parse import parse_qs, urlsplit

from moto.core.request import Request

from pushproof.emulator.kernel.protocol import service_model, signature_of

# What moto looks for in a query string, by method, for buckets and for keys.
ROUTED: dict[tuple[str, str], frozenset[str]] = {
    ("bucket", "GET"): frozenset(
        {
            "object-lock", "uploads", "location", "lifecycle", "versioning", "policyStatus", "policy", "website", "acl",
            "tagging", "logging", "cors", "notification", "accelerate", "publicAccessBlock", "inventory", "versions",
            "encryption", "list-type", "replication", "ownershipControls",
        }
    ),
    ("bucket", "PUT"): frozenset(
        {
            "object-lock", "versioning", "lifecycle", "policy", "acl", "tagging", "website", "cors", "logging",
            "notification", "accelerate", "publicAccessBlock", "encryption", "replication", "ownershipControls",
            "inventory",
        }
    ),
    ("bucket", "DELETE"): frozenset(
        {
            "policy", "tagging", "website", "cors", "lifecycle", "publicAccessBlock", "encryption", "replication",
            "ownershipControls",
        }
    ),
    ("bucket", "POST"): frozenset({"delete"}),
    ("key", "GET"): frozenset({"uploadId", "acl", "tagging", "legal-hold", "attributes"}),
    ("key", "PUT"): frozenset({"uploadId", "retention", "legal-hold", "acl", "tagging"}),
    ("key", "DELETE"): frozenset({"uploadId", "tagging"}),
    ("key", "POST"): frozenset({"uploads", "uploadId", "restore", "select"}),
}  # fmt: skip


def lacks(request: Request) -> bool:
    """Return whether a request asks for a sub-resource of S3 that moto would take for the bucket or the object itself."""
    asked = request.args.keys() & _any_lacking()
    if not asked:
        return False
    signature = signature_of(request)
    if signature is not None and signature.service != "s3":
        return False
    level = "key" if request.path.strip("/").count("/") else "bucket"
    return bool(asked & lacking().get((level, request.method), frozenset()))


@functools.cache
def lacking() -> dict[tuple[str, str], frozenset[str]]:
    """The sub-resources in S3's model that moto does not route."""
    found: dict[tuple[str, str], set[str]] = {}
    model = service_model("s3")
    for name in model.operation_names:
        http = model.operation_model(name).http
        uri = urlsplit(http["requestUri"])
        level = "key" if "{Key+}" in uri.path else "bucket"
        queried = parse_qs(uri.query, keep_blank_values=True).keys() - {"x-id", "select-type"}
        if queried and not queried & ROUTED.get((level, http["method"]), frozenset()):
            found.setdefault((level, http["method"]), set()).update(queried)
    return {key: frozenset(names) for key, names in found.items()}


@functools.cache
def _any_lacking() -> frozenset[str]:
    return frozenset().union(*lacking().values())
