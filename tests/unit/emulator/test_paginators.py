"""Every list that SDKs page through, a page at a time: as many pages as items, and together what one call answers.

The lists come from the SDK's own models, so that one which AWS adds fails here until it is answered or named as missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import jmespath
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.paginate import Paginator, PaginatorModel
from tests.unit.emulator.codepipeline.stack import Stack as PipelineStack
from tests.unit.emulator.codepipeline.stack import scripts
from tests.unit.emulator.ecs.conftest import Stack as ServiceStack
from tests.unit.emulator.elbv2.conftest import Stack as BalancerStack
from tests.unit.emulator.test_ecr_images import MANIFEST, push

from pushproof.base.clock import VirtualClock
from pushproof.emulator.kernel.loop import VirtualLoop
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World

SERVICES = ("ecs", "ecr", "elbv2", "codepipeline", "codebuild")
SESSION = botocore.session.get_session()
# Lists with a token for which the SDK has no paginator: where their items are.
UNPAGINATED = {
    "ecs": {"DescribeCapacityProviders": "capacityProviders", "ListServiceDeployments": "serviceDeployments"},
    "ecr": {"ListImageReferrers": "referrers"},
}
# Answered 501 by name, each for something that is not there at all.
NOT_IMPLEMENTED = {
    "ecs": {
        # Fargate has no container instances, and attributes are theirs.
        "ListContainerInstances", "ListAttributes",
        "ListServicesByNamespace",
        "ListGatewayClusterAssociations", "ListGatewayRoutes", "ListGateways", "DescribeGatewayResources",
        "ListDaemonDeployments", "ListDaemonTaskDefinitions", "ListDaemons",
    },
    "ecr": {
        "DescribePullThroughCacheRules", "DescribeRepositoryCreationTemplates", "DescribeReplicationBackfillResults",
        "ListReplicationBackfills", "ListPullTimeUpdateExclusions",
    },
    "elbv2": {"DescribeTrustStoreAssociations", "DescribeTrustStoreRevocations", "DescribeTrustStores"},
    "codepipeline": {"ListActionTypes", "ListWebhooks", "ListDeployActionExecutionTargets"},
    "codebuild": {
        "DescribeTestCases", "ListReportGroups", "ListReports", "ListReportsForReportGroup", "ListSharedProjects",
        "ListSharedReportGroups", "DescribeCodeCoverages", "ListBuildBatches", "ListBuildBatchesForProject",
        "ListCommandExecutionsForSandbox", "ListSandboxes", "ListSandboxesForProject", "ListFleets",
    },
}  # fmt: skip
# Scans complete without findings: there is no vulnerability database.
EMPTY = {"DescribeImageScanFindings"}
OCI = "application/vnd.oci.image.manifest.v1+json"
# What CodeBuild's lists answer at once: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListProjects.html
FIXED_PAGE = 100


def models(service: str) -> dict[str, dict[str, Any]]:
    """The SDK's paginators of a service, and our own of those lists for which it has none."""
    loaded = SESSION.get_component("data_loader").load_service_model(service, "paginators-1")["pagination"]
    own = {
        operation: {
            "input_token": "nextToken", "output_token": "nextToken", "limit_key": "maxResults", "result_key": key,
        }
        for operation, key in UNPAGINATED.get(service, {}).items()
    }  # fmt: skip
    return {**loaded, **own}


def lists(service: str) -> set[str]:
    """Every operation of a service that takes a token."""
    model = SESSION.get_service_model(service)
    shapes = {name: model.operation_model(name).input_shape for name in model.operation_names}
    return {
        name for name, shape in shapes.items() if shape and {"nextToken", "NextToken", "Marker"} & set(shape.members)
    }


IMPLEMENTED = [
    (service, operation) for service in SERVICES for operation in sorted(lists(service) - NOT_IMPLEMENTED[service])
]


# The arguments with which an operation shows the three or more items that there are.
Arguments = dict[str, dict[str, Any]]


def ecs_account(world: World) -> Arguments:
    """Clusters, families, revisions, services, tasks, deployments and settings."""
    stack = ServiceStack(world)
    for name in ("second", "third"):
        stack.ecs.create_cluster(clusterName=name)
        stack.ecs.register_task_definition(
            family=name, containerDefinitions=[{"name": "a", "image": "b", "memory": 64}]
        )
    definition = stack.define()
    for name in ("app", "api", "worker"):
        stack.serve(definition, serviceName=name)
    stack.settle()
    for _ in range(2):
        stack.ecs.update_service(cluster="main", service="app", forceNewDeployment=True)
        stack.settle()
    for setting in ("containerInsights", "serviceLongArnFormat", "taskLongArnFormat"):
        stack.ecs.put_account_setting(name=setting, value="enabled")
    main = {"cluster": "main"}
    return {
        "ListServices": main,
        "ListTasks": main,
        "ListServiceDeployments": {**main, "service": "app"},
    }


