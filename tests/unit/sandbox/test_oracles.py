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
    replay,
    unsettled,
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
        """Do nothing: the preview needs no start."""

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
    """The case shows both answers if the other side expires nothing."""
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


class StubbornIam:
    """An IAM whose simulator denies everything."""

    def __init__(self, iam: Any) -> None:
        self._iam = iam

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iam, name)

    def simulate_principal_policy(self, **_: Any) -> dict[str, Any]:
        return {"EvaluationResults": [{"EvalDecision": "explicitDeny"}]}


class Analyzer:
    """The world's EC2 with a Reachability Analyzer: it returns a prepared result at the second look, and counts leftovers."""

    def __init__(self, ec2: Any, found: bool, status: str = "succeeded") -> None:
        self.asked: dict[str, Any] = {}
        self.there: dict[str, Any] = {}
        self.looks = 0
        self._ec2, self._found, self._status = ec2, found, status

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ec2, name)

    def create_network_insights_path(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        self.there["path"] = asked["TagSpecifications"]
        return {"NetworkInsightsPath": {"NetworkInsightsPathId": "nip-1"}}

    def start_network_insights_analysis(self, **asked: Any) -> dict[str, Any]:
        assert asked["NetworkInsightsPathId"] == "nip-1"
        self.there["analysis"] = asked["TagSpecifications"]
        return {"NetworkInsightsAnalysis": {"NetworkInsightsAnalysisId": "nia-1"}}

    def describe_network_insights_analyses(self, **_: Any) -> dict[str, Any]:
        self.looks += 1
        assert all(made[0]["Tags"] == [{"Key": "run", "Value": "1"}] for made in self.there.values())
        status = self._status if self.looks > 1 else "running"
        return {"NetworkInsightsAnalyses": [{"Status": status, "NetworkPathFound": self._found}]}

    def delete_network_insights_analysis(self, **_: Any) -> None:
        del self.there["analysis"]

    def delete_network_insights_path(self, **_: Any) -> None:
        del self.there["path"]


TAGS = {"run": "1"}


@pytest.fixture
def ways(aws: Callable[[str], Any]) -> tuple[str, str, str]:
    """A VPC with an internet gateway, and two interfaces: one with a public address and a route to it, one with neither."""
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    inside = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    group = ec2.describe_security_groups(Filters=inside)["SecurityGroups"][0]["GroupId"]
    interfaces = []
    for number in (1, 2):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"]
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"][
            "NetworkInterfaceId"
        ]
        interfaces.append(interface)
        if number == 1:
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
            address = ec2.allocate_address(Domain="vpc")["AllocationId"]
            ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)
    return interfaces[0], interfaces[1], gateway


def test_reachability_is_asked_of_both(aws: Callable[[str], Any], ways: tuple[str, str, str]) -> None:
    """The engine reads the network itself: out through the gateway, and not out without a route; nothing of the analysis stays."""
    public, private, gateway = ways
    for interface, found in ((public, True), (private, False)):
        analyzer = Analyzer(aws("ec2"), found)
        case = ask_reachability(analyzer, interface, gateway, 443, tags=TAGS, pause=lambda _: None)
        assert (case.aws, case.ours) == (found, found)
        assert analyzer.asked["Source"] == interface
        assert (analyzer.asked["Protocol"], analyzer.asked["DestinationPort"]) == ("tcp", 443)
        assert analyzer.there == {}


