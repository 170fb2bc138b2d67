"""Repairs of moto's faults that stacks like ours meet, applied in this process. Each docstring states what fails without it."""

from __future__ import annotations

import itertools
import sys
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

from pushproof.aws.databases import parameter_family
from pushproof.emulator.substrate.moto_gaps import GAPS, users_have_no_service_credentials
from pushproof.emulator.substrate.moto_networks import repair_networks


def repair() -> None:
    """Apply every repair; safe to call again, and harmless once moto has its own."""
    for service in _repairs():
        repair_service(service)


def repair_service(service: str) -> None:
    """Apply the repairs of one of moto's services, by the name of its package, and of those that it has imported."""
    repairs = _repairs()
    for name in (service, *repairs):
        if name not in repairs or (name != service and _models_of(name) is None):
            continue
        if name not in _REPAIRED or _REPAIRED[name] is not _models_of(name):
            for apply in repairs[name]:
                apply()
            _REPAIRED[name] = _models_of(name)


# Importing a service of moto's takes up to a second, so that each is repaired when it is first used. By the module that was
# repaired: tests of pytest plugins import modules anew.
_REPAIRED: dict[str, ModuleType | None] = {}


def _models_of(service: str) -> ModuleType | None:
    return sys.modules.get(f"moto.{service}.models")


def _repairs() -> dict[str, tuple[Callable[[], None], ...]]:
    return {
        "acm": (_imported_certificates_have_the_arn_of_their_content,),
        "cloudwatch": (_a_metric_has_all_its_dimensions,),
        "ec2": (_vpc_endpoints_change_when_modified, repair_networks),
        "iam": (_policy_documents_are_judged_once, _iam_names_have_their_form, users_have_no_service_credentials),
        "s3": (
            _delete_markers_can_be_disposed_of,
            _dropped_objects_are_closed_without_a_warning,
            _every_bucket_is_encrypted,
            _buckets_take_what_s3_takes,
            _buckets_have_one_owner,
        ),
        "rds": (_databases_have_the_default_parameters_of_their_family,),
        **GAPS,
    }


def _delete_markers_can_be_disposed_of() -> None:
    """Allow the removal of delete markers.

    Without it, emptying a versioned bucket that has some (a state bucket with lock files) is a 500.
    """
    from moto.s3.models import FakeDeleteMarker

    if not hasattr(FakeDeleteMarker, "dispose"):
        setattr(FakeDeleteMarker, "dispose", lambda *_: None)  # noqa: B010


def _dropped_objects_are_closed_without_a_warning() -> None:
    """moto warns of objects that the garbage collector closes: those of a world that is replaced by a kept one are.

    Where warnings are errors, the test that runs at that moment would fail for it.
    """
    from moto.s3.models import FakeKey

    FakeKey.__del__ = FakeKey.dispose  # type: ignore[method-assign]


def _a_metric_has_all_its_dimensions() -> None:
    """Keep metrics with more dimensions out of statistics. Without it, a load balancer's sums count its target groups again.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html (Dimensions)
    """
    from moto.cloudwatch.models import MetricDatumBase

    original = MetricDatumBase.filter
    if getattr(original, "repaired", False):
        return

    def of_a_metric(
        self: MetricDatumBase,
        namespace: str | None,
        name: str | None,
        dimensions: list[dict[str, str]],
        already_present_metrics: list[MetricDatumBase] | None = None,
    ) -> bool:
        # ListMetrics, the other caller, passes the metrics that it has found; it rightly lists those with more dimensions.
        if already_present_metrics is None and len(self.dimensions) != len(dimensions):
            return False
        return bool(original(self, namespace, name, dimensions, already_present_metrics))

    of_a_metric.repaired = True  # type: ignore[attr-defined]
    setattr(MetricDatumBase, "filter", of_a_metric)  # noqa: B010


