"""A task's life: the usual courses, and what holds whatever happens when.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck as Slowness
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engines.tasks.driving import Drive

from pushproof.engines.tasks import (
    STATUSES,
    ActivationElapsed,
    AnnounceState,
    CancelReminder,
    Container,
    ContainerExited,
    ContainersStarted,
    ContainersStopped,
    ContainerStarted,
    ContainerStartFailed,
    DeleteInterface,
    Dependency,
    DeprovisioningElapsed,
    HealthCheck,
    HealthCheckDue,
    HealthChecked,
    ImagesPulled,
    InterfaceAttached,
    InterfaceDeleted,
    InterfaceRefused,
    PreparationFailed,
    ProvisioningElapsed,
    ReportHealth,
    ReportRunning,
    ReportStopped,
    StartContainer,
    StartContainers,
    StartFailed,
    StartTimeoutElapsed,
    Step,
    StopContainers,
    StopRequested,
    TargetsDraining,
    TaskEvent,
    TaskTiming,
    launch,
)

CHECK = HealthCheck(("CMD", "true"), interval=5, retries=1)
APP = Container("app")
STOP = StopRequested("UserInitiated", "enough")


def running(*containers: Container) -> Drive:
    """A task that was brought up with good answers only."""
    drive = Drive(containers or (APP,))
    while drive.state.last_status != "RUNNING":
        if drive.unanswered:
            drive.answer(0)
        else:
            drive.remind()
    return drive


def statuses(drive: Drive) -> list[str]:
    return list(dict.fromkeys(state.last_status for state in drive.announced))


# The usual courses ------------------------------------------------------------------------------------------------


def test_a_task_of_a_service_passes_through_all_eight_statuses() -> None:
    """Up, drained, stopped by the scheduler, and gone: AWS's eight statuses in AWS's order."""
    drive = running()
    drive.tell(TargetsDraining())
    drive.tell(StopRequested("ServiceSchedulerInitiated", "scaled in"))
    drive.finish()
    assert statuses(drive) == list(STATUSES)
    assert (drive.state.stop_code, drive.state.stopped_reason) == ("ServiceSchedulerInitiated", "scaled in")
    assert drive.state.containers[0].exit_code == 143


def test_the_scheduler_hears_of_running_health_and_the_end() -> None:
    """ReportRunning once, ReportHealth for each change from RUNNING on, ReportStopped last."""
    drive = running(Container("app", check=CHECK))
    drive.remind()
    drive.answer(0, 0)
    drive.remind()
    drive.answer(0, 1)
    drive.tell(STOP)
    drive.finish()
    reports = [effect for effect in drive.effects if isinstance(effect, ReportRunning | ReportHealth | ReportStopped)]
    assert reports == [ReportRunning(), ReportHealth(), ReportHealth(), ReportStopped()]
    assert [state.health for state in drive.announced if state.last_status == "RUNNING"] == [
        "UNKNOWN",
        "HEALTHY",
        "UNHEALTHY",
    ]


def test_a_container_killed_for_memory_says_so() -> None:
    """AWS's reason of the container, and the code of an essential container's end."""
    drive = running()
    drive.tell(ContainerExited("app", 137, out_of_memory=True))
    drive.finish()
    assert drive.state.containers[0].reason == "OutOfMemoryError: Container killed due to memory usage"
    assert (drive.state.stop_code, drive.state.containers[0].exit_code) == ("EssentialContainerExited", 137)


def test_a_task_whose_container_ends_at_once_was_running_all_the_same() -> None:
    """An essential container that exits before RUNNING: the task shows RUNNING, then stops."""
    drive = Drive((APP,))
    drive.remind()
    for _ in range(3):
        drive.answer(0)
    drive.exit("app", 3)
    drive.finish()
    assert statuses(drive) == [status for status in STATUSES if status != "DEACTIVATING"]
    assert drive.state.started_at is not None


def test_a_task_stopped_while_its_images_are_pulled_starts_nothing() -> None:
    """The pull ends first; then the task goes down without a container having been started."""
    drive = Drive((APP,))
    drive.remind()
    drive.answer(0)
    drive.tell(STOP)
    drive.finish()
    assert statuses(drive) == ["PROVISIONING", "PENDING", "DEPROVISIONING", "STOPPED"]
    assert (drive.count(StartContainers), drive.count(StopContainers), drive.count(DeleteInterface)) == (0, 0, 1)


@pytest.mark.parametrize(
    ("failures", "status", "deleted"), [(1, "PROVISIONING", 0), (2, "PENDING", 1), (3, "PENDING", 1)]
)
def test_a_task_that_cannot_start_says_why(failures: int, status: str, deleted: int) -> None:
    """No interface, no image, no start: TaskFailedToStart with the reason, never RUNNING, no interface left."""
    drive = Drive((APP,))
    drive.remind()
    for number in range(failures):
        drive.answer(0, int(number == failures - 1))
    drive.finish()
    assert drive.state.stop_code == "TaskFailedToStart"
    assert drive.state.stopped_reason in (
        "no address left",
        "CannotPullContainerError: x",
        "CannotStartContainerError: x",
    )
    assert statuses(drive)[-3] == status
    assert (drive.state.started_at, drive.count(StopContainers)) == (None, 0)
    assert drive.count(DeleteInterface) == deleted


def pending(*containers: Container) -> Drive:
    """Return a task whose independent containers have been started."""
    drive = Drive(containers)
    drive.remind()
    for _ in range(3):
        drive.answer(0)
    return drive


def test_a_stop_waits_for_the_container_that_is_being_started() -> None:
    """The runtime is not asked to stop a task while it starts one of its containers; then it is, once."""
    drive = pending(Container("first"), Container("app", depends_on=(Dependency("first", "START"),)))
    assert drive.unanswered == [StartContainer("app")]
    drive.tell(STOP)
    assert (drive.count(StopContainers), drive.state.desired_status, drive.state.last_status) == (
        0,
        "STOPPED",
        "PENDING",
    )
    drive.finish()
    assert (drive.count(StopContainers), drive.state.last_status) == (1, "STOPPED")
    assert [container.exit_code for container in drive.state.containers] == [143, 143]


def test_a_container_is_ordered_to_start_once() -> None:
    """While one container is being started, the end of another starts those that waited for it, and no other again."""
    drive = pending(
        Container("first", essential=False),
        Container("app", depends_on=(Dependency("first", "START"),)),
        Container("late", depends_on=(Dependency("first", "COMPLETE"),)),
    )
    drive.exit("first")
    assert drive.unanswered == [StartContainer("app"), StartContainer("late")]


@pytest.mark.parametrize(
    ("containers", "words"),
    [
        ((APP, APP), "a name occurs twice"),
        ((Container("app", depends_on=(Dependency("other", "START"),)),), "no container other to depend on"),
    ],
)
def test_containers_that_make_no_task_are_refused(containers: tuple[Container, ...], words: str) -> None:
    """A repeated name, or a dependency on a missing container, is an error before anything begins."""
    with pytest.raises(ValueError, match=words):
        launch(containers, 0.0, TaskTiming())


# Whatever happens when --------------------------------------------------------------------------------------------


@st.composite
def tasks(draw: Any) -> tuple[Container, ...]:
    """One to four containers; each may depend on earlier ones, under any condition."""
    names = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    containers: list[Container] = []
    for name in names:
        conditions = st.sampled_from(["START", "COMPLETE", "SUCCESS", "HEALTHY"])
        behind = [container.name for container in containers if draw(st.booleans())]
        containers.append(
            Container(
                name,
                essential=draw(st.booleans()),
                check=draw(st.none() | st.just(CHECK)),
                depends_on=tuple(Dependency(other, draw(conditions)) for other in behind),
                start_timeout=draw(st.none() | st.sampled_from([4.0, 60.0])),
            )
        )
    return tuple(containers)


_names = st.sampled_from(["a", "b", "c", "d", "nobody"])
_codes = st.sampled_from([0, 1, 137])
_any_event: st.SearchStrategy[TaskEvent] = st.one_of(
    st.builds(StopRequested, st.sampled_from(["UserInitiated", "ServiceSchedulerInitiated"]), st.sampled_from("xyz")),
    st.sampled_from(
        [
            TargetsDraining(),
            ProvisioningElapsed(),
            ActivationElapsed(),
            DeprovisioningElapsed(),
            InterfaceAttached(),
            InterfaceRefused("refused"),
            ImagesPulled(),
            PreparationFailed("failed"),
            ContainersStarted(),
            StartFailed("not started"),
            ContainersStopped(),
            InterfaceDeleted(),
        ]
    ),
    st.builds(StartTimeoutElapsed, _names),
    st.builds(HealthCheckDue, _names),
    st.builds(HealthChecked, _names, st.booleans()),
    st.builds(ContainerStarted, _names),
    st.builds(ContainerStartFailed, _names, st.just("gone")),
    st.builds(PreparationFailed, st.just("failed"), _names),
    st.builds(ContainerExited, _names, _codes, st.booleans()),
)
# What a caller does next: go ahead as all goes well; or answer an effect, send a reminder, pass on an exit, ask for a stop.
_KINDS = ["ahead", "ahead", "answer", "remind", "exit", "exit", "drain", "stop"]
_moves: st.SearchStrategy[list[tuple[str, int]]] = st.builds(
    lambda ahead, moves: [("ahead", 0)] * ahead + moves,
    st.integers(0, 14),
    st.lists(st.tuples(st.sampled_from(_KINDS), st.integers(0, 7)), max_size=30),
)


def move(drive: Drive, kind: str, number: int) -> Step | None:
    """Make one move that a caller could make now."""
    if kind == "ahead" and drive.unanswered:
        return drive.answer(0)
    if kind == "ahead" and drive.reminders:
        return drive.remind()
    if kind == "answer" and drive.unanswered:
        return drive.answer(number // 2 % len(drive.unanswered), number % 2)
    if kind == "remind" and drive.reminders:
        return drive.remind(number % len(drive.reminders))
    if kind == "exit":
        alive = [name for name, account in drive.accounts.items() if account.started and account.exit_code is None]
        if alive and StopContainers() not in drive.effects:
            return drive.exit(alive[number % len(alive)], number % 2)
    if kind == "drain":
        return drive.tell(TargetsDraining())
    if kind == "stop" and number == 0:
        return drive.tell(STOP)
    return None


def check_history(drive: Drive) -> None:
    """The promises that hold for every history."""
    indices = [STATUSES.index(state.last_status) for state in drive.announced]
    assert indices == sorted(indices), statuses(drive)
    assert [state.version for state in drive.announced] == list(range(2, 2 + len(drive.announced)))
    desired = [state.desired_status for state in drive.announced]
    assert desired == sorted(desired), "RUNNING sorts before STOPPED: there is no way back"
    reasons = {(state.stop_code, state.stopped_reason) for state in drive.announced if state.stopping}
    assert len(reasons) <= 1, "the first reason stays"


@settings(max_examples=150, deadline=None, suppress_health_check=[Slowness.too_slow])
@given(tasks(), _moves)
def test_every_history_goes_forward_and_ends(containers: tuple[Container, ...], moves: list[tuple[str, int]]) -> None:
    """Statuses only go forward, the first reason stays; a task that is asked to stop ends STOPPED and gives everything back."""
    drive = Drive(containers)
    for kind, number in moves:
        move(drive, kind, number)
    drive.tell(STOP)
    drive.finish()
    check_history(drive)
    assert drive.state.last_status == "STOPPED"
    begun = any(account.started for account in drive.accounts.values())
    assert drive.count(StopContainers) == begun, "started containers are asked to stop, once"
    assert drive.state.attached == bool(drive.count(DeleteInterface))
    assert drive.count(ReportStopped) == 1
    assert drive.count(ReportRunning) == (drive.state.started_at is not None)
    assert not any(container.starting for container in drive.state.containers)
    assert {container.last_status for container in drive.state.containers} == {"STOPPED"}
    assert not [event for event in drive.reminders if not isinstance(event, StartTimeoutElapsed)]


@settings(max_examples=150, deadline=None, suppress_health_check=[Slowness.too_slow])
@given(tasks(), _moves)
def test_stop_codes_say_what_happened(containers: tuple[Container, ...], moves: list[tuple[str, int]]) -> None:
    """Failed before RUNNING, an essential container's end (or the end of all), or a request: the first of them decides."""
    drive = Drive(containers)
    essential = {container.name for container in containers if container.essential}
    for kind, number in moves:
        before = drive.state
        change = move(drive, kind, number)
        if change is None or before.stopping or not drive.state.stopping:
            continue
        exited = {name for name, account in drive.accounts.items() if account.exit_code is not None}
        code = drive.state.stop_code
        if kind == "stop":
            assert (code, drive.state.stopped_reason) == ("UserInitiated", "enough")
        elif code == "EssentialContainerExited":
            assert kind == "exit"
            assert exited & essential or exited == set(drive.accounts)
            assert drive.state.stopped_reason == "Essential container in task exited"
        else:
            assert code == "TaskFailedToStart"
            assert before.started_at is None
            assert drive.state.stopped_reason
        assert drive.state.stopping_at == drive.now


