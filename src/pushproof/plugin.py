"""The pytest surface: options, fixtures, markers."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pushproof.checks.verdict import Attention, attending

# A run that does not use the plugin pays for what is imported here; everything else is imported where it is used.
if TYPE_CHECKING:
    from pushproof.base.target import Target
    from pushproof.checks.check import Clients
    from pushproof.fixtures import (
        Apply,
        IamFactory,
        ImageFactory,
        NetworkingFactory,
        PipelineFactory,
        RegistryFactory,
        SecretsFactory,
        ServiceFactory,
        StateFactory,
    )
    from pushproof.terraform.applied import AppliedModule

TARGETS = ("embedded", "localstack", "sandbox")

# Kept from when the plugin is imported: a conftest may drop AWS settings before the target is opened.
_ENVIRONMENT = {
    k: v for k, v in os.environ.items() if k.startswith(("LOCALSTACK_", "PUSHPROOF_")) or k == "AWS_ENDPOINT_URL"
}


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
        "--open-world", action="store_true", help="let any access key in: whoever reaches the port is the administrator"
    )
    group.addoption(
        "--task-runtime",
        default="docker",
        choices=("docker", "scripted"),
        help="what tasks run on when emulated [docker]",
    )
    group.addoption(
        "--localstack",
        metavar="WHERE",
        help="for --target localstack: container, the URL of one that stands, or auto: one that AWS_ENDPOINT_URL or "
        "LOCALSTACK_HOST name or that stands at port 4566, else a container [auto]",
    )
    group.addoption(
        "--pushproof-report",
        metavar="DIR",
        help="write the record of the run and its page there: verdicts, findings, what was refused and skipped",
    )
    group.addoption(
        "--native",
        action="store_true",
        help="for --target localstack: let LocalStack answer those delivery services that its plan has",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "docker: needs Docker Engine")
    config.addinivalue_line(
        "markers", "target_needs(capability, ...): skipped, with the target's reason, where it lacks one"
    )
    if directory := config.getoption("--pushproof-report"):
        from pushproof.suiterecord import SuiteRecorder

        config.pluginmanager.register(SuiteRecorder(config, Path(directory), _ATTENTION), "pushproof-report")


class OverlookedVerdict(pytest.PytestWarning):
    """A test passed without asserting a verdict, or by asserting it the wrong way round."""


_ATTENTION = pytest.StashKey[Attention]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with attending() as item.stash[_ATTENTION]:
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # What fixtures ask may be for later tests.
    item.stash[_ATTENTION].made.clear()


# Last: after the test itself has passed.
@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    __tracebackhide__ = True
    for sentence in item.stash[_ATTENTION].overlooked():
        warnings.warn(OverlookedVerdict(sentence), stacklevel=1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    failure = call.excinfo
    # An error that nobody imported was not raised.
    errors = sys.modules.get("pushproof.terraform.errors")
    if failure is not None and errors is not None and failure.errisinstance(errors.TerraformError):
        _end_where_pushproof_begins(failure)
    if failure is not None and isinstance(failure.value, AssertionError):
        # The text becomes a part of the error, so that every report has it: terminal, JUnit XML and others.
        texts = [str(verdict) for verdict in item.stash[_ATTENTION].behind(failure.value)]
        if texts:
            message = str(failure.value.args[0]) if failure.value.args else ""
            failure.value.args = ("\n\n".join(filter(None, [*texts, message])), *failure.value.args[1:])
    return (yield)


def _end_where_pushproof_begins(failure: pytest.ExceptionInfo[BaseException]) -> None:
    """Cut the traceback behind the caller's own line: Terraform's message says what is wrong, not the code that ran it."""
    home = Path(__file__).parent
    own, entry = None, failure.value.__traceback__
    while entry is not None and not Path(entry.tb_frame.f_code.co_filename).is_relative_to(home):
        own, entry = entry, entry.tb_next
    if own is not None:
        own.tb_next = None


def pytest_pushproof_make_target(config: pytest.Config, name: str) -> Any:
    """Open one of Pushproof's own targets."""
    if name == "sandbox":
        from pushproof.targets.sandbox import SandboxTarget

        return SandboxTarget(say=_narrator(config, "sandbox"))
    from pushproof.emulator.kernel.settings import WorldSettings

    any_key, runtime = bool(config.getoption("--open-world")), config.getoption("--task-runtime")
    world = WorldSettings(speed=_speed(config), open=any_key)
    if any_key:
        _narrator(config, "world", red=True)(
            "any access key is good; whoever reaches its port on loopback is the administrator"
        )
    if name == "embedded":
        from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget

        return EmbeddedTarget(EmbeddedSettings(world=world, runtime=runtime))
    if name == "localstack":
        from pushproof.targets.localstack.target import LocalStackTarget, settings_from_environment

        options: dict[str, Any] = {"native": True} if config.getoption("--native") else {}
        if where := config.getoption("--localstack"):
            options["where"] = where
        settings = settings_from_environment(world, _ENVIRONMENT, runtime=runtime, **options)
        return LocalStackTarget(settings, progress=_narrator(config))
    return None


