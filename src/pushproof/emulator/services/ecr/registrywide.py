"""Operations on the registry as a whole: login, its policy, scanning, replication and account settings."""

from __future__ import annotations

import base64
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pushproof.base.clock import unshortened
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import check_limits
from pushproof.emulator.services.ecr import errors
from pushproof.emulator.services.ecr.base import EcrOperations
from pushproof.emulator.services.ecr.model import Repository, Scope
from pushproof.emulator.services.ecr.repositories import check_name, checked_policy
from pushproof.emulator.services.ecr.tokens import Tokens

if TYPE_CHECKING:
    from types_boto3_ecr.type_defs import (
        AuthorizationDataTypeDef,
        RegistryScanningConfigurationTypeDef,
        ReplicationConfigurationOutputTypeDef,
        RepositoryScanningConfigurationFailureTypeDef,
        RepositoryScanningConfigurationTypeDef,
        ScanningRepositoryFilterTypeDef,
    )

    from pushproof.emulator.kernel.shapes.ecr import (
        BatchGetRepositoryScanningConfigurationAnswer,
        BatchGetRepositoryScanningConfigurationRequest,
        DeleteRegistryPolicyAnswer,
        DeleteRegistryPolicyRequest,
        DescribeRegistryAnswer,
        DescribeRegistryRequest,
        GetAccountSettingAnswer,
        GetAccountSettingRequest,
        GetAuthorizationTokenAnswer,
        GetAuthorizationTokenRequest,
        GetRegistryPolicyAnswer,
        GetRegistryPolicyRequest,
        GetRegistryScanningConfigurationAnswer,
        GetRegistryScanningConfigurationRequest,
        PutAccountSettingAnswer,
        PutAccountSettingRequest,
        PutRegistryPolicyAnswer,
        PutRegistryPolicyRequest,
        PutRegistryScanningConfigurationAnswer,
        PutRegistryScanningConfigurationRequest,
        PutReplicationConfigurationAnswer,
        PutReplicationConfigurationRequest,
    )


_ACCOUNT_SETTINGS = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "REGISTRY_POLICY_SCOPE": ("V2", "V1"),
    "BLOB_MOUNTING": ("DISABLED", "ENABLED"),
}


class RegistryState:
    """Settings of one registry (account and region)."""

    def __init__(self) -> None:
        self.policy: str | None = None
        self.scanning: RegistryScanningConfigurationTypeDef = {"scanType": "BASIC", "rules": []}
        self.replication: ReplicationConfigurationOutputTypeDef = {"rules": []}
        self.account_settings = {name: values[0] for name, values in _ACCOUNT_SETTINGS.items()}


