"""Permissions of Lambda.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
"""

from __future__ import annotations

from collections.abc import Iterable

from pushproof.engines.policy.actions.model import (
    Parameters,
    Permission,
    Scope,
    Table,
    arns_in,
    by_operation,
    pass_role,
    tag_keys,
    words,
)


def _function(parameters: Parameters, scope: Scope) -> Iterable[str]:
    """The function that a request names by name, account:function:name or ARN, each with a version or alias or without."""
    name = str(parameters.get("FunctionName") or "")
    if not name.startswith("arn:"):
        name = scope.arn("lambda", f"function:{name.rpartition('function:')[2]}")
    qualifier = parameters.get("Qualifier")
    return [f"{name}:{qualifier}" if qualifier and name.count(":") == 6 else name]


def _role(parameters: Parameters, scope: Scope) -> Iterable[Permission]:
    return pass_role(parameters.get("Role"), "lambda.amazonaws.com", scope)


LAMBDA = Table(
    "lambda",
    resources=by_operation(
        {
            "CreateFunction GetFunction GetFunctionConfiguration DeleteFunction UpdateFunctionCode Invoke AddPermission "
            "UpdateFunctionConfiguration RemovePermission GetPolicy PublishVersion ListVersionsByFunction CreateAlias "
            "GetAlias UpdateAlias DeleteAlias ListAliases PutFunctionConcurrency GetFunctionConcurrency "
            "DeleteFunctionConcurrency GetFunctionCodeSigningConfig PutFunctionEventInvokeConfig "
            "GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig": _function,
            "TagResource UntagResource ListTags": arns_in("Resource"),
        }
    ),
    anywhere=words("ListFunctions ListLayers ListEventSourceMappings CreateEventSourceMapping GetAccountSettings"),
    renamed={"Invoke": "InvokeFunction"},
    extra=dict.fromkeys(("CreateFunction", "UpdateFunctionConfiguration"), _role),
    keys=tag_keys,
)
