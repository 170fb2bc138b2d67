"""The preparation of a sandbox account applies, and its role may do what runs need and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from pushproof.base.environment import world_environment
from pushproof.terraform.applied import apply_module

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ACCOUNT = "210987654321"
MARKER = "/rehearsal/sandbox"
RUN = "pushproof-1a2b3c4d"
OWN = {"aws:ResourceTag/pushproof:run": "1a2b3c4d"}


class Owner:
    """The account's owner, who applies Terraform."""

    def __init__(self, standin: Any, directory: Path) -> None:
        self._standin, self._directory = standin, directory

    def environment(self) -> dict[str, str]:
        there = self._standin
        return world_environment(there.endpoint, region=there.region, account_id=there.account, keys=there.keys)

    def directory(self, name: str) -> Path:
        path = self._directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path


@pytest.fixture(scope="module")
def role(standin: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    applied = apply_module(
        Owner(standin, tmp_path_factory.mktemp("owner")),
        ROOT / "infrastructure/sandbox-account",
        name="sandbox-account",
        variables={
            "github_subjects": ["repo:example/shop:environment:sandbox"],
            "marker_name": MARKER,
            "trusted_principal_arns": [f"arn:aws:iam::{ACCOUNT}:root"],
        },
    )
    assert applied.changes() == {}
    yield str(applied["deployer_role_arn"])
    applied.terraform.destroy()


def test_policies_are_of_a_size_that_iam_takes(role: str, standin: Any) -> None:
    """Managed policies have at most 6,144 characters without white space
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
    """
    iam = standin.administrator("iam")
    attached = iam.list_attached_role_policies(RoleName=role.rpartition("/")[2])["AttachedPolicies"]
    sizes = {}
    for policy in attached:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"]
        sizes[policy["PolicyName"]] = len(json.dumps(document, separators=(",", ":")))
    print(sizes)
    assert len(sizes) >= 3
    assert {name: size for name, size in sizes.items() if size > 6144} == {}


@pytest.mark.parametrize(
    ("action", "resource", "context", "decision"),
    [
        ("s3:DeleteBucket", "arn:aws:s3:::pushproof-1a2b3c4d-dev-artifacts", {}, "allowed"),
        ("s3:DeleteBucket", "arn:aws:s3:::acme-data", {}, "implicitDeny"),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/pushproof-1a2b3c4d-dev-task", {}, "allowed"),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {}, "implicitDeny"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/pushproof-sandbox-deployer", {}, "explicitDeny"),
        ("s3:DeleteBucket", "arn:aws:s3:::pushproof-shop-artifacts", {}, "implicitDeny"),
        ("ecs:CreateCluster", "*", {}, "implicitDeny"),
        ("ecs:CreateCluster", "*", {"aws:RequestTag/pushproof:run": "1a2b3c4d"}, "allowed"),
        (
            "iam:AttachRolePolicy",
            f"arn:aws:iam::{ACCOUNT}:role/{RUN}-dev-task",
            {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"},
            "implicitDeny",
        ),
        (
            "iam:AttachRolePolicy",
            f"arn:aws:iam::{ACCOUNT}:role/{RUN}-dev-execution",
            {"iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"},
            "allowed",
        ),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/{RUN}-dev-task", {}, "explicitDeny"),
        ("iam:PutRolePermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role/{RUN}-dev-task", {}, "implicitDeny"),
        (
            "iam:DeleteRolePermissionsBoundary",
            f"arn:aws:iam::{ACCOUNT}:role/pushproof-sandbox-deployer",
            {},
            "explicitDeny",
        ),
        ("ssm:PutParameter", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter{MARKER}", {}, "implicitDeny"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/pushproof-x", {}, "implicitDeny"),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/pushproof-sandbox-delivery", {}, "implicitDeny"),
        ("ec2:DeleteVpc", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1", {}, "implicitDeny"),
        ("ec2:DeleteVpc", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1", OWN, "allowed"),
        ("ec2:CreateVpc", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/*", {}, "implicitDeny"),
        (
            "ec2:CreateVpc",
            f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/*",
            {"aws:RequestTag/pushproof:run": "1a2b3c4d"},
            "allowed",
        ),
        ("acm:DeleteCertificate", f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/1", {}, "implicitDeny"),
        ("ec2:DescribeVpcs", "*", {}, "allowed"),
        (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:acme-1",
            {},
            "implicitDeny",
        ),
    ],
)
def test_the_role_may_do_what_runs_do_and_no_more(
    role: str, standin: Any, action: str, resource: str, context: dict[str, str], decision: str
) -> None:
    """The role may act by name where AWS names things, and by the run's tag elsewhere."""
    answer = standin.administrator("iam").simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=[action],
        ResourceArns=[resource],
        ContextEntries=[
            {"ContextKeyName": k, "ContextKeyValues": [v], "ContextKeyType": "string"} for k, v in context.items()
        ],
    )
    assert answer["EvaluationResults"][0]["EvalDecision"] == decision


@pytest.fixture
def deployer(role: str, standin: Any) -> Callable[[str], Any]:
    """Return clients of a user who has assumed the role, as runs do."""
    given = standin.administrator("sts").assume_role(RoleArn=role, RoleSessionName="rehearsal")["Credentials"]
    session = boto3.session.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=standin.region
    )
    return lambda service: session.client(service, endpoint_url=standin.endpoint)


@pytest.fixture
def own_role(deployer: Callable[[str], Any], role: str) -> Iterator[str]:
    """A role of a run's name, made by the deployer to trust the deployer."""
    name, iam = f"{RUN}-dev-task", deployer("iam")
    principals = {"AWS": role, "Service": "codebuild.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    yield str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])
    iam.delete_role(RoleName=name)


def project(client: Callable[[str], Any], service_role: str) -> Any:
    return client("codebuild").create_project(
        name=f"{RUN}-dev",
        source={"type": "CODEPIPELINE"},
        artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=service_role,
    )


def foreign_vpc(client: Callable[[str], Any]) -> str:
    found = client("ec2").describe_vpcs(Filters=[{"Name": "tag:team", "Values": ["shop"]}])["Vpcs"]
    return str(found[0]["VpcId"])


FORBIDDEN: dict[str, Callable[[Callable[[str], Any]], Any]] = {
    "a user": lambda c: c("iam").create_user(UserName=f"{RUN}-x"),
    "keys for itself": lambda c: c("iam").create_access_key(UserName="root"),
    "a role of another name": lambda c: c("iam").create_role(RoleName="admin", AssumeRolePolicyDocument="{}"),
    "another role's permissions": lambda c: c("iam").put_role_policy(
        RoleName="deployer", PolicyName="more", PolicyDocument="{}"
    ),
    "its own permissions": lambda c: c("iam").put_role_policy(
        RoleName="pushproof-sandbox-deployer", PolicyName="more", PolicyDocument="{}"
    ),
    "its own trust": lambda c: c("iam").update_assume_role_policy(
        RoleName="pushproof-sandbox-deployer", PolicyDocument="{}"
    ),
    "its own tags": lambda c: c("iam").tag_role(
        RoleName="pushproof-sandbox-deployer", Tags=[{"Key": "pushproof:run", "Value": "1a2b3c4d"}]
    ),
    "its own boundary": lambda c: c("iam").delete_role_permissions_boundary(RoleName="pushproof-sandbox-deployer"),
    "its own policies": lambda c: c("iam").detach_role_policy(
        RoleName="pushproof-sandbox-deployer",
        PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/pushproof-sandbox-delivery",
    ),
    "administration for a run's role": lambda c: c("iam").attach_role_policy(
        RoleName=f"{RUN}-dev-task", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "a foreign role for a build": lambda c: project(c, f"arn:aws:iam::{ACCOUNT}:role/deployer"),
    "its own role for a build": lambda c: project(c, f"arn:aws:iam::{ACCOUNT}:role/pushproof-sandbox-deployer"),
    "another role": lambda c: c("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/deployer", RoleSessionName="more"
    ),
    "a role that it made": lambda c: c("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{RUN}-dev-task", RoleSessionName="more"
    ),
    "another team's bucket": lambda c: c("s3").delete_bucket(Bucket="acme-shop-artifacts"),
    "another team's objects": lambda c: c("s3").list_objects_v2(Bucket="acme-shop-artifacts"),
    "another team's secret": lambda c: c("secretsmanager").get_secret_value(SecretId="acme-shop/dev/database-url"),
    "another team's images": lambda c: c("ecr").delete_repository(repositoryName="acme-shop-dev", force=True),
    "another team's logs": lambda c: c("logs").delete_log_group(logGroupName="/ecs/acme-shop-dev"),
    "another team's network": lambda c: c("ec2").delete_vpc(VpcId=foreign_vpc(c)),
    "a subnet in another team's network": lambda c: c("ec2").create_subnet(
        VpcId=foreign_vpc(c),
        CidrBlock="10.1.9.0/24",
        TagSpecifications=[{"ResourceType": "subnet", "Tags": [{"Key": "pushproof:run", "Value": "1a2b3c4d"}]}],
    ),
    "a run's tag for another team's network": lambda c: c("ec2").create_tags(
        Resources=[foreign_vpc(c)], Tags=[{"Key": "pushproof:run", "Value": "1a2b3c4d"}]
    ),
    "a network without a run's tag": lambda c: c("ec2").create_vpc(CidrBlock="10.7.0.0/16"),
    "a cluster without a run's tag": lambda c: c("ecs").create_cluster(clusterName=f"{RUN}-dev"),
    "a certificate without a run's tag": lambda c: c("acm").import_certificate(Certificate=b"x", PrivateKey=b"x"),
    "the account's marker": lambda c: c("ssm").put_parameter(Name=MARKER, Value="production", Overwrite=True),
    "the account's alias": lambda c: c("iam").create_account_alias(AccountAlias="acme-production"),
}


@pytest.mark.usefixtures("own_role")
def test_whoever_holds_the_role_is_refused(deployer: Callable[[str], Any], standin: Any) -> None:
    """AWS refuses each call with the role's own credentials, and nothing has changed."""
    before = standin.resources()
    answers = {}
    for what, ask in FORBIDDEN.items():
        try:
            ask(deployer)
            answers[what] = "allowed"
        except ClientError as error:
            answers[what] = error.response["Error"]["Code"]
    refusals = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    assert {what: answer for what, answer in answers.items() if answer not in refusals} == {}
    assert standin.resources() == before


@pytest.fixture
def taken(role: str, standin: Any, environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of a user who has assumed the role."""
    given = standin.administrator("sts").assume_role(RoleArn=role, RoleSessionName="rehearsal")["Credentials"]
    return {
        **environment,
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "PUSHPROOF_SANDBOX_MARKER": MARKER,
    }


def test_the_role_does_what_runs_do(standin: Any, taken: dict[str, str]) -> None:
    """The deployer alone applies, deploys, destroys and sweeps the whole environment without a refusal."""
    before = standin.resources()
    run = [sys.executable, str(HERE / "run.py"), "dev"]
    sweep = [sys.executable, "-m", "pushproof.cli", "sweep", "--yes"]
    for command in (run, sweep):
        done = subprocess.run(command, env=taken, capture_output=True, text=True, timeout=900, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "AccessDenied" not in said
        assert "not authorized" not in said
    assert standin.resources() == before


def test_suites_pass_as_the_role(standin: Any, taken: dict[str, str]) -> None:
    """The suites of ecr, iam and networking pass unchanged in one run of the deployer's; nothing is left."""
    before = standin.resources()
    suites = [f"tests/integration/{name}" for name in ("ecr", "iam", "networking")]
    # A NAT gateway or an endpoint more than the reference's: the suites apply the network twice.
    environment = {**taken, "PUSHPROOF_SANDBOX_MAX_USD": "10"}
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *suites, "--target", "sandbox"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    print(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
    assert standin.resources() == before
