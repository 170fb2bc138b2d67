"""Every kind that the sweep covers, created twice, as a run's and as another owner's: the run's goes, the other stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.drill.certificate import self_signed
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.runtime.scripted.runtime import ScriptedRuntime
from pushproof.emulator.world import World
from pushproof.sandbox import naming
from pushproof.sandbox.sweep import KnownRun, Sweep
from pushproof.sandbox.sweep.kinds import KINDS
from pushproof.sandbox.sweep.resource import Account

RUN, FUTURE = "1a2b3c4d", 4_000_000_000.0
DEAD = (KnownRun(RUN, FUTURE, 0.0, ended=True),)
MEDIA = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Maker:
    """Makes resources of one owner: `name` begins their names, `tags` (Key and Value) are on all that take any."""

    aws: Callable[[str], Any]
    name: str
    tags: list[dict[str, str]]

    @property
    def lower(self) -> list[dict[str, str]]:
        return [{"key": tag["Key"], "value": tag["Value"]} for tag in self.tags]

    def spec(self, kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": self.tags}]

    # Networks.

    def vpc(self) -> str:
        made: str = self.aws("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=self.spec("vpc"))["Vpc"][
            "VpcId"
        ]
        return made

    def subnet(self, vpc: str = "", cidr: str = "10.0.0.0/24", zone: str = "eu-west-1a") -> str:
        made: str = self.aws("ec2").create_subnet(
            VpcId=vpc or self.vpc(), CidrBlock=cidr, AvailabilityZone=zone, TagSpecifications=self.spec("subnet")
        )["Subnet"]["SubnetId"]
        return made

    def internet_gateway(self) -> str:
        """Attached, with a route to it; returns its VPC."""
        vpc, ec2 = self.vpc(), self.aws("ec2")
        made = ec2.create_internet_gateway(TagSpecifications=self.spec("internet-gateway"))
        gateway = made["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        ec2.create_route(RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        return vpc

    def address(self) -> str:
        made: str = self.aws("ec2").allocate_address(Domain="vpc", TagSpecifications=self.spec("elastic-ip"))[
            "AllocationId"
        ]
        return made

    def nat_gateway(self) -> None:
        self.aws("ec2").create_nat_gateway(
            SubnetId=self.subnet(), AllocationId=self.address(), TagSpecifications=self.spec("natgateway")
        )

    def route_table(self) -> None:
        vpc = self.vpc()
        made = self.aws("ec2").create_route_table(VpcId=vpc, TagSpecifications=self.spec("route-table"))
        table = made["RouteTable"]["RouteTableId"]
        self.aws("ec2").associate_route_table(RouteTableId=table, SubnetId=self.subnet(vpc))

    def security_group(self) -> None:
        """Two that name each other."""
        vpc, ec2 = self.vpc(), self.aws("ec2")
        one, two = (
            ec2.create_security_group(
                GroupName=f"{self.name}-{n}", Description="x", VpcId=vpc, TagSpecifications=self.spec("security-group")
            )["GroupId"]
            for n in (1, 2)
        )
        for group, other in ((one, two), (two, one)):
            permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": other}]}
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])

    def endpoint(self) -> None:
        vpc = self.vpc()
        self.aws("ec2").modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        self.aws("ec2").create_vpc_endpoint(
            VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.ecr.api", VpcEndpointType="Interface",
            SubnetIds=[self.subnet(vpc)], TagSpecifications=self.spec("vpc-endpoint"),
        )  # fmt: skip

    def interface(self) -> None:
        """Create an interface as services leave it: without a tag, in the run's VPC."""
        self.aws("ec2").create_network_interface(SubnetId=self.subnet())

    # Delivery.

    def bucket(self, name: str = "artifacts") -> str:
        """Versions, a delete marker, and an upload in progress."""
        s3, bucket = self.aws("s3"), f"{self.name}-{name}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"one", b"two"):
            s3.put_object(Bucket=bucket, Key="source.zip", Body=body)
        s3.delete_object(Bucket=bucket, Key="source.zip")
        upload = s3.create_multipart_upload(Bucket=bucket, Key="unfinished")["UploadId"]
        s3.upload_part(Bucket=bucket, Key="unfinished", UploadId=upload, PartNumber=1, Body=b"x")
        return bucket

    def role(self, service: str = "codebuild") -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        made: str = self.aws("iam").create_role(
            RoleName=f"{self.name}-{service}", Tags=self.tags,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )["Role"]["Arn"]  # fmt: skip
        allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        self.aws("iam").put_role_policy(
            RoleName=f"{self.name}-{service}", PolicyName="inline",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
        )  # fmt: skip
        return made

    def policy(self) -> None:
        """Attached, and with a version that is not the default one."""
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = self.aws("iam").create_policy(PolicyName=self.name, PolicyDocument=document, Tags=self.tags)
        arn = made["Policy"]["Arn"]
        self.aws("iam").create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        self.role()
        self.aws("iam").attach_role_policy(RoleName=f"{self.name}-codebuild", PolicyArn=arn)

    def instance_profile(self) -> None:
        self.role("ec2")
        self.aws("iam").create_instance_profile(InstanceProfileName=self.name, Tags=self.tags)
        self.aws("iam").add_role_to_instance_profile(InstanceProfileName=self.name, RoleName=f"{self.name}-ec2")

    def project(self) -> None:
        self.aws("codebuild").create_project(
            name=self.name, serviceRole=self.role(), tags=self.lower,
            source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"},
            environment={
                "type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL",
            },
        )  # fmt: skip

    def pipeline(self) -> None:
        store = self.bucket("store")
        kinds = {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"}
        source = {
            "name": "Source", "actionTypeId": kinds, "outputArtifacts": [{"name": "Source"}],
            "configuration": {"S3Bucket": store, "S3ObjectKey": "source.zip"},
        }  # fmt: skip
        approval = {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"}
        stages = [
            {"name": "Source", "actions": [source]},
            {"name": "Approve", "actions": [{"name": "Approve", "actionTypeId": approval}]},
        ]
        self.aws("codepipeline").create_pipeline(
            pipeline={
                "name": self.name, "roleArn": self.role("codepipeline"), "stages": stages,
                "artifactStore": {"type": "S3", "location": store},
            },
            tags=self.lower,
        )  # fmt: skip

    def repository(self) -> None:
        """Create a repository with an image in it."""
        ecr, name = self.aws("ecr"), f"{self.name}-dev"
        ecr.create_repository(repositoryName=name, tags=self.tags)
        upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=name, uploadId=upload, partFirstByte=0, partLastByte=1, layerPartBlob=b"{}"
        )
        digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[digest])
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": digest}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MEDIA, "config": config, "layers": []})
        ecr.put_image(repositoryName=name, imageManifest=manifest, imageManifestMediaType=MEDIA, imageTag="dev-1")

    def cluster(self) -> None:
        self.aws("ecs").create_cluster(clusterName=self.name, tags=self.lower)

    def task_definition(self) -> str:
        """Three revisions: one inactive, one without tags as pipelines register it."""
        definition = {
            "family": self.name, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "containerDefinitions": [{"name": "app", "image": "example/app:1", "essential": True}],
        }  # fmt: skip
        ecs = self.aws("ecs")
        ecs.register_task_definition(**definition, tags=self.lower)
        ecs.register_task_definition(**definition)
        ecs.deregister_task_definition(taskDefinition=f"{self.name}:1")
        made: str = ecs.register_task_definition(**definition, tags=self.lower)["taskDefinition"]["taskDefinitionArn"]
        return made

    def service(self) -> None:
        self.cluster()
        self.aws("ecs").create_service(
            cluster=self.name, serviceName=self.name, taskDefinition=self.task_definition(), desiredCount=0,
            launchType="FARGATE", tags=self.lower,
            networkConfiguration={"awsvpcConfiguration": {"subnets": [self.subnet()]}},
        )  # fmt: skip

    def task(self) -> None:
        """Create a task as run by hand: without a tag, in the run's cluster."""
        self.cluster()
        vpc = self.internet_gateway()
        of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
        groups = self.aws("ec2").describe_security_groups(Filters=of_vpc)["SecurityGroups"]
        network = {
            "subnets": [self.subnet(vpc)], "securityGroups": [g["GroupId"] for g in groups], "assignPublicIp": "ENABLED",
        }  # fmt: skip
        self.aws("ecs").run_task(
            cluster=self.name, taskDefinition=self.task_definition(), launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
        )  # fmt: skip

    def load_balancer(self) -> None:
        vpc, elb = self.vpc(), self.aws("elbv2")
        subnets = [self.subnet(vpc), self.subnet(vpc, "10.0.1.0/24", "eu-west-1b")]
        made = elb.create_load_balancer(Name=self.name, Subnets=subnets, Scheme="internal", Tags=self.tags)
        arn = made["LoadBalancers"][0]["LoadBalancerArn"]
        protection = {"Key": "deletion_protection.enabled", "Value": "true"}
        elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])

    def target_group(self) -> None:
        self.aws("elbv2").create_target_group(
            Name=self.name, Protocol="HTTP", Port=80, VpcId=self.vpc(), TargetType="ip", Tags=self.tags
        )

    def connection(self) -> None:
        self.aws("codestar-connections").create_connection(
            ProviderType="GitHub", ConnectionName=self.name, Tags=self.tags
        )

    # Events, messages, things kept.

    def rule(self) -> None:
        self.aws("events").put_rule(Name=self.name, EventPattern=json.dumps({"source": ["aws.ecs"]}), Tags=self.tags)
        topic = f"arn:aws:sns:eu-west-1:123456789012:{self.name}"
        self.aws("events").put_targets(Rule=self.name, Targets=[{"Id": "one", "Arn": topic}])

    def event_connection(self) -> str:
        key = {"ApiKeyName": "x", "ApiKeyValue": "x"}
        made: str = self.aws("events").create_connection(
            Name=self.name, AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key}
        )["ConnectionArn"]
        return made

    def api_destination(self) -> None:
        self.aws("events").create_api_destination(
            Name=self.name, ConnectionArn=self.event_connection(), InvocationEndpoint="https://example.com/",
            HttpMethod="POST",
        )  # fmt: skip

    def topic(self) -> None:
        self.aws("sns").create_topic(Name=self.name, Tags=self.tags)

    def queue(self) -> None:
        tags = {tag["Key"]: tag["Value"] for tag in self.tags}
        self.aws("sqs").create_queue(QueueName=self.name, tags=tags)

    def secret(self) -> None:
        """One that is there, one that is scheduled for deletion."""
        for name in ("one", "scheduled"):
            self.aws("secretsmanager").create_secret(Name=f"{self.name}/{name}", SecretString="x", Tags=self.tags)
        self.aws("secretsmanager").delete_secret(SecretId=f"{self.name}/scheduled", RecoveryWindowInDays=7)

    def certificate(self) -> None:
        made = self_signed(f"{self.name}.example.test")
        self.aws("acm").import_certificate(
            Certificate=made.certificate.encode(), PrivateKey=made.private_key.encode(), Tags=self.tags
        )

    def table(self) -> None:
        self.aws("dynamodb").create_table(
            TableName=self.name, BillingMode="PAY_PER_REQUEST", Tags=self.tags,
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        )  # fmt: skip

    def key(self) -> str:
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in self.tags]
        made: str = self.aws("kms").create_key(Tags=tags)["KeyMetadata"]["KeyId"]
        return made

    def alias(self) -> None:
        self.aws("kms").create_alias(AliasName=f"alias/{self.name}", TargetKeyId=self.key())

    def log_group(self) -> None:
        """Create a log group as services do: without a tag."""
        self.aws("logs").create_log_group(logGroupName=f"/aws/codebuild/{self.name}")


