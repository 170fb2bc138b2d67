"""AWS's own answers beside our engines'; differences become fixtures. docs/parity.md says how to record."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushproof.sandbox.oracles import (
    Case,
    Question,
    ask_lifecycle,
    ask_permissions,
    ask_reachability,
    differences,
    record,
)

pytestmark = pytest.mark.target_needs("oracles")
FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def agree() -> Callable[[list[Case]], None]:
    """Every case must agree; one that does not is recorded first."""

    def check(cases: list[Case]) -> None:
        found = differences(cases)
        files = [str(record(FIXTURES, case, on=datetime.date.today().isoformat())) for case in found]
        assert not found, "\n".join([*map(str, found), "recorded in:", *files])

    return check


@pytest.fixture(scope="module")
def repository(applied: Callable[..., Any], aws: Callable[[str], Any]) -> str:
    """A repository with images that differ in their tags and in the order they came."""
    module = applied("infrastructure/modules/ecr", project="shop", environment="dev", force_delete=True)
    name = str(module["repository_name"])
    for tags in (["dev-1", "beta-1"], ["dev-2", "beta-2"], ["beta-3"], ["dev-4"]):
        _put(aws("ecr"), name, tags)
    return name


def _put(ecr: Any, repository: str, tags: list[str]) -> None:
    blob = json.dumps({"tags": tags}).encode()
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
    )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(blob), "digest": digest}
    media = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": config, "layers": []})
    for tag in tags:
        ecr.put_image(repositoryName=repository, imageManifest=manifest, imageManifestMediaType=media, imageTag=tag)


def _rules(*prefixes: str) -> str:
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": priority,
                    "description": f"keep one {prefix}",
                    "selection": {
                        "tagStatus": "tagged",
                        "tagPrefixList": [prefix],
                        "countType": "imageCountMoreThan",
                        "countNumber": 1,
                    },
                    "action": {"type": "expire"},
                }
                for priority, prefix in enumerate(prefixes, 1)
            ]
        }
    )


@pytest.mark.parametrize("prefixes", [("dev",), ("dev", "beta"), ("beta", "dev")])
def test_lifecycle_previews(
    prefixes: tuple[str, ...], repository: str, aws: Callable[[str], Any], agree: Callable[[list[Case]], None]
) -> None:
    """Rules that protect and rules that expire come out as in ECR's own preview."""
    agree([ask_lifecycle(aws("ecr"), repository, _rules(*prefixes))])


def test_permissions_of_the_reference_roles(
    applied: Callable[..., Any], aws: Callable[[str], Any], target: Any, agree: Callable[[list[Case]], None]
) -> None:
    """IAM's simulator agrees with the engine about the roles' permissions."""
    artifacts = f"parity-artifacts-{target.account_id}"
    module = applied(
        "infrastructure/modules/iam",
        project="shop",
        environment="dev",
        artifacts_bucket_name=artifacts,
        source_bucket_name=f"{artifacts}-source",
    )
    task = str(module["task_role_arn"])
    questions = [
        Question("s3:GetObject", f"arn:aws:s3:::{artifacts}/a"),
        Question("s3:GetObject", "arn:aws:s3:::somebody-elses/a"),
        Question("ecr:GetAuthorizationToken"),
        Question("ecr:DeleteRepository", f"arn:aws:ecr:{target.region}:{target.account_id}:repository/shop-dev"),
        Question("iam:PassRole", task, {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
        Question("iam:PassRole", task, {"iam:PassedToService": "ec2.amazonaws.com"}),
    ]
    roles = ("codebuild_role_arn", "codepipeline_role_arn", "execution_role_arn", "task_role_arn")
    agree([case for role in roles for case in ask_permissions(aws("iam"), str(module[role]), questions)])


@pytest.mark.skipif(
    not os.environ.get("PUSHPROOF_SANDBOX_REACHABILITY"),
    reason="every analysis costs 0.10 USD; PUSHPROOF_SANDBOX_REACHABILITY=1 asks for it",
)
def test_ways_out_of_the_reference_network(
    applied: Callable[..., Any], aws: Callable[[str], Any], target: Any, agree: Callable[[list[Case]], None]
) -> None:
    """Reachability Analyzer agrees with the engine about a private subnet's way out by NAT: two questions, 0.20 USD."""
    module = applied("infrastructure/modules/networking", project="shop", environment="dev")
    ec2 = aws("ec2")
    specification = [
        {"ResourceType": "network-interface", "Tags": [{"Key": k, "Value": v} for k, v in target.tags.items()]}
    ]
    made = ec2.create_network_interface(
        SubnetId=module["private_subnet_ids"][0],
        TagSpecifications=specification,
    )["NetworkInterface"]["NetworkInterfaceId"]
    try:
        vpc = [{"Name": "attachment.vpc-id", "Values": [module["vpc_id"]]}]
        gateway = ec2.describe_internet_gateways(Filters=vpc)["InternetGateways"][0]["InternetGatewayId"]
        agree([ask_reachability(ec2, made, gateway, port, tags=target.tags) for port in (443, 25)])
    finally:
        ec2.delete_network_interface(NetworkInterfaceId=made)