@settings(max_examples=150, deadline=None, suppress_health_check=[Slowness.too_slow])
@given(tasks(), _moves)
def test_an_essential_containers_end_is_the_tasks(
    containers: tuple[Container, ...], moves: list[tuple[str, int]]
) -> None:
    """The task stops after an essential container has exited; after any other it goes on while one is left."""
    drive = Drive(containers)
    essential = {container.name for container in containers if container.essential}
    for kind, number in moves:
        before = drive.state
        change = move(drive, kind, number)
        if kind != "exit" or change is None or before.stopping:
            continue
        exited = {name for name, account in drive.accounts.items() if account.exit_code is not None}
        failed = drive.state.stop_code == "TaskFailedToStart"
        ends = bool(exited & essential) or exited == set(drive.accounts)
        assert drive.state.stopping == (ends or failed)


@settings(max_examples=200, deadline=None, suppress_health_check=[Slowness.too_slow])
@given(tasks(), _moves)
def test_containers_start_once_what_they_wait_for_has_come(
    containers: tuple[Container, ...], moves: list[tuple[str, int]]
) -> None:
    """`dependsOn`: each start is ordered only when every condition holds, once, and never for a task that is stopping."""
    drive = Drive(containers)
    waits = {container.name: container.depends_on for container in containers}
    ordered: list[str] = []
    for kind, number in moves:
        change = move(drive, kind, number)
        for effect in change.effects if change is not None else ():
            if not isinstance(effect, StartContainer):
                continue
            ordered.append(effect.container)
            for dependency in waits[effect.container]:
                account = drive.accounts[dependency.container]
                assert {
                    "START": account.started,
                    "COMPLETE": account.exit_code is not None,
                    "SUCCESS": account.exit_code == 0,
                    "HEALTHY": account.healthy and account.exit_code is None,
                }[dependency.condition], (effect.container, dependency)
        if change is not None and drive.state.last_status in ("ACTIVATING", "RUNNING"):
            assert all(account.started for account in drive.accounts.values())
    assert len(ordered) == len({*ordered})
    assert all(waits[name] for name in ordered), "who waits for nobody starts with the task"


