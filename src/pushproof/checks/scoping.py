"""Actions and the resources that they can be scoped by."""

from __future__ import annotations

from pushproof.engines.policy.actions import TABLES

# S3 actions on objects that do not say so, on buckets that speak of objects, and on neither.
_OBJECT_ACTIONS = {
    "abortmultipartupload",
    "bypassgovernanceretention",
    "listmultipartuploadparts",
    "replicatedelete",
    "replicatetags",
}
_OF_BUCKETS = ("bucketobjectlock", "objectlambda")
_ANYWHERE = {"listallmybuckets", "getaccesspoint", "listjobs", "createjob"}
# Action prefixes whose resources belong to another service's namespace.
_FOREIGN = {"sts": {"iam", "sts"}, "tag": set(), "application-autoscaling": set(), "ssm": {"ssm", "ec2", "s3"}}


def unbounded(resource: str) -> bool:
    """Return whether a Resource covers everything of a service, or everything."""
    if resource.strip("*") == "":
        return True
    parts = resource.split(":", 5)
    return len(parts) == 6 and (parts[5].strip("*:/") == "" or parts[2] == "*")


def unscopable(action: str) -> bool:
    """Return whether an action has no resource-level permissions, or AWS's own guides allow it on every resource."""
    prefix, _, name = action.partition(":")
    if prefix == "ec2":
        return name.startswith("Describe")
    table = next((table for table in TABLES.values() if table.prefix == prefix), None)
    if table is None:
        return False
    names = {
        operation
        for operation in table.anywhere | table.often_anywhere
        if table.renamed.get(operation, operation) == name
    }
    return (
        bool(names)
        or (prefix == "elasticloadbalancing" and name.startswith("Describe"))
        or action == "s3:ListAllMyBuckets"
    )


def can_meet(action: str, resource: str) -> bool:
    """Return whether an action can apply to a resource that this pattern names."""
    prefix, _, name = action.lower().partition(":")
    if "*" in prefix or resource.strip("*") == "":
        return True
    parts = resource.split(":", 5)
    service = parts[2] if len(parts) > 3 and not parts[2].startswith("${") else "*"
    fitting = _FOREIGN.get(prefix, {prefix})
    if "*" not in service and fitting and service not in fitting:
        return False
    if prefix == "s3" and service == "s3" and len(parts) == 6:
        return _meets_in_s3(name, parts[5])
    return True


def _meets_in_s3(name: str, rest: str) -> bool:
    """Return whether an S3 action fits the resource: ARNs of objects have a slash, and ARNs of buckets have none.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    if "*" in name or "?" in name or "accesspoint" in rest:
        return True
    if name in _OBJECT_ACTIONS or ("object" in name and not any(part in name for part in _OF_BUCKETS)):
        return "/" in rest or rest.endswith("*")
    return "/" not in rest or name in _ANYWHERE
