"""The pytest surface: options, fixtures, markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof.terraform.applied import AppliedModule, apply_module

TARGETS = ("embedded", "localstack", "sandbox")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pushproof import newhooks

    pluginmanager.add_hookspecs(newhooks)


# Help texts: lower case, no full stop, the default in brackets where there is one.
def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pushproof", "infrastructure under test")
    group.addoption(
        "--target",
        default="embedded",
        metavar="NAME",
        help="where modules are applied: embedded, localstack, sandbox, or one that a conftest provides [embedded]",
    )
    group.addoption(
        "--speed", default="20", metavar="FACTOR", help="how many times as fast as AWS time runs when emulated [20]"
    )
    group.addoption(
        "--keep-world", action="store_true", help="at the end of the session, leave the world up until Ctrl-C"
    )
    group.addoption(
        "--task-runtime",
        default="docker",
        choices=("docker", "scripted"),
        help="what tasks run on when emulated [docker]",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "docker: needs Docker Engine")
    config.addinivalue_line(
        "markers", "target_needs(capability, ...): skipped, with the target's reason, where it lacks one"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    from pushproof.checks.finding import failed_findings

    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(AssertionError):
        for findings in failed_findings(call.excinfo.traceback[-1].frame.f_locals):
            if str(findings) not in str(call.excinfo.value):
                report.sections.append((f"findings of {findings.check}", str(findings)))
    return report


def pytest_pushproof_make_target(config: pytest.Config, name: str) -> Any:
    """Open one of Pushproof's own targets."""
    if name != "embedded":
        return None
    from pushproof.emulator.world import WorldSettings
    from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

    return EmbeddedTarget(
        EmbeddedSettings(world=WorldSettings(speed=_speed(config)), runtime=config.getoption("--task-runtime"))
    )


def _speed(config: pytest.Config) -> float:
    text = str(config.getoption("--speed"))
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if speed <= 0:
        raise pytest.UsageError(f"--speed requires a number above 0, such as 1 (as on AWS) or 20; got {text!r}")
    return speed


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Iterator[Any]:
    """The place where modules are applied, as `--target` names it; closed at the end of the session, nothing left behind."""
    from pushproof.targets.base import TargetUnavailable

    name = str(pytestconfig.getoption("--target"))
    try:
        opened = pytestconfig.hook.pytest_pushproof_make_target(config=pytestconfig, name=name)
    except TargetUnavailable as error:
        pytest.exit(f"target {name}: {error}", returncode=3)
    if opened is None:
        pytest.exit(f"--target {name} is not known; expected one of {', '.join(TARGETS)}", returncode=4)
    try:
        yield opened
        if pytestconfig.getoption("--keep-world"):
            _keep(pytestconfig, opened)
    finally:
        opened.close()


@pytest.fixture(scope="session")
def aws(target: Any) -> Callable[[str], Any]:
    """boto3 clients of the target, with the deployer's credentials: `aws("ecs").describe_clusters()`."""
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = target.client(service)
        return clients[service]

    return client


@pytest.fixture(scope="module")
def applied(target: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., AppliedModule]]:
    """Apply modules for this test module: `applied("infrastructure/modules/ecr", project="shop")`; destroyed at its end.

    The path is relative to pytest's root directory. Keyword arguments are Terraform variables; `backend=` configures a backend.
    """
    modules: list[AppliedModule] = []

    def apply(path: str | Path, *, backend: dict[str, Any] | None = None, **variables: Any) -> AppliedModule:
        source = request.config.rootpath / path
        name = re.sub(r"[^a-z0-9-]+", "-", f"{request.node.name}-{Path(path).name}-{len(modules)}".lower())
        module = apply_module(target, source, name=name, variables=variables, backend=backend)
        modules.append(module)
        return module

    yield apply
    for module in reversed(modules):
        module.terraform.destroy()


@pytest.fixture(autouse=True)
def _target_capabilities(request: pytest.FixtureRequest) -> None:
    """Skip a test whose `target_needs` the target lacks, with the target's own reason."""
    marker = request.node.get_closest_marker("target_needs")
    if marker is None:
        return
    opened = request.getfixturevalue("target")
    for capability in marker.args:
        reason = opened.lacks(capability)
        if reason is not None:
            pytest.skip(f"target {opened.name}: {reason}")


def _keep(config: pytest.Config, opened: Any) -> None:
    import threading

    from pushproof.environment import world_variables

    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\nThe world is up; Ctrl-C takes it down. To reach it:")
        for name, value in world_variables(opened.endpoint, region=opened.region).items():
            print(f"  export {name}={value}")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("taking the world down")