MAKERS: Mapping[str, Callable[[Maker], object]] = {
    "acm certificate": Maker.certificate,
    "codebuild project": Maker.project,
    "codepipeline pipeline": Maker.pipeline,
    "codestar-connections connection": Maker.connection,
    "dynamodb table": Maker.table,
    "ec2 elastic-ip": Maker.address,
    "ec2 internet-gateway": Maker.internet_gateway,
    "ec2 nat-gateway": Maker.nat_gateway,
    "ec2 network-interface": Maker.interface,
    "ec2 route-table": Maker.route_table,
    "ec2 security-group": Maker.security_group,
    "ec2 subnet": Maker.subnet,
    "ec2 vpc": Maker.vpc,
    "ec2 vpc-endpoint": Maker.endpoint,
    "ecr repository": Maker.repository,
    "ecs cluster": Maker.cluster,
    "ecs service": Maker.service,
    "ecs task": Maker.task,
    "ecs task-definition": Maker.task_definition,
    "elbv2 load-balancer": Maker.load_balancer,
    "elbv2 target-group": Maker.target_group,
    "events api-destination": Maker.api_destination,
    "events connection": Maker.event_connection,
    "events rule": Maker.rule,
    "iam instance-profile": Maker.instance_profile,
    "iam policy": Maker.policy,
    "iam role": Maker.role,
    "kms alias": Maker.alias,
    "kms key": Maker.key,
    "logs log-group": Maker.log_group,
    "s3 bucket": Maker.bucket,
    "secretsmanager secret": Maker.secret,
    "sns topic": Maker.topic,
    "sqs queue": Maker.queue,
}
# Of which no emulated world knows: they have tests of their own below.
ELSEWHERE = {"codebuild report-group", "ec2 network-insights-analysis", "ec2 network-insights-path"}
FINDERS = {kind.name: kind.find for kind in KINDS}