@settings(max_examples=150, deadline=None, suppress_health_check=[Slowness.too_slow])
@given(tasks(), _moves, st.lists(_any_event, max_size=30))
def test_any_event_is_tolerated_at_any_moment(
    containers: tuple[Container, ...], moves: list[tuple[str, int]], strays: list[TaskEvent]
) -> None:
    """Answers to nothing, twice, or of containers unknown: the history stays one of AWS's; what is ignored leaves no trace."""
    drive = Drive(containers)
    for index in range(max(len(moves), len(strays))):
        if index < len(moves):
            move(drive, *moves[index])
        if index < len(strays):
            before = drive.state
            change = drive.tell(strays[index])
            if change.ignored is not None:
                assert change.state is before
                assert change.effects == ()
    check_history(drive)
    assert drive.count(StopContainers) <= 1
    assert drive.count(DeleteInterface) <= 1


@settings(max_examples=60, deadline=None, suppress_health_check=[Slowness.too_slow])
@given(tasks(), _moves, st.lists(_any_event, min_size=1, max_size=10))
def test_stopped_is_final(
    containers: tuple[Container, ...], moves: list[tuple[str, int]], strays: list[TaskEvent]
) -> None:
    """A STOPPED task stays stopped, and its description does not change."""
    drive = Drive(containers)
    for kind, number in moves:
        move(drive, kind, number)
    drive.tell(STOP)
    drive.finish()
    end = drive.state
    for event in strays:
        change = drive.tell(event)
        assert change.ignored == "the task is STOPPED"
    assert drive.state is end


@settings(max_examples=60, deadline=None, suppress_health_check=[Slowness.too_slow])
@given(tasks(), _moves)
def test_nothing_starts_after_the_order_to_stop(
    containers: tuple[Container, ...], moves: list[tuple[str, int]]
) -> None:
    """Once containers are stopped, none is started or checked any more, and their output is sent before the task is gone."""
    drive = Drive(containers)
    for kind, number in moves:
        move(drive, kind, number)
    drive.tell(STOP)
    drive.finish()
    kinds = [
        type(effect).__name__ for effect in drive.effects if not isinstance(effect, AnnounceState | CancelReminder)
    ]
    if "StopContainers" in kinds:
        after = kinds[kinds.index("StopContainers") + 1 :]
        assert [kind for kind in after if kind != "Remind"] == ["FlushLogs", "DeleteInterface", "ReportStopped"]
    assert kinds.count("FlushLogs") == 1
