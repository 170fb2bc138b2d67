"""Buildspecs: the image is tested before the push, has its own tag, and is described for the deployment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

from botocore.exceptions import ClientError

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.pipeline.described import DescribedPipeline
from pushproof.checks.pipeline.shell import (
    Command,
    Step,
    assignments,
    bare,
    examples,
    expanded,
    references,
    steps,
    unset_variables,
    writes,
    written_text,
)
from pushproof.engines.buildspec import Buildspec, Phase, parse
from pushproof.engines.buildspec.model import FailureAction
from pushproof.engines.imagedefinitions import ImageDefinitionsError, Substitution, read_image_definitions

_ECS = "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html"
_DEFINITIONS = (
    "https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html#pipelines-create-image-definitions"
)
_BUILDSPEC = "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html"
_VARIABLES = "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html"
_CACHE = "https://docs.docker.com/build/cache/backends/inline/"
_STAGES = "https://docs.docker.com/build/building/multi-stage/#stop-at-a-specific-build-stage"
_MUTABILITY = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html"
_LOGIN = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html"
_DEFAULT = re.compile(r"\$\{\w+:?[-=]([^}]*)\}")
_CHANGES = re.compile(r"CODEBUILD_(RESOLVED_SOURCE_VERSION|BUILD_NUMBER|BUILD_ID|START_TIME)|\$\(date|git rev-parse")
_TESTS = re.compile(
    r"\b(pytest|unittest|tox|nox|rspec|phpunit|jest|vitest|mocha|ctest)\b"
    r"|\b(npm|yarn|pnpm|go|cargo|mvn|gradle|gradlew|dotnet|make|mix|sbt|swift|bazel|composer|rake)\s+(?:run\s+)?(?:\S+\s+)?(test|check|verify)\b"
)
_GUARD = re.compile(r"CODEBUILD_BUILD_SUCCEEDING\}?[\"']?\s*\]*\s*(?:=|==|-eq|!=|-ne|-gt)\s*[\"']?(\d)")
_LOOKS = re.compile(
    r"describe-images|batch-get-image|list-images|docker\s+manifest\s+inspect|skopeo\s+inspect|crane\s+(?:digest|manifest)"
)
_ECR_HOST = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/")


@dataclass(frozen=True)
class _Build:
    """A buildspec with the build project's environment: its steps, and the variables with a known value."""

    spec: Buildspec
    steps: list[Step]
    known: Mapping[str, str]

    @property
    def commands(self) -> list[tuple[int, Step, Command]]:
        """Every simple command, with the number of its step."""
        return [(number, step, command) for number, step in enumerate(self.steps) for command in step.commands]

    def pushes(self) -> list[tuple[int, Step, Command, str]]:
        """Every `docker push`, with the reference as written."""
        return [
            (number, step, command, reference)
            for number, step, command in self.commands
            if command.docker("push")
            for reference in references(command.text, "push")
        ]

    def repository(self, reference: str) -> str:
        """The repository of a reference: the part between the registry and the tag."""
        text = expanded(reference, self.known)
        name = text.partition("/")[2] or text
        return re.sub(r":[^/]*$", "", name)


