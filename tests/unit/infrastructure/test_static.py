"""Properties of the infrastructure that are visible without applying it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pushproof.base.environment import clean_environment
from pushproof.terraform.providers import cli_configuration, find_mirrors

ROOT = Path(__file__).resolve().parents[3] / "infrastructure"
MODULES = sorted(path for path in (ROOT / "modules").iterdir() if path.is_dir())
ENVIRONMENTS = sorted(path for path in (ROOT / "environments").iterdir() if path.is_dir())
DIRECTORIES = [ROOT / "bootstrap", *MODULES, *ENVIRONMENTS]
TERRAFORM = shutil.which("terraform")

each_directory = pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: str(path.relative_to(ROOT)))
each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.name)
needs_terraform = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not on PATH")


@dataclass(frozen=True)
class Block:
    """A top-level block: `kind "label" ... { body }`."""

    kind: str
    labels: tuple[str, ...]
    body: str
    file: Path

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}: {self.kind} {'.'.join(self.labels)}"


def blocks(directory: Path, kind: str | None = None) -> list[Block]:
    """Return the top-level blocks of a directory in their order. Relies on `terraform fmt`."""
    found = []
    for file in sorted(directory.glob("*.tf")):
        for match in re.finditer(r"^(\w+)((?: \"[^\"]+\")*) \{(?:\}|\n(.*?)^\})", file.read_text(), re.M | re.S):
            labels = tuple(re.findall(r'"([^"]+)"', match[2]))
            found.append(Block(match[1], labels, match[3] or "", file))
    return [block for block in found if kind in (None, block.kind)]


def code(directory: Path) -> str:
    """All HCL of a directory without its comments."""
    text = "\n".join(file.read_text() for file in sorted(directory.glob("*.tf")))
    return re.sub(r"(^|\s)#.*", "", text)


def terraform(*arguments: str, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    assert TERRAFORM is not None
    with tempfile.NamedTemporaryFile("w", suffix=".tfrc") as configuration:
        configuration.write(cli_configuration(find_mirrors()))
        configuration.flush()
        return subprocess.run(
            [TERRAFORM, *arguments],
            cwd=cwd,
            env={**clean_environment(), "TF_CLI_CONFIG_FILE": configuration.name, "AWS_REGION": "eu-west-1"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def test_layout() -> None:
    """The tree has the modules and environments that its README lists."""
    assert [path.name for path in MODULES] == ["codepipeline", "ecr", "ecs", "github-deploy", "iam", "networking"]
    assert [path.name for path in ENVIRONMENTS] == ["dev", "prod"]


@needs_terraform
def test_formatted() -> None:
    """`terraform fmt` has nothing to change."""
    done = terraform("fmt", "-check", "-recursive", "-diff", cwd=ROOT)
    assert done.returncode == 0, f"run: terraform fmt -recursive infrastructure\n{done.stdout}{done.stderr}"


@each_directory
def test_variables_are_described(directory: Path) -> None:
    """Every variable is in variables.tf, in alphabetical order, with description and type."""
    found = blocks(directory, "variable")
    names = [block.labels[0] for block in found]
    assert found
    assert names == sorted(names)
    for block in found:
        assert block.file.name == "variables.tf", str(block)
        assert re.search(r'^  description += ".{10,}"$', block.body, re.M), f"{block} needs a description"
        assert re.search(r"^  type +=", block.body, re.M), f"{block} needs a type"
        # Null is an answer only where it is the default.
        assert ("nullable" in block.body) != bool(re.search(r"^  default += null$", block.body, re.M)), str(block)


@each_directory
def test_outputs_are_described(directory: Path) -> None:
    """Every output is in outputs.tf, in alphabetical order, with a description."""
    found = blocks(directory, "output")
    names = [block.labels[0] for block in found]
    assert found
    assert names == sorted(names)
    for block in found:
        assert block.file.name == "outputs.tf", str(block)
        assert re.search(r'^  description += ".{10,}"$', block.body, re.M), f"{block} needs a description"


def test_validations_end_as_sentences() -> None:
    """A message of a validation is a sentence that says what to give instead."""
    messages = [
        (block, message)
        for directory in DIRECTORIES
        for block in blocks(directory, "variable")
        for message in re.findall(r'error_message += "(.*)"$', block.body, re.M)
    ]
    assert messages
    for block, message in messages:
        assert re.fullmatch(r"[A-Z].{15,}\.", message), f"{block}: {message}"


@each_directory
def test_variables_are_used(directory: Path) -> None:
    """Every variable has an effect: something outside of its own block reads it."""
    text = "\n".join(block.body for block in blocks(directory) if block.kind != "variable")
    unused = [
        name
        for name in (block.labels[0] for block in blocks(directory, "variable"))
        if not re.search(rf"\bvar\.{name}\b", text)
    ]
    assert unused == [], f"{directory.relative_to(ROOT)} reads none of {unused}"


@each_directory
def test_refusals_are_tried(directory: Path) -> None:
    """Each validation and each precondition is expected to fail in a run of `terraform test` of its own."""
    guarded = Counter({f"var.{b.labels[0]}": b.body.count("validation {") for b in blocks(directory, "variable")})
    guarded += Counter({".".join(b.labels): b.body.count("precondition {") for b in blocks(directory, "resource")})
    written = "\n".join(file.read_text() for file in sorted((directory / "tests").glob("*.tftest.hcl")))
    tried = Counter(
        name
        for listed in re.findall(r"expect_failures = \[(.*?)\]", written, re.S)
        for name in re.findall(r"[\w.]+", listed)
    )
    assert not guarded - tried, f"{directory.relative_to(ROOT)}/tests lets none of these fail: {dict(guarded - tried)}"


@each_directory
def test_versions(directory: Path) -> None:
    """Terraform and provider are constrained, and AWS provider 5.100 and 6.x are both admitted."""
    (versions,) = (
        blocks(directory, "terraform")
        if directory not in ENVIRONMENTS
        else [block for block in blocks(directory, "terraform") if block.file.name == "versions.tf"]
    )
    assert re.search(r'required_version = ">= [\d.]+"', versions.body)
    assert 'version = ">= 5.100, < 7.0"' in versions.body


@each_environment
def test_each_environment_has_its_own_state(environment: Path) -> None:
    """An environment declares its backend where Terraform reads it, and keeps its state under its own key."""
    assert 'backend "s3" {}' in code(environment)
    example = (environment / "backend.hcl.example").read_text()
    assert f'key     = "{environment.name}/terraform.tfstate"' in example
    assert re.search(r"^use_lockfile = true$", example, re.M)
    assert re.search(r"^encrypt = true$", example, re.M)
    assert not re.search(r"^dynamodb_table", example, re.M), "deprecated: only as a comment, for old versions"


def test_backend_stands_nowhere_else() -> None:
    """No module and no parent directory has a backend, which nothing would read."""
    strays = [file for file in ROOT.rglob("*.tf") if 'backend "' in file.read_text()]
    assert sorted(strays) == [environment / "backend.tf" for environment in ENVIRONMENTS]


def test_nothing_knows_where_it_is_applied() -> None:
    """No file mentions an emulator, an endpoint or credentials: the caller's environment decides."""
    words = re.compile(
        r"localstack|\bmoto\b|emulat|endpoint_url|endpoints \{|skip_[a-z_]+ |access_key|secret_key|4566", re.I
    )
    for file in [*ROOT.rglob("*.tf"), *ROOT.rglob("*.tfvars"), *ROOT.rglob("*.hcl"), *ROOT.rglob("*.example")]:
        assert not words.search(file.read_text()), f"{file.relative_to(ROOT)}: {words.search(file.read_text())}"