def found(account: Account) -> set[tuple[str, str]]:
    """Return every resource of every kind that a world has."""
    return {(item.kind, item.id) for kind in MAKERS for item in FINDERS[kind](account)}


def makers(aws: Callable[[str], Any]) -> Iterator[Maker]:
    """Return the makers: another owner, then the run."""
    own = naming.tags(RUN, expires_at=FUTURE, owner="somebody")
    for name, tags in (("acme-shop", {"team": "shop"}), (naming.project(RUN), own)):
        yield Maker(aws, name, [{"Key": key, "Value": value} for key, value in tags.items()])


def test_every_kind_is_held_to_it() -> None:
    """Every kind has a test here, so that its removal is proven."""
    assert set(MAKERS) | ELSEWHERE == {kind.name for kind in KINDS}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_runs_goes_and_somebody_elses_stays(
    kind: str, world: World, account: Account, sweep: Callable[..., Sweep]
) -> None:
    """The account has the same resources after the sweep as before the run."""
    assert isinstance(world.equipment.tasks, ScriptedRuntime)
    world.equipment.tasks.add_image("example/app:1")
    other, own = makers(world.administrator)
    MAKERS[kind](other)
    world.loop.advance(300)
    before = found(account)
    assert kind in {item[0] for item in before}
    MAKERS[kind](own)
    assert {item[0] for item in found(account) - before} >= {kind}
    outcome = sweep(journal=DEAD).remove()
    assert [(str(item), why) for item, why in outcome.left] == []
    assert outcome.clean
    assert found(account) == before


