"""AWS's own managed policies: some 1,600 documents, of which every account has all. One process holds each document once.

An account's policies name their documents and do not refer to them, so that a kept world contains none, and a forked one touches
none that it does not read.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import cast

from moto.iam.models import IAMBackend, ManagedPolicy, PolicyVersion
from moto.settings import load_iam_aws_managed_policies

_original: Callable[[IAMBackend], list[ManagedPolicy]] = IAMBackend._init_aws_policies
#: Policies by partition and ARN, as far as they were read. Nothing is attached to these: accounts have copies.
_read: dict[str, Mapping[str, ManagedPolicy]] = {}


class _Partition:
    """The part of a backend that reading the policies needs."""

    account_id = "aws"

    def __init__(self, partition: str) -> None:
        self.region_name = partition


class ShippedVersion(PolicyVersion):
    """A version of one of AWS's own managed policies."""

    def __init__(self, version: PolicyVersion) -> None:
        self.__dict__.update({name: value for name, value in vars(version).items() if name != "document"})

    @property
    def document(self) -> str:  # type: ignore[override]
        """Return the policy document, as JSON text."""
        arn = self.policy_arn
        text: str = _policies(arn.split(":")[1])[arn].versions[0].document
        return text


def read_policies_once() -> None:
    """Make moto read the policies once in a process; safe to call again."""
    setattr(IAMBackend, "_init_aws_policies", _init_aws_policies)  # noqa: B010


def _init_aws_policies(self: IAMBackend) -> list[ManagedPolicy]:
    if not load_iam_aws_managed_policies():
        return []
    return [_copy(policy, self.account_id) for policy in _policies(self.region_name).values()]


def _policies(partition: str) -> Mapping[str, ManagedPolicy]:
    """Return the policies of a partition, by ARN; ARNs contain the partition."""
    if partition not in _read:
        backend = cast(IAMBackend, _Partition(partition))
        _read[partition] = {policy.arn: policy for policy in _original(backend)}
    return _read[partition]


def _copy(policy: ManagedPolicy, account_id: str) -> ManagedPolicy:
    made = copy.copy(policy)
    made.account_id = account_id
    made.tags = {}
    made.versions = [ShippedVersion(version) for version in policy.versions]
    return made