def test_providers_are_configured_at_the_root() -> None:
    """Bootstrap and the environments alone configure the provider, and only its tags."""
    for directory in DIRECTORIES:
        providers = blocks(directory, "provider")
        assert len(providers) == (0 if directory in MODULES else 1)
        for provider in providers:
            assert re.findall(r"^  (\w+)", provider.body, re.M) == ["default_tags"]


def test_no_account_or_region_is_written_down() -> None:
    """No ARN names an account or a region."""
    for directory in DIRECTORIES:
        text = "\n".join(block.body for block in blocks(directory) if block.kind != "variable")
        assert not re.search(r"\b\d{12}\b|\b(?:us|eu|ap)-[a-z]+-\d\b", text), directory


def statements(directory: Path) -> list[tuple[Block, str]]:
    """The statements of the policy documents, each with the document it belongs to."""
    return [
        (block, statement)
        for block in blocks(directory, "data")
        if block.labels[0] == "aws_iam_policy_document"
        for statement in re.findall(
            r"^ +(?:statement|content) \{\n(.*?)(?=^ +(?:statement|dynamic \"statement\") |\Z)", block.body, re.M | re.S
        )
    ]


def test_policies_are_found() -> None:
    """The parser of the tests below sees the statements it judges."""
    sids = {sid for _, text in statements(ROOT / "modules" / "iam") for sid in re.findall(r'sid += "(\w+)"', text)}
    assert {"UseTheConnection", "PassTheTaskRoles", "LogInToTheRegistry", "ReadSecrets", "DecryptSecrets"} <= sids