class Reachability:
    """Reachability Analyzer: a path cannot go before its analyses, and an analysis not while it runs.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsPath.html
    """

    def __init__(self, ec2: Any, paths: dict[str, list[dict[str, str]]], analyses: dict[str, str]) -> None:
        self._ec2, self.paths, self.analyses, self.running = ec2, paths, analyses, 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ec2, name)

    def can_paginate(self, operation: str) -> bool:
        return "network_insights" not in operation and bool(self._ec2.can_paginate(operation))

    def describe_network_insights_paths(self) -> dict[str, Any]:
        return {"NetworkInsightsPaths": [{"NetworkInsightsPathId": p, "Tags": t} for p, t in self.paths.items()]}

    def describe_network_insights_analyses(self) -> dict[str, Any]:
        items = self.analyses.items()
        return {
            "NetworkInsightsAnalyses": [{"NetworkInsightsAnalysisId": a, "NetworkInsightsPathId": p} for a, p in items]
        }

    def delete_network_insights_analysis(self, **asked: str) -> None:
        if self.running:
            self.running -= 1
            raise ClientError(
                {"Error": {"Code": "IncorrectState", "Message": "it is running"}}, "DeleteNetworkInsightsAnalysis"
            )
        del self.analyses[asked["NetworkInsightsAnalysisId"]]

    def delete_network_insights_path(self, **asked: str) -> None:
        if asked["NetworkInsightsPathId"] in self.analyses.values():
            error = {"Code": "AnalysisExistsForNetworkInsightsPath", "Message": "delete its analyses first"}
            raise ClientError({"Error": error}, "DeleteNetworkInsightsPath")
        del self.paths[asked["NetworkInsightsPathId"]]