def test_interfaces_reach_each_other_as_their_groups_allow(
    aws: Callable[[str], Any], ways: tuple[str, str, str]
) -> None:
    """Both are in one group: not until the group lets in its own members."""
    public, private, _ = ways
    interface = aws("ec2").describe_network_interfaces(NetworkInterfaceIds=[public])["NetworkInterfaces"][0]
    group = interface["Groups"][0]["GroupId"]
    members = [{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": group}]}]
    for found in (False, True):
        if found:
            aws("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=members)
        case = ask_reachability(Analyzer(aws("ec2"), found), private, public, 8080, tags=TAGS, pause=lambda _: None)
        assert case.agrees


def test_a_failed_analysis_leaves_nothing_either(aws: Callable[[str], Any], ways: tuple[str, str, str]) -> None:
    """A failed analysis raises, and its resources are gone."""
    analyzer = Analyzer(aws("ec2"), True, "failed")
    with pytest.raises(RuntimeError, match="ended as failed"):
        ask_reachability(analyzer, ways[0], ways[2], 443, tags=TAGS, pause=lambda _: None)
    assert analyzer.there == {}


def test_an_analysis_that_does_not_end_leaves_nothing_either(
    aws: Callable[[str], Any], ways: tuple[str, str, str]
) -> None:
    """Patience ends as a TimeoutError that names the analysis."""
    analyzer = Analyzer(aws("ec2"), True, "running")
    with pytest.raises(TimeoutError, match="nia-1"):
        ask_reachability(analyzer, ways[0], ways[2], 443, tags=TAGS, patience=20, pause=lambda _: None)
    assert analyzer.there == {}


def difference(oracle: str, repository: Any, aws: Callable[[str], Any], ways: tuple[str, str, str]) -> Case:
    """A question to which the other side answers differently than our engine."""
    if oracle == "lifecycle":
        return ask_lifecycle(StubbornEcr(repository), "shop", POLICY)
    if oracle == "reachability":
        return ask_reachability(Analyzer(aws("ec2"), False), ways[0], ways[2], 443, tags=TAGS, pause=lambda _: None)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    role = aws("iam").create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    aws("iam").put_role_policy(RoleName="task", PolicyName="inline", PolicyDocument=json.dumps(policy))
    question = Question("s3:GetObject", "arn:aws:s3:::shop/a", {"aws:SourceVpc": "vpc-1"})
    return ask_permissions(StubbornIam(aws("iam")), role, [question])[0]


@pytest.mark.parametrize("oracle", ["lifecycle", "permissions", "reachability"])
def test_a_difference_is_kept_and_asked_again(
    oracle: str, repository: Any, aws: Callable[[str], Any], ways: tuple[str, str, str], tmp_path: Path
) -> None:
    """A difference is shown and saved; the file alone is enough to ask again, and unsettled until the engine agrees with AWS."""
    case = difference(oracle, repository, aws, ways)
    assert differences([case]) == [case]
    path = record(tmp_path, case, on="2026-11-23")
    recorded = json.loads(path.read_text())
    assert recorded["oracle"] == oracle
    assert replay(path) == (recorded["aws"], recorded["ours"])
    assert unsettled(tmp_path) == {path.name: (recorded["aws"], recorded["ours"])}
    path.write_text(json.dumps(recorded | {"aws": recorded["ours"]}))
    assert unsettled(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    ["{", '{"oracle": "tea leaves", "asked": {}, "aws": 1}', '{"oracle": "lifecycle", "asked": {}, "aws": 1}'],
    ids=["no-json", "no-oracle", "no-question"],
)
def test_a_file_that_is_no_case_is_named(text: str, tmp_path: Path) -> None:
    """Broken or foreign files are no agreement."""
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(ValueError, match=r"odd\.json is no recorded case"):
        unsettled(tmp_path)


def test_what_aws_has_answered_is_what_the_engines_answer() -> None:
    """Every difference that was recorded in an account, and not settled by then, is settled now."""
    recorded = Path(__file__).resolve().parents[2] / "integration" / "parity" / "fixtures"
    assert unsettled(recorded) == {}


def test_fixtures_carry_neither_account_nor_run(tmp_path: Path) -> None:
    """A fixture does not reveal whose account it came from; recording again overwrites it."""
    case = Case(
        "permissions", {"role": "arn:aws:iam::210987654321:role/pushproof-1a2b3c4d-dev-task"}, "allowed", "implicitDeny"
    )
    path = record(tmp_path, case, on="2026-11-23")
    assert path == record(tmp_path, case, on="2026-11-24")
    assert "210987654321" not in path.read_text()
    assert "1a2b3c4d" not in path.read_text()
    assert json.loads(path.read_text())["asked"]["role"] == "arn:aws:iam::123456789012:role/pushproof-00000000-dev-task"