def test_no_policy_grants_by_wildcard() -> None:
    """No action is a wildcard, and `*` is the resource only of actions that AWS lists without one."""
    without_resource = {
        "ecr:GetAuthorizationToken",
        "ecs:DescribeTaskDefinition",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    }
    for directory in DIRECTORIES:
        for block, text in statements(directory):
            listed = re.search(r"actions += \[(.*?)\]", text, re.S)
            assert listed, f"{block}: {text}"
            actions = set(re.findall(r'"([^"]+)"', listed[1]))
            assert actions
            assert not [action for action in actions if re.search(r"[*?]", action)], f"{block}: {sorted(actions)}"
            if re.search(r'resources += \["\*"\]', text):
                assert actions <= without_resource, f"{block}: {sorted(actions - without_resource)} can be scoped"


def test_roles_are_passed_to_ecs_only() -> None:
    """PassRole covers execution role and task role, and no service but ECS."""
    passing = [text for _, text in statements(ROOT / "modules" / "iam") if "iam:PassRole" in text]
    assert len(passing) == 2
    for text in passing:
        assert "resources = [aws_iam_role.execution.arn, aws_iam_role.task.arn]" in text
        assert re.search(r'variable = "iam:PassedToService"\s+values +=.*"ecs-tasks.amazonaws.com"', text)


def test_decryption_is_granted_on_a_key() -> None:
    """kms:Decrypt is on the customer key, and absent without one."""
    (text,) = [text for _, text in statements(ROOT / "modules" / "iam") if "kms:Decrypt" in text]
    assert "resources = [var.secrets_kms_key_arn]" in text
    assert "for_each = var.secrets_kms_key_arn == null ? [] : [1]" in code(ROOT / "modules" / "iam")


def test_terraform_leaves_what_runs_alone() -> None:
    """The service ignores task definition and count, and rolls back by itself."""
    (service,) = [block for block in blocks(ROOT / "modules" / "ecs") if block.labels == ("aws_ecs_service", "this")]
    assert "ignore_changes = [desired_count, task_definition]" in service.body
    assert re.search(r"deployment_circuit_breaker \{\s+enable +=\s+true\s+rollback +=\s+true", service.body)


def test_task_definition_has_no_command() -> None:
    """The task definition contains no command, since the pipeline copies everything but the image."""
    (task,) = [block for block in blocks(ROOT / "modules" / "ecs") if block.labels[:1] == ("aws_ecs_task_definition",)]
    health_check = re.search(r"healthCheck = \{.*?\}", task.body, re.S)
    assert health_check
    assert not re.search(r"\b(?:command|entryPoint) +=", task.body.replace(health_check[0], ""))