def ecr_account(world: World) -> Arguments:
    """Repositories, images, and what refers to one of them."""
    ecr = world.administrator("ecr")
    for name in ("app", "second", "third"):
        ecr.create_repository(repositoryName=name)
    for text in ("one", "two", "three"):
        push(ecr, text, f"v-{text}")
    app = {"repositoryName": "app"}
    subject = ecr.describe_images(**app, imageIds=[{"imageTag": "v-one"}])["imageDetails"][0]["imageDigest"]
    referred = ecr.batch_get_image(**app, imageIds=[{"imageTag": "v-two"}])["images"][0]["imageManifest"]
    for kind in ("signature", "sbom", "attestation"):
        descriptor = {"mediaType": MANIFEST, "digest": subject, "size": 1}
        artifact = {**json.loads(referred), "mediaType": OCI, "artifactType": f"example/{kind}", "subject": descriptor}
        ecr.put_image(**app, imageManifest=json.dumps(artifact), imageManifestMediaType=OCI)
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    ecr.start_lifecycle_policy_preview(**app, lifecyclePolicyText=json.dumps({"rules": [rule]}))
    ecr.start_image_scan(**app, imageId={"imageTag": "v-one"})
    world.loop.advance(600)  # type: ignore[attr-defined]
    return {
        "ListImages": app,
        "DescribeImages": app,
        "GetLifecyclePolicyPreview": app,
        "DescribeImageScanFindings": {**app, "imageId": {"imageTag": "v-one"}},
        "ListImageReferrers": {**app, "subjectId": {"imageDigest": subject}},
    }


def elbv2_account(world: World) -> Arguments:
    """Load balancers, target groups, listeners, rules and certificates."""
    stack = BalancerStack(world)
    arns, groups = [], []
    for name in ("one", "two", "three"):
        groups.append(stack.target_group(name))
        arns.append(stack.balancer(name)["LoadBalancerArn"])
    forward = {"Type": "forward", "TargetGroupArn": groups[0]}
    for port in (80, 81):
        stack.elbv2.create_listener(LoadBalancerArn=arns[0], Protocol="HTTP", Port=port, DefaultActions=[forward])
    certificates = [{"CertificateArn": stack.imported(f"{name}.example.test")[0]} for name in ("a", "b", "c")]
    listener = stack.elbv2.create_listener(
        LoadBalancerArn=arns[0], Protocol="HTTPS", Port=443, DefaultActions=[forward], Certificates=certificates[:1]
    )["Listeners"][0]["ListenerArn"]
    stack.elbv2.add_listener_certificates(ListenerArn=listener, Certificates=certificates[1:])
    for priority in (1, 2):
        stack.elbv2.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Actions=[forward],
            Conditions=[{"Field": "path-pattern", "Values": [f"/{priority}"]}],
        )
    return {
        "DescribeListeners": {"LoadBalancerArn": arns[0]},
        "DescribeRules": {"ListenerArn": listener},
        "DescribeListenerCertificates": {"ListenerArn": listener},
    }


def codepipeline_account(world: World) -> Arguments:
    """Pipelines, their executions, actions, rules and tags."""
    stack = PipelineStack(world)
    stack.authorise()
    for name in ("web", "api", "worker"):
        tags = [{"key": key, "value": name} for key in ("a", "b", "c")]
        declaration = stack.declaration(name=name)
        check = {"Variable": "#{Src.BranchName}", "Value": "main", "Operator": "EQ"}
        kind = {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"}
        rules = [{"name": rule, "ruleTypeId": kind, "configuration": check} for rule in ("first", "second")]
        declaration["stages"][1]["beforeEntry"] = {"conditions": [{"result": "FAIL", "rules": rules}]}
        stack.pipelines.create_pipeline(pipeline=declaration, tags=tags)
    stack.advance()
    for _ in range(2):
        stack.push()
        stack.advance(600)
        stack.ecs.complete()
        stack.advance(600)
    web = {"pipelineName": "web"}
    arn = stack.pipelines.get_pipeline(name="web")["metadata"]["pipelineArn"]
    return {
        "ListPipelineExecutions": web,
        "ListActionExecutions": web,
        "ListRuleExecutions": web,
        "ListTagsForResource": {"resourceArn": arn},
    }


def codebuild_account(world: World) -> Arguments:
    """More projects and builds than a page has: these lists take no size."""
    stack = PipelineStack(world)
    client = stack.world.administrator("codebuild")
    project = client.batch_get_projects(names=["web"])["projects"][0]
    shape = {key: project[key] for key in ("serviceRole", "environment")}
    source = {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [make]}}"}
    for number in range(FIXED_PAGE + 1):
        client.create_project(name=f"project-{number}", source=source, artifacts={"type": "NO_ARTIFACTS"}, **shape)
        client.start_build(projectName="project-0")
    return {"ListBuildsForProject": {"projectName": "project-0"}}


