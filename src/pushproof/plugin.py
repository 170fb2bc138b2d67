"""The pytest surface: options, fixtures, markers."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pushproof.checks.verdict import Attention, attending

# A run that does not use the plugin pays for what is imported here; everything else is imported where it is used.
if TYPE_CHECKING:
    from pushproof.base.target import Target
    from pushproof.checks.acceptance import Acceptance
    from pushproof.fixtures import (
        Apply,
        DrillFactory,
        IamFactory,
        ImageFactory,
        NetworkingFactory,
        PipelineFactory,
        RegionalClients,
        RegistryFactory,
        SecretsFactory,
        ServiceFactory,
        StateFactory,
    )
    from pushproof.session.keeping import Keeper
    from pushproof.targets.base import DrillTarget
    from pushproof.targets.faults import Faults
    from pushproof.terraform.applied import AppliedModule

TARGETS = ("embedded", "localstack", "sandbox")
_Scope = Literal["session", "package", "module", "class", "function"]

# Kept from when the plugin is imported: a conftest may drop AWS settings before the target is opened.
_ENVIRONMENT = {
    k: v for k, v in os.environ.items() if k.startswith(("LOCALSTACK_", "PUSHPROOF_")) or k == "AWS_ENDPOINT_URL"
}


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pushproof import newhooks

    pluginmanager.add_hookspecs(newhooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    from pushproof.session.options import add_options

    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "docker: needs Docker Engine")
    config.addinivalue_line(
        "markers", "target_needs(capability, ...): skipped, with the target's reason, where it lacks one"
    )
    if directory := config.getoption("pushproof_report") or config.getini("pushproof_report"):
        from pushproof.suiterecord import SuiteRecorder

        config.pluginmanager.register(SuiteRecorder(config, Path(directory), _ATTENTION), "pushproof-report")
    config.pluginmanager.register(_Interrupts(config), "pushproof-interrupts")
    if _is_sharded(config):
        from pushproof.session.shards import sharding

        config.pluginmanager.register(sharding(config), "pushproof-shards")
    if (config.rootpath / "pushproof.toml").exists():
        from pushproof.checks.acceptance import AcceptanceError
        from pushproof.session.accepted import project_acceptances

        try:
            config.stash[_ACCEPTED] = project_acceptances(config.rootpath)
        except AcceptanceError as error:
            raise pytest.UsageError(str(error)) from None


def _is_sharded(config: pytest.Config) -> bool:
    from pushproof.session.options import is_on, text_of

    return bool(text_of(config, "shard")) or is_on(config, "store-durations")


class _Interrupts:
    """Hears of Ctrl-C in a session that has opened a target."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_keyboard_interrupt(self) -> None:
        if _OPENED in self._config.stash:
            from pushproof.session.interrupts import clean_up_next

            clean_up_next(self._config)


class OverlookedVerdict(pytest.PytestWarning):
    """A test passed without asserting a verdict, by asserting it the wrong way round, or by accepting what is not there."""


_ATTENTION = pytest.StashKey[Attention]()
if TYPE_CHECKING:
    _ACCEPTED = pytest.StashKey[Sequence[Acceptance]]()
else:
    _ACCEPTED = pytest.StashKey()
