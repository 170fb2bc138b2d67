"""The image, by its Dockerfile: it runs as an ordinary user, stops on SIGTERM, and contains no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from pushproof.base.origin import Origin
from pushproof.checks.check import Checks, check
from pushproof.checks.finding import Finding
from pushproof.checks.secrets import looks_secret

_USER = "https://docs.docker.com/build/building/best-practices/#user"
_SECRETS = "https://docs.docker.com/build/building/secrets/"
_FROM = "https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"
_STOP = "https://docs.docker.com/reference/dockerfile/#shell-and-exec-form"
_WORKDIR = "https://docs.docker.com/build/building/best-practices/#workdir"
_EXPOSE = "https://docs.docker.com/reference/dockerfile/#expose"
_COPY = "https://docs.docker.com/build/cache/optimize/#keep-the-context-small"
_ADD = "https://docs.docker.com/build/building/best-practices/#add-or-copy"
_SECRET_FILES = re.compile(
    r"(?:^|/)(?:\.env(?:\.\w+)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.npmrc|\.pypirc|\.netrc|\.aws|\.ssh|\.git|.*\.(?:pem|p12|pfx|key))/?$"
)


@dataclass
class _Instruction:
    line: int
    word: str
    rest: str


@dataclass
class _Stage:
    name: str
    base: str
    line: int
    instructions: list[_Instruction] = field(default_factory=list)


class ImageChecks(Checks):
    """Checks of one Dockerfile, by its path. They need neither AWS nor Docker."""

    family = "image"

    def __init__(self, dockerfile: Path) -> None:
        super().__init__(_no_client)
        self.dockerfile = dockerfile

    @check
    def runs_as_an_ordinary_user(self) -> Iterator[Finding]:
        """The last stage, or a stage that it builds on, names a user, and the last USER is not root."""
        lineage = self._lineage()
        users = [
            (i.line, i.rest.split(":")[0].strip()) for stage in lineage for i in stage.instructions if i.word == "USER"
        ]
        line, user = users[-1] if users else (lineage[-1].line, "")
        if user in ("", "root", "0"):
            yield self._finding(
                line,
                expected="USER with an ordinary user's number, such as USER 10001:10001",
                found=f"USER {user}" if user else "no USER: the base image's, which is root as a rule",
                why="Whoever gets code into the application is root in the container, one fault of the runtime away from more.",
                change="USER 10001:10001 after what needs root.",
                page=_USER,
            )

    @check
    def ends_when_it_is_asked_to(self) -> Iterator[Finding]:
        """The last ENTRYPOINT or CMD is in exec form, so that SIGTERM reaches the program and not a shell."""
        instructions = [i for stage in self._lineage() for i in stage.instructions if i.word in ("CMD", "ENTRYPOINT")]
        entry = next((i for i in reversed(instructions) if i.word == "ENTRYPOINT"), None)
        start = entry or next((i for i in reversed(instructions)), None)
        if start is None:
            self._nothing("CMD or ENTRYPOINT in the Dockerfile", page=_STOP)
        if not _is_exec_form(start.rest) and not start.rest.lstrip().startswith("exec "):
            yield self._finding(
                start.line,
                expected=f'{start.word} in exec form: {start.word} ["program", "argument"]',
                found=f"{start.word} {start.rest}",
                why="SIGTERM reaches /bin/sh, which does not pass it on: requests are cut off when ECS kills the task after its"
                " stop timeout.",
                change=f'{start.word} ["program", "argument"], or exec before the program.',
                page=_STOP,
            )

    @check
    def holds_no_secret(self) -> Iterator[Finding]:
        """No build argument, variable or copied file looks like a secret, since each can be read out of the image."""
        for stage in self._stages():
            for instruction in stage.instructions:
                for what in _secrets_in(instruction):
                    yield self._finding(
                        instruction.line,
                        expected="no secret in the image or its history",
                        found=what,
                        why="Whoever may pull the image reads it: docker history shows arguments, and layers keep files that later"
                        " ones delete.",
                        change="RUN --mount=type=secret for builds; for the running application, the task definition's secrets.",
                        page=_SECRETS,
                    )

    @check
    def bases_are_pinned(self) -> Iterator[Finding]:
        """Every base image has a tag or digest that is not latest."""
        arguments = {
            name: value for i in self._instructions() if i.word == "ARG" for name, _, value in [i.rest.partition("=")]
        }
        stages = self._stages()
        names = {stage.name for stage in stages}
        for stage in stages:
            base = re.sub(r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda m: arguments.get(m[1]) or m[2] or m[0], stage.base)
            if base.lower() in names or base == "scratch" or "$" in base or "@" in base:
                continue
            tag = base.rpartition("/")[2].partition(":")[2]
            if tag in ("", "latest"):
                yield self._finding(
                    stage.line,
                    expected="a base image with a version, such as python:3.13-slim",
                    found=base,
                    why="The same commit builds another image tomorrow: a rollback by building again brings something new.",
                    change="Name the version in FROM.",
                    page=_FROM,
                )

    @check
    def sets_its_directory(self) -> Iterator[Finding]:
        """Relative paths of COPY, ADD, CMD and ENTRYPOINT stand below an absolute WORKDIR of the file, not of the base image."""
        for stage in self._stages():
            directory = self._directory_before(stage)
            for instruction in stage.instructions:
                if instruction.word == "WORKDIR":
                    directory = directory or instruction.rest.strip("\"'").startswith(("/", "$"))
                elif instruction.word in ("COPY", "ADD") and not directory:
                    target = instruction.rest.split()[-1].strip("\"'[]") if instruction.rest else ""
                    if target.startswith(("/", "$")):
                        continue
                    yield self._finding(
                        instruction.line,
                        expected="WORKDIR with an absolute path before relative paths are used",
                        found=f"{instruction.word} to {target}, in the directory that the base image happens to have",
                        why="Commands and health checks name a directory; a base image that changes its own breaks all of them.",
                        change="WORKDIR /app before it.",
                        page=_WORKDIR,
                    )

    @check
    def exposes(self, port: int) -> Iterator[Finding]:
        """The image exposes the port that the container listens on, as its task definition has it, and no other TCP port."""
        exposed = [
            (i.line, word)
            for s in self._lineage()
            for i in s.instructions
            if i.word == "EXPOSE"
            for word in i.rest.split()
        ]
        named = {word.partition("/")[0] for _, word in exposed if not word.endswith("/udp") and "$" not in word}
        if any("$" in word for _, word in exposed) or named == {str(port)}:
            return
        yield self._finding(
            exposed[-1][0] if exposed else self._lineage()[-1].line,
            expected=f"EXPOSE {port}",
            found=f"EXPOSE {' '.join(word for _, word in exposed)}" if exposed else "no EXPOSE",
            why="People and tools that go by the image, docker run -P among them, connect to a port that nothing listens on.",
            change=f"EXPOSE {port}, or another container port in the task definition.",
            page=_EXPOSE,
        )

    @check
    def copies_by_name(self) -> Iterator[Finding]:
        """No COPY or ADD takes the whole build context, unless a .dockerignore says what stays out."""
        ignore = [
            self.dockerfile.with_name(".dockerignore"),
            self.dockerfile.with_name(f"{self.dockerfile.name}.dockerignore"),
        ]
        if any(path.is_file() for path in ignore):
            return
        for stage in self._stages():
            for instruction in stage.instructions:
                words = [word for word in instruction.rest.split() if not word.startswith("--")]
                whole = instruction.word in ("COPY", "ADD") and "--from" not in instruction.rest
                if whole and any(word.strip("\"'[],") in (".", "./", "*", "/") for word in words[:-1]):
                    yield self._finding(
                        instruction.line,
                        expected="COPY of the files and directories that the application needs, by name, or a .dockerignore",
                        found=f"{instruction.word} {instruction.rest}",
                        why="Whatever lies in the checkout gets into the image, tests and secrets included; and each change of a"
                        " file spoils the cache for what follows.",
                        change="Name what is needed: COPY webapp/ webapp/.",
                        page=_COPY,
                    )

    @check
    def downloads_are_verified(self) -> Iterator[Finding]:
        """Every ADD of a URL names the checksum of what it fetches."""
        for instruction in self._instructions():
            if (
                instruction.word == "ADD"
                and re.search(r"\bhttps?://", instruction.rest)
                and "--checksum=" not in instruction.rest
            ):
                yield self._finding(
                    instruction.line,
                    expected="ADD --checksum=sha256:… for what comes from a URL",
                    found=f"ADD {instruction.rest}",
                    why="The server decides what runs: the same commit builds another image tomorrow.",
                    change="ADD --checksum=sha256:<digest> <url> <path>.",
                    page=_ADD,
                )

    def _directory_before(self, stage: _Stage) -> bool:
        """Return whether the stages that a stage builds on have set an absolute directory."""
        by_name = {each.name: each for each in self._stages()}
        seen: list[str] = []
        while (base := by_name.get(stage.base.lower())) is not None and base.name not in seen:
            seen.append(base.name)
            if any(i.word == "WORKDIR" and i.rest.strip("\"'").startswith(("/", "$")) for i in base.instructions):
                return True
            stage = base
        return False

    def _finding(self, line: int, *, expected: str, found: str, why: str, change: str, page: str) -> Finding:
        origin = Origin(self.dockerfile.name, str(self.dockerfile), line)
        return Finding(
            resource="image", expected=expected, found=found, why=why, change=change, page=page, origin=origin
        )

    def _subject(self) -> str:
        return str(self.dockerfile)

    def _instructions(self) -> list[_Instruction]:
        instructions: list[_Instruction] = []
        open_line = False
        for number, text in enumerate(self.dockerfile.read_text(encoding="utf-8").splitlines(), 1):
            if not text.strip() or text.lstrip().startswith("#"):
                continue
            body = text.rstrip().removesuffix("\\")
            if open_line:
                instructions[-1].rest += " " + body.strip()
            else:
                word, _, rest = body.strip().partition(" ")
                instructions.append(_Instruction(number, word.upper(), rest.strip()))
            open_line = text.rstrip().endswith("\\")
        return instructions

    def _stages(self) -> list[_Stage]:
        stages: list[_Stage] = []
        for instruction in self._instructions():
            if instruction.word == "FROM":
                words = [word for word in instruction.rest.split() if not word.startswith("--")]
                name = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else str(len(stages))
                stages.append(_Stage(name, words[0], instruction.line))
            elif stages:
                stages[-1].instructions.append(instruction)
        return self._some(stages, "FROM in the Dockerfile", page=_FROM)

    def _lineage(self) -> list[_Stage]:
        """The stages that the last stage builds on, and the last stage itself."""
        stages = self._stages()
        by_name = {stage.name: stage for stage in stages}
        lineage = [stages[-1]]
        while (base := by_name.get(lineage[0].base.lower())) is not None and base not in lineage:
            lineage.insert(0, base)
        return lineage


def _no_client(service: str, /) -> NoReturn:
    raise LookupError(f"checks of a Dockerfile have no client of {service}")


def _is_exec_form(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def _secrets_in(instruction: _Instruction) -> Iterator[str]:
    if instruction.word in ("ARG", "ENV", "LABEL"):
        pairs = re.findall(r"([\w.-]+)=(\"[^\"]*\"|'[^']*'|\S*)", instruction.rest) or [
            (instruction.rest.split()[0], "x")
        ]
        for name, value in pairs:
            # The value that a declared argument receives later is what counts.
            text = value.strip("\"'") or "x"
            reason = looks_secret("" if instruction.word == "LABEL" else name, text)
            if reason is not None and not text.startswith("$"):
                yield f"{instruction.word} {name}: {reason}"
    if instruction.word in ("COPY", "ADD") and "--from" not in instruction.rest:
        sources = [word for word in instruction.rest.split() if not word.startswith("--")][:-1]
        yield from (f"{instruction.word} {source}" for source in sources if _SECRET_FILES.search(source))