def _vpc_endpoints_change_when_modified() -> None:
    """Apply ModifyVpcEndpoint. Without it, the call answers true and leaves private DNS and the gateway's routes as they were.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html
    """
    from moto.ec2.responses.vpcs import VPCs

    original = VPCs.modify_vpc_endpoint
    if getattr(original, "repaired", False):
        return

    def modify_vpc_endpoint(self: Any) -> Any:
        answer = original(self)
        backend = self.ec2_backend
        endpoint = backend.describe_vpc_endpoints(vpc_end_point_ids=[self._get_param("VpcEndpointId")])[0]
        private_dns = self._get_param("PrivateDnsEnabled")
        if private_dns is not None:
            endpoint.private_dns_enabled = str(private_dns).lower() == "true"
        if endpoint.destination_prefix_list_id:
            for table in self._get_param("RemoveRouteTableIds", []):
                backend.delete_route(table, endpoint.destination_prefix_list_id)
            for table in self._get_param("AddRouteTableIds", []):
                prefix_list = endpoint.destination_prefix_list_id
                backend.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
        return answer

    modify_vpc_endpoint.repaired = True  # type: ignore[attr-defined]
    setattr(VPCs, "modify_vpc_endpoint", modify_vpc_endpoint)  # noqa: B010


def _imported_certificates_have_the_arn_of_their_content() -> None:
    """Give the same certificate the same ARN in every world. Without it, nothing that depends on it can be kept for another run.

    A certificate that is imported twice has two ARNs, as on AWS:
    https://docs.aws.amazon.com/acm/latest/APIReference/API_ImportCertificate.html
    """
    from moto.acm.models import AWSCertificateManagerBackend

    original = AWSCertificateManagerBackend.import_certificate
    if getattr(original, "repaired", False):
        return

    def import_certificate(
        self: Any,
        certificate: bytes,
        private_key: bytes,
        chain: bytes | None,
        arn: str | None,
        tags: list[dict[str, str]],
    ) -> str:
        made = original(self, certificate, private_key, chain, arn, tags)
        if arn is not None:
            return made
        names = (uuid.uuid5(uuid.NAMESPACE_OID, f"{number} {certificate.hex()}") for number in itertools.count())
        candidates = (f"{made.rpartition('/')[0]}/{name}" for name in names)
        chosen = next(candidate for candidate in candidates if candidate not in self._certificates)
        bundle = self._certificates.pop(made)
        bundle.arn = chosen
        self._certificates[chosen] = bundle
        return chosen

    import_certificate.repaired = True  # type: ignore[attr-defined]
    setattr(AWSCertificateManagerBackend, "import_certificate", import_certificate)  # noqa: B010


def _every_bucket_is_encrypted() -> None:
    """Encrypt every bucket. Without it, a bucket without a configuration answers an error, and its objects show no encryption.

    AWS encrypts every bucket with AES256 since January 2023, and a deleted configuration returns to that:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
    """
    from moto.s3.models import FakeBucket

    if hasattr(FakeBucket, "encryption"):
        return

    def encryption(self: Any) -> dict[str, Any]:
        return self.__dict__.get("encryption") or {
            "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
        }

    def configure(self: Any, configuration: dict[str, Any] | None) -> None:
        self.__dict__["encryption"] = configuration

    setattr(FakeBucket, "encryption", property(encryption, configure))  # noqa: B010


def _buckets_take_what_s3_takes() -> None:
    """Accept what S3 accepts. Without it, logging needs a grant on its target bucket, and Object Lock an empty bucket; S3 requires
    neither.

    Recorded: https://github.com/localstack/localstack, test_s3.py::TestS3BucketLogging::test_put_bucket_logging (of 2026-02-21).
    Object Lock: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html ("on an existing bucket").
    """
    from moto.s3.models import FakeBucket, S3Backend

    setattr(FakeBucket, "_log_permissions_enabled_policy", staticmethod(_granted))  # noqa: B010
    # "A bucket has no Transfer Acceleration state if a state has never been set on the bucket"; Suspended is one:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAccelerateConfiguration.html
    setattr(FakeBucket, "set_accelerate_configuration", _accelerate)  # noqa: B010
    original = S3Backend.put_object_lock_configuration
    if getattr(original, "repaired", False):
        return

    def put_object_lock_configuration(self: Any, bucket_name: str, *arguments: Any, **named: Any) -> None:
        bucket = self.get_bucket(bucket_name)
        objects, bucket.keys = bucket.keys, type(bucket.keys)()
        try:
            original(self, bucket_name, *arguments, **named)
        finally:
            bucket.keys = objects

    put_object_lock_configuration.repaired = True  # type: ignore[attr-defined]
    setattr(S3Backend, "put_object_lock_configuration", put_object_lock_configuration)  # noqa: B010


