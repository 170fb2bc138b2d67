"""Mistakes in what a buildspec delivers: the list of images, tags, artifacts, and failures that are ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.commands import (
    BUILD,
    CACHE,
    GUARD,
    LOGIN,
    PUSH,
    TEST,
    VARIABLE,
    WRITE,
    address,
    all_commands,
    first_line,
    matches,
)
from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Project

_LIST = aws("codepipeline/file-reference")


@operator(
    "buildspec.drop-artifact",
    "A file is not among the artifacts of the build.",
    "The deploy action does not find the list of images, and fails.",
    aws("codebuild/build-spec-ref"),
    visible_in_plan=False,
)
def drop_artifact(project: Project) -> Iterator[Change]:
    """Yield each buildspec without one of its artifacts, and with another name for one."""
    for buildspec in project.buildspecs:
        spans = [(file.entry, file.end) for file in buildspec.artifacts]
        if len(spans) == 1 and buildspec.artifacts_section is not None:
            edit = Edit(*buildspec.source.whole(*buildspec.artifacts_section), "")
            yield Change(buildspec.path, (edit,), "the build has no artifacts", "artifacts")
        for index, file in enumerate(buildspec.artifacts):
            if len(spans) > 1:
                edit = Edit(*buildspec.source.entry(spans, index), "")
                yield Change(buildspec.path, (edit,), f"{file.text} is no artifact", "artifacts.files")
            if file.style == "" and re.fullmatch(r"[\w.-]+\.json", file.text):
                other = "imageDetail.json" if file.text == "imagedefinitions.json" else "imagedefinitions.json"
                summary = f"the artifact is {other} instead of {file.text}"
                yield Change(buildspec.path, (Edit(file.start, file.end, other),), summary, "artifacts.files")


@operator(
    "buildspec.other-list",
    "The list of images is written to another file, or in another form.",
    "The deploy action finds no list, or an entry that it does not understand.",
    _LIST,
    visible_in_plan=False,
)
def other_list(project: Project) -> Iterator[Change]:
    """Yield each command that writes the list of images with another file, another key, and another container."""
    for buildspec, phase, index, command in all_commands(project):
        if not WRITE.search(command.text) or "imageUri" not in command.text:
            continue
        changes = [
            (r"(?<=>)(\s*)([\w.-]+)\.json", r"\1\2-new.json", "the list of images is another file"),
            (r"imageUri", "ImageURI", "an entry has ImageURI, as CodeDeploy's file has"),
            (r'(\\?"name\\?":\s*\\?")([\w-]+)(?=\\?")', r"\1\2-2", "an entry names another container"),
            (r"\[(?=\{|\\)(.*?)\](?=['\"])", r"\1", "the list is a single entry without brackets"),
            (rf'("{VARIABLE}") ("{VARIABLE}")', r"\2 \1", "name and image have each other's place"),
        ]
        for pattern, new, summary in changes:
            for start, end, match in list(matches(buildspec, command, pattern))[:1]:
                yield Change(buildspec.path, (Edit(start, end, match.expand(new)),), summary, address(phase, index))


@operator(
    "buildspec.latest-tag",
    "The image has the tag latest instead of the commit's.",
    "The tag is taken in an immutable repository, a rollback runs the bad image again, and nobody can tell what runs.",
    aws("ecr/image-tag-mutability"),
    visible_in_plan=False,
)
def latest_tag(project: Project) -> Iterator[Change]:
    """Yield each tag of a release as latest: where it is set, pushed, or written into the list."""
    for buildspec, phase, index, command in all_commands(project):
        place = address(phase, index)
        if re.fullmatch(r"\s*(?:export )?\w*TAG=[^;&\n]+", command.text):
            tag = r"(?<=TAG=).*\S" if command.style != "'" else r"(?<=TAG=).*\S(?=')"
            for start, end, _ in list(matches(buildspec, command, tag))[:1]:
                yield Change(buildspec.path, (Edit(start, end, "latest"),), "the tag is latest", place)
        elif (PUSH.search(command.text) and not CACHE.search(command.text)) or WRITE.search(command.text):
            for start, end, match in list(matches(buildspec, command, rf":{VARIABLE}(?=[\"'\\\s]|$)"))[:1]:
                yield Change(
                    buildspec.path,
                    (Edit(start, end, ":latest"),),
                    f"the tag is latest instead of {match[0][1:]}",
                    place,
                )


@operator(
    "buildspec.push-latest",
    "The image is pushed as latest as well.",
    "An immutable repository refuses the second push of the tag, and the build fails after the first release.",
    aws("ecr/image-tag-mutability"),
    visible_in_plan=False,
)
def push_latest(project: Project) -> Iterator[Change]:
    """Yield each push of a release followed by one of the same image as latest."""
    for buildspec, phase, index, command in all_commands(project):
        match = re.search(r"docker push +(\"[^\"]+\"|\S+)", command.text)
        if match is None or CACHE.search(command.text) or "\n" in command.text.strip() or "latest" in command.text:
            continue
        image = match[1].strip('"')
        named = re.fullmatch(r"\$\{?(\w+)\}?", image)
        if named is not None:
            image = next((v for *_, c in buildspec.commands if (v := _assigned(named[1], c.text)) is not None), image)
        repository, colon, tag = image.rpartition(":")
        source = buildspec.source
        if not colon or "/" in tag or source.content[command.entry : command.entry + 1] != b"-":
            continue
        indent = source.indent(command.entry)
        latest = f'"{repository}:latest"'
        added = f"\n{indent}- docker tag {match[1]} {latest}\n{indent}- docker push {latest}"
        at = source.end_of_line(command.end - 1) - len(source.newline)
        if source.content[at : at + len(source.newline)] != source.newline.encode():
            at = len(source.content)
        summary = f"`{first_line(command)}` is followed by a push of latest"
        yield Change(buildspec.path, (Edit(at, at, added),), summary, address(phase, index))


def _assigned(name: str, text: str) -> str | None:
    """Return the value that a command gives a variable; None where it gives none."""
    match = re.fullmatch(rf"\s*(?:export )?{re.escape(name)}=\"?([^\"\n;&]+)\"?\s*", text)
    return match[1] if match is not None else None


@operator(
    "buildspec.other-tag",
    "The tag lacks a part, or has too little of the commit.",
    "Lifecycle rules that go by the prefix keep or expire the wrong images, or two commits have one tag.",
    aws("ecr/lifecycle_policy_parameters"),
    visible_in_plan=False,
)
def other_tag(project: Project) -> Iterator[Change]:
    """Yield each composed tag without its first part, and each cut commit with fewer characters."""
    for buildspec, phase, index, command in all_commands(project):
        if not re.match(r"\s*(?:export )?[A-Z_]+=", command.text):
            continue
        place = address(phase, index)
        for start, end, match in matches(buildspec, command, rf"(?<=TAG=\")({VARIABLE}|[a-z]+)-(?={VARIABLE}|\$\()"):
            yield Change(buildspec.path, (Edit(start, end, ""),), f"the tag lacks {match[0]}", place)
        short = r"%\.(\d+)s|cut -c ?1-(\d+)|:0:(\d+)\}"
        for start, end, match in matches(buildspec, command, short):
            number = next(group for group in match.groups() if group is not None)
            text = match[0].replace(number, "2", 1) if not match[0].startswith(("cut", ":")) else match[0][::-1].replace(
                number[::-1], "2", 1)[::-1]  # fmt: skip
            yield Change(
                buildspec.path, (Edit(start, end, text),), f"2 characters of the commit instead of {number}", place
            )


@operator(
    "buildspec.ignore-failure",
    "The failure of a command is ignored.",
    "A build whose tests, build or push failed counts as a success, and goes on to the deployment.",
    aws("codebuild/build-spec-ref"),
    visible_in_plan=False,
)
def ignore_failure(project: Project) -> Iterator[Change]:
    """Yield each guard, login, test, build and push with `|| true` behind it."""
    for buildspec, phase, index, command in all_commands(project):
        patterns = (LOGIN, TEST, BUILD, PUSH)
        if not (GUARD.match(command.text) or any(p.search(command.text) for p in patterns)):
            continue
        if command.text.rstrip().endswith("|| true") or command.style == ">":
            continue
        at = command.end - (1 if command.style in ("'", '"') else 0)
        summary = f"`{first_line(command)}` may fail"
        yield Change(buildspec.path, (Edit(at, at, " || true"),), summary, address(phase, index))


@operator(
    "buildspec.heed-failure",
    "The failure of a command that may fail ends the build.",
    "The first build of all, which finds no cache, fails; so does every build while the cache is out of reach.",
    aws("codebuild/build-caching"),
    visible_in_plan=False,
)
def heed_failure(project: Project) -> Iterator[Change]:
    """Yield each command without its `|| true`."""
    for buildspec, phase, index, command in all_commands(project):
        for start, end, _ in list(matches(buildspec, command, r" *\|\| true(?=['\"]?\s*$)"))[:1]:
            summary = f"`{first_line(command)}` may no longer fail"
            yield Change(buildspec.path, (Edit(start, end, ""),), summary, address(phase, index))


OPERATORS: tuple[Operator, ...] = (
    drop_artifact,
    other_list,
    latest_tag,
    push_latest,
    other_tag,
    ignore_failure,
    heed_failure,
)
