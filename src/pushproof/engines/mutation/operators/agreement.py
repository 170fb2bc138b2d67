"""Mistakes in texts that must agree over files: one of the places is renamed, and the others are not."""

from __future__ import annotations

import collections
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pushproof.engines.mutation.hcl import Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import acting, address, described
from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Project, Site

#: Settings whose value is a name that something else must use too.
_NAMING = re.compile(
    r"(^|_|[a-z])([nN]ame|names|[pP]ath|[fF]ile|[bB]ranch|[bB]ucket|prefix|prefixes|group|namespace|family|[kK]ey|[pP]ort|container|"
    r"cluster|service|buildspec|location|artifacts|tagPrefixList|secret|role|topic|queue|value)$"
)
#: Settings whose words AWS defines.
_DEFINED = frozenset((
    "category", "effect", "Effect", "health_check_command", "http_method", "identifiers", "image", "logDriver", "owner", "protocol",
    "provider", "provider_type", "status_code", "test", "type", "variable", "values", "policy_arn", "service_name", "target_type",
    "capacity_provider", "ssl_policy", "actions", "resources",
))  # fmt: skip
#: Resources whose name nothing looks for.
_OWN_NAMES = frozenset(("aws_iam_role_policy", "aws_iam_user_policy", "aws_security_group"))
_WORD = re.compile(r"^[A-Za-z0-9/][A-Za-z0-9._/-]*[A-Za-z0-9]$")


@dataclass(frozen=True, slots=True)
class _Place:
    """A text at a place of a Terraform file, and the bytes inside of its quotes."""

    site: Site
    text: str
    start: int
    end: int


def _places(project: Project) -> Iterator[_Place]:
    for site in acting(project):
        if site.block.kind not in ("resource", "locals", "module", "variable", "tfvars") or _DEFINED.intersection(
            site.chain
        ):
            continue
        for value in [site.value, *(site.value.parts if site.value.kind == "list" else ())]:
            if value.kind == "string" and value.literal and _WORD.match(value.literal):
                yield _Place(site, value.literal, value.start + 1, value.end - 1)


def _named(site: Site) -> bool:
    """Return whether a setting gives or uses a name that something else must use too."""
    if site.name == "name" and ("stage" in site.chain or site.type in _OWN_NAMES):
        return False
    return _NAMING.search(_name(site)) is not None


def _name(site: Site) -> str:
    """Return the name of a setting; of a variable for its default."""
    return site.block.labels[0] if site.block.kind == "variable" and len(site.chain) == 1 else site.name


def _is_outside(place: _Place) -> bool:
    """Return whether a text must agree with what no file says: the application's path, the branch that people push to."""
    name = _name(place.site)
    if name.endswith("path"):
        return place.text.startswith("/")
    return re.search(r"[bB]ranch(Name)?$", name) is not None and place.text in _RENAMED


def _words_elsewhere(project: Project) -> set[str]:
    """Return the words of all buildspecs and Dockerfiles, and the names of all files."""
    sources = [*(s.source for s in project.buildspecs), *(d.source for d in project.dockerfiles)]
    words = {posixpath.basename(path) for path in project.files}
    for source in sources:
        text = source.content.decode(errors="replace")
        for pattern in (r"[\w.-]+", r"[\w./-]+"):
            words |= {word.strip(".") for word in re.findall(pattern, text)}
    return words


_RENAMED = {
    "main": "master", "master": "main", "imagedefinitions.json": "imageDetail.json", "buildspec.yml": "buildspec.yaml",
    "Dockerfile": "dockerfile", "latest": "stable", "/health": "/healthz", "/healthz": "/health", "/": "/index.html",
}  # fmt: skip


def _renamed(text: str) -> str:
    """Return the name that somebody would give something instead."""
    if text in _RENAMED:
        return _RENAMED[text]
    stem, dot, ending = text.rpartition(".")
    if dot and "/" not in ending and len(ending) <= 5 and not ending.isdigit():
        return f"{stem}-2.{ending}"
    if text.startswith("/"):
        return f"{text.rstrip('/')}z" if text.count("/") == 1 else text.rstrip("/") + "-2"
    separator = "_" if "_" in text else "" if re.search(r"[a-z][A-Z]", text) else "-"
    return f"{text}{separator}{'Two' if not separator else '2'}"