def _accelerate(bucket: Any, status: str) -> None:
    bucket.accelerate_configuration = status


def _buckets_have_one_owner() -> None:
    """Give all buckets one owner. Without it, ListBuckets and ACLs name different ones, and every plan changes an ACL with the
    account's id.

    The canonical user id is one for an account, of 64 digits:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/finding-canonical-user-id.html
    """
    from moto.s3.models import OWNER
    from moto.s3.responses import S3Response

    original = S3Response.all_buckets
    if hasattr(original, "repaired"):
        return

    def all_buckets(self: Any) -> Any:
        status, headers, body = original(self)
        if isinstance(body, bytes):
            return status, headers, body.replace(_OTHER_OWNER.encode(), OWNER.encode())
        return status, headers, str(body).replace(_OTHER_OWNER, OWNER)

    all_buckets.repaired = True  # type: ignore[attr-defined]
    setattr(S3Response, "all_buckets", all_buckets)  # noqa: B010


# The owner in moto's ListBuckets.
_OTHER_OWNER = "bcaf1ffd86f41161ca5fb16fd081034f"


def _granted(*_: Any, **__: Any) -> bool:
    """Return True."""
    return True


def _policy_documents_are_judged_once() -> None:
    """Skip moto's check of policies.

    Without it, moto refuses trust policies that AWS accepts (sts:SetContext) and the gateway has checked.
    """
    from moto.iam import policy_validation

    judged = policy_validation.BaseIAMPolicyValidator
    for validator in (policy_validation.IAMPolicyDocumentValidator, policy_validation.IAMTrustPolicyDocumentValidator):
        assert issubclass(validator, judged)
        setattr(validator, "validate", _accept)  # noqa: B010


def _accept(_validator: Any) -> None:
    """Accept any document."""


def _iam_names_have_their_form() -> None:
    """Give IAM's names AWS's form. Without it, unique ids of users and groups differ from it, and ECS's own role is `...Forecs`.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
    """
    from moto.iam import models

    models.SERVICE_NAME_CONVERSION.update(
        {
            "ecs": "ECS",
            "rds": "RDS",
            "batch": "Batch",
            "backup": "Backup",
            "config": "Config",
            "elasticache": "ElastiCache",
            "elasticloadbalancing": "ElasticLoadBalancing",
            "codestar-notifications": "CodeStarNotifications",
        }
    )
    for kind, prefix in ((models.User, "AIDA"), (models.Group, "AGPA"), (models.InstanceProfile, "AIPA")):
        _prefix_ids(kind, prefix)


def _prefix_ids(kind: Any, prefix: str) -> None:
    original = kind.__init__
    if getattr(original, "repaired", False):
        return

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self.id = f"{prefix}{self.id.upper():.17}"

    __init__.repaired = True  # type: ignore[attr-defined]
    kind.__init__ = __init__


def _databases_have_the_default_parameters_of_their_family() -> None:
    """Name the default parameter group of a database by its engine's family.

    Without it, mysql 5.7 has `default.mysql5`, and a configuration that names `default.mysql5.7` is never without a change.
    """
    from moto.rds.models import DBInstance

    def default_db_parameter_group_details(self: DBInstance) -> tuple[str, str]:
        family = parameter_family(str(self.engine).lower(), str(self.engine_version))
        return family, f"default.{family}"

    setattr(DBInstance, "default_db_parameter_group_details", default_db_parameter_group_details)  # noqa: B010
