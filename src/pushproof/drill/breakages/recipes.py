"""The recipes: breakages that need no folder in the application. Each changes the Dockerfile or the buildspec of a checkout."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from pushproof.drill.breakages import buildspecs, dockerfiles, files
from pushproof.drill.breakages.breakage import Breakage, Ending, NotApplicable, Tree

#: The program that takes the application's place, in the image and in the build's context.
PROGRAM = "pushproof-breakage"
_SERVER = Path(__file__).parent / "server"
_ARCHITECTURES = {"X86_64": "breakage-x86_64", "ARM64": "breakage-aarch64"}
#: Seconds that a slow answer comes after a health check has given up.
_TOO_LATE = 3


class ReplacedProgram(Breakage):
    """A breakage whose image runs another program in place of the application's."""

    ending = Ending.ROLLED_BACK
    needs_dockerfile = True

    @abstractmethod
    def arguments(self, tree: Tree) -> tuple[str, ...]:
        """Return the arguments of the program. Raises NotApplicable."""

    def break_in(self, tree: Tree) -> None:
        container = tree.delivery.container
        arguments = self.arguments(tree)
        if container.entry_point:
            raise NotApplicable(
                f"the task definition runs {' '.join(container.entry_point)} whatever the image's entry point is"
            )
        program = _ARCHITECTURES.get(container.architecture)
        if program is None:
            raise NotApplicable(f"there is no program for the architecture {container.architecture}")
        path = files.dockerfile(tree)
        text = path.read_text(encoding="utf-8")
        _require_stages(text)
        files.add_to_contexts(tree, path, PROGRAM, (_SERVER / program).read_bytes())
        words = ", ".join(f'"{word}"' for word in (f"/{PROGRAM}", *arguments))
        started = [f"CMD [{words}]"] if self._spares_tasks(tree, text) else [f"ENTRYPOINT [{words}]", "CMD []"]
        added = [f"COPY {PROGRAM} /{PROGRAM}", *started]
        path.write_text(dockerfiles.append_to_stages(text, added), encoding="utf-8")

    def _spares_tasks(self, tree: Tree, dockerfile: str) -> bool:
        """Return whether the task before the deployment goes on as it is, with a command in place of the image's own.

        It does where nothing but CMD says what runs: an entry point would run in the task as well.
        """
        if self.ending is Ending.HELD or not tree.delivery.before_stage or tree.delivery.container.command:
            return False
        return not any(each.keyword == "ENTRYPOINT" for each in dockerfiles.instructions(dockerfile))


class Crash(ReplacedProgram):
    """The container ends as soon as it starts."""

    name, title = "crash", "the container ends as soon as it starts"

    def arguments(self, tree: Tree) -> tuple[str, ...]:
        return "exit", "1"


class Unhealthy(ReplacedProgram):
    """Every request is answered with 500, the health check's too."""

    name, title = "unhealthy", "every request is answered with 500"

    def arguments(self, tree: Tree) -> tuple[str, ...]:
        return "serve", str(_answering_port(tree)), "500", "0"


class WrongPort(ReplacedProgram):
    """The application answers on another port than the container's."""

    name, title = "wrong-port", "the application listens on another port"

    def arguments(self, tree: Tree) -> tuple[str, ...]:
        port = _checked_port(tree)
        return "serve", str(port + 1 if port < 65535 else port - 1), "200", "0"


class Slow(ReplacedProgram):
    """Answers come later than health checks wait."""

    name, title = "slow", "answers come later than the health check waits"

    def arguments(self, tree: Tree) -> tuple[str, ...]:
        return "serve", str(_answering_port(tree)), "200", str(tree.delivery.container.patience + _TOO_LATE)


class FailedHook(ReplacedProgram):
    """Health checks pass, and whatever comes over the load balancer is answered with 500: a test of the revision finds it."""

    name, title = "hook", "healthy, and wrong for whoever asks: the lifecycle hook's test fails"

    def arguments(self, tree: Tree) -> tuple[str, ...]:
        delivery = tree.delivery
        if not delivery.guard.hooks:
            raise NotApplicable("the service has no lifecycle hook that tests a revision before users meet it")
        return "serve", str(_answering_port(tree)), "500", "0", "forwarded"


