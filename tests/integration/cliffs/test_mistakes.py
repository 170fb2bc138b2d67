"""Each mistake turns its check red: the unpatched module has no finding, the patched one has."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cliffs.mistakes import MISTAKES, Mistake

from pushproof.checks.permissions import Permission, Pipeline, forbidden, pipeline_needs
from pushproof.checks.registry import push_small_image
from pushproof.checks.verdict import Verdict
from pushproof.drill.standin import SlackStandIn
from pushproof.terraform.applied import AppliedModule

ROOT = Path(__file__).parents[3]
MODULES = "infrastructure/modules"
Applied = Callable[..., AppliedModule]
Clients = Callable[[str], Any]
Checks = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def only_where_nothing_comes_of_it(target: Any) -> None:
    """Skip before the stacks of the same scope are applied."""
    if (why := target.lacks("mistakes")) is not None:
        pytest.skip(f"target {target.name}: {why}")


class Stand:
    """A module to make mistakes in: applied once, then patched and applied again for each mistake, which undoes the last."""

    def __init__(self, module: AppliedModule) -> None:
        self.module = module
        # Nobody but this stand changes anything: what the state says need not be asked again.
        module.terraform.environment["TF_CLI_ARGS_apply"] = "-refresh=false"
        self.buildspec = (ROOT / "app/buildspec.yml").read_text()
        self.checks: dict[str, Callable[[], Verdict]] = {}
        self.reference: dict[str, Verdict] = {}
        self._made: tuple[str, str] | None = None

    def judge_the_reference(self) -> None:
        self.reference = {name: check() for name, check in self.checks.items()}

    @contextmanager
    def patched(self, mistake: Mistake) -> Iterator[None]:
        if mistake.file.startswith("app/"):
            original, self.buildspec = self.buildspec, _replaced(self.buildspec, mistake)
            try:
                yield
            finally:
                self.buildspec = original
            return
        (file,) = (f for f in self._own_files() if f.name == mistake.file)
        original = file.read_text()
        file.write_text(_replaced(original, mistake))
        try:
            if self._made != (mistake.file, mistake.new):
                self.module.terraform.apply()
                self._made = (mistake.file, mistake.new)
            yield
        finally:
            file.write_text(original)

    def _own_files(self) -> Iterator[Path]:
        copy = self.module.terraform.copy
        # The service stands in a configuration of its own around the module.
        module = copy.source.is_relative_to(ROOT / MODULES)
        service = copy.root / (ROOT / MODULES / "ecs").relative_to(copy.base)
        return (copy.directory if module else service).glob("*.tf")


def _replaced(text: str, mistake: Mistake) -> str:
    assert text.count(mistake.old) == 1, f"{mistake.file} has {text.count(mistake.old)} times {mistake.old!r}"
    return text.replace(mistake.old, mistake.new)


@pytest.fixture(scope="module")
def service(applied: Applied, aws: Clients, certificate_arn: str, zones: list[str]) -> Iterator[Future[AppliedModule]]:
    """The ecs module being applied: most of that is waiting for a load balancer, which others need not wait for."""
    secret = aws("secretsmanager").create_secret(Name="cliff/dev/url", SecretString="x")["ARN"]
    variables = {"certificate_arn": certificate_arn, "secret_arn": secret, "zones": zones}
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(lambda: applied("tests/integration/cliffs/service", **variables))
    aws("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


@pytest.fixture(scope="module")
def networking(applied: Applied, networking_checks: Checks, zones: list[str]) -> Stand:
    module = applied(
        f"{MODULES}/networking", project="cliff", environment="dev", vpc_cidr="10.8.0.0/16", availability_zones=zones
    )

    def checks() -> Any:
        private = list(module["private_subnet_ids"].values())
        return networking_checks(module, vpc_id=module["vpc_id"], private_subnet_ids=private)

    stand = Stand(module)
    stand.checks = {
        f"networking.{name}": lambda name=name: getattr(checks(), name)()
        for name in (
            "every_private_subnet_leaves_by_its_own_zone",
            "survives_loss_of_any_zone",
            "endpoints_are_reachable_on_443",
            "every_private_route_table_has_the_s3_endpoint",
        )
    }
    return stand


@pytest.fixture(scope="module")
def ecr(applied: Applied, registry_checks: Checks, aws: Clients) -> Stand:
    module = applied(f"{MODULES}/ecr", project="cliff", environment="dev", force_delete=True)
    checks = registry_checks(module, repository=module["repository_name"])
    serving = push_small_image(aws("ecr"), module["repository_name"], "dev-0000001")
    stand = Stand(module)
    stand.checks = {
        "registry.refuses_a_second_push_of_a_tag": checks.refuses_a_second_push_of_a_tag,
        "registry.lifecycle_selects": lambda: checks.lifecycle_selects([release_tag(stand.buildspec)]),
        "registry.keeps_what_runs": lambda: checks.keeps_what_runs([serving]),
    }
    return stand


def release_tag(buildspec: str) -> str:
    """The tag that the buildspec's own commands make of a commit."""
    lines = [line.strip().removeprefix("- ") for line in buildspec.splitlines()]
    commands = [line for line in lines if line.startswith(("COMMIT=", "IMAGE_TAG="))]
    environment = {"PATH": "/usr/bin:/bin", "ENVIRONMENT": "dev"} | {
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "0123456789abcdef0123456789abcdef01234567"
    }
    script = "\n".join([*commands, 'printf %s "$IMAGE_TAG"'])
    return subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=20
    ).stdout