class RegistryOperations(EcrOperations):
    """GetAuthorizationToken, DescribeRegistry and the registry's settings."""

    tokens: Tokens
    registries: dict[Scope, RegistryState]

    def _state(self, scope: Scope) -> RegistryState:
        return self.registries.setdefault(scope, RegistryState())

    def get_authorization_token(
        self, context: RequestContext, request: GetAuthorizationTokenRequest
    ) -> GetAuthorizationTokenAnswer:
        now = self.site.clock.now()
        # Builds and pushes are real work: a login has to outlast them at any speed.
        lifetime = unshortened(self.site.clock, self.settings.token_lifetime)
        data: list[AuthorizationDataTypeDef] = []
        for account in request.get("registryIds") or [context.account_id]:
            token = self.tokens.issue(context.principal, (account, context.region), now, lifetime)
            data.append(
                {
                    "authorizationToken": base64.b64encode(f"AWS:{token.password}".encode()).decode(),
                    "expiresAt": self._stamp(token.expires_at),
                    "proxyEndpoint": self.site.endpoint.url,
                }
            )
        return {"authorizationData": data}

    def describe_registry(self, context: RequestContext, request: DescribeRegistryRequest) -> DescribeRegistryAnswer:
        state = self._state(context.scope)
        return {"registryId": context.account_id, "replicationConfiguration": state.replication}

    def put_replication_configuration(
        self, context: RequestContext, request: PutReplicationConfigurationRequest
    ) -> PutReplicationConfigurationAnswer:
        # Kept and shown; nothing is replicated.
        check_limits("ecr", "PutReplicationConfiguration", request)
        self._state(context.scope).replication = request["replicationConfiguration"]
        return {"replicationConfiguration": request["replicationConfiguration"]}

    def get_registry_policy(
        self, context: RequestContext, request: GetRegistryPolicyRequest
    ) -> GetRegistryPolicyAnswer:
        policy = self._state(context.scope).policy
        if policy is None:
            raise AwsError(
                "RegistryPolicyNotFoundException",
                f"Registry policy does not exist in the registry with id '{context.account_id}'",
            )
        return {"registryId": context.account_id, "policyText": policy}

    def put_registry_policy(
        self, context: RequestContext, request: PutRegistryPolicyRequest
    ) -> PutRegistryPolicyAnswer:
        self._state(context.scope).policy = checked_policy(request["policyText"], "Invalid registry policy provided")
        return {"registryId": context.account_id, "policyText": request["policyText"]}

    def delete_registry_policy(
        self, context: RequestContext, request: DeleteRegistryPolicyRequest
    ) -> DeleteRegistryPolicyAnswer:
        answer = self.get_registry_policy(context, request)
        self._state(context.scope).policy = None
        return answer

    def get_registry_scanning_configuration(
        self, context: RequestContext, request: GetRegistryScanningConfigurationRequest
    ) -> GetRegistryScanningConfigurationAnswer:
        return {"registryId": context.account_id, "scanningConfiguration": self._state(context.scope).scanning}

    def put_registry_scanning_configuration(
        self, context: RequestContext, request: PutRegistryScanningConfigurationRequest
    ) -> PutRegistryScanningConfigurationAnswer:
        kind, rules = request.get("scanType", "BASIC"), request.get("rules", [])
        allowed = ("SCAN_ON_PUSH", "MANUAL") if kind == "BASIC" else ("SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL")
        for rule in rules:
            if rule["scanFrequency"] not in allowed:
                raise errors.invalid("rules", f"scanFrequency {rule['scanFrequency']} is not one of scan type {kind}")
        self._state(context.scope).scanning = {"scanType": kind, "rules": rules}
        return {"registryScanningConfiguration": {"scanType": kind, "rules": rules}}

    def batch_get_repository_scanning_configuration(
        self, context: RequestContext, request: BatchGetRepositoryScanningConfigurationRequest
    ) -> BatchGetRepositoryScanningConfigurationAnswer:
        configurations: list[RepositoryScanningConfigurationTypeDef] = []
        failures: list[RepositoryScanningConfigurationFailureTypeDef] = []
        for name in request["repositoryNames"]:
            check_name(name, "repositoryNames")
            repository = self.store.of(context.scope).get(name)
            if repository is None:
                failures.append(
                    {
                        "repositoryName": name,
                        "failureCode": "REPOSITORY_NOT_FOUND",
                        "failureReason": f"The repository with name '{name}' does not exist in the registry with id "
                        f"'{context.account_id}'",
                    }
                )
                continue
            filters = self._scan_filters(repository)
            on_push = repository.scan_on_push or bool(filters)
            configurations.append(
                {
                    "repositoryArn": repository.arn,
                    "repositoryName": name,
                    "scanOnPush": on_push,
                    "scanFrequency": "SCAN_ON_PUSH" if on_push else "MANUAL",
                    "appliedScanFilters": filters,
                }
            )
        return {"scanningConfigurations": configurations, "failures": failures}

    def _registry_scans(self, repository: Repository) -> bool:
        return bool(self._scan_filters(repository))

    def _scan_filters(self, repository: Repository) -> list[ScanningRepositoryFilterTypeDef]:
        return [
            prefix
            for rule in self._state(repository.scope).scanning["rules"]
            if rule["scanFrequency"] != "MANUAL"
            for prefix in rule["repositoryFilters"]
            # A filter without a wildcard matches every name that contains it.
            if fnmatchcase(repository.name, prefix["filter"] if "*" in prefix["filter"] else f"*{prefix['filter']}*")
        ]

    def get_account_setting(
        self, context: RequestContext, request: GetAccountSettingRequest
    ) -> GetAccountSettingAnswer:
        name = _setting(request["name"])
        return {"name": name, "value": self._state(context.scope).account_settings[name]}

    def put_account_setting(
        self, context: RequestContext, request: PutAccountSettingRequest
    ) -> PutAccountSettingAnswer:
        name, value = _setting(request["name"]), request["value"]
        if value not in _ACCOUNT_SETTINGS[name]:
            raise errors.invalid("value", f"must be one of {', '.join(_ACCOUNT_SETTINGS[name])}")
        self._state(context.scope).account_settings[name] = value
        return {"name": name, "value": value}

    def mounts_blobs(self, scope: Scope) -> bool:
        """Return whether a push may mount layers from another repository."""
        return self._state(scope).account_settings["BLOB_MOUNTING"] == "ENABLED"


def _setting(name: str) -> str:
    if name not in _ACCOUNT_SETTINGS:
        raise errors.invalid("name", f"must be one of {', '.join(_ACCOUNT_SETTINGS)}")
    return name
