"""A drill whose target, clients and steps are scripted."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pushproof.base.clock import VirtualClock
from pushproof.base.target import Address
from pushproof.drill.breakages.recipes import Unhealthy
from pushproof.drill.context import Context
from pushproof.drill.delivery import Build, Container, Delivery, Entrance, Source
from pushproof.drill.evidence import AppliedStack, Asking, Deployed, Evidence, Record, Workplace
from pushproof.drill.narration import Narrator
from pushproof.drill.preflight import Preflight
from pushproof.drill.settings import DrillSettings
from pushproof.drill.standin import Message
from pushproof.drill.steps.step import Step
from pushproof.terraform.binary import TerraformBinary

ROOT = Path(__file__).resolve().parents[3]
WORK = Workplace(source="/tree/dev", directory="/copy/dev", root="/copy")
APPLIED = AppliedStack(
    delivery=Delivery(
        pipeline="shop-dev", deploy_stage="Deploy", cluster="shop", service="shop", repository="shop",
        source=Source(
            kind="CodeStarSourceConnection", stage="Source", repository="example/shop", branch="main",
            connection_arn="arn:aws:codestar-connections:eu-west-1:1:connection/c",
        ),
        build=Build(project="shop", stage="Build", log_group="/aws/codebuild/shop", buildspec="buildspec.yml"),
        entrance=Entrance(dns_name="shop.elb", paths=("/health",)),
        container=Container(name="app", port=8080, patience=5),
        topic_arn="arn:aws:sns:eu-west-1:1:shop",
    ),
    undelivered="", webhook=True,
    bootstrap=WORK, stack=WORK, certificate_arn="arn:aws:acm:eu-west-1:1:certificate/c", host="shop.example.test",
    certificates="PEM", there_before=("sns topic theirs",), resources=3, seconds=1.5,
)  # fmt: skip
DEPLOYED = Deployed("a" * 40, "execution-1", ("task-definition/shop:2",), ("sha256:1",), Asking("/version", True))


class ScriptedTarget:
    """A target whose clients are objects of the test's; `missing` are reasons for capabilities that it lacks."""

    name = "scripted"
    region, account_id = "eu-west-1", "123456789012"
    after_rollback = frozenset({"Failed"})
    announces = False

    def __init__(self, directory: Path, clients: Mapping[str, Any] | None = None, **missing: str) -> None:
        self.clock = VirtualClock()
        self.clients = dict(clients or {})
        self.missing = {name.replace("_", "-"): reason for name, reason in missing.items()}
        self.listener: Any = None
        self.authorised: list[str] = []
        self._directory = directory

    def client(self, service: str, region: str | None = None) -> Any:
        return self.clients[service]

    def directory(self, name: str) -> Path:
        path = self._directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def lacks(self, capability: str) -> str | None:
        return self.missing.get(capability)

    def address(self, host: str, port: int) -> Address:
        return Address(host, port)

    def deadline(self, step: str, otherwise: float) -> float:
        return otherwise

    def notification_listener(self, outputs: Mapping[str, Any]) -> Any:
        return self.listener

    def authorise_connection(self, arn: str) -> None:
        self.authorised.append(arn)


class ScriptedWebhook:
    """A webhook that has its messages already."""

    url = "http://127.0.0.1/hook"

    def __init__(self, *texts: str, refused: list[str] | None = None) -> None:
        self.messages = [Message(0.0, text) for text in texts]
        self.refused = refused or []

    def wait_for(self, *parts: str, timeout: float) -> Message | None:
        return next((m for m in self.messages if all(part in m.text for part in parts)), None)

    def close(self) -> None:
        pass


class ScriptedStep(Step):
    """A step that returns what the script says, and notes that it was performed."""

    def __init__(self, step: Step, performed: list[str], script: Callable[[Context], Evidence]) -> None:
        self._performed, self._script = performed, script
        # An instance's own values for what are a class's in the steps themselves.
        self.__dict__.update(name=step.name, letter=step.letter, needs=step.needs, pushes=step.pushes)

    def perform(self, context: Context) -> Evidence:
        self._performed.append(self.name)
        return self._script(context)


def narrator() -> Narrator:
    return Narrator(Console(file=io.StringIO(), width=200))


def settings(**changes: Any) -> DrillSettings:
    return DrillSettings(environment=ROOT / "infrastructure/environments/dev", application=ROOT / "app", **changes)


def context(target: Any, webhook: Any = None, record: Record | None = None, *entries: tuple[str, Evidence]) -> Context:
    """A context whose apply has been performed, and whatever else `entries` say."""
    means = Preflight(TerraformBinary("terraform", "terraform", (1, 10, 0)), (Unhealthy(),))
    made = Context(target, settings(), narrator(), means, webhook or ScriptedWebhook(), record)
    if record is None:
        made.record.add("apply", APPLIED)
    for name, evidence in entries:
        made.record.add(name, evidence)
    return made