@pytest.fixture(scope="module")
def iam(applied: Applied, iam_checks: Checks, target: Any) -> Stand:
    account = target.account_id
    stack = Pipeline(
        target.region,
        account,
        artifacts_bucket="cliff-artifacts",
        repository="cliff-dev",
        build_project="cliff-dev",
        cluster="cliff-dev",
        service="cliff-dev",
        connection_arn=f"arn:aws:codestar-connections:{target.region}:{account}:connection/0123abcd",
        task_role_arn=f"arn:aws:iam::{account}:role/cliff-dev-task",
        execution_role_arn=f"arn:aws:iam::{account}:role/cliff-dev-execution",
    )
    module = applied(
        f"{MODULES}/iam",
        project="cliff",
        environment="dev",
        artifacts_bucket_name=stack.artifacts_bucket,
        connection_arn=stack.connection_arn,
    )
    checks, roles = iam_checks(module), [f"cliff-dev-{name}" for name in ("codepipeline", "codebuild", "execution")]
    foreign = Permission("secretsmanager:GetSecretValue", stack.arn("secretsmanager", "secret:cliff/prod/url-AbCdEf"))

    def everywhere(check: Callable[[str], Verdict]) -> Verdict:
        return reduce(and_, [check(role) for role in roles])

    stand = Stand(module)
    stand.checks = {
        "iam.is_scoped": lambda: everywhere(checks.is_scoped),
        "iam.denies": lambda: everywhere(lambda role: checks.denies(role, [*forbidden(stack), foreign])),
        "iam.allows": lambda: checks.allows(roles[0], pipeline_needs(stack)),
        "iam.passes_only": lambda: checks.passes_only(
            roles[0], ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"], *stack.task_roles
        ),
        "iam.every_permission_can_apply": lambda: everywhere(checks.every_permission_can_apply),
    }
    return stand


@pytest.fixture(scope="module")
def github_deploy(applied: Applied, iam_checks: Checks, target: Any) -> Stand:
    roles = f"arn:aws:iam::{target.account_id}:role/cliff-dev"
    module = applied(
        f"{MODULES}/github-deploy",
        project="cliff",
        environment="dev",
        branch="main",
        repository="example/cliff",
        repository_ids={"owner": "65", "repository": "74"},
        github_environment="production",
        execution_role_arn=f"{roles}-execution",
        task_role_arn=f"{roles}-task",
    )
    checks, role = iam_checks(module), str(module["role_name"])
    workflow = {
        "repository": "example/cliff", "branch": "main", "environment": "production", "owner_id": "65", "repository_id": "74",
    }  # fmt: skip
    stand = Stand(module)
    stand.checks = {
        "iam.can_be_assumed_from_github": lambda: checks.can_be_assumed_from_github(role, **workflow),
        "iam.can_be_assumed_from_github_only": lambda: checks.can_be_assumed_from_github_only(role, **workflow),
    }
    return stand


