"""Shared parts of the suites: names, a certificate, a webhook, and environments that are applied once a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof import Clients
from pushproof.drill.certificate import kept_self_signed
from pushproof.drill.standin import SlackStandIn
from pushproof.terraform.applied import AppliedModule
from pushproof.terraform.applied import apply_module as anywhere

ROOT = Path(__file__).parents[2]
Environment = Callable[[str], AppliedModule]
#: What the reference can do and does not do by default. Development has it all in emulated worlds, so that the suites look at it;
#: production has the defaults.
OPTIONS: dict[str, object] = {
    "before_deploy_command": ["python3", "-m", "webapp.migrate"],
    "deployment_alarm": True,
    "traffic_shift": True,
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with worlds of their own come first: once the session's target is open, the process has no room for another.

    Beside an account they are left out: opening a world takes AWS's credentials out of the process.
    """
    if config.getoption("pushproof_target") == "sandbox":
        own = pytest.mark.skip(reason="opens an emulated world of its own: nothing of it is in an account")
        for item in items:
            if "target" not in getattr(item, "fixturenames", ()):
                item.add_marker(own)
    with_target = {item.path for item in items if "target" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path in with_target)


@pytest.fixture(scope="session")
def zones(target: Any) -> list[str]:
    """Two availability zones of the target's region."""
    return [f"{target.region}a", f"{target.region}b"]


@pytest.fixture(scope="session")
def certificate_arn(target: Any) -> Iterator[str]:
    """Return the load balancers' certificate: a self-signed one that the target trusts, or the target's own."""
    made = kept_self_signed("shop.example.test")
    arn = target.certificate(made.certificate, made.private_key)
    yield str(arn)
    target.forget_certificate(arn)


@pytest.fixture(scope="session")
def slack() -> Iterator[SlackStandIn]:
    """Listen in place of Slack; at the same address in each run if possible, since kept environments contain it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    try:
        stand_in = SlackStandIn(port=47_310 + int(worker), path="/services/T0000TEST/B0000TEST/integration")
    except OSError:
        stand_in = SlackStandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="session")
def environment(
    target: Any, certificate_arn: str, slack: SlackStandIn, applied_for_session: Callable[..., AppliedModule]
) -> Iterator[Environment]:
    """`environment("dev")`: that environment of the reference infrastructure, unmodified, applied once a session.

    An emulated world is thrown away with them; anywhere else they are destroyed, with production's protections taken off.
    """
    made: dict[str, AppliedModule] = {}

    def apply_module(_target: Any, source: Path, *, name: str, variables: Any, backend: Any = None) -> AppliedModule:
        """Apply as the fixture does where it need not be destroyed."""
        if target.name == "embedded":
            return applied_for_session(source, backend=backend, **variables)
        return anywhere(target, source, name=name, variables=variables, backend=backend)

    backends: list[AppliedModule] = []

    def apply(name: str) -> AppliedModule:
        if name not in made:
            if not backends:
                source = ROOT / "infrastructure/bootstrap"
                backends.append(
                    apply_module(
                        target, source, name="bootstrap", variables={"project": "reference", "force_destroy": True}
                    )
                )
            backend = {
                "bucket": backends[0]["state_bucket_name"],
                "key": f"{name}/terraform.tfstate",
                "region": target.region,
                "use_lockfile": "true",
            }
            variables = {
                "certificate_arn": certificate_arn,
                "project": "reference",
                "repository": "example/shop",
                "slack_webhook_url": None if target.lacks("webhooks") else slack.url,
                **(OPTIONS if name == "dev" and target.name == "embedded" else {}),
            }
            source = ROOT / "infrastructure/environments" / name
            made[name] = apply_module(target, source, name=f"environment-{name}", variables=variables, backend=backend)
        return made[name]

    yield apply
    if target.name == "embedded":
        return
    for name, module in made.items():
        if name == "prod":
            off = {"deletion_protection": False, "force_destroy": True, "secret_recovery_days": 0}
            module.terraform.variables.update(off)
            module.terraform.apply()
        module.terraform.destroy()
    for bootstrap in backends:
        bootstrap.terraform.destroy()


@pytest.fixture(scope="session")
def dev(environment: Environment) -> AppliedModule:
    """environments/dev, applied."""
    return environment("dev")


@pytest.fixture
def own_dev(dev: AppliedModule, target: Any) -> Iterator[AppliedModule]:
    """environments/dev for a test that changes something: in emulated worlds a copy, since later applies depend on the world."""
    if target.name != "embedded":
        yield dev
        return
    with dev.fork() as fork:
        yield fork


@pytest.fixture
def own_aws(own_dev: AppliedModule, dev: AppliedModule, aws: Clients) -> Clients:
    """Clients of the world that `own_dev` is in."""
    return aws if own_dev is dev else own_dev.aws


@pytest.fixture
def optional(dev: AppliedModule) -> AppliedModule:
    """environments/dev with everything that is off by default; tests of it are skipped where it is off."""
    if not dev.terraform.variables.get("traffic_shift"):
        pytest.skip("the options of environments/dev are on in emulated worlds alone")
    return dev


@pytest.fixture(scope="session")
def application() -> Path:
    """The reference application's directory."""
    return ROOT / "app"


@pytest.fixture(scope="session")
def buildspec() -> str:
    """The reference application's buildspec."""
    return (ROOT / "app/buildspec.yml").read_text()