def test_tasks_run_on_the_platform_that_the_build_makes() -> None:
    """Task definitions name the platform of their images; the build project is of the same architecture."""
    tasks = [
        block for block in blocks(ROOT / "modules" / "ecs", "resource") if block.labels[0] == "aws_ecs_task_definition"
    ]
    assert tasks
    for task in tasks:
        assert re.search(r'cpu_architecture += "X86_64"', task.body), str(task)
        assert re.search(r'operating_system_family += "LINUX"', task.body), str(task)
    assert re.search(r'type += "LINUX_CONTAINER"', code(ROOT / "modules" / "codepipeline"))


def dependencies(block: Block) -> set[str]:
    """The resources that a block waits for although it does not refer to them."""
    listed = re.search(r"^  depends_on = \[(.*?)\]", block.body, re.M | re.S)
    return set(re.findall(r"[\w.]+", listed[1])) if listed else set()


def permissions_of(directory: Path, role: str) -> set[str]:
    """The policies and attachments that give a role its permissions."""
    return {
        ".".join(block.labels)
        for block in blocks(directory, "resource")
        if block.labels[0] in ("aws_iam_role_policy", "aws_iam_role_policy_attachment")
        and re.search(rf"^  role +=.*\baws_iam_role\.{role}\b", block.body, re.M)
    }


#: A role by its ARN, in an argument of a resource: what EventBridge, Lambda or ECS assumes.
_USED_ROLE = r"^  role(?:_arn)? +=.*\baws_iam_role\.(\w+)\b.*\.arn"


@each_directory
def test_a_role_is_used_once_it_has_its_permissions(directory: Path) -> None:
    """A role's ARN goes to others after the role has its policies: an incomplete one fails at the first call."""
    for block in blocks(directory):
        users = block.kind == "resource" and re.findall(_USED_ROLE, block.body, re.M)
        outputs = (
            block.kind == "output"
            and block.labels[0].endswith("role_arn")
            and re.findall(r"\baws_iam_role\.(\w+)\b", block.body)
        )
        for role in [*(users or ()), *(outputs or ())]:
            missing = permissions_of(directory, role) - dependencies(block)
            assert not missing, f"{block} gets the role {role} before it has {sorted(missing)}: depends_on"


def test_everything_waits_for_what_it_needs() -> None:
    """Resources wait for those without which AWS refuses them, or loses what they send."""
    needs = {
        # https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
        "networking": {
            "aws_eip.nat": {"aws_internet_gateway.this"},
            "aws_nat_gateway.this": {"aws_internet_gateway.this"},
            # A task that starts before it has its ways cannot pull its image.
            "private_subnet_ids": {
                "aws_route.private_nat",
                "aws_route_table_association.private",
                "aws_vpc_endpoint.interface",
                "aws_vpc_endpoint.s3",
                "aws_vpc_security_group_ingress_rule.endpoints_https",
            },
            "public_subnet_ids": {"aws_route.public_internet", "aws_route_table_association.public"},
        },
        # EventBridge loses what a topic does not take.
        "codepipeline": {
            "aws_cloudwatch_event_target.topic": {"aws_sns_topic_policy.pipeline"},
            # Creating a pipeline starts its first execution.
            "aws_codepipeline.this": {
                "aws_s3_bucket_public_access_block.artifacts",
                "aws_s3_bucket_server_side_encryption_configuration.artifacts",
                "aws_s3_bucket_versioning.artifacts",
            },
        },
        # ECS refuses a target group that no listener uses, and tasks start as soon as the service exists.
        "ecs": {
            "aws_ecs_service.this": {
                "aws_ecs_cluster_capacity_providers.this",
                "aws_lb_listener.http",
                "aws_lb_listener.https",
                "aws_lb_listener_rule.production",
                "aws_lb_listener_rule.test",
                "aws_vpc_security_group_egress_rule.load_balancer_tasks",
                "aws_vpc_security_group_egress_rule.tasks",
                "aws_vpc_security_group_ingress_rule.tasks_load_balancer",
            },
            # Otherwise Lambda makes the group itself, and keeps it for ever.
            "aws_lambda_function.smoke_test": {"aws_cloudwatch_log_group.smoke_test"},
        },
    }
    for module, waiting in needs.items():
        written = {".".join(block.labels): block for block in blocks(ROOT / "modules" / module)}
        for name, needed in waiting.items():
            missing = needed - dependencies(written[name])
            assert not missing, f"{written[name]} does not wait for {sorted(missing)}: depends_on"