class ReportGroups:
    """CodeBuild's report groups, of which one alone carries a run's name."""

    def __init__(self, codebuild: Any, names: list[str]) -> None:
        self._codebuild, self.groups = (
            codebuild,
            {f"arn:aws:codebuild:eu-west-1:123456789012:report-group/{n}": n for n in names},
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codebuild, name)

    def can_paginate(self, operation: str) -> bool:
        return "report" not in operation and bool(self._codebuild.can_paginate(operation))

    def list_report_groups(self) -> dict[str, Any]:
        return {"reportGroups": list(self.groups)}

    def batch_get_report_groups(self, reportGroupArns: list[str]) -> dict[str, Any]:
        return {"reportGroups": [{"arn": arn, "name": self.groups[arn], "tags": []} for arn in reportGroupArns]}

    def delete_report_group(self, arn: str, deleteReports: bool) -> None:
        assert deleteReports, "reports keep their group"
        del self.groups[arn]


@dataclass
class Replaced:
    """An account in which one service is another's."""

    account: Any
    service: str
    client_: Any
    region: str = "eu-west-1"

    def client(self, service: str) -> Any:
        return self.client_ if service == self.service else self.account.client(service)

    def keep(self, name: str, content: bytes) -> None:
        self.account.keep(name, content)


def test_reachability_paths_go_after_their_analyses(world: World, account: Any) -> None:
    """The analysis has no tag and goes with its path; what refuses while it runs is tried again."""
    tags = [{"Key": naming.RUN_TAG, "Value": RUN}]
    ec2 = Reachability(account.client("ec2"), {"nip-1": tags, "nip-2": []}, {"nia-1": "nip-1", "nia-2": "nip-2"})
    outcome = Sweep(Replaced(account, "ec2", ec2), DEAD, pause=lambda seconds: world.loop.advance(seconds)).remove()
    assert outcome.clean
    assert (ec2.paths, ec2.analyses) == ({"nip-2": []}, {"nia-2": "nip-2"})


def test_report_groups_go_with_their_reports(world: World, account: Any) -> None:
    """CodeBuild makes them by itself when a build reports: with the project's name and without a tag."""
    codebuild = ReportGroups(account.client("codebuild"), [f"{naming.project(RUN)}-dev-tests", "acme-tests"])
    outcome = Sweep(
        Replaced(account, "codebuild", codebuild), DEAD, pause=lambda seconds: world.loop.advance(seconds)
    ).remove()
    assert outcome.clean
    assert list(codebuild.groups.values()) == ["acme-tests"]


def test_what_is_not_offered_is_not_there(account: Any, sweep: Callable[..., Sweep]) -> None:
    """A region without Reachability Analyzer is no reason to call a sweep unclean."""
    with pytest.raises(ClientError, match="NotImplemented"):
        account.client("ec2").describe_network_insights_paths()
    assert sweep(journal=DEAD).remove().unlisted == []


def test_not_having_been_told_of_other_tagged_resources_is_said(world: World, sweep: Callable[..., Sweep]) -> None:
    """Leftovers of uncovered kinds are reported as unknown if the tagging API does not answer."""

    def fault(context: RequestContext) -> None:
        if context.service == "resourcegroupstaggingapi":
            raise AwsError("AccessDeniedException", "not allowed to call tag:GetResources", 403)

    world.gateway.faults.append(fault)
    outcome = sweep(journal=DEAD).remove()
    assert not outcome.clean
    assert "tag:GetResources" in outcome.unlisted[0][1]


def test_other_tagged_resources_of_a_run_that_nobody_named_are_told(
    aws: Callable[[str], Any], sweep: Callable[..., Sweep]
) -> None:
    """Resources of an expired run without a journal are listed after the covered kinds are gone."""
    aws("ssm").put_parameter(Name="/stray", Value="x", Type="String", Tags=[{"Key": naming.RUN_TAG, "Value": RUN}])
    aws("sns").create_topic(
        Name="topic",
        Tags=[{"Key": key, "Value": value} for key, value in naming.tags(RUN, expires_at=0, owner="x").items()],
    )
    assert [arn.rpartition(":")[2] for arn in sweep().remove().unknown] == ["parameter/stray"]