class BuildspecChecks(DescribedPipeline):
    """Checks of a buildspec's text, with the variables that the pipeline's build projects set."""

    def release_tags(self, buildspec: str, *, repository: str) -> list[str]:
        """Tags under which the buildspec would push releases to a repository, for an example commit."""
        return tags_of(buildspec, repository=repository, variables=self._plain_variables())

    @check
    def build_makes_what_deploy_reads(self, buildspec: str, *, container: str) -> Iterator[Finding]:
        """The build writes the file that the deploy action reads: an array with the service's container and the pushed image."""
        build = self._build(buildspec)
        fault = partial(Finding, resource=self._arn(), page=_ECS)
        made_by_builds = {a["name"] for action in self._by("CodeBuild") for a in action.get("outputArtifacts", [])}
        for action in self._some(self._by("ECS"), "an ECS deploy action", page=_ECS):
            file = action["configuration"].get("FileName", "imagedefinitions.json")
            read = [artifact["name"] for artifact in action.get("inputArtifacts", [])]
            if not made_by_builds & set(read):
                yield fault(
                    expected=f"an artifact of a build as input of {action['name']}: {', '.join(sorted(made_by_builds))}",
                    found=", ".join(read) or "no input artifact",
                    why="What the build has made is not what is deployed: the deploy action finds no image definitions, or"
                    " old ones.",
                    change="Name the build's output artifact as the deploy action's input.",
                )
            files = build.spec.artifacts.files if build.spec.artifacts is not None else ()
            if not any(fnmatchcase(file, glob.removeprefix("**/")) for glob in files):
                yield fault(
                    expected=f"{file} among the buildspec's artifacts",
                    found=f"artifacts {', '.join(files) or 'none'}",
                    why="The deploy action fails: the image definitions file is not in its input artifact.",
                    change=f"artifacts: files: [{file}]",
                )
            if not any(file in step.text for step in build.steps):
                yield fault(
                    expected=f"a command that writes {file}",
                    found="no command speaks of it",
                    why="The artifact is empty.",
                    change=f'printf \'[{{"name":"%s","imageUri":"%s"}}]\' "$CONTAINER_NAME" "$IMAGE" > {file}',
                )
                continue
            written = [c for _, _, c in build.commands if writes(c, file)]
            texts = [text for c in written if (text := written_text(c, examples(build.known))) is not None]
            if texts:
                yield from self._content(build, texts[-1], file, container)
            elif not self._names_the_container(build, buildspec, container):
                yield self._unnamed(container)

    def _content(self, build: _Build, text: str, file: str, container: str) -> Iterator[Finding]:
        """Read the written image definitions."""
        try:
            substitutions = read_image_definitions(text.encode(), file)
        except ImageDefinitionsError as problem:
            yield Finding(
                resource=self._arn(),
                expected=f'{file} as an array: [{{"name": …, "imageUri": …}}]',
                found=f"{text.strip()}: {problem}",
                why="The deploy action fails, after everything has been built and pushed.",
                change=f'printf \'[{{"name":"%s","imageUri":"%s"}}]\' "$CONTAINER_NAME" "$IMAGE" > {file}',
                page=_DEFINITIONS,
            )
            return
        if container not in {substitution.container for substitution in substitutions}:
            yield self._unnamed(container, ", ".join(substitution.container for substitution in substitutions))
        yield from self._unpushed(build, substitutions)

    def _unpushed(self, build: _Build, substitutions: tuple[Substitution, ...]) -> Iterator[Finding]:
        values = examples(build.known)
        pushed = {expanded(reference, values) for *_, reference in build.pushes()}
        for substitution in substitutions:
            if pushed and substitution.image not in pushed:
                yield Finding(
                    resource=self._arn(),
                    expected=f"an image that the build pushes: {', '.join(sorted(pushed))}",
                    found=substitution.image,
                    why="Tasks of the new revision stop with CannotPullContainerError, and the deployment is rolled back.",
                    change='Write the variable that is pushed: docker push "$IMAGE", and "$IMAGE" into the file.',
                    page=_DEFINITIONS,
                )

    def _unnamed(self, container: str, others: str = "") -> Finding:
        return Finding(
            resource=self._arn(),
            expected=f"the container's name {container}, in the buildspec or in a variable of the build project",
            found=f"the file names {others}"
            if others
            else "no variable that the buildspec uses has this value, and the buildspec does not say it itself",
            why="The deploy action fails: the file names a container that the task definition does not have.",
            change="Give the build project CONTAINER_NAME.",
            page=_ECS,
        )

    def _names_the_container(self, build: _Build, text: str, container: str) -> bool:
        used = any(value == container and re.search(rf"\$\{{?{name}\b", text) for name, value in build.known.items())
        return used or re.search(rf"name\W{{1,8}}{re.escape(container)}\b", text) is not None

    @check
    def builds_use_the_layer_cache(self, buildspec: str) -> Iterator[Finding]:
        """The cache image is pulled before the build, the build uses it, and it is pushed for the next one."""
        build = self._build(buildspec)
        listed = build.commands
        builds = [n for n, (_, _, command) in enumerate(listed) if command.docker("build")]
        if not builds:
            self._nothing("a docker build in the buildspec", page=_CACHE)
        sources = {ref for n in builds for ref in listed[n][2].option("--cache-from")}
        images = {bare(ref) for ref in sources if "type=" not in ref}
        pulls = [command for _, _, command in listed[: builds[0]] if command.docker("pull")]
        pulled = {bare(ref) for command in pulls for ref in references(command.text, "pull")}
        pushes = [command for _, _, command in listed[builds[0] :] if command.docker("push")]
        pushed = {bare(ref) for command in pushes for ref in references(command.text, "push")}
        text = "\n".join(step.text for step in build.steps)
        problems = []
        if not sources:
            problems.append("no build has --cache-from")
        elif uncached := [listed[n][2] for n in builds if not listed[n][2].option("--cache-from")]:
            problems.append(f"{_shortened(uncached[0].text)} has no --cache-from")
        if images and not images & pulled:
            problems.append(f"{', '.join(sorted(images))} is not pulled before the first build")
        elif images - pulled:
            problems.append(f"{', '.join(sorted(images - pulled))} is named by --cache-from and never pulled")
        if images and not images & pushed:
            problems.append(f"{', '.join(sorted(images))} is never pushed: there is nothing to pull the next time")
        elif images - pushed:
            problems.append(f"{', '.join(sorted(images - pushed))} is named by --cache-from and never pushed")
        if sources and not images and "--cache-to" not in text:
            problems.append("no build has --cache-to: there is no cache the next time")
        inline = [listed[n][2] for n in builds if "BUILDKIT_INLINE_CACHE=1" not in listed[n][2].text]
        if images and inline and build.spec.env.variables.get("DOCKER_BUILDKIT") != "0":
            problems.append("BuildKit is not told to leave cache metadata in the image, and finds none there")
        if images and build.spec.env.variables.get("DOCKER_BUILDKIT") == "0":
            problems.append("DOCKER_BUILDKIT is 0: the older builder makes every stage, also those that nobody needs")
        for problem in problems:
            yield Finding(
                resource=self._arn(),
                expected="docker pull of the cache image (|| true, for the first build), then docker build --cache-from",
                found=problem,
                why="A build machine starts empty: every build makes every layer anew, which takes 15 minutes instead of 4.",
                change="Pull the cache image in pre_build, build with --cache-from and BUILDKIT_INLINE_CACHE=1, push it in"
                " post_build.",
                page=_CACHE,
            )
        for verb, transfers in (("pull", pulls), ("push", pushes)):
            for command in transfers:
                touched = {bare(ref) for ref in references(command.text, verb)}
                if touched & images and not command.tolerated:
                    yield Finding(
                        resource=self._arn(),
                        expected=f"docker {verb} of the cache that may fail: || true",
                        found=command.text,
                        why="The very first build finds no cache, and ends before it can leave one."
                        if verb == "pull"
                        else "A release that is built and pushed is held back because a cache could not be stored.",
                        change=f"docker {verb} … || true",
                        page=_CACHE,
                    )

    @check
    def tests_run_before_anything_is_pushed(self, buildspec: str, dockerfile: str = "") -> Iterator[Finding]:
        """Tests run, their failure stops the build, and only then is an image pushed.

        Tests are a known program (pytest, npm test, …) in a command, or in the stage of the Dockerfile that `--target` names.
        """
        build = self._build(buildspec)
        listed = build.commands
        tests = [n for n, (_, _, command) in enumerate(listed) if _runs_tests(command, dockerfile)]
        if not tests:
            self._nothing(
                "tests in the buildspec, or a docker build of a stage that runs them",
                change="docker build --target test . before the image is built, with RUN <tests> in that stage of the Dockerfile",
                page=_STAGES,
            )
        for n in tests:
            if listed[n][2].tolerated:
                yield Finding(
                    resource=self._arn(),
                    expected="tests whose failure fails the build",
                    found=f"{listed[n][2].text}, whose failure is passed over",
                    why="Tests fail, and the image is pushed and deployed all the same.",
                    change="Let the command's exit code be the step's: no || true, no pipe, nothing after it in the same step.",
                    page=_BUILDSPEC,
                )
        first = tests[0]
        for n, (_, _, command) in enumerate(listed):
            if command.docker("push") and n < first:
                yield Finding(
                    resource=self._arn(),
                    expected="docker push after the tests",
                    found=f"{command.text} before {listed[first][2].text[:80]}",
                    why="What no test has seen is in the registry, under the name of a release.",
                    change="Move docker push to post_build.",
                    page=_BUILDSPEC,
                )

    @check
    def pushes_only_after_a_successful_build(self, buildspec: str) -> Iterator[Finding]:
        """A push runs only when everything before it has succeeded.

        `post_build` and `finally` also run after a failed build, and must test CODEBUILD_BUILD_SUCCEEDING first. In other phases
        the failure of a `docker build` must stop the commands before the push.
        """
        build = self._build(buildspec)
        fault = partial(Finding, resource=self._arn(), page=_BUILDSPEC)
        listed = build.commands
        reported: set[str] = set()
        for n, (number, step, command) in enumerate(listed):
            if not command.docker("push"):
                continue
            if step.phase is Phase.POST_BUILD or step.last:
                before = [s for s in build.steps[: number + 1] if s.phase is step.phase or step.last]
                if not any(_guards(s, before_push=s is step) for s in before) and "guard" not in reported:
                    reported.add("guard")
                    where = f"`finally` of {step.phase.lower()}" if step.last else "post_build"
                    yield fault(
                        expected=f"a guard on CODEBUILD_BUILD_SUCCEEDING before docker push in {where}",
                        found="docker push without a guard",
                        why=f"{where} runs although build failed: an untested image is pushed.",
                        change='[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] || exit 1',
                    )
            for _, _, earlier in listed[:n]:
                if earlier.docker("build") and earlier.tolerated and earlier.text not in reported:
                    reported.add(earlier.text)
                    yield fault(
                        expected="a docker build whose failure stops the build",
                        found=f"{earlier.text[:100]}, whose failure is passed over",
                        why="What is pushed then is an image of an earlier build, or nothing; and the build says that all is well.",
                        change="A step of its own for docker build: no || true, no pipe, nothing after it in the same step.",
                    )
        for phase, written in build.spec.phases.items():
            action = written.on_failure.action if written.on_failure is not None else None
            if action is FailureAction.CONTINUE and phase in (Phase.PRE_BUILD, Phase.BUILD) and build.pushes():
                yield fault(
                    expected=f"a failed {phase.lower()} that ends the build",
                    found=f"on-failure: CONTINUE in {phase.lower()}",
                    why="The next phase runs after the failure, with what there is.",
                    change="on-failure: ABORT",
                )

    @check
    def releases_have_tags_of_their_own(self, buildspec: str, *, repository: str) -> Iterator[Finding]:
        """Every tag pushed to `repository` changes with the commit or the build: no :latest, and no default value.

        The check traces shell variables of the buildspec back to the variables that CodeBuild supplies.
        """
        build = self._build(buildspec)
        releases = [
            (reference, expanded(reference, build.known))
            for *_, reference in build.pushes()
            if build.repository(reference) == repository
        ]
        if not releases:
            unset = [name for name in unset_variables(build.steps, build.known) if name not in self._variable_names()]
            others = [expanded(reference, build.known) for *_, reference in build.pushes()]
            self._nothing(
                f"a docker push to {repository} in the buildspec",
                found=f"it pushes {', '.join(others)}" if others else "there is no docker push",
                change=f"Set {', '.join(unset)} in the build project: the buildspec uses what nobody sets."
                if unset
                else f"Let the variable that names the repository be {repository}.",
                page=_MUTABILITY,
            )
        for reference, full in releases:
            tag = full.rpartition(":")[2] if ":" in full.rpartition("/")[2] else "latest"
            default = _DEFAULT.search(full)
            if default is None and _CHANGES.search(tag):
                continue
            yield Finding(
                resource=self._arn(),
                expected="a tag that changes with the commit, such as $ENVIRONMENT-$COMMIT",
                found=f"docker push {reference}, whose tag may be {default[1]}"
                if default
                else f"docker push {reference}, whose tag is {tag} every time",
                why="The first build succeeds. The second one fails with ImageTagAlreadyExistsException, because the repository"
                " is immutable; were it mutable, nobody could tell what runs.",
                change="Push releases under the commit only, and the layer cache to a repository of its own.",
                page=_MUTABILITY,
            )

    @check
    def a_commit_can_be_released_again(self, buildspec: str, *, repository: str) -> Iterator[Finding]:
        """The build checks for an image with its tag before it pushes a release, so that a retry does not collide with it."""
        build = self._build(buildspec)
        pushed = [number for number, *_, ref in build.pushes() if build.repository(ref) == repository]
        if pushed and not any(_LOOKS.search(step.text) for step in build.steps[: pushed[0] + 1]):
            yield Finding(
                resource=self._arn(),
                expected="a look at the registry before docker push, such as aws ecr describe-images --image-ids imageTag=…",
                found="the image is pushed whether it is there or not",
                why="A retry, or a second execution for the same commit, fails with ImageTagAlreadyExistsException, just when"
                " somebody wants to roll out again.",
                change="Ask for the tag first, and build and push only when it is not there.",
                page=_MUTABILITY,
            )

    @check
    def every_variable_of_the_buildspec_is_set(self, buildspec: str) -> Iterator[Finding]:
        """Every variable that a command uses is set: by the build project, the buildspec, a command, or CodeBuild."""
        build = self._build(buildspec)
        for name in unset_variables(build.steps, build.known):
            if name in self._variable_names() or name in _referenced(build.spec):
                continue
            where = next(step.text for step in build.steps if re.search(rf"\$\{{?{name}\b", step.text))
            yield Finding(
                resource=self._arn(),
                expected=f"a value for {name}",
                found=f"neither the build project nor the buildspec sets it, and this uses it: {where.strip()[:100]}",
                why="The shell puts an empty text in its place, and goes on.",
                change=f"Give the build project {name}.",
                page=_VARIABLES,
            )

    @check
    def images_go_where_they_are_expected(self, buildspec: str) -> Iterator[Finding]:
        """Every repository in ECR that the build pulls from or pushes to exists, and the build has logged in to its registry."""
        build = self._build(buildspec)
        uses = [
            (number, expanded(ref, build.known))
            for number, _, command in build.commands
            for verb in ("pull", "push")
            if command.docker(verb)
            for ref in references(command.text, verb)
        ]
        others = {
            text.partition("/")[0] for _, text in uses if "/" in text and "$" not in text and not _ECR_HOST.match(text)
        }
        emulated = others & self._registry_hosts() if others else others
        ours = [(n, text) for n, text in uses if _ECR_HOST.match(text) or text.partition("/")[0] in emulated]
        logins = [number for number, _, command in build.commands if command.docker("login")]
        if ours and not any(number < ours[0][0] for number in logins):
            yield Finding(
                resource=self._arn(),
                expected="docker login before the first pull or push",
                found=f"{ours[0][1]} is asked for without a login",
                why="ECR refuses: no basic auth credentials.",
                change="aws ecr get-login-password | docker login --username AWS --password-stdin $ECR_REGISTRY",
                page=_LOGIN,
            )
        for text in dict.fromkeys(text for _, text in ours):
            registry, _, rest = text.partition("/")
            name = re.sub(r":[^/]*$", "", rest)
            problem = self._missing_repository(registry, name)
            if problem is not None:
                yield Finding(
                    resource=self._arn(),
                    expected=f"a repository {name} in {registry}",
                    found=problem,
                    why="docker push fails with RepositoryNotFoundException; a pull finds nothing, build after build.",
                    change="Give the build project the names that the repositories have.",
                    page=_LOGIN,
                )

    def _registry_hosts(self) -> set[str]:
        """Return the hosts of the account's registry: an emulated one is at an address of its own."""
        repositories = self.aws("ecr").describe_repositories()["repositories"]
        return {repository["repositoryUri"].partition("/")[0] for repository in repositories}

    def _missing_repository(self, registry: str, name: str) -> str | None:
        if _ECR_HOST.match(f"{registry}/"):
            account, region = registry.split(".")[0], registry.split(".")[3]
            if [region, account] != self._arn().split(":")[3:5]:
                return f"another account's or region's registry, {registry}"
        try:
            self.aws("ecr").describe_repositories(repositoryNames=[name])
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return None

    @check
    def buildspec_is_up_to_date(self, buildspec: str) -> Iterator[Finding]:
        """Every section of the buildspec has an effect: CodeBuild ignores none, and none is obsolete."""
        spec = parse(buildspec)
        remarks = [(f"line {notice.line}: {notice.key}", notice.message, "Leave it out.") for notice in spec.notices]
        remarks += [
            (
                f"line {phase.line}: runtime-versions: docker",
                "Docker has been part of the build image since standard:3.0.",
                "Leave it out.",
            )
            for phase in spec.phases.values()
            if "docker" in phase.runtime_versions
        ]
        if not spec.one_shell:
            remarks.append(
                (
                    f"version {spec.version}",
                    "Each command has a shell of its own: variables that one sets are not there for the next.",
                    "version: 0.2",
                )
            )
        for where, message, change in remarks:
            yield Finding(
                resource=self._arn(),
                expected="a buildspec of which every line has an effect",
                found=where,
                why=message,
                change=change,
                page=_BUILDSPEC,
            )

    def _build(self, text: str) -> _Build:
        return _read(text, self._plain_variables())