@pytest.fixture(scope="module")
def roles(aws: Clients) -> Iterator[dict[str, str]]:
    """Roles without permissions: the services need a role that they can assume."""
    made = {}
    for service in ("codebuild", "codepipeline"):
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": f"{service}.amazonaws.com"},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = aws("iam").create_role(RoleName=f"cliff-{service}", AssumeRolePolicyDocument=trust)["Role"]
        made[service] = role["Arn"]
    yield made
    for service in made:
        aws("iam").delete_role(RoleName=f"cliff-{service}")


@pytest.fixture(scope="module")
def codepipeline(
    applied: Applied, pipeline_checks: Checks, target: Any, slack: SlackStandIn, roles: dict[str, str]
) -> Stand:
    module = applied(
        f"{MODULES}/codepipeline",
        artifacts_bucket_name="cliff-pipeline-artifacts",
        branch="main",
        cluster_name="cliff-dev",
        codebuild_role_arn=roles["codebuild"],
        codepipeline_role_arn=roles["codepipeline"],
        container_name="app",
        ecr_cache_repository_name="cliff-dev-cache",
        ecr_registry=f"{target.account_id}.dkr.ecr.{target.region}.amazonaws.com",
        ecr_repository_name="cliff-dev",
        environment="dev",
        force_destroy=True,
        project="cliff",
        repository="example/cliff",
        require_approval=True,
        service_name="cliff-dev",
        slack_webhook_url=slack.url,
    )
    checks = pipeline_checks(module, pipeline="cliff-dev")
    stand = Stand(module)
    stand.checks = {
        "pipeline.builds_use_the_layer_cache": lambda: checks.builds_use_the_layer_cache(stand.buildspec),
        "pipeline.builds_can_use_docker": checks.builds_can_use_docker,
        "pipeline.releases_have_tags_of_their_own": lambda: checks.releases_have_tags_of_their_own(
            stand.buildspec, repository="cliff-dev"
        ),
        "pipeline.somebody_is_notified": checks.somebody_is_notified,
        "pipeline.buildspec_is_up_to_date": lambda: checks.buildspec_is_up_to_date(stand.buildspec),
        "pipeline.pushes_only_after_a_successful_build": lambda: checks.pushes_only_after_a_successful_build(
            stand.buildspec
        ),
        "pipeline.asks_before_it_deploys": checks.asks_before_it_deploys,
        "pipeline.tests_run_before_anything_is_pushed": lambda: checks.tests_run_before_anything_is_pushed(
            stand.buildspec, (ROOT / "app/Dockerfile").read_text()
        ),
        "pipeline.build_makes_what_deploy_reads": lambda: checks.build_makes_what_deploy_reads(
            stand.buildspec, container="app"
        ),
    }
    return stand


@pytest.fixture(scope="module")
def ecs(
    service: Future[AppliedModule],
    aws: Clients,
    service_checks: Checks,
    secrets_checks: Checks,
    networking_checks: Checks,
    state_checks: Checks,
) -> Stand:
    module = service.result(600)
    names = {"cluster": module["cluster_name"], "service": module["service_name"]}
    deploy_as_the_pipeline_does(aws("ecs"), **names)
    checks = service_checks(module, **names)
    dockerfile = (ROOT / "app/Dockerfile").read_text()
    stand = Stand(module)

    def latest() -> Any:
        """The service as it would be with the family's newest revision, which it ignores until it is handed over."""
        ecs = aws("ecs")
        newest = ecs.describe_task_definition(taskDefinition=module["task_definition_family"])["taskDefinition"]
        ecs.update_service(**names, taskDefinition=newest["taskDefinitionArn"])
        return checks

    stand.checks = {
        "secrets.secrets_are_passed_by_reference": lambda: secrets_checks(module).secrets_are_passed_by_reference(
            task_definition=module["task_definition_family"]
        ),
        "service.health_check_is_in_the_image": lambda: latest().health_check_is_in_the_image(dockerfile),
        "service.rolls_back_by_itself": checks.rolls_back_by_itself,
        "networking.tasks_admit_only_the_load_balancer": lambda: networking_checks(
            module, vpc_id=module["vpc_id"], private_subnet_ids=module["private_subnet_ids"]
        ).tasks_admit_only_the_load_balancer(),
        "state.plan_is_empty": lambda: state_checks(module).plan_is_empty(module),
    }
    return stand