ACCOUNTS: dict[str, Callable[[World], Arguments]] = {
    "ecs": ecs_account,
    "ecr": ecr_account,
    "elbv2": elbv2_account,
    "codepipeline": codepipeline_account,
    "codebuild": codebuild_account,
}
# What each account's world runs things on; the pipelines' scripts otherwise.
EQUIPMENT = {"ecs": scripted_equipment}


class Accounts:
    """One service's account at a time: a process has room for one world."""

    def __init__(self) -> None:
        self._open: tuple[str, World, Arguments] | None = None

    def of(self, service: str) -> tuple[Any, Arguments]:
        """A client of the service, and the arguments of its lists."""
        if self._open is None or self._open[0] != service:
            self.close()
            # CloudWatch Logs refuses old entries, so the virtual clock starts now.
            loop = VirtualLoop(VirtualClock(time.time()))
            world = World(WorldSettings(enforce_network=False), loop=loop, equip=EQUIPMENT.get(service, scripts))
            self._open = (service, world, {})
            self._open[2].update(ACCOUNTS[service](world))
        return self._open[1].administrator(service), self._open[2]

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    made = Accounts()
    yield made
    made.close()


@pytest.mark.parametrize(("service", "operation"), IMPLEMENTED)
def test_a_list_is_the_same_page_by_page(accounts: Accounts, service: str, operation: str) -> None:
    """A page size of one gives as many pages as items, and together they equal the answer of one call."""
    client, arguments = accounts.of(service)
    config = models(service)[operation]
    call, asked = getattr(client, xform_name(operation)), arguments.get(operation, {})
    keys = config["result_key"] if isinstance(config["result_key"], list) else [config["result_key"]]
    paginator = Paginator(
        call,
        PaginatorModel({"pagination": {operation: config}}).get_paginator(operation),
        SESSION.get_service_model(service).operation_model(operation),
    )
    sized = {"PageSize": 1} if "limit_key" in config else {}
    pages = list(paginator.paginate(**asked, PaginationConfig=sized))
    paged = [item for page in pages for key in keys for item in jmespath.search(key, page) or []]
    if not sized:
        assert len(pages) > 1
        assert len(pages[0][keys[0]]) == FIXED_PAGE
        assert len({*paged}) == len(paged) > FIXED_PAGE
        return
    whole = call(**asked)
    items = [item for key in keys for item in jmespath.search(key, whole) or []]
    assert len(items) == 0 if operation in EMPTY else len(items) > 1
    assert len(pages) == max(1, len(items))
    assert paged == items


@pytest.mark.parametrize("service", SERVICES)
def test_a_list_that_is_missing_says_so(accounts: Accounts, service: str) -> None:
    """A list that is not implemented is a 501 with its name, never an empty page."""
    model = SESSION.get_service_model(service)
    client, _ = accounts.of(service)
    for operation in sorted(NOT_IMPLEMENTED[service]):
        with pytest.raises(ClientError, match=operation) as refusal:
            getattr(client, xform_name(operation))(**_anything(model.operation_model(operation).input_shape))
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501, operation


def _anything(shape: Any) -> Any:
    """A value that a model takes."""
    if shape.type_name == "structure":
        return {name: _anything(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [_anything(shape.member)]
    return shape.enum[0] if getattr(shape, "enum", None) else "a" * shape.metadata.get("min", 1)


def test_every_list_is_known() -> None:
    """Each operation with a token is paged here or named as missing, and none is both."""
    for service in SERVICES:
        paged = set(models(service)) - NOT_IMPLEMENTED[service]
        assert lists(service) == paged | NOT_IMPLEMENTED[service], service
