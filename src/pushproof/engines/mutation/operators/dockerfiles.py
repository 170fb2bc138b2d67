"""Mistakes in a Dockerfile: root, secrets, order, unpinned bases, signals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pushproof.engines.mutation.dockerfile import Dockerfile, Instruction
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.pages import DOCKER_ADVICE, DOCKERFILE
from pushproof.engines.mutation.project import Project

_CHECKS = "https://docs.docker.com/reference/build-checks"


def _all(project: Project, *keywords: str) -> Iterator[tuple[Dockerfile, Instruction]]:
    for file in project.dockerfiles:
        for instruction in file.of(*keywords):
            yield file, instruction


def _dropped(file: Dockerfile, instruction: Instruction) -> Change:
    edit = Edit(*file.source.whole(instruction.start, instruction.end), "")
    return Change(file.path, (edit,), f"`{_line(instruction)}` is left out", _address(instruction))


def _line(instruction: Instruction) -> str:
    line = instruction.text.strip().split("\n")[0].rstrip("\r")
    return line if len(line) <= 60 else line[:57] + "..."


def _address(instruction: Instruction) -> str:
    return f"{instruction.stage}.{instruction.keyword}" if instruction.stage else instruction.keyword


def _replaced(file: Dockerfile, instruction: Instruction, text: str, summary: str) -> Change:
    return Change(file.path, (Edit(instruction.start, instruction.end, text),), summary, _address(instruction))


def _inserted(file: Dockerfile, before: Instruction, text: str, summary: str) -> Change:
    at = file.source.start_of_line(before.start)
    return Change(file.path, (Edit(at, at, f"{text}\n"),), summary, _address(before))


@operator(
    "dockerfile.root-user",
    "The image runs as root.",
    "Whoever breaks into the application is root in its container.",
    f"{DOCKER_ADVICE}#user",
    visible_in_plan=False,
)
def root_user(project: Project) -> Iterator[Change]:
    """Yield each Dockerfile without one of its users, and with root instead."""
    for file, instruction in _all(project, "USER"):
        yield _dropped(file, instruction)
        if instruction.arguments.partition(":")[0] not in ("root", "0"):
            yield _replaced(file, instruction, "USER root", "the user is root")


@operator(
    "dockerfile.drop-instruction",
    "An instruction that the image needs is left out.",
    "The image lacks files, its command, its working directory or its health check, or was never tested.",
    DOCKERFILE,
    visible_in_plan=False,
)
def drop_instruction(project: Project) -> Iterator[Change]:
    """Yield each Dockerfile without one of its COPY, RUN, CMD, ENTRYPOINT, WORKDIR, HEALTHCHECK and STOPSIGNAL."""
    for file, instruction in _all(
        project, "COPY", "ADD", "RUN", "CMD", "ENTRYPOINT", "WORKDIR", "HEALTHCHECK", "STOPSIGNAL"
    ):
        yield _dropped(file, instruction)


@operator(
    "dockerfile.secret-argument",
    "A secret is a build argument or a variable of the image.",
    "Everybody who may pull the image reads the secret in its history.",
    f"{_CHECKS}/secrets-used-in-arg-or-env/",
    visible_in_plan=False,
)
def secret_argument(project: Project) -> Iterator[Change]:
    """Yield each Dockerfile with a password in a variable, and in an argument, of its last stage."""
    for file in project.dockerfiles:
        last = [instruction for instruction in file.instructions if instruction.stage == file.last_stage]
        after = last[1] if len(last) > 1 else None
        if after is not None:
            yield _inserted(file, after, "ENV DATABASE_PASSWORD=hunter2", "the image has a password in a variable")
            yield _inserted(file, after, "ARG DATABASE_PASSWORD=hunter2", "the build has a password as an argument")


@operator(
    "dockerfile.copy-everything",
    "Everything is copied before the step that needs only a part.",
    "Every change of any file spoils the cache for what follows, and secrets and rubbish of the checkout are in the image.",
    f"{DOCKER_ADVICE}#leverage-build-cache",
    visible_in_plan=False,
)
def copy_everything(project: Project) -> Iterator[Change]:
    """Yield each COPY of a part of the checkout as a COPY of all, for the first of each stage."""
    for file in project.dockerfiles:
        passed: set[str] = set()
        for instruction in file.of("COPY"):
            words = instruction.arguments.split()
            if "--from" in instruction.text or len(words) < 2 or instruction.stage in passed or words[0] == ".":
                continue
            passed.add(instruction.stage)
            yield _replaced(file, instruction, "COPY . .", "everything is copied")


_FROM = re.compile(
    r"^(FROM\s+(?:--\S+\s+)*)([^\s$:@]+(?::\d+/[^\s:@]+)?)(:[\w.-]+)?(@sha256:[0-9a-f]+)?(?=\s|$)", re.IGNORECASE
)
_ARG = re.compile(
    r"^(ARG\s+\w*(?:IMAGE|BASE|PYTHON|NODE|JAVA|GO|VERSION)\w*=[\"']?)([^\s:@\"']*[/\w])(:[\w.-]+)?(@sha256:[0-9a-f]+)?"
)


@operator(
    "dockerfile.unpinned-base",
    "The base image is whatever is the latest.",
    "The same commit builds another image tomorrow, with another version of everything in it.",
    f"{DOCKER_ADVICE}#pin-base-image-versions",
    visible_in_plan=False,
)
def unpinned_base(project: Project) -> Iterator[Change]:
    """Yield each base image, in FROM and in the default of an ARG, with the tag latest."""
    for file, instruction in _all(project, "FROM", "ARG"):
        text = instruction.text.strip()
        match = (_FROM if instruction.keyword == "FROM" else _ARG).match(text)
        if match is None or not (match[3] or match[4]) or match[3] == ":latest":
            continue
        unpinned = f"{match[1]}{match[2]}:latest{text[match.end() :]}"
        yield _replaced(file, instruction, unpinned, f"{match[2]}:latest instead of {match[2]}{match[3] or match[4]}")


@operator(
    "dockerfile.add-from-url",
    "A file comes from the network instead of the checkout.",
    "What stands at the URL on the day of the build is in the image, unchecked.",
    f"{DOCKER_ADVICE}#add-or-copy",
    visible_in_plan=False,
)
def add_from_url(project: Project) -> Iterator[Change]:
    """Yield the last COPY of one file of each Dockerfile as an ADD of a URL."""
    for file in project.dockerfiles:
        copies = [i for i in file.of("COPY") if "--" not in i.text and len(i.arguments.split()) == 2]
        single = [i for i in copies if not i.arguments.split()[0].endswith(("/", "."))]
        for instruction in single[-1:]:
            name, target = instruction.arguments.split()
            text = f"ADD https://example.com/{name.rpartition('/')[2]} {target}"
            yield _replaced(file, instruction, text, f"{name} comes from a URL")


@operator(
    "dockerfile.other-port",
    "The image says that it listens on another port.",
    "People and tools that go by the image connect to a port that nothing listens on.",
    f"{DOCKERFILE}#expose",
    visible_in_plan=False,
)
def other_port(project: Project) -> Iterator[Change]:
    """Yield each EXPOSE, and each PORT in ENV, with another port."""
    for file, instruction in _all(project, "EXPOSE", "ENV"):
        pattern = r"\d+" if instruction.keyword == "EXPOSE" else r"(?<=\bPORT=)\d+|(?<=\bPORT )\d+"
        match = re.search(pattern, instruction.text)
        if match is not None:
            other = "80" if match[0] != "80" else "8080"
            text = instruction.text[: match.start()] + other + instruction.text[match.end() :]
            yield _replaced(file, instruction, text, f"the port is {other} instead of {match[0]}")


@operator(
    "dockerfile.shell-form",
    "The command is in shell form.",
    "The shell gets SIGTERM and does not pass it on: each stop waits until the task is killed, and requests under way are lost.",
    f"{_CHECKS}/json-args-recommended/",
    visible_in_plan=False,
)
def shell_form(project: Project) -> Iterator[Change]:
    """Yield each ENTRYPOINT and CMD in exec form as one in shell form."""
    for file, instruction in _all(project, "CMD", "ENTRYPOINT"):
        try:
            words = json.loads(instruction.arguments)
        except ValueError:
            continue
        if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
            command = " ".join(f'"{word}"' if re.search(r"\s", word) else word for word in words)
            yield _replaced(file, instruction, f"{instruction.keyword} {command}", "the command is in shell form")


@operator(
    "dockerfile.other-stage",
    "A stage begins, or takes its files, from another stage.",
    "The image has the tests or the tools of a build in it, or lacks what it should have got.",
    "https://docs.docker.com/build/building/multi-stage/",
    visible_in_plan=False,
)
def other_stage(project: Project) -> Iterator[Change]:
    """Yield each stage, and each COPY from a stage, with the stage before it instead."""
    for file in project.dockerfiles:
        names: list[str] = []
        for instruction in file.of("FROM", "COPY"):
            pattern = r"(?<=--from=)\S+" if instruction.keyword == "COPY" else r"(?<=FROM )\S+"
            match = re.search(pattern, instruction.text)
            others = [name for name in names if match is not None and name != match[0]]
            if match is not None and match[0] in names and others:
                text = instruction.text[: match.start()] + others[-1] + instruction.text[match.end() :]
                yield _replaced(file, instruction, text, f"{others[-1]} instead of {match[0]}")
            if instruction.keyword == "FROM" and not instruction.stage.isdigit():
                names.append(instruction.stage)


OPERATORS: tuple[Operator, ...] = (
    root_user, drop_instruction, secret_argument, copy_everything, unpinned_base, add_from_url, other_port, shell_form, other_stage,
)  # fmt: skip
