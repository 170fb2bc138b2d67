"""Each recipe breaks the files it says, or says why it does not apply."""

from __future__ import annotations

import json
import platform
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.drill.scripted import APPLIED, ROOT

from pushproof.drill.badinput import BadInput
from pushproof.drill.breakages import recipes
from pushproof.drill.breakages.breakage import Breakage, Ending, NotApplicable, Tree
from pushproof.drill.breakages.choice import choose_breakages
from pushproof.drill.breakages.recipes import PROGRAM, RECIPES
from pushproof.drill.delivery import Breaker, Build, Guard

SERVER = Path(recipes.__file__).parent / "server"
BY_NAME = {recipe.name: recipe for recipe in RECIPES}
DOCKERFILE = 'FROM base AS build\nRUN make\nFROM scratch\nCOPY --from=build /x /x\nENTRYPOINT ["/x"]\n'
BUILDSPEC = """\
version: 0.2
phases:
  build:
    commands:
      - docker build --file images/web.Dockerfile --tag x services/web
      - printf '[{"name":"app","imageUri":"registry/shop:%s"}]' "$TAG" > imagedefinitions.json
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A repository with a service in a folder of its own."""
    (tmp_path / "services/web").mkdir(parents=True)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/web.Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "services/web/.dockerignore").write_text("*\n!src\n")
    (tmp_path / "buildspec.yml").write_text(BUILDSPEC)
    return Tree(tmp_path, APPLIED.delivery)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("crash", ["exit", "1"]),
        ("unhealthy", ["serve", "8080", "500", "0"]),
        ("wrong-port", ["serve", "8081", "200", "0"]),
        ("slow", ["serve", "8080", "200", "8"]),
        ("oom", ["eat"]),
    ],
)
def test_another_program_takes_the_applications_place(name: str, arguments: list[str], tree: Tree) -> None:
    """The program is in every stage of the buildspec's Dockerfile, and in every build context, past its ignore file."""
    BY_NAME[name].break_in(tree)
    text = (tree.directory / "images/web.Dockerfile").read_text()
    assert text.count(f"COPY {PROGRAM} /{PROGRAM}\nENTRYPOINT {json.dumps(['/' + PROGRAM, *arguments])}\nCMD []\n") == 2
    for folder in (".", "services/web", "images"):
        program = tree.directory / folder / PROGRAM
        assert program.read_bytes() == (SERVER / "breakage-x86_64").read_bytes()
        assert program.stat().st_mode & 0o111
    assert f"!{PROGRAM}" in (tree.directory / "services/web/.dockerignore").read_text().split()


def test_the_program_is_of_the_tasks_architecture(tree: Tree) -> None:
    """ARM64 gets an ELF file for aarch64 (machine 183), X86_64 one for x86-64 (62)."""
    for architecture, machine in (("ARM64", 183), ("X86_64", 62)):
        container = replace(tree.delivery.container, architecture=architecture)
        BY_NAME["crash"].break_in(replace(tree, delivery=replace(tree.delivery, container=container)))
        header = (tree.directory / PROGRAM).read_bytes()[:20]
        assert (header[:4], int.from_bytes(header[18:20], "little")) == (b"\x7fELF", machine)


def test_an_image_that_nobody_pushed_is_named(tree: Tree) -> None:
    """The command that is added changes every imageUri of the file that the deploy action reads."""
    BY_NAME["no-image"].break_in(tree)
    import yaml

    command = yaml.safe_load((tree.directory / "buildspec.yml").read_text())["phases"]["build"]["commands"][-1]
    definitions = [{"name": "app", "imageUri": "registry/shop:dev-1"}, {"name": "b", "imageUri": "registry/b:2"}]
    (tree.directory / "imagedefinitions.json").write_text(json.dumps(definitions))
    subprocess.run(["bash", "-c", command], cwd=tree.directory, check=True, env={"PATH": "/usr/bin:/bin"})
    changed = json.loads((tree.directory / "imagedefinitions.json").read_text())
    assert [entry["imageUri"] for entry in changed] == ["registry/shop:dev-1-never-pushed", "registry/b:2-never-pushed"]