def tags_of(buildspec: str, *, repository: str, variables: Mapping[str, str]) -> list[str]:
    """Tags under which a buildspec would push releases to a repository, for an example commit and a project's variables."""
    build = _read(buildspec, variables)
    values = examples(build.known)
    released = [expanded(ref, values) for *_, ref in build.pushes() if build.repository(ref) == repository]
    return [text.rpartition(":")[2] if ":" in text.rpartition("/")[2] else "latest" for text in released]


def _read(text: str, variables: Mapping[str, str]) -> _Build:
    spec = parse(text)
    listed = steps(spec)
    return _Build(spec, listed, {**spec.env.variables, **variables, **assignments(listed)})


def _guards(step: Step, *, before_push: bool) -> bool:
    """Return whether a step ends, or skips what follows, when the build has failed."""
    text = re.split(r"\bdocker\s+(?:image\s+)?push\b", step.text)[0] if before_push else step.text
    compared = _GUARD.search(text)
    if compared is None:
        return False
    good = compared[1] == "1" if not re.search(r"!=|-ne", compared[0]) else compared[1] == "0"
    stops = re.search(r"\bexit\b|\bfalse\b|\breturn\b", text) is not None
    if before_push:
        chained = re.search(r"(?:&&|\bthen\b)\s*$", text.rstrip(" \n\\")) is not None
        return (good and (chained or stops)) or (not good and stops)
    # A test command that is the whole step fails the step by itself.
    return stops or (good and "||" not in text and "&&" not in text and "if " not in text)


