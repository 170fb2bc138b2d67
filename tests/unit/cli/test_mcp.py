"""An agent gets members of the record from tools, over the protocol, and processes of its worlds end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.unit.record.observed import rolled_back

from pushproof.cli.app import run
from pushproof.cli.mcp import Workshop, server
from pushproof.record.codec import read
from pushproof.record.model import Deployment
from pushproof.record.store import keep

package = pytest.importorskip("mcp", reason="the extra mcp is not installed")
Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PUSHPROOF_STATE", str(tmp_path / "state"))
    keep(rolled_back())
    return tmp_path


def conversation(body: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Talk to the server as an agent does, through the official client."""
    workshop = Workshop()

    async def talk() -> Any:
        async with package.Client(server(workshop)) as client:
            return await body(client)

    try:
        return asyncio.run(talk())
    finally:
        workshop.close()


def called(name: str, **arguments: Any) -> Any:
    return conversation(lambda client: client.call_tool(name, arguments))


def test_tools_are_described() -> None:
    """Each tool says what it does and what it takes."""
    listed = conversation(lambda client: client.list_tools()).tools
    assert {tool.name for tool in listed} == {
        "start_world", "stop_world", "apply", "push", "drill", "checks", "runs", "why", "read_record", "suggest_policies",
    }  # fmt: skip
    assert all(tool.description for tool in listed)


def test_a_member_of_the_record_has_the_schemas_form() -> None:
    """A tool returns the structure that the schema describes, not prose."""
    answer = called("read_record", member="deployments", run="c0ffee01")
    deployments = [read(Deployment, plain, "deployment") for plain in answer.structured_content["deployments"]]
    assert deployments[-1].status == "ROLLBACK_SUCCESSFUL"


def test_why_has_the_chain_and_the_commands() -> None:
    """Of the latest run without a name."""
    told = called("why").structured_content
    assert any("was rolled back" in link for link in told["chain"])
    assert any(command.startswith("aws ecs describe-service-deployments") for command in told["commands"])


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("read_record", {"member": "secrets"}, "is not a member; expected one of run, versions"),
        ("read_record", {"run": "nope"}, "there is no run"),
        ("why", {"run": "/etc/passwd"}, "cannot be read"),
        ("push", {"world": "w", "environment": "e", "app": "a", "step": "apply"}, "is not a push"),
        ("stop_world", {"world": "nope"}, "false"),
    ],
)
def test_bad_input_is_an_answer(tool: str, arguments: dict[str, str], words: str) -> None:
    """The tool says what is wrong; the server goes on."""
    answer = called(tool, **arguments)
    assert words in str(answer.content[0].text)


def test_a_suite_is_run_and_summed_up(state: Path) -> None:
    """Tests with their verdict, out of a process whose output is nobody's protocol."""
    suite = state / "test_it.py"
    suite.write_text("def test_red():\n    print('noise')\n    assert False, 'no'\n")
    answer = called("checks", paths=[str(suite)]).structured_content
    assert answer["exit_code"] == 1
    assert answer["verdict"]["passed"] is False
    assert [test["outcome"] for test in answer["tests"]] == ["failed"]


def test_a_run_without_a_record_has_its_last_words(state: Path) -> None:
    """A drill that cannot begin says why."""
    answer = called("drill", environment=str(state / "none"), app=str(state / "none")).structured_content
    assert answer["exit_code"] == 2
    assert "none" in answer["output"]


def test_a_world_is_up_until_it_is_stopped() -> None:
    """Its variables lead to it; its process ends with it."""
    workshop = Workshop()
    try:
        exports = workshop.start(("serve", "--port", "0", "--task-runtime", "scripted"), 120.0)
        assert exports["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        process = workshop.worlds[exports["world"]]
        assert process.poll() is None
        assert workshop.stop(exports["world"])
        assert process.poll() is not None
        assert not workshop.stop(exports["world"])
    finally:
        workshop.close()


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extra is optional."""
    monkeypatch.setattr("pushproof.base.extras.find_spec", lambda _name: None)
    assert run(["mcp"]) == 3
    assert "pip install 'pushproof[mcp]'" in capsys.readouterr().out