_OPENED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if keeper := _keeper(item.config):
        keeper.settle()
    with attending(item.config.stash.get(_ACCEPTED, ())) as item.stash[_ATTENTION]:
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
    if failure is None:
        return (yield)
    error = failure.value
    # An error that nobody imported was not raised.
    errors = sys.modules.get("pushproof.terraform.errors")
    if errors is not None and isinstance(error, errors.TerraformError):
        from pushproof.session import failures

        first = failures.first_test_with(item, error)
        failures.cut_traceback(failure)
        report = yield
        if first and call.when == "setup":
            failures.skip_dependent(item, report, error, first)
        else:
            failures.summarise(report, failures.reason_of(error), str(error))
            failures.annotate_error(item, report, error)
        return report
    if getattr(error, "says_all", False):
        from pushproof.session import failures

        failures.cut_traceback(failure)
    verdicts = item.stash[_ATTENTION].behind(error) if isinstance(error, AssertionError) else []
    if not verdicts:
        return (yield)
    # The text becomes a part of the error, so that every report has it: terminal, JUnit XML and others.
    message = str(error.args[0]) if error.args else ""
    error.args = ("\n\n".join(filter(None, [*map(str, verdicts), message])), *error.args[1:])
    report = yield
    from pushproof.session.failures import annotate_findings, summarise

    summarise(report, "; ".join(verdict.reason for verdict in verdicts), str(error))
    annotate_findings(item, report, verdicts)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let `--lf` run the tests again that were skipped since what they stand on failed."""
    failures = sys.modules.get("pushproof.session.failures")
    remembered = getattr(session.config.pluginmanager.getplugin("lfplugin"), "lastfailed", None)
    if failures is not None and isinstance(remembered, dict):
        remembered.update(dict.fromkeys(session.config.stash.get(failures.DEPENDENTS, []), True))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Note fixtures that change the world, so that no narrower scope goes back to before them."""
    keeper = _keeper(request.config)
    if keeper is None:
        return (yield)
    before = keeper.changes()
    try:
        return (yield)
    finally:
        if keeper.changes() != before:
            keeper.pin(fixturedef.scope)


def _keeper(config: pytest.Config) -> Keeper | None:
    # Nothing is kept before a module was applied.
    keeping = sys.modules.get("pushproof.session.keeperof")
    keeper: Keeper | None = config.stash.get(keeping.KEEPER, None) if keeping is not None else None
    return keeper


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if accepted := config.stash.get(_ACCEPTED, []):
        from pushproof.session.accepted import sentences

        if said := list(sentences(accepted)):
            terminalreporter.section("accepted findings")
            for sentence in said:
                terminalreporter.write_line(sentence)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from pushproof.session.annotations import write_commands

        write_commands(terminalreporter, config)