def _shortened(text: str) -> str:
    """Return a command on one line, its middle left out if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:70]} … {line[-45:]}"


def _runs_tests(command: Command, dockerfile: str) -> bool:
    if command.docker("build"):
        return any(_stage_runs_tests(dockerfile, target) for target in command.option("--target"))
    words = " ".join(command.words)
    return bool(_TESTS.search(words)) and not words.startswith(("echo", "printf"))


def _stage_runs_tests(dockerfile: str, target: str) -> bool:
    """Return whether the stage of this name, or a stage that it builds on, runs tests."""
    stages: dict[str, tuple[str, str]] = {}
    current = ""
    for line in re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*$", "", dockerfile)).splitlines():
        start = re.match(r"\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", line, re.IGNORECASE)
        if start is not None:
            current = (start[2] or f"stage {len(stages)}").lower()
            stages[current] = (start[1].lower(), "")
        elif current:
            base, text = stages[current]
            stages[current] = (base, f"{text}\n{line}")
    name = target.lower()
    while name in stages:
        base, text = stages[name]
        runs = re.findall(r"(?im)^\s*RUN\s+(.*)$", text)
        if any(_TESTS.search(run) for run in runs):
            return True
        name = base if base != name else ""
    return False


def _referenced(spec: Buildspec) -> set[str]:
    return {*spec.env.parameter_store, *spec.env.secrets_manager}
