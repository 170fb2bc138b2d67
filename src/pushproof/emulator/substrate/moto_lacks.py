"""Gaps of moto: operations without a method, and sub-resources of S3 without a route.

Without a route, moto treats `PUT /bucket?metrics` as CreateBucket and `DELETE` as DeleteBucket.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import textwrap
from typing import Any
from urllib.parse import parse_qs, urlsplit

from moto.core.request import Request

from pushproof.emulator.kernel.protocol import service_model, signature_of
from pushproof.emulator.substrate.moto_fixes import repair_service

# The names that moto looks for in a query string, by method, for buckets and for keys.
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
    """Return whether a request is for a sub-resource of S3 that moto would confuse with the bucket or the object itself."""
    parameters = request.args.keys() & _any_lacking()
    if not parameters:
        return False
    signature = signature_of(request)
    if signature is not None and signature.service != "s3":
        return False
    level = "key" if request.path.strip("/").count("/") else "bucket"
    return bool(parameters & lacking().get((level, request.method), frozenset()))


@functools.cache
def lacking() -> dict[tuple[str, str], frozenset[str]]:
    """Return the sub-resources in S3's model that moto does not route."""
    operations: dict[tuple[str, str], set[str]] = {}
    model = service_model("s3")
    for name in model.operation_names:
        level, method, queried = _addressed(name)
        if queried and not queried & ROUTED.get((level, method), frozenset()):
            operations.setdefault((level, method), set()).update(queried)
    return {key: frozenset(names) for key, names in operations.items()}


def _addressed(operation: str) -> tuple[str, str, frozenset[str]]:
    """Return the shape of an operation of S3 on the wire: bucket or key, the method, and the names in its query."""
    http = service_model("s3").operation_model(operation).http
    uri = urlsplit(http["requestUri"])
    queried = parse_qs(uri.query, keep_blank_values=True).keys() - {"x-id", "select-type"}
    return "key" if "{Key+}" in uri.path else "bucket", http["method"], frozenset(queried)


@functools.cache
def _any_lacking() -> frozenset[str]:
    return frozenset().union(*lacking().values())


@functools.cache
def moto_has(service: str, operation: str) -> bool:
    """Return whether moto answers an operation: whether its class of the service has a method that does not give up at once."""
    if service == "s3":
        return not _routeless(operation)
    from moto.core.utils import camelcase_to_underscores, method_names_from_class

    answering = _answering(service)
    name = camelcase_to_underscores(operation)
    return answering is not None and name in method_names_from_class(answering) and not _gives_up(answering, name)


def _routeless(operation: str) -> bool:
    level, method, queried = _addressed(operation)
    return bool(queried & lacking().get((level, method), frozenset()))


# Packages of moto with another name than the service: `lambda` is a word of Python's.
_PACKAGES = {"lambda": "awslambda"}


@functools.cache
def _answering(service: str) -> Any:
    """Return moto's class of a service, with the methods of our repairs; None if there is none."""
    repair_service(service)
    try:
        urls = importlib.import_module(f"moto.{_PACKAGES.get(service, service)}.urls")
    except ModuleNotFoundError:
        return None
    for answer in urls.url_paths.values():
        owner = getattr(answer, "__self__", None)
        if owner is not None and hasattr(owner, "call_action"):
            return owner
    return None


def _gives_up(answering: Any, name: str) -> bool:
    """Return whether a method only raises NotImplementedError, whatever the request."""
    method = getattr(answering, name)
    if hasattr(method, "__wrapped__"):
        # A repair of ours, whose source is not the one below it.
        return False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    except (OSError, SyntaxError):
        return False
    body = tree.body[0].body if isinstance(tree.body[0], ast.FunctionDef) else []
    return bool(body) and "NotImplementedError" in ast.dump(body[-1]) and all(map(_does_nothing, body))


def _does_nothing(statement: ast.stmt) -> bool:
    """Return whether a statement is an error, a text, or a call whose result is unused, such as the check for a dry run."""
    return isinstance(statement, ast.Raise | ast.Expr)
