"""ECR's repositories, settings and policies, by boto3 through the gateway, in process."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World

POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}
)


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual(WorldSettings()) as made:
        yield made


@pytest.fixture
def ecr(world: World) -> Any:
    return world.administrator("ecr")


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def test_repository_as_terraform_makes_it(world: World, ecr: Any) -> None:
    """DescribeRepositories shows the values of CreateRepository, with AWS's defaults for the rest."""
    ecr.create_repository(
        repositoryName="app-dev",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "AES256"},
        tags=[{"Key": "Project", "Value": "app"}],
    )
    (found,) = ecr.describe_repositories(repositoryNames=["app-dev"])["repositories"]
    assert found["repositoryArn"] == "arn:aws:ecr:eu-west-1:123456789012:repository/app-dev"
    assert found["repositoryUri"] == f"{world.registry_host}/app-dev"
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"] == [
        {"Key": "Project", "Value": "app"}
    ]


def test_repositories_have_their_region_and_name_to_themselves(world: World, ecr: Any) -> None:
    """A second repository of a name is refused, in another region it is another one, and a bad name is none."""
    ecr.create_repository(repositoryName="app")
    code, message = refused(ecr.create_repository, repositoryName="app")
    assert code == "RepositoryAlreadyExistsException"
    assert message == "The repository with name 'app' already exists in the registry with id '123456789012'"
    assert world.administrator("ecr", region="us-east-1").describe_repositories()["repositories"] == []
    assert refused(ecr.create_repository, repositoryName="App")[0] == "InvalidParameterException"
    code, message = refused(ecr.describe_repositories, repositoryNames=["nope"])
    assert code == "RepositoryNotFoundException"
    assert message == "The repository with name 'nope' does not exist in the registry with id '123456789012'"


def test_repositories_in_pages(ecr: Any) -> None:
    """A listing comes in pages that together are the whole."""
    for number in range(5):
        ecr.create_repository(repositoryName=f"app/{number}")
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["repositories"]) for page in pages] == [2, 2, 1]
    assert refused(ecr.describe_repositories, nextToken="!")[0] == "InvalidParameterException"


def test_kms_encryption(world: World, ecr: Any) -> None:
    """A key is shown by its ARN, the AWS managed one is the default, an unknown one is refused."""
    key = world.substrate.client("kms", "eu-west-1").create_key()["KeyMetadata"]
    wanted = {"encryptionType": "KMS", "kmsKey": key["KeyId"]}
    made = ecr.create_repository(repositoryName="own", encryptionConfiguration=wanted)["repository"]
    assert made["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key["Arn"]}
    made = ecr.create_repository(repositoryName="aws", encryptionConfiguration={"encryptionType": "KMS"})["repository"]
    assert made["encryptionConfiguration"]["kmsKey"].startswith("arn:aws:kms:eu-west-1:123456789012:key/")
    wanted = {"encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-west-1:123456789012:key/none"}
    assert refused(ecr.create_repository, repositoryName="none", encryptionConfiguration=wanted)[0] == "KmsException"


def test_settings_change(ecr: Any) -> None:
    """Mutability, its exclusions and scanning change, and nonsense combinations do not."""
    ecr.create_repository(repositoryName="app")
    filters = [{"filterType": "WILDCARD", "filter": "latest*"}]
    ecr.put_image_tag_mutability(
        repositoryName="app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    ecr.put_image_scanning_configuration(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
    (found,) = ecr.describe_repositories()["repositories"]
    assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert found["imageTagMutabilityExclusionFilters"] == filters
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    code, _ = refused(
        ecr.put_image_tag_mutability,
        repositoryName="app",
        imageTagMutability="IMMUTABLE",
        imageTagMutabilityExclusionFilters=filters,
    )
    assert code == "InvalidParameterException"


def test_policies_of_a_repository(ecr: Any) -> None:
    """A repository policy is stored, shown and removed; ECR reports a missing one."""
    ecr.create_repository(repositoryName="app")
    code, message = refused(ecr.get_repository_policy, repositoryName="app")
    assert code == "RepositoryPolicyNotFoundException"
    assert message.startswith("Repository policy does not exist for the repository with name 'app'")
    ecr.set_repository_policy(repositoryName="app", policyText=POLICY)
    assert ecr.get_repository_policy(repositoryName="app")["policyText"] == POLICY
    ecr.delete_repository_policy(repositoryName="app")
    assert refused(ecr.get_repository_policy, repositoryName="app")[0] == "RepositoryPolicyNotFoundException"
    code, message = refused(ecr.set_repository_policy, repositoryName="app", policyText="{}")
    assert code == "InvalidParameterException"
    assert "Invalid repository policy provided" in message


def test_tags(ecr: Any) -> None:
    """Tags are added, replaced and removed one by one."""
    arn = ecr.create_repository(repositoryName="app", tags=[{"Key": "a", "Value": "1"}])["repository"]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["b", "never"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "2"}]


def test_registry_settings(ecr: Any) -> None:
    """The registry's policy, scanning, replication and account settings are kept as they were put."""
    assert ecr.describe_registry() | {"ResponseMetadata": 0} == {
        "registryId": "123456789012",
        "replicationConfiguration": {"rules": []},
        "ResponseMetadata": 0,
    }
    assert refused(ecr.get_registry_policy)[0] == "RegistryPolicyNotFoundException"
    policy = json.loads(POLICY)
    policy["Statement"][0] |= {
        "Action": "ecr:ReplicateImage",
        "Resource": "arn:aws:ecr:eu-west-1:123456789012:repository/*",
    }
    ecr.put_registry_policy(policyText=json.dumps(policy))
    assert json.loads(ecr.get_registry_policy()["policyText"]) == policy
    ecr.delete_registry_policy()
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "app", "filterType": "WILDCARD"}]}]
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules)
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == {"scanType": "BASIC", "rules": rules}
    ecr.create_repository(repositoryName="my-app")
    answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=["my-app", "none"])
    assert answer["scanningConfigurations"][0]["scanFrequency"] == "SCAN_ON_PUSH"
    assert answer["failures"][0]["failureCode"] == "REPOSITORY_NOT_FOUND"
    assert ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")["value"] == "ENABLED"
    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "ENABLED"


def test_login_token(world: World, ecr: Any) -> None:
    """The token is a login of the user AWS, good for twelve hours."""
    (data,) = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    assert len(password) > 64
    assert data["proxyEndpoint"] == world.endpoint
    assert data["expiresAt"].timestamp() == pytest.approx(world.clock.now() + 12 * 3600, abs=1)


def test_unimplemented_operations_say_so(ecr: Any) -> None:
    """A missing operation answers 501, with service and operation."""
    code, message = refused(ecr.describe_pull_through_cache_rules)
    assert code == "NotImplemented"
    assert "DescribePullThroughCacheRules of ecr" in message