def _narrator(config: pytest.Config, name: str = "localstack", **markup: bool) -> Callable[[str], None]:
    reporter = config.pluginmanager.getplugin("terminalreporter")

    def say(text: str) -> None:
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"{name}: {text}", **markup)

    return say


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
def target(pytestconfig: pytest.Config) -> Iterator[Target]:
    """The place where modules are applied, as `--target` names it; closed at the end of the session, nothing left behind."""
    from pushproof.base.target import TargetUnavailable

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
def aws(target: Target) -> Clients:
    """boto3 clients of the target, with the deployer's credentials: `aws("ecs").describe_clusters()`."""
    from pushproof.fixtures import clients_of

    return clients_of(target.client)


@pytest.fixture(scope="module")
def applied(target: Any, request: pytest.FixtureRequest) -> Iterator[Apply]:
    """Apply modules for this test module: `applied("infrastructure/modules/ecr", project="shop")`; destroyed at its end.

    The path is relative to pytest's root directory. Keyword arguments are Terraform variables; `backend=` configures a backend.
    """
    from pushproof.terraform.applied import apply_module
    from pushproof.terraform.errors import TerraformError

    modules: list[AppliedModule] = []

    def apply(path: str | Path, *, backend: dict[str, Any] | None = None, **variables: Any) -> AppliedModule:
        source = request.config.rootpath / path
        name = re.sub(r"[^a-z0-9-]+", "-", f"{request.node.name}-{Path(path).name}-{len(modules)}".lower())
        module = apply_module(target, source, name=name, variables=variables, backend=backend)
        modules.append(module)
        return module

    yield apply
    problems: list[TerraformError] = []
    for module in reversed(modules):
        try:
            module.terraform.destroy()
        except TerraformError as problem:
            problems.append(problem)
    if problems:
        # The other modules have been destroyed all the same.
        raise problems[0]


@pytest.fixture(scope="session")
def networking_checks(aws: Clients) -> NetworkingFactory:
    """Checks of a VPC: `networking_checks(module, vpc_id=module["vpc_id"])`; its subnets' ways out and in, and endpoints."""
    from pushproof.checks.networking import NetworkingChecks

    def make(module: AppliedModule, **settings: Any) -> NetworkingChecks:
        return NetworkingChecks(aws, addresses=module.addresses, **settings)

    return make


@pytest.fixture(scope="session")
def registry_checks(aws: Clients) -> RegistryFactory:
    """Checks of an ECR repository: `registry_checks(module, repository="shop")`; immutable tags, scanning, lifecycle."""
    from pushproof.checks.registry import RegistryChecks

    def make(module: AppliedModule, **settings: Any) -> RegistryChecks:
        return RegistryChecks(aws, addresses=module.addresses, **settings)

    return make


@pytest.fixture(scope="session")
def iam_checks(aws: Clients) -> IamFactory:
    """Checks of IAM roles: `iam_checks(module).is_scoped("shop-build")`; what they may, may not, and who can assume them."""
    from pushproof.checks.iam import IamChecks

    return lambda module: IamChecks(aws, addresses=module.addresses)


@pytest.fixture(scope="session")
def service_checks(aws: Clients) -> ServiceFactory:
    """Checks of an ECS service: `service_checks(module, cluster="shop", service="shop")`; rollback, health, listeners, logs."""
    from pushproof.checks.service import ServiceChecks

    def make(module: AppliedModule, **settings: Any) -> ServiceChecks:
        return ServiceChecks(aws, addresses=module.addresses, **settings)

    return make


@pytest.fixture(scope="session")
def pipeline_checks(aws: Clients) -> PipelineFactory:
    """Checks of a CodePipeline: `pipeline_checks(module, pipeline="shop")`; stages, approval, build, cache, notifications."""
    from pushproof.checks.pipeline import PipelineChecks

    def make(module: AppliedModule, **settings: Any) -> PipelineChecks:
        return PipelineChecks(aws, addresses=module.addresses, **settings)

    return make


@pytest.fixture(scope="session")
def secrets_checks(aws: Clients) -> SecretsFactory:
    """Checks that secrets go by reference: `secrets_checks(module).secrets_are_passed_by_reference(task_definition="shop")`."""
    from pushproof.checks.secrets import SecretsChecks

    return lambda module: SecretsChecks(aws, addresses=module.addresses)


@pytest.fixture(scope="session")
def image_checks(pytestconfig: pytest.Config) -> ImageFactory:
    """Checks of a Dockerfile: `image_checks("app/Dockerfile").runs_as_an_ordinary_user()`; user, signals, secrets, bases."""
    from pushproof.checks.image import ImageChecks

    def make(dockerfile: str | Path) -> ImageChecks:
        return ImageChecks(pytestconfig.rootpath / dockerfile)

    return make


@pytest.fixture(scope="session")
def state_checks(aws: Clients) -> StateFactory:
    """Checks of Terraform's state: `state_checks(module).plan_is_empty(module)`; its bucket, backends, what two share."""
    from pushproof.checks.state import StateChecks

    return lambda module: StateChecks(aws, addresses=module.addresses)


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
    import shlex
    import threading

    from pushproof.base.environment import world_variables

    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\nThe world is up; Ctrl-C takes it down. To reach it:")
        for name, value in world_variables(opened.endpoint, region=opened.region, keys=opened.keys).items():
            print(f"  export {name}={shlex.quote(value)}")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("taking the world down")
