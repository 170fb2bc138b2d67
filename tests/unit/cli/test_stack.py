"""Coverage of a stack before anything starts: from its HCL, and from a table that is held against the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore.session
import pytest

from pushproof.cli.app import run
from pushproof.emulator.coverage import State, operation
from pushproof.emulator.coverage.resourcetypes import TypeState, coverage_of_type, operations_of_types
from pushproof.emulator.services import PLANE
from pushproof.emulator.world import World
from pushproof.stack import coverage_of, require_answered
from pushproof.terraform.errors import Unanswered

_ROOT = Path(__file__).parents[3]
_MAIN = """module "net" {
  source = "../modules/net"
}
module "far" {
  source = "terraform-aws-modules/vpc/aws"
}
resource "aws_chatbot_slack_channel_configuration" "chat" {}
resource "aws_quicksight_dashboard" "d" {}
data "aws_region" "here" {}
resource "random_id" "id" {}
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("live", _MAIN),
        ("modules/net", 'resource "aws_ecs_service" "s" {}\nresource "aws_vpc" "v" {}\n'),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "main.tf").write_text(text)
    return tmp_path / "live"


def test_each_resource_has_its_state_and_its_place(stack: Path) -> None:
    """Local modules are followed, other providers left out, and a module that is not here is said."""
    coverage = coverage_of(stack)
    assert {(block.address, str(block.state), f"{block.file}:{block.line}") for block in coverage.blocks} == {
        ("aws_chatbot_slack_channel_configuration.chat", "refused", "live/main.tf:7"),
        ("aws_quicksight_dashboard.d", "unknown", "live/main.tf:8"),
        ("data.aws_region.here", "emulated", "live/main.tf:9"),
        ("module.net.aws_ecs_service.s", "emulated", "modules/net/main.tf:1"),
        ("module.net.aws_vpc.v", "stored only", "modules/net/main.tf:2"),
    }
    assert coverage.unread == ("live/main.tf:4: module.far (terraform-aws-modules/vpc/aws)",)


def test_downloaded_modules_are_read(stack: Path) -> None:
    """Modules that `terraform init` has fetched count."""
    (stack / ".terraform/modules/far").mkdir(parents=True)
    (stack / ".terraform/modules/far/main.tf").write_text('resource "aws_nat_gateway" "this" {}\n')
    entries = [{"Key": "", "Dir": "."}, {"Key": "far", "Dir": ".terraform/modules/far"}]
    (stack / ".terraform/modules/modules.json").write_text(json.dumps({"Modules": entries}))
    coverage = coverage_of(stack)
    assert coverage.unread == ()
    assert "module.far.aws_nat_gateway.this" in {block.address for block in coverage.blocks}


def test_the_doctor_says_it(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The output has file and line, the refused calls, the remedy, and an exit code."""
    assert run(["doctor", "--stack", str(stack)]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "live/main.tf:7: aws_chatbot_slack_channel_configuration.chat is refused: chatbot:Create" in text
    assert "live/main.tf:8: aws_quicksight_dashboard.d is unknown" in text
    assert "2 emulated, 1 stored only, 1 refused, 1 unknown" in text
    assert run(["doctor", "--stack", str(stack), "--format", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["blocks"]) == 5
    assert run(["doctor", "--stack", str(stack / "nothing")]) == 2


def test_the_table_has_operations_of_awss_models() -> None:
    """Every call of the table exists, so that none is called refused for a slip of the pen."""
    session = botocore.session.get_session()
    for data in (False, True):
        for name, calls in operations_of_types(data=data).items():
            for call in calls:
                service, _, operation_name = call.partition(":")
                assert operation_name in session.get_service_model(service).operation_names, (name, call)


def test_the_table_has_every_type_of_our_own_stacks() -> None:
    """The reference, the examples and the modules that tests apply are known, and nothing of them is refused."""
    pattern = re.compile(r'^(resource|data) "(aws_\w+)"', re.MULTILINE)
    for folder in ("infrastructure", "examples"):
        for file in (_ROOT / folder).rglob("*.tf"):
            for kind, name in pattern.findall(file.read_text()):
                coverage = coverage_of_type(name, data=kind == "data")
                assert coverage.state in (TypeState.EMULATED, TypeState.STORED), (file, coverage)


def test_states_are_those_of_the_operations() -> None:
    """A type is refused exactly when one of its calls is, as the coverage of operations has it."""
    for data in (False, True):
        for name, calls in operations_of_types(data=data).items():
            owned = [call.split(":") for call in calls if call.partition(":")[0] in PLANE]
            refused = {
                f"{service}:{call}" for service, call in owned if operation(service, call).state is State.REFUSED
            }
            assert refused <= set(coverage_of_type(name, data=data).refused)


def test_a_refused_call_is_refused_by_a_world() -> None:
    """Operations that the table lists as refused answer 501 in a running world, and stored ones do not."""
    with World.virtual() as world:
        codebuild = world.administrator("codebuild")
        with pytest.raises(codebuild.exceptions.ClientError) as refusal:
            codebuild.list_source_credentials()
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert coverage_of_type("aws_codebuild_source_credential").state is TypeState.REFUSED
        world.administrator("sqs").create_queue(QueueName="q")
        assert coverage_of_type("aws_sqs_queue").state is TypeState.STORED


def test_what_a_world_refuses_is_said_before_the_apply(stack: Path) -> None:
    """With its file and line and what to do; not when a condition can leave it out."""
    with pytest.raises(
        Unanswered, match=r"live/main.tf:7: aws_chatbot_slack_channel_configuration.chat is refused"
    ) as refused:
        require_answered(stack)
    assert "use --target sandbox" in str(refused.value)
    main = stack / "main.tf"
    main.write_text(main.read_text().replace('" "chat" {}', '" "chat" {\n  count = 0\n}'))
    assert any("aws_quicksight_dashboard.d is unknown" in line for line in require_answered(stack))