def pytest_pushproof_make_target(config: pytest.Config, name: str) -> Any:
    """Open one of Pushproof's own targets."""
    from pushproof.session.opening import open_own_target

    return open_own_target(config, name, _ENVIRONMENT)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the memory of worlds to the process's end: pytest and Python would look at all of it several times, for 0.7 s."""
    if _OPENED in config.stash:
        import gc

        gc.collect(1)
        gc.freeze()


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Iterator[Target]:
    """The place where modules are applied, as `--pushproof-target` names it; closed at the session's end, nothing left behind."""
    from pushproof.base.target import TargetUnavailable
    from pushproof.session.options import is_on, text_of

    name = text_of(pytestconfig, "target")
    try:
        opened = pytestconfig.hook.pytest_pushproof_make_target(config=pytestconfig, name=name)
    except TargetUnavailable as error:
        pytest.exit(f"target {name}: {error}", returncode=3)
    except pytest.UsageError as error:
        pytest.exit(str(error), returncode=4)
    if opened is None:
        import difflib

        close = difflib.get_close_matches(name, TARGETS, 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        pytest.exit(
            f"--pushproof-target {name} is not known; expected one of {', '.join(TARGETS)}{meant}", returncode=4
        )
    from pushproof.session.motoguard import refusing_mock_aws

    pytestconfig.stash[_OPENED] = True
    try:
        with refusing_mock_aws(opened):
            yield opened
        if is_on(pytestconfig, "keep-world"):
            _keep(pytestconfig, opened)
    finally:
        if keeper := _keeper(pytestconfig):
            keeper.close()
        if resident := sys.modules.get("pushproof.terraform.resident"):
            resident.RESIDENT.close()
        opened.close()


@pytest.fixture(scope="session")
def aws(target: Target) -> RegionalClients:
    """boto3 clients of the target, with the deployer's credentials: `aws("ecs")`, or `aws("ecs", region="us-east-1")`."""
    from pushproof.fixtures import clients_of

    return clients_of(target.client)


def _applier(scope: _Scope, description: str) -> Callable[..., Iterator[Apply]]:
    """Return the fixture `applied` of a scope."""

    def apply(target: Any, request: pytest.FixtureRequest) -> Iterator[Apply]:
        from pushproof.session.applying import Applier

        applier = Applier(target, request.node, request.config, scope)
        yield applier
        applier.close()

    apply.__doc__ = description
    return pytest.fixture(scope=scope, name="applied" if scope == "module" else f"applied_for_{scope}")(apply)


applied = _applier(
    "module",
    """Apply modules for this test module: `applied("infrastructure/modules/ecr", project="shop")`; destroyed at its end.

    The path is relative to pytest's root directory. Keyword arguments are Terraform variables. `backend=` configures a backend,
    "local" replaces it; `remote_states=` says what other roots' states hold. `applied.fails("modules/x", matching="…",
    step="plan")` expects a failure, `applied.plan_only("modules/x").changes` plans and applies nothing.
    """,
)
applied_for_session = _applier("session", """Apply modules for the whole session: `applied`, destroyed at its end.""")
applied_for_package = _applier(
    "package", """Apply modules for this package of tests: `applied`, destroyed at its end."""
)
applied_for_class = _applier("class", """Apply modules for this class of tests: `applied`, destroyed at its end.""")
applied_for_function = _applier("function", """Apply modules for this test alone: `applied`, destroyed at its end.""")


@pytest.fixture(scope="module")
def drill(target: DrillTarget, pytestconfig: pytest.Config) -> Iterator[DrillFactory]:
    """Make a drill of a stack for this test module: `drill("infrastructure/environments/dev", app="app")`; destroyed at its end.

    What is left out comes from `pushproof.toml`. `apply()`, `deploy()`, `break_with("crash")` and `perform("empty-plan")` return
    what they have shown, and raise ProofFailed when something does not hold.
    """
    from pushproof.session.drilling import Drills
    from pushproof.session.keeperof import keeper_of
    from pushproof.session.options import text_of

    speed = 1.0 if text_of(pytestconfig, "target") == "sandbox" else float(text_of(pytestconfig, "speed"))
    drills = Drills(target, pytestconfig, speed, keeper_of(pytestconfig, target))
    yield drills
    drills.close()


@pytest.fixture
def faults(target: Target) -> Iterator[Faults]:
    """Faults of the target's world: `with faults.zone_lost("eu-west-1a"): …`; all have ended when the test has.

    Only an embedded world has faults. `@pytest.mark.target_needs("faults")` skips a test on other targets.
    """
    from pushproof.targets.worldtarget import WorldTarget

    reason = target.lacks("faults")
    if reason is None and not isinstance(target, WorldTarget):
        reason = "this target has no world that Pushproof can disturb"
    if reason is not None:
        advice = '@pytest.mark.target_needs("faults") skips a test here'
        pytest.fail(f"fixture faults, target {target.name}: {reason}; {advice}", pytrace=False)
    assert isinstance(target, WorldTarget)
    vocabulary = target.faults()
    yield vocabulary
    vocabulary.end()


@pytest.fixture(scope="session")
def networking_checks(aws: RegionalClients) -> NetworkingFactory:
    """Checks of a VPC: `networking_checks(module, vpc_id=module["vpc_id"])`; its subnets' ways out and in, and endpoints."""
    from pushproof.checks.networking import NetworkingChecks
    from pushproof.fixtures import clients_in, clients_near

    def make(module: AppliedModule, *, region: str | None = None, **settings: Any) -> NetworkingChecks:
        clients = clients_near(clients_in(module, aws), module.addresses, settings["vpc_id"], region)
        return NetworkingChecks(clients, addresses=module.addresses, **settings)

    return make


@pytest.fixture(scope="session")
def registry_checks(aws: RegionalClients) -> RegistryFactory:
    """Checks of an ECR repository: `registry_checks(module, repository="shop")`; immutable tags, scanning, lifecycle."""
    from pushproof.checks.registry import RegistryChecks
    from pushproof.fixtures import clients_in, clients_near

    def make(module: AppliedModule, *, repository: str, region: str | None = None) -> RegistryChecks:
        clients = clients_near(clients_in(module, aws), module.addresses, repository, region)
        return RegistryChecks(clients, addresses=module.addresses, repository=repository)

    return make


@pytest.fixture(scope="session")
def iam_checks(aws: RegionalClients) -> IamFactory:
    """Checks of IAM roles: `iam_checks(module).is_scoped("shop-build")`; what they may, may not, and who can assume them."""
    from pushproof.checks.iam import IamChecks
    from pushproof.fixtures import clients_in

    return lambda module: IamChecks(clients_in(module, aws), addresses=module.addresses)


@pytest.fixture(scope="session")
def service_checks(aws: RegionalClients) -> ServiceFactory:
    """Checks of an ECS service: `service_checks(module, cluster="shop", service="shop")`; rollback, health, listeners, logs."""
    from pushproof.checks.service import ServiceChecks
    from pushproof.fixtures import clients_in, clients_near

    def make(module: AppliedModule, *, cluster: str, service: str, region: str | None = None) -> ServiceChecks:
        clients = clients_near(clients_in(module, aws), module.addresses, cluster, region)
        return ServiceChecks(clients, addresses=module.addresses, cluster=cluster, service=service)

    return make


@pytest.fixture(scope="session")
def pipeline_checks(aws: RegionalClients) -> PipelineFactory:
    """Checks of a CodePipeline: `pipeline_checks(module, pipeline="shop")`; stages, approval, build, cache, notifications."""
    from pushproof.checks.pipeline import PipelineChecks
    from pushproof.fixtures import clients_in, clients_near

    def make(module: AppliedModule, *, pipeline: str, region: str | None = None) -> PipelineChecks:
        clients = clients_near(clients_in(module, aws), module.addresses, pipeline, region)
        return PipelineChecks(clients, addresses=module.addresses, pipeline=pipeline)

    return make


@pytest.fixture(scope="session")
def secrets_checks(aws: RegionalClients) -> SecretsFactory:
    """Checks that secrets go by reference: `secrets_checks(module).secrets_are_passed_by_reference(task_definition="shop")`."""
    from pushproof.checks.secrets import SecretsChecks
    from pushproof.fixtures import clients_in, clients_near

    def make(module: AppliedModule, *, region: str | None = None) -> SecretsChecks:
        return SecretsChecks(
            clients_near(clients_in(module, aws), module.addresses, "", region), addresses=module.addresses
        )

    return make


@pytest.fixture(scope="session")
def image_checks(pytestconfig: pytest.Config) -> ImageFactory:
    """Checks of a Dockerfile: `image_checks("app/Dockerfile").runs_as_an_ordinary_user()`; user, signals, secrets, bases."""
    from pushproof.checks.image import ImageChecks

    def make(dockerfile: str | Path) -> ImageChecks:
        return ImageChecks(pytestconfig.rootpath / dockerfile)

    return make


@pytest.fixture(scope="session")
def state_checks(aws: RegionalClients) -> StateFactory:
    """Checks of Terraform's state: `state_checks(module).plan_is_empty(module)`; its bucket, backends, what two share."""
    from pushproof.checks.state import StateChecks
    from pushproof.fixtures import clients_in, clients_near

    def make(module: AppliedModule, *, region: str | None = None) -> StateChecks:
        return StateChecks(
            clients_near(clients_in(module, aws), module.addresses, "", region), addresses=module.addresses
        )

    return make


@pytest.fixture(autouse=True)
def _target_capabilities(request: pytest.FixtureRequest) -> None:
    """Skip a test whose `target_needs` the target lacks, with the target's own reason."""
    marker = request.node.get_closest_marker("target_needs")
    if marker is None:
        return
    from pushproof.base.target import require_capabilities

    opened = request.getfixturevalue("target")
    try:
        require_capabilities(opened, marker.args)
    except ValueError as error:
        pytest.fail(f"target_needs: {error}", pytrace=False)
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