def test_no_secret_has_a_value() -> None:
    """Terraform creates the secret and never its value, which the state would reveal."""
    for directory in DIRECTORIES:
        assert "aws_secretsmanager_secret_version" not in code(directory)


def test_action_configuration_is_made_of_strings() -> None:
    """Booleans and numbers of an action's configuration are written as the strings AWS expects."""
    text = code(ROOT / "modules" / "codepipeline")
    assert re.search(r'DetectChanges += "true"', text)
    assert re.search(r'PollForSourceChanges += "false"', text)
    assert "tostring(var.deployment_timeout_minutes)" in text


def test_security_groups_are_written_rule_by_rule() -> None:
    """No group has inline rules, and the tasks' only way in is the load balancer."""
    for directory in MODULES:
        for block in blocks(directory, "resource"):
            if block.labels[0] == "aws_security_group":
                assert not re.search(r"^  (?:in|e)gress\b", block.body, re.M), str(block)
    ways_in = [
        block
        for block in blocks(ROOT / "modules" / "ecs", "resource")
        if block.labels[0] == "aws_vpc_security_group_ingress_rule" and "aws_security_group.tasks.id" in block.body
    ]
    assert len(ways_in) == 1
    assert "referenced_security_group_id = aws_security_group.load_balancer.id" in ways_in[0].body
    assert "from_port                    = var.container_port" in ways_in[0].body


def test_environments_differ_where_they_must() -> None:
    """prod asks for approval and protects itself; dev neither waits nor clings; both take the same variables otherwise."""
    variables = {path.name: {block.labels[0] for block in blocks(path, "variable")} for path in ENVIRONMENTS}
    assert variables["dev"] ^ variables["prod"] == {"deletion_protection", "single_nat_gateway"}
    outputs = {path.name: {block.labels[0] for block in blocks(path, "output")} for path in ENVIRONMENTS}
    assert outputs["dev"] == outputs["prod"]
    defaults = {
        path.name: {
            block.labels[0]: match[1]
            for block in blocks(path, "variable")
            if (match := re.search(r"^  default += (.*)$", block.body, re.M))
        }
        for path in ENVIRONMENTS
    }
    assert (defaults["prod"]["force_destroy"], defaults["dev"]["force_destroy"]) == ("false", "true")
    assert (defaults["prod"]["secret_recovery_days"], defaults["dev"]["secret_recovery_days"]) == ("30", "0")
    assert defaults["prod"]["deletion_protection"] == "true"
    for environment, known in defaults.items():
        assert known["source_type"] == '"connection"', environment
        assert known["github_deploy"] == "false", (
            f"{environment}: nobody is let in from GitHub unless that is asked for"
        )
    prod, dev = code(ROOT / "environments" / "prod"), code(ROOT / "environments" / "dev")
    assert len(re.findall(r"require_approval += true", prod)) == 2
    assert "require_approval" not in dev
    assert re.search(r"single_nat_gateway += false", prod)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_an_environment_passes_its_variables_on(path: Path) -> None:
    """A variable that an environment shares with a module reaches it: a default of the module's never takes its place."""
    own = {block.labels[0] for block in blocks(path, "variable")}
    calls = blocks(path, "module")
    assert calls
    for call in calls:
        source = re.search(r'^  source += "(.*)"$', call.body, re.M)
        assert source, str(call)
        shared = own & {block.labels[0] for block in blocks((path / source[1]).resolve(), "variable")}
        left_out = {name for name in shared if not re.search(rf"^  {name} +=", call.body, re.M)}
        assert not left_out, f"{call} leaves out {sorted(left_out)}"


def test_a_secret_is_one_everywhere() -> None:
    """A variable that one directory declares sensitive is sensitive in all, so that no plan shows it on its way."""
    variables = [block for directory in DIRECTORIES for block in blocks(directory, "variable")]
    secret = [block for block in variables if re.search(r"^  sensitive += true$", block.body, re.M)]
    names = {block.labels[0] for block in secret}
    assert "slack_webhook_url" in names
    assert [str(block) for block in variables if block.labels[0] in names and block not in secret] == []