def deploy_as_the_pipeline_does(ecs: Any, *, cluster: str, service: str) -> None:
    """Register a copy of the running revision with another image, and hand it to the service."""
    running = ecs.describe_services(cluster=cluster, services=[service])["services"][0]["taskDefinition"]
    shown = ecs.describe_task_definition(taskDefinition=running)["taskDefinition"]
    known = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    copy = {name: value for name, value in shown.items() if name in known}
    copy["containerDefinitions"][0]["image"] = "public.ecr.aws/docker/library/python:3.12-slim"
    made = ecs.register_task_definition(**copy)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=cluster, service=service, taskDefinition=made)


@pytest.fixture(scope="module")
def stand(request: pytest.FixtureRequest) -> Stand:
    # Where a test of this run will need the ecs module, it is begun with the first.
    asked = [getattr(item, "callspec", None) for item in request.session.items]
    if any(spec is not None and spec.params.get("stand") == "ecs" for spec in asked):
        request.getfixturevalue("service")
    made: Stand = request.getfixturevalue(request.param)
    if not made.reference:
        made.judge_the_reference()
    return made


def _cases() -> list[Any]:
    # The module that takes longest to apply comes last.
    ordered = sorted(MISTAKES, key=lambda m: m.stand == "ecs")
    return [pytest.param(m.stand, m, id=f"{m.name}: {m.check}") for m in ordered]


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize(("stand", "mistake"), _cases(), indirect=["stand"])
def test_a_mistake_turns_its_check_red(stand: Stand, mistake: Mistake) -> None:
    """The check has no finding in the reference, and reports the mistake once it is made."""
    assert stand.reference[mistake.check]
    with stand.patched(mistake):
        verdict = stand.checks[mistake.check]()
    assert verdict.findings, f"{mistake.check} finds nothing although {mistake.file} was patched"
    assert mistake.says in " ".join(str(verdict).split())


def test_a_backend_at_the_root_is_not_read(state_checks: Checks, ecr: Stand, tmp_path: Path) -> None:
    """A backend.tf above the environments leaves both without one, and the check reports it."""
    environments = [ROOT / "infrastructure/environments" / name for name in ("dev", "prod")]
    checks = state_checks(ecr.module)
    assert checks.every_environment_has_a_state_of_its_own(*environments)
    copies = [tmp_path / directory.name for directory in environments]
    for directory, copy in zip(environments, copies, strict=True):
        shutil.copytree(directory, copy)
        (copy / "backend.tf").replace(tmp_path / "backend.tf")
    assert "one in a parent directory is not read" in str(checks.every_environment_has_a_state_of_its_own(*copies))


def test_a_lock_in_dynamodb_only_is_found(state_checks: Checks, ecr: Stand, tmp_path: Path) -> None:
    """dynamodb_table alone is a lock that Terraform is about to forget; no lock at all is worse."""
    checks = state_checks(ecr.module)
    (tmp_path / "backend.tf").write_text('terraform {\n  backend "s3" {}\n}\n')
    settings = tmp_path / "backend.hcl"
    settings.write_text('key = "dev"\ndynamodb_table = "locks"\n')
    assert "deprecated" in str(checks.every_environment_locks(tmp_path))
    settings.write_text('key = "dev"\n')
    assert "no lock" in str(checks.every_environment_locks(tmp_path))
    settings.write_text('key = "dev"\nuse_lockfile = true\n')
    assert checks.every_environment_locks(tmp_path)


def test_every_mistake_is_documented() -> None:
    """docs/cliffs.md names every mistake and the check that catches it."""
    page = (ROOT / "docs/cliffs.md").read_text()
    missing = [m.name for m in MISTAKES if m.name.partition(". ")[2] not in page and m.name not in page]
    missing += [m.check for m in MISTAKES if m.check not in page]
    assert missing == []
