"""Small gaps of moto's other services, filled in this process. Each docstring states what fails without it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from pushproof.engines.logpatterns import FilterPattern, compile_pattern

# AWS's public parameters that ECS stacks read, with values in place of today's images.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/firelens-using-fluentbit.html
_FLUENT_BIT = "/aws/service/aws-for-fluent-bit/"
_FLUENT_BIT_TAGS = ("latest", "stable", "2.32.5", "2.34.0", "3.0.0", "debug-latest", "init-latest")


def _log_groups_have_a_class() -> None:
    """Keep the class of log groups. Without it, Terraform replaces a log group of the class INFREQUENT_ACCESS on every plan."""
    from moto.logs.models import LogGroup
    from moto.logs.responses import LogsResponse

    create, describe = LogsResponse.create_log_group, LogGroup.to_describe_dict
    if hasattr(create, "repaired"):
        return

    @functools.wraps(create)
    def create_log_group(self: Any) -> Any:
        answer = create(self)
        group_class = self._get_param("logGroupClass")
        self.logs_backend.groups[self._get_param("logGroupName")].log_group_class = group_class or "STANDARD"
        return answer

    @functools.wraps(describe)
    def to_describe_dict(self: Any) -> dict[str, Any]:
        return {**describe(self), "logGroupClass": getattr(self, "log_group_class", "STANDARD")}

    create_log_group.repaired = True  # type: ignore[attr-defined]
    setattr(LogsResponse, "create_log_group", create_log_group)  # noqa: B010
    setattr(LogGroup, "to_describe_dict", to_describe_dict)  # noqa: B010


def _subscription_filters_filter() -> None:
    """Apply patterns of subscription filters. Without it, a subscription filter forwards every event, whatever its pattern."""
    from moto.logs.models import LogStream

    original = LogStream._send_log_events
    if hasattr(original, "repaired"):
        return

    @functools.wraps(original)
    def _send_log_events(
        self: Any, service: str, destination_arn: str, filter_name: str, log_events: list[dict[str, Any]]
    ) -> None:
        pattern = _pattern(self.log_group.subscription_filters[filter_name].filter_pattern or "")
        chosen = [event for event in log_events if pattern.match(event["message"]) is not None]
        if chosen:
            original(self, service, destination_arn, filter_name, chosen)

    _send_log_events.repaired = True  # type: ignore[attr-defined]
    setattr(LogStream, "_send_log_events", _send_log_events)  # noqa: B010


@functools.lru_cache(maxsize=100)
def _pattern(text: str) -> FilterPattern:
    return compile_pattern(text)


def _subscription_filters_can_be_changed() -> None:
    """Allow changes of subscription filters. Without it, neither filter of a log group can be changed once there are two."""
    from moto.logs.models import LogGroup

    original = LogGroup.put_subscription_filter
    if hasattr(original, "repaired"):
        return

    @functools.wraps(original)
    def put_subscription_filter(
        self: Any, filter_name: str, filter_pattern: str, destination_arn: str, role_arn: str
    ) -> None:
        if filter_name in self.subscription_filters:
            self.subscription_filters[filter_name].update(filter_pattern, destination_arn, role_arn)
        else:
            original(self, filter_name, filter_pattern, destination_arn, role_arn)

    put_subscription_filter.repaired = True  # type: ignore[attr-defined]
    setattr(LogGroup, "put_subscription_filter", put_subscription_filter)  # noqa: B010


def _subnet_groups_of_caches_can_be_deleted() -> None:
    """Delete subnet groups of ElastiCache. Without it, a VPC with subnets for ElastiCache is applied and never destroyed."""
    from moto.core.responses import EmptyResult
    from moto.elasticache.responses import ElastiCacheResponse

    if hasattr(ElastiCacheResponse, "delete_cache_subnet_group"):
        return

    def delete_cache_subnet_group(self: Any) -> Any:
        name = self._get_param("CacheSubnetGroupName")
        # Raises CacheSubnetGroupNotFoundFault.
        self.elasticache_backend.describe_cache_subnet_groups(name)
        del self.elasticache_backend.cache_subnet_groups[name]
        return EmptyResult()

    setattr(ElastiCacheResponse, "delete_cache_subnet_group", delete_cache_subnet_group)  # noqa: B010


def users_have_no_service_credentials() -> None:
    """List a user's service credentials: none, since none can be created here.

    Without it, a user with `force_destroy` cannot be destroyed.
    """
    from moto.core.responses import ActionResult
    from moto.iam.responses import IamResponse

    if hasattr(IamResponse, "list_service_specific_credentials"):
        return

    def list_service_specific_credentials(self: Any) -> Any:
        name = self._get_param("UserName")
        if name:
            self.backend.get_user(name)
        return ActionResult({"ServiceSpecificCredentials": []})

    setattr(IamResponse, "list_service_specific_credentials", list_service_specific_credentials)  # noqa: B010


def _permission_sets_show_their_tags() -> None:
    """Show tags of permission sets. Without it, a permission set can be created, and then neither read nor destroyed."""
    from moto.core.responses import ActionResult
    from moto.ssoadmin.responses import SSOAdminResponse

    if hasattr(SSOAdminResponse, "list_tags_for_resource"):
        return

    def list_tags_for_resource(self: Any) -> Any:
        arn = self._get_param("ResourceArn")
        sets = [
            permission_set
            for permission_set in self.ssoadmin_backend.permission_sets
            if permission_set.permission_set_arn == arn
        ]
        tags = (sets[0].tags if sets else None) or []
        return ActionResult({"Tags": tags})

    setattr(SSOAdminResponse, "list_tags_for_resource", list_tags_for_resource)  # noqa: B010


def _fluent_bit_s_image_is_known() -> None:
    """Add the parameter for AWS's Fluent Bit image. Without it, that parameter is missing, and stacks with FireLens stop there."""
    from moto.core.utils import utcnow
    from moto.ssm.models import Parameter, ParameterDict

    original = ParameterDict._check_loading_status
    if hasattr(original, "repaired"):
        return

    @functools.wraps(original)
    def _check_loading_status(self: Any, key: str) -> None:
        original(self, key)
        if not str(key or "").startswith(_FLUENT_BIT) or getattr(self, "fluent_bit_loaded", False):
            return
        self.fluent_bit_loaded = True
        for tag in _FLUENT_BIT_TAGS:
            name = f"{_FLUENT_BIT}{tag}"
            image = f"public.ecr.aws/aws-observability/aws-for-fluent-bit:{tag}"
            self[name].append(Parameter(self.account_id, name, image, "String", None, None, None, utcnow(), 1, "text"))  # type: ignore[abstract]

    _check_loading_status.repaired = True  # type: ignore[attr-defined]
    setattr(ParameterDict, "_check_loading_status", _check_loading_status)  # noqa: B010


def _public_parameters_are_json() -> None:
    """Write public parameters as JSON. Without it, ECS's recommended machine images are a Python dictionary, which `jsondecode`
    rejects.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
    """
    from moto.ssm import models

    original = getattr(models, "convert_to_params")  # noqa: B009 (moto does not export it)
    if hasattr(original, "repaired"):
        return

    @functools.wraps(original)
    def convert_to_params(*arguments: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = original(*arguments)
        for parameter in parameters:
            if isinstance(parameter["Value"], dict):
                parameter["Value"] = json.dumps(parameter["Value"], separators=(",", ":"))
        return parameters

    convert_to_params.repaired = True  # type: ignore[attr-defined]
    setattr(models, "convert_to_params", convert_to_params)  # noqa: B010


#: The gaps of each of moto's services, by the name of its package; those of IAM are among its repairs.
GAPS: dict[str, tuple[Callable[[], None], ...]] = {
    "elasticache": (_subnet_groups_of_caches_can_be_deleted,),
    "logs": (_log_groups_have_a_class, _subscription_filters_filter, _subscription_filters_can_be_changed),
    "ssm": (_fluent_bit_s_image_is_known, _public_parameters_are_json),
    "ssoadmin": (_permission_sets_show_their_tags,),
}
