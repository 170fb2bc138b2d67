"""AWS and the engines are asked the same, and differences are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushproof.emulator.world import World
from pushproof.sandbox.oracles import (
    Case,
    Question,
    ask_lifecycle,
    ask_permissions,
    ask_reachability,
    differences,
    record,
)

POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": "keep one",
                "selection": {
                    "tagStatus": "tagged",
                    "tagPrefixList": ["prod"],
                    "countType": "imageCountMoreThan",
                    "countNumber": 1,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def manifest(number: int) -> str:
    config = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": number,
        "digest": f"sha256:{number:064x}",
    }
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": config,
            "layers": [],
        }
    )


class StubbornEcr:
    """An ECR that would expire nothing, whatever the policy."""

    def __init__(self, ecr: Any) -> None:
        self._ecr = ecr

    def start_lifecycle_policy_preview(self, **_: Any) -> None:
        """Nothing needs starting."""

    def get_lifecycle_policy_preview(self, **_: Any) -> dict[str, Any]:
        return {"status": "COMPLETE"}

    def get_paginator(self, name: str) -> Any:
        return self if name == "get_lifecycle_policy_preview" else self._ecr.get_paginator(name)

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"previewResults": []}]


@pytest.fixture
def repository(aws: Callable[[str], Any]) -> Any:
    """Two images of which the policy keeps one."""
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="shop")
    for number in (1, 2):
        blob = b"%d" % number
        started = ecr.initiate_layer_upload(repositoryName="shop")["uploadId"]
        ecr.upload_layer_part(
            repositoryName="shop", uploadId=started, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
        )
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        ecr.complete_layer_upload(repositoryName="shop", uploadId=started, layerDigests=[digest])
        text = json.loads(manifest(number))
        text["config"] |= {"digest": digest, "size": len(blob)}
        ecr.put_image(repositoryName="shop", imageManifest=json.dumps(text), imageTag=f"prod-{number}")
    return ecr


def test_a_lifecycle_preview_that_agrees(repository: Any, world: World) -> None:
    """Both name one image and its rule."""
    case = ask_lifecycle(repository, "shop", POLICY, pause=world.loop.advance)
    assert case.agrees
    assert [priority for _, priority in case.aws] == [1]


def test_a_lifecycle_preview_that_differs_is_told(repository: Any) -> None:
    """When the other side expires nothing, the case says what both answered."""
    case = ask_lifecycle(StubbornEcr(repository), "shop", POLICY)
    assert differences([case]) == [case]
    assert "AWS:  []" in str(case)


def test_permissions_are_asked_of_both(aws: Callable[[str], Any]) -> None:
    """Allowed, denied and conditioned actions come out alike from the policies that the role has."""
    iam = aws("iam")
    arn = iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"}],
    }
    iam.put_role_policy(RoleName="task", PolicyName="inline", PolicyDocument=json.dumps(policy))
    cases = ask_permissions(
        iam, arn, [Question("s3:GetObject", "arn:aws:s3:::shop/a"), Question("s3:PutObject", "arn:aws:s3:::shop/a")]
    )
    assert [case.aws for case in cases] == ["allowed", "implicitDeny"]
    assert differences(cases) == []


class Analyzer:
    """A Reachability Analyzer that finds a path at the second look, and counts what is left of its own."""

    def __init__(self, status: str = "succeeded") -> None:
        self.looks, self.there, self._status = 0, set[str](), status

    def create_network_insights_path(self, **_: Any) -> dict[str, Any]:
        self.there.add("path")
        return {"NetworkInsightsPath": {"NetworkInsightsPathId": "nip-1"}}

    def start_network_insights_analysis(self, **_: Any) -> dict[str, Any]:
        self.there.add("analysis")
        return {"NetworkInsightsAnalysis": {"NetworkInsightsAnalysisId": "nia-1"}}

    def describe_network_insights_analyses(self, **_: Any) -> dict[str, Any]:
        self.looks += 1
        status = self._status if self.looks > 1 else "running"
        return {"NetworkInsightsAnalyses": [{"Status": status, "NetworkPathFound": True}]}

    def delete_network_insights_analysis(self, **_: Any) -> None:
        self.there.remove("analysis")

    def delete_network_insights_path(self, **_: Any) -> None:
        self.there.remove("path")


@pytest.mark.parametrize("ours", [True, False])
def test_reachability_is_compared_and_nothing_stays(ours: bool) -> None:
    """The analysis is waited for, compared, and removed."""
    analyzer = Analyzer()
    case = ask_reachability(analyzer, "eni-1", "igw-1", 443, ours, tags={}, pause=lambda _: None)
    assert case.agrees is ours
    assert analyzer.there == set()


def test_a_failed_analysis_leaves_nothing_either() -> None:
    """It raises, and what was made for it is gone."""
    analyzer = Analyzer("failed")
    with pytest.raises(RuntimeError, match="ended as failed"):
        ask_reachability(analyzer, "eni-1", "igw-1", 443, True, tags={}, pause=lambda _: None)
    assert analyzer.there == set()


def test_fixtures_carry_neither_account_nor_run(tmp_path: Path) -> None:
    """What goes into the repository says nothing about whose account it was; asking again overwrites it."""
    case = Case(
        "permissions", {"role": "arn:aws:iam::210987654321:role/pushproof-1a2b3c4d-dev-task"}, "allowed", "implicitDeny"
    )
    path = record(tmp_path, case, on="2026-11-23")
    assert path == record(tmp_path, case, on="2026-11-24")
    assert "210987654321" not in path.read_text()
    assert "1a2b3c4d" not in path.read_text()
    assert json.loads(path.read_text())["asked"]["role"] == "arn:aws:iam::123456789012:role/pushproof-00000000-dev-task"
