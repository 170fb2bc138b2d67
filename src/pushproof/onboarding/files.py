"""The files that `pushproof init` writes: settings, a first suite with the checks that apply, and a CI workflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pushproof.onboarding.survey import Root, Survey

SETTINGS, CONFTEST, SUITE = "pushproof.toml", "tests/pushproof/conftest.py", "tests/pushproof/test_infrastructure.py"
WORKFLOW = ".github/workflows/pushproof.yml"


@dataclass(frozen=True, slots=True)
class Expectation:
    """A check of the first suite: the resource types that make it apply, the assertion, and the reason to have it."""

    needs: frozenset[str]
    assertion: str
    reason: str


def _expect(needs: str, assertion: str, reason: str) -> Expectation:
    return Expectation(frozenset(needs.split()), assertion, reason)


_SERVICE = (
    _expect("aws_ecs_service", "rolls_back_by_itself()", "without it, a bad revision is started again without end"),
    _expect("aws_ecs_service", "keeps_its_capacity_while_it_deploys()", "a deployment must not cost requests"),
    _expect(
        "aws_ecs_service aws_lb_target_group",
        "health_checks_agree()",
        "two health checks that disagree kill good tasks",
    ),
    _expect(
        "aws_ecs_service aws_cloudwatch_log_group", "logs_are_kept()", "the reason of a failed start is in the log"
    ),
)
_NETWORK = (
    _expect(
        "aws_subnet aws_nat_gateway",
        "every_private_subnet_leaves_by_its_own_zone()",
        "one zone's loss must not take the others' way out",
    ),
    _expect(
        "aws_lb aws_subnet",
        "load_balancers_are_in_public_subnets()",
        "a load balancer in a private subnet answers nobody",
    ),
    _expect(
        "aws_lb aws_ecs_service",
        "tasks_admit_only_the_load_balancer()",
        "whoever else reaches a task passes by its entrance",
    ),
)
_PIPELINE = (
    _expect("aws_codepipeline", "artifacts_flow()", "an action without its artifact fails at the first push"),
    _expect("aws_codepipeline aws_s3_bucket", "artifacts_are_private()", "artifacts hold the source"),
)


def files(survey: Survey, root: Root) -> dict[str, str]:
    """Return the files to write: path relative to the repository -> text."""
    written = {SETTINGS: settings(survey, root), CONFTEST: conftest(root), SUITE: suite(root)}
    if survey.workflows or (survey.directory / ".git").exists():
        written[WORKFLOW] = workflow()
    return written


def settings(survey: Survey, root: Root) -> str:
    """Return `pushproof.toml`."""
    lines = [
        "# Settings of pushproof: `pushproof config --explain` lists them all.",
        "[drill]",
        f"environment = {json.dumps(root.path)}",
    ]
    lines.append(
        'app = "."'
        if survey.dockerfiles
        else '# The repository that the pipeline builds is not here: name it.\n# app = "../app"'
    )
    if len(survey.dockerfiles) > 1:
        lines.append(f"# There are several Dockerfiles: {', '.join(survey.dockerfiles)}.")
        lines.append(f"# dockerfile = {json.dumps(survey.dockerfiles[0])}")
    if root.needed:
        lines += ["", "[drill.variables]"]
        lines += [_variable(name) for name in root.needed]
    return "\n".join(lines) + "\n"


def _variable(name: str) -> str:
    if "certificate" in name or name.endswith("acm_arn"):
        return f'{name} = "${{certificate_arn}}"   # a certificate of the drill\'s own'
    if "webhook" in name:
        return f'{name} = "${{webhook_url}}"   # hears the notifications'
    return f'# {name} = ""   # has no default: give it a value'


def conftest(root: Root) -> str:
    """Return the suite's `conftest.py`."""
    certificates = [name for name in root.needed if "certificate" in name]
    others = [name for name in root.needed if name not in certificates]
    lines = ['"""Fixtures of the tests of the infrastructure."""', "", "from pathlib import Path", "", "import pytest"]
    arguments = "".join(f", {name}=certificate_arn" for name in certificates)
    if certificates:
        lines += ["", "from pushproof.drill.certificate import self_signed"]
    lines += ["", "REPOSITORY = Path(__file__).resolve().parents[2]"]
    if certificates:
        lines += [
            "",
            "",
            '@pytest.fixture(scope="session")',
            "def certificate_arn(target):",
            '    """A certificate for the load balancer, in the account under test."""',
            '    made = self_signed("app.example.test")',
            "    arn = target.certificate(made.certificate, made.private_key)",
            "    yield arn",
            "    target.forget_certificate(arn)",
        ]
    lines += [
        "",
        "",
        '@pytest.fixture(scope="module")',
        f"def stack(applied{', certificate_arn' if certificates else ''}):",
    ]
    lines.append('    """The environment, applied once for the tests of a module."""')
    lines += [f"    # {name} has no default: give it a value here, as {name}=..." for name in others]
    lines.append(f"    return applied(REPOSITORY / {json.dumps(root.path)}{arguments})")
    return "\n".join(lines) + "\n"


def suite(root: Root) -> str:
    """Return the first suite: the checks that apply to the root's resources, each with its reason."""
    parts = [
        '"""What the infrastructure promises. Each check says why it matters; delete those that you do not mean."""',
        "",
        "from pushproof import resources",
        "",
        "",
        "def test_nothing_is_left_to_do(stack, state_checks):",
        "    # A plan that is never empty hides the change that matters.",
        "    assert state_checks(stack).plan_is_empty(stack)",
    ]
    parts += _test(
        root, _SERVICE, "services_survive_a_bad_push", "service_checks", "aws_ecs_service", "service",
        'service_checks(stack, cluster=service["cluster"], service=service["name"])',
    )  # fmt: skip
    parts += _test(
        root, _PIPELINE, "pipelines_deliver", "pipeline_checks", "aws_codepipeline", "pipeline",
        'pipeline_checks(stack, pipeline=pipeline["name"])',
    )  # fmt: skip
    parts += _test(
        root, _NETWORK, "the_network_is_as_it_is_meant", "networking_checks", "aws_vpc", "vpc",
        'networking_checks(stack, vpc_id=vpc["id"])',
    )  # fmt: skip
    return "\n".join(parts) + "\n"


def _test(
    root: Root, expectations: tuple[Expectation, ...], name: str, fixture: str, kind: str, noun: str, made: str
) -> Iterator[str]:
    applying = [expectation for expectation in expectations if expectation.needs <= root.kinds]
    if kind not in root.kinds or not applying:
        return
    yield from (
        "",
        "",
        f"def test_{name}(stack, {fixture}):",
        f'    for {noun} in resources(stack, "{kind}"):',
        f"        checks = {made}",
    )
    for expectation in applying:
        yield f"        # {expectation.reason[0].upper()}{expectation.reason[1:]}."
        yield f"        assert checks.{expectation.assertion}"


def workflow() -> str:
    """Return a GitHub Actions workflow that runs the suite and the drill."""
    return """\
name: pushproof

on:
  pull_request:

permissions:
  contents: read

jobs:
  infrastructure:
    runs-on: ubuntu-24.04
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: "3.12"
      - uses: hashicorp/setup-terraform@dfe3c3f87815947d99a8997f908cb6525fc44e9e # v4.0.1
        with:
          terraform_wrapper: false
      - run: pip install pushproof
      - run: pytest tests/pushproof
      - run: pushproof drill
"""


def unwritten(directory: Path, wanted: dict[str, str]) -> dict[str, str]:
    """Return the files that are not there yet: what is there is somebody's own and stays."""
    return {path: text for path, text in wanted.items() if not (directory / path).exists()}