def test_builds_fail_before_they_push(tree: Tree) -> None:
    """A red test is a failing command; without a buildspec of the repository's own, a failing layer. A build lacks a file."""
    BY_NAME["tests"].break_in(tree)
    assert "FAIL: broken on purpose" in (tree.directory / "buildspec.yml").read_text()
    delivery = replace(tree.delivery, build=Build(project="shop", inline=True))
    inline = replace(tree, delivery=delivery, dockerfile=Path("images/web.Dockerfile"))
    BY_NAME["tests"].break_in(inline)
    BY_NAME["build"].break_in(inline)
    text = (tree.directory / "images/web.Dockerfile").read_text()
    assert text.count("RUN echo 'FAIL: broken on purpose'; false\n") == 2
    assert text.count("COPY pushproof-file-that-is-not-there /\n") == 2


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("unhealthy", {"patience": 0}, "neither a load balancer nor a container health check"),
        ("wrong-port", {"port": 0}, "container app maps no port"),
        ("crash", {"entry_point": ("/app", "serve")}, "the task definition runs /app serve whatever"),
        ("crash", {"architecture": "RISCV"}, "no program for the architecture RISCV"),
    ],
)
def test_a_recipe_says_why_it_does_not_apply(name: str, change: dict[str, object], words: str, tree: Tree) -> None:
    """And changes nothing."""
    before = {path: path.read_bytes() for path in tree.directory.rglob("*") if path.is_file()}
    container = replace(tree.delivery.container, **change)  # type: ignore[arg-type]
    with pytest.raises(NotApplicable, match=words):
        BY_NAME[name].break_in(replace(tree, delivery=replace(tree.delivery, container=container)))
    assert {path: path.read_bytes() for path in tree.directory.rglob("*") if path.is_file()} == before


def test_a_task_before_the_deployment_is_broken_where_there_is_one(tree: Tree) -> None:
    """The image ends with 1 whatever the task runs; a pipeline without such a stage has nothing to break."""
    with pytest.raises(NotApplicable, match="runs nothing between the build and the deployment"):
        BY_NAME["before"].break_in(tree)
    BY_NAME["before"].break_in(replace(tree, delivery=replace(tree.delivery, before_stage="Migrate")))
    assert 'ENTRYPOINT ["/pushproof-breakage", "exit", "1"]' in (tree.directory / "images/web.Dockerfile").read_text()


def test_a_broken_service_leaves_the_task_before_alone(tree: Tree) -> None:
    """The program is the image's command, which the task replaces; where the image has an entry point, the program replaces it."""
    path = tree.directory / "images/web.Dockerfile"
    path.write_text('FROM base\nCMD ["serve"]\n')
    before = replace(tree, delivery=replace(tree.delivery, before_stage="Migrate"))
    BY_NAME["crash"].break_in(before)
    assert path.read_text().endswith('CMD ["/pushproof-breakage", "exit", "1"]\n')
    assert "ENTRYPOINT" not in path.read_text()
    for text, container in (('FROM base\nENTRYPOINT ["serve"]\n', {}), ("FROM base\n", {"command": ("serve",)})):
        path.write_text(text)
        own = replace(before.delivery.container, **container)
        BY_NAME["crash"].break_in(replace(before, delivery=replace(before.delivery, container=own)))
        assert path.read_text().endswith('ENTRYPOINT ["/pushproof-breakage", "exit", "1"]\nCMD []\n')


def test_a_dockerfile_that_cannot_be_found_is_asked_for(tree: Tree) -> None:
    """None at all, and several of which none is named: the message says how to answer."""
    (tree.directory / "buildspec.yml").write_text("version: 0.2\nphases:\n  build:\n    commands:\n      - make\n")
    with pytest.raises(
        NotApplicable, match=r"has no Dockerfile: name it in pushproof.toml, under \[drill\]: dockerfile"
    ):
        BY_NAME["crash"].break_in(tree)
    for name in ("a", "b"):
        (tree.directory / name).mkdir()
        (tree.directory / name / "Dockerfile").write_text(DOCKERFILE)
    with pytest.raises(NotApplicable, match="several Dockerfiles fit: a/Dockerfile, b/Dockerfile"):
        BY_NAME["crash"].break_in(tree)
    BY_NAME["crash"].break_in(replace(tree, dockerfile=Path("b/Dockerfile")))
    with pytest.raises(NotApplicable, match="'c/Dockerfile' is not in the repository"):
        BY_NAME["crash"].break_in(replace(tree, dockerfile=Path("c/Dockerfile")))


def test_breakages_are_chosen_by_name(tmp_path: Path) -> None:
    """Recipes, the application's own, patch files, and all; the reference's own `unhealthy` unless another is named."""
    app = ROOT / "app"
    patch = tmp_path / "typo.build.patch"
    patch.write_text("")

    def names(*asked: str, variant: str = "") -> list[tuple[str, type[Breakage]]]:
        return [(b.name, type(b)) for b in choose_breakages(asked, app, variant)]

    assert names() == names(variant="unhealthy") != names("unhealthy")
    assert [name for name, _ in names("all")] == [recipe.name for recipe in RECIPES]
    assert [name for name, _ in names("listens-late", "crash", "crash")] == ["listens-late", "crash"]
    (chosen,) = choose_breakages([str(patch)], app)
    assert (chosen.name, chosen.ending) == ("typo", Ending.STOPPED)
    (held,) = choose_breakages([str(patch.rename(tmp_path / "typo.before.patch"))], app)
    assert (held.name, held.ending) == ("typo", Ending.HELD)
    assert [b.name for b in choose_breakages([], tmp_path)] == ["unhealthy"]


