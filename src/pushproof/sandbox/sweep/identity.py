"""Roles and policies: removed last, because everything else acts through them."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.aws.tags import tag_map
from pushproof.sandbox.sweep.resource import Account, Kind, Resource, epoch, gone_is_fine, pages


def _roles(account: Account) -> Iterator[Resource]:
    api = account.client("iam")
    for role in pages(api, "list_roles", "Roles"):
        if role["Path"].startswith("/aws-service-role/"):
            continue
        answer = gone_is_fine(api.list_role_tags, RoleName=role["RoleName"]) or {}
        yield Resource(
            "iam role", role["RoleName"], name=role["RoleName"], tags=tag_map(answer.get("Tags")),
            created_at=epoch(role.get("CreateDate")),
        )  # fmt: skip


def _remove_role(account: Account, resource: Resource) -> None:
    api = account.client("iam")
    for profile in (gone_is_fine(api.list_instance_profiles_for_role, RoleName=resource.id) or {}).get(
        "InstanceProfiles", []
    ):
        gone_is_fine(
            api.remove_role_from_instance_profile,
            InstanceProfileName=profile["InstanceProfileName"],
            RoleName=resource.id,
        )
    for policy in (gone_is_fine(api.list_attached_role_policies, RoleName=resource.id) or {}).get(
        "AttachedPolicies", []
    ):
        gone_is_fine(api.detach_role_policy, RoleName=resource.id, PolicyArn=policy["PolicyArn"])
    for name in (gone_is_fine(api.list_role_policies, RoleName=resource.id) or {}).get("PolicyNames", []):
        gone_is_fine(api.delete_role_policy, RoleName=resource.id, PolicyName=name)
    gone_is_fine(api.delete_role, RoleName=resource.id)


def _policies(account: Account) -> Iterator[Resource]:
    api = account.client("iam")
    for policy in pages(api, "list_policies", "Policies", Scope="Local"):
        answer = gone_is_fine(api.list_policy_tags, PolicyArn=policy["Arn"]) or {}
        yield Resource(
            "iam policy", policy["Arn"], name=policy["PolicyName"], tags=tag_map(answer.get("Tags")),
            created_at=epoch(policy.get("CreateDate")),
        )  # fmt: skip


def _remove_policy(account: Account, resource: Resource) -> None:
    api = account.client("iam")
    for version in (gone_is_fine(api.list_policy_versions, PolicyArn=resource.id) or {}).get("Versions", []):
        if not version["IsDefaultVersion"]:
            gone_is_fine(api.delete_policy_version, PolicyArn=resource.id, VersionId=version["VersionId"])
    gone_is_fine(api.delete_policy, PolicyArn=resource.id)


def _instance_profiles(account: Account) -> Iterator[Resource]:
    api = account.client("iam")
    for profile in pages(api, "list_instance_profiles", "InstanceProfiles"):
        name = profile["InstanceProfileName"]
        described = (gone_is_fine(api.get_instance_profile, InstanceProfileName=name) or {}).get("InstanceProfile", {})
        yield Resource(
            "iam instance-profile", name, name=name, tags=tag_map(described.get("Tags")),
            created_at=epoch(profile.get("CreateDate")),
        )  # fmt: skip


def _remove_instance_profile(account: Account, resource: Resource) -> None:
    api = account.client("iam")
    described = gone_is_fine(api.get_instance_profile, InstanceProfileName=resource.id) or {}
    for role in described.get("InstanceProfile", {}).get("Roles", []):
        gone_is_fine(api.remove_role_from_instance_profile, InstanceProfileName=resource.id, RoleName=role["RoleName"])
    gone_is_fine(api.delete_instance_profile, InstanceProfileName=resource.id)


KINDS = (
    Kind("iam instance-profile", _instance_profiles, _remove_instance_profile),
    Kind("iam role", _roles, _remove_role),
    Kind("iam policy", _policies, _remove_policy),
)