def test_environments_compute_their_values_alike() -> None:
    """Development stands for production only while both name containers, buckets and zones by the same rules."""
    dev, prod = ([block.body for block in blocks(ROOT / "environments" / name, "locals")] for name in ("dev", "prod"))
    assert [body.replace('= "dev"', '= "prod"') for body in dev] == prod


def settings_of(environment: Path) -> dict[str, Any]:
    """The values of an environment's terraform.tfvars, each on a line of its own and written as JSON writes it."""
    lines = re.findall(r"^(\w+) += (.*)$", (environment / "terraform.tfvars").read_text(), re.M)
    return {name: json.loads(value) for name, value in lines}


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_an_environment_outlives_a_zone_and_a_task(path: Path) -> None:
    """Two zones and two tasks at least, each zone with its own NAT gateway; development may share one and say what that risks."""
    text = (path / "terraform.tfvars").read_text()
    values = settings_of(path)
    assert len(values["zones"]) >= 2, (
        f"{path.name}: with zones = {values['zones']} the loss of one takes the service away"
    )
    assert values["desired_count"] >= 2, (
        f"{path.name}: with desired_count = {values['desired_count']} the loss of a task takes the service away"
    )
    if values.get("single_nat_gateway"):
        assert path.name != "prod", "prod: tasks of every zone lose their way out with the zone of the one NAT gateway"
        assert re.search(r"^#.*\S.*\nsingle_nat_gateway\b", text, re.M), (
            f"{path.name}: single_nat_gateway = true takes all egress away when its zone fails. If that is accepted, say so in a "
            "comment on the line above it."
        )


def test_prod_is_no_smaller_than_dev() -> None:
    """Production has at least development's size, so that what fits in one fits in the other."""
    dev, prod = (settings_of(ROOT / "environments" / name) for name in ("dev", "prod"))
    for name in ("cpu", "memory", "desired_count"):
        assert prod[name] >= dev[name], (
            f"prod has {name} = {prod[name]}, dev {dev[name]}: what fits in dev may not fit in prod"
        )
    assert len(prod["zones"]) >= len(dev["zones"]), f"prod has zones {prod['zones']}, dev {dev['zones']}"


def copied(target: Path, *names: str) -> Path:
    """Return a copy of some directories to initialise, so that the checkout stays as it is."""
    for name in names:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return target


def initialised(directory: Path) -> Path:
    try:
        done = terraform("init", "-backend=false", "-input=false", "-no-color", cwd=directory, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("the AWS provider cannot be reached; configure a provider mirror")
    if done.returncode:
        pytest.skip(f"the AWS provider cannot be had; configure a provider mirror: {done.stderr.strip()[-200:]}")
    return directory


@needs_terraform
@pytest.mark.parametrize("name", ["bootstrap", "environments/dev", "environments/prod"])
def test_valid(name: str, tmp_path: Path) -> None:
    """`terraform validate` accepts every root module, and with them all the others, without a warning."""
    modules = ["modules"] if name.startswith("environments/") else []
    done = terraform("validate", "-no-color", cwd=initialised(copied(tmp_path, name, *modules) / name))
    assert (done.returncode, "Warning" in done.stdout) == (0, False), done.stdout + done.stderr


@needs_terraform
@each_directory
def test_rejects_what_it_should(directory: Path, tmp_path: Path) -> None:
    """A directory's own `terraform test` passes: invalid inputs are refused before anything is created."""
    name = str(directory.relative_to(ROOT))
    modules = ["modules"] if directory in ENVIRONMENTS else []
    done = terraform("test", "-no-color", cwd=initialised(copied(tmp_path, name, *modules) / name), timeout=180)
    if "mock_provider" in done.stderr:
        pytest.skip("terraform test with mock providers needs Terraform 1.7 or newer")
    assert done.returncode == 0, done.stdout + done.stderr