@operator(
    "hcl.rename-one",
    "A name that stands at several places is another one at one of them.",
    "The places no longer mean the same thing: the deployment looks for a container, file, artifact or secret that is not there.",
    aws("codepipeline/troubleshooting"),
)
def rename_one(project: Project) -> Iterator[Change]:
    """Yield each naming text that another place has too, in Terraform, a buildspec or a Dockerfile, with another name."""
    places = [place for place in _places(project) if _named(place.site)]
    counts = collections.Counter(place.text for place in places)
    paths: dict[str, set[str]] = {}
    for place in places:
        paths.setdefault(place.text, set()).add(place.site.file.path)
    elsewhere = _words_elsewhere(project)
    for place in places:
        # An environment says its own name in one place, and its values in files that are twins of another environment's.
        same = paths[place.text]
        twins = len({posixpath.basename(path) for path in same}) == 1 and counts[place.text] == len(same)
        shared = counts[place.text] > 1 and not twins
        if _is_outside(place) or (
            not place.text.isdigit() and len(place.text) > 2 and (shared or place.text in elsewhere)
        ):
            new = _renamed(place.text)
            edit = Edit(place.start, place.end, new)
            summary = f"{described(place.site)} is {new} instead of {place.text}"
            yield Change(place.site.file.path, (edit,), summary, address(project, place.site))


def _templates(project: Project) -> Iterator[tuple[Site, Value]]:
    for site in acting(project):
        if site.block.kind in ("resource", "locals", "module"):
            for value in site.value.everything() if site.value.group is None and site.value.kind != "call" else ():
                if value.kind == "template":
                    yield site, value


_ENDING = re.compile(r"\}([-_./][A-Za-z][A-Za-z0-9_-]*)$")
_BEGINNING = re.compile(r"(/[A-Za-z0-9_-]+)(?=/[A-Za-z0-9_/-]*\$\{)")
_TWO = re.compile(r"(\$\{[\w.]+\})([-_])(\$\{[\w.]+\})")


@operator(
    "hcl.other-composition",
    "A composed name has its parts in another order, lacks one that another module's name has, or its last separator.",
    "Names that modules compose for themselves no longer agree: permissions are for resources that do not exist.",
    aws("iam/reference-arns"),
)
def other_composition(project: Project) -> Iterator[Change]:
    """Yield each composed name without a beginning or ending that other modules have too, or with its two parts exchanged."""
    templates = [(site, value, value.text[1:-1]) for site, value in _templates(project)]
    modules: dict[str, set[str]] = {}
    for site, _, inner in templates:
        for part in re.split(r"\$\{[^}]*\}", inner):
            for fragment in {part, part[part.find(":/") + 1 :] if ":/" in part else part}:
                modules.setdefault(fragment, set()).add(site.file.directory)
    for site, value, inner in templates:
        first, last = value.start + 1, value.end - 1
        place = address(project, site)
        ending, beginning, two = _ENDING.search(inner), _BEGINNING.match(inner), _TWO.fullmatch(inner)
        if ending is not None and len(modules.get(ending[1], ())) > 1:
            edit = Edit(last - len(ending[1]), last, "")
            yield Change(site.file.path, (edit,), f"{described(site)} lacks {ending[1]}", place)
        if beginning is not None and len(modules.get(inner.partition("${")[0], ())) > 1:
            edit = Edit(first, first + len(beginning[1]), "")
            yield Change(site.file.path, (edit,), f"{described(site)} lacks {beginning[1]}", place)
        if re.search(r"\}[-_/]$", inner):
            edit = Edit(last - 1, last, "")
            yield Change(site.file.path, (edit,), f"{described(site)} lacks the {inner[-1]} at its end", place)
        if two is not None:
            edit = Edit(first, last, f"{two[3]}{two[2]}{two[1]}")
            yield Change(site.file.path, (edit,), f"{described(site)} has its two parts exchanged", place)


OPERATORS: tuple[Operator, ...] = (rename_one, other_composition)