@pytest.mark.parametrize(
    ("asked", "variant", "words"),
    [
        (["crush"], "", "--break crush is no breakage. Did you mean crash?"),
        (["x.patch"], "", "--break x.patch: there is no such file"),
        ([], "nothing", "--variant nothing is not offered"),
    ],
)
def test_an_unknown_breakage_is_refused_with_a_suggestion(asked: list[str], variant: str, words: str) -> None:
    """An unknown breakage is refused before anything starts."""
    with pytest.raises(BadInput, match=words.replace("?", r"\?")):
        choose_breakages(asked, ROOT / "app", variant)


def test_a_patch_file_breaks_what_it_patches(tree: Tree, tmp_path: Path) -> None:
    """One that does not apply says so, with git's reason."""
    (tree.directory / "a.txt").write_text("one\n")
    patch = tmp_path / "p.patch"
    patch.write_text("--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n")
    (breakage,) = choose_breakages([str(patch)], tree.directory)
    breakage.break_in(tree)
    assert (tree.directory / "a.txt").read_text() == "two\n"
    with pytest.raises(NotApplicable, match="does not apply: error: patch failed"):
        breakage.break_in(tree)


native = pytest.mark.skipif(platform.machine() != "x86_64", reason="the program is run on the machine it is built for")


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([str(SERVER / "breakage-x86_64"), *arguments], stderr=subprocess.PIPE)


@native
@pytest.mark.parametrize(
    ("arguments", "status"), [(["exit", "3"], 3), (["exit", "x"], 64), ([], 64), (["serve", "1"], 64)]
)
def test_the_program_ends_as_it_is_told(arguments: list[str], status: int) -> None:
    """The program ends with its configured status, or with EX_USAGE; a command of the task definition changes nothing."""
    for more in ([], ["gunicorn", "app"]) if arguments[:1] == ["exit"] else ([],):
        with started(*arguments, *more) as process:
            _, errors = process.communicate(timeout=10)
            assert process.returncode == status
            assert errors.startswith(b"This container is broken on purpose.\n")


@native
def test_the_program_answers_every_path_late_and_ends_on_sigterm() -> None:
    """The program answers with the status, after the seconds, several requests at a time; SIGTERM ends it at once with 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = started("serve", str(port), "500", "1")
    with process:
        try:
            assert process.stderr is not None
            process.stderr.readline()
            begun = time.monotonic()
            assert status_of(f"http://127.0.0.1:{port}/health") == 500
            assert time.monotonic() - begun >= 1
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def status_of(url: str) -> int:
    """The status of an answer; a port that nobody listens on yet is tried again."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            assert time.monotonic() < deadline


@native
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (["forwarded"], {"": 200, "443": 500, "8443": 500}),
        (["forwarded:443"], {"": 200, "443": 500, "8443": 200}),
        (["gunicorn", "app"], {"": 500, "443": 500, "8443": 500}),
    ],
)
def test_the_program_tells_listeners_apart(where: list[str], expected: dict[str, int]) -> None:
    """Health checks come directly, tests over one listener, users over another; a further command changes nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with started("serve", str(port), "500", "0", *where) as process:
        try:
            status_of(f"http://127.0.0.1:{port}/")
            statuses = {}
            for listener in expected:
                headers = {"X-Forwarded-Port": listener} if listener else {}
                request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=headers)
                try:
                    with urllib.request.urlopen(request, timeout=10) as answer:
                        statuses[listener] = answer.status
                except urllib.error.HTTPError as error:
                    error.close()
                    statuses[listener] = error.code
        finally:
            process.send_signal(signal.SIGTERM)
    assert statuses == expected


def test_hook_and_alarm_need_what_notices_them(tree: Tree) -> None:
    """A service without a hook or alarms cannot be broken in a way that only these notice."""
    with pytest.raises(NotApplicable, match="no lifecycle hook that tests a revision"):
        BY_NAME["hook"].break_in(tree)
    with pytest.raises(NotApplicable, match="deployments have no alarms"):
        BY_NAME["alarm"].break_in(tree)
    guarded = replace(tree.delivery, guard=Guard("canary", hooks=True), breaker=Breaker(True, True, alarms=True))
    for name, word in (("hook", "forwarded"), ("alarm", "forwarded:443")):
        BY_NAME[name].break_in(replace(tree, delivery=guarded))
        assert f'"500", "0", "{word}"]' in (tree.directory / "images/web.Dockerfile").read_text()


@pytest.mark.parametrize("name", ["unhealthy", "slow"])
def test_a_tcp_check_sees_no_answers(name: str, tree: Tree) -> None:
    """A load balancer that only connects finds a service that answers 500, or late, as healthy as any."""
    connecting = replace(tree.delivery.container, connection_suffices=True)
    with pytest.raises(NotApplicable, match="a connection is enough"):
        BY_NAME[name].break_in(replace(tree, delivery=replace(tree.delivery, container=connecting)))