class TrippedAlarm(ReplacedProgram):
    """Health checks and tests pass, and users get 500: only an alarm notices."""

    reaches_users = True
    name, title = "alarm", "healthy, passes its test, and fails for users: the alarm goes off"

    def arguments(self, tree: Tree) -> tuple[str, ...]:
        delivery = tree.delivery
        if not delivery.breaker.alarms:
            raise NotApplicable("the service's deployments have no alarms")
        if not delivery.entrance.dns_name or delivery.entrance.passes_connections:
            raise NotApplicable("no Application Load Balancer tells the application which listener a request came over")
        return "serve", str(_answering_port(tree)), "500", "0", f"forwarded:{delivery.entrance.port}"


class FailedTask(ReplacedProgram):
    """The task before the deployment ends with an exit code, as a database migration that fails."""

    ending = Ending.HELD
    name, title = "before", "the task before the deployment fails"

    def arguments(self, tree: Tree) -> tuple[str, ...]:
        if not tree.delivery.before_stage:
            raise NotApplicable("the pipeline runs nothing between the build and the deployment")
        return "exit", "1"


class OutOfMemory(ReplacedProgram):
    """The container takes more memory than its limit."""

    name, title = "oom", "the container takes more memory than its limit"

    def arguments(self, tree: Tree) -> tuple[str, ...]:
        return ("eat",)


class NoImage(Breakage):
    """The image definitions name an image that nobody pushed."""

    name, title, ending = "no-image", "the image that is to run was never pushed", Ending.ROLLED_BACK
    _COMMAND: ClassVar[str] = (
        "find \"${{CODEBUILD_SRC_DIR:-.}}\" -name '{file}' -exec "
        'sed -i \'s/\\("imageUri" *: *"[^"]*\\)"/\\1-never-pushed"/Ig\' {{}} +'
    )

    def break_in(self, tree: Tree) -> None:
        path = files.buildspec(tree)
        name = Path(tree.delivery.image_definitions).name
        command = self._COMMAND.format(file=name)
        _rewrite(path, buildspecs.append_after, name, command)


class Tests(Breakage):
    """A command of the build fails, as a red test does; nothing may be pushed or deployed."""

    name, title, ending = "tests", "a test fails", Ending.STOPPED

    def break_in(self, tree: Tree) -> None:
        command = "echo 'FAIL: broken on purpose'; false"
        try:
            path = files.buildspec(tree)
        except NotApplicable:
            _append_to_dockerfile(tree, [f"RUN {command}"])
            return
        _rewrite(path, buildspecs.insert_first, command)


class Unbuildable(Breakage):
    """The image does not build: a file is missing from the build context."""

    name, title, ending = "build", "the image does not build", Ending.STOPPED
    needs_dockerfile = True

    def break_in(self, tree: Tree) -> None:
        _append_to_dockerfile(tree, ["COPY pushproof-file-that-is-not-there /"])


#: Every recipe, in the order in which `--break all` pushes them.
RECIPES: tuple[Breakage, ...] = (
    Tests(), Unbuildable(), Crash(), Unhealthy(), WrongPort(), Slow(), OutOfMemory(), NoImage(),
    FailedHook(), TrippedAlarm(), FailedTask(),
)  # fmt: skip


def _checked_port(tree: Tree) -> int:
    """Return the container's port. Raises NotApplicable when nothing asks the container whether it is healthy."""
    container = tree.delivery.container
    if not container.patience:
        raise NotApplicable("the service has neither a load balancer nor a container health check: nothing asks it")
    if not container.port:
        raise NotApplicable(f"container {container.name} maps no port")
    return container.port


def _answering_port(tree: Tree) -> int:
    """Return the container's port, where a health check asks for an answer. Raises NotApplicable."""
    if tree.delivery.container.connection_suffices:
        raise NotApplicable("the load balancer's health check is TCP: a connection is enough, whatever the answer")
    return _checked_port(tree)


def _append_to_dockerfile(tree: Tree, added: list[str]) -> None:
    path = files.dockerfile(tree)
    text = path.read_text(encoding="utf-8")
    _require_stages(text)
    path.write_text(dockerfiles.append_to_stages(text, added), encoding="utf-8")


def _require_stages(text: str) -> None:
    if not dockerfiles.stages(text):
        raise NotApplicable("the Dockerfile has no FROM")


def _rewrite(path: Path, edit, *arguments: str) -> None:  # type: ignore[no-untyped-def]
    try:
        path.write_text(edit(path.read_text(encoding="utf-8"), *arguments), encoding="utf-8")
    except buildspecs.NoPlace as error:
        raise NotApplicable(f"{path.name}: {error}") from error
