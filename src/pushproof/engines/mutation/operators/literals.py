"""Mistakes that put a fixed value where a variable was: the value of one environment, of one test, of one machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators import booleans, numbers
from pushproof.engines.mutation.operators.common import acting, address, described, replaced
from pushproof.engines.mutation.operators.pages import TERRAFORM, aws
from pushproof.engines.mutation.project import Module, Project, Site


@operator(
    "hcl.hard-coded",
    "A fixed value stands where a variable was: a number, a switch, a port, a path.",
    "Whoever sets the variable gets the fixed value all the same, at this one place.",
    f"{TERRAFORM}/values/variables",
)
def hard_coded(project: Project) -> Iterator[Change]:
    """Yield settings of resources that have a variable or a local value, with a value that people write there."""
    for site in acting(project):
        if site.block.kind != "resource" or not re.fullmatch(r"(var|local|each\.value)\.\w+", site.value.text):
            continue
        fixed = _fixed(site)
        if fixed is not None:
            yield replaced(project, site, site.value, fixed[0], fixed[1])


def _fixed(site: Site) -> tuple[str, tuple[str, str]] | None:
    """Return a fixed value for a setting, with its harm and page."""
    if re.search(r"(^|_)path$", site.name) and "health_check" in site.chain[:-1]:
        return '"/"', ("Checks go to another path than the application's.", aws("alb/target-group-health-checks"))
    if re.fullmatch(r"port|container_port|containerPort", site.name):
        return "80", (
            "One of the places that must have the application's port has another.",
            aws("ecs/service-load-balancing"),
        )
    if re.search(r"^(cpu|memory|weight|base)$", site.name):
        return None
    for number, harm, page in numbers.others(site, site.name, "1000"):
        return number, (harm, page)
    for switch in ("false", "true"):
        harm, page = booleans.harm_of(site.name, switch)
        if harm:
            return ("true" if re.search(r"force_", site.name) else switch), (harm, page)
    return None


def _constants(project: Project, module: Module, name: str) -> list[str]:
    """Return the texts that the callers of a module pass for a variable, as far as they are constant, in their order."""
    texts: list[str] = []
    for caller in project.modules.values():
        for _, call in caller.of_kind("module"):
            value = call.group.get(name) if project.called(caller, call) is module else None
            if value is not None and value.kind == "reference" and value.text.startswith("local."):
                value = caller.locals.get(value.text[6:], value)
            if value is not None and value.kind == "string" and value.literal:
                texts.append(value.literal)
    return list(dict.fromkeys(texts))


@operator(
    "hcl.one-environment",
    "The name of one environment stands where every environment's own should be.",
    "The other environments use, or overwrite, what belongs to that one.",
    aws("security/aws-account-management-and-separation"),
)
def one_environment(project: Project) -> Iterator[Change]:
    """Yield each use of a variable to which callers pass different names, with the last of these names."""
    for site in acting(project):
        if site.block.kind not in ("resource", "locals", "data"):
            continue
        module = project.module(site.file)
        for value in _own(site.value):
            for part in value.parts if value.kind == "template" else ():
                name = (
                    part.text.removeprefix("var.") if part.kind == "reference" and part.text.startswith("var.") else ""
                )
                texts = _constants(project, module, name) if name else []
                if len(texts) > 1:
                    start, end = _interpolation(site, part)
                    edit = Edit(start, end, texts[-1])
                    summary = f"{described(site)} has {texts[-1]} instead of {part.text}"
                    yield Change(site.file.path, (edit,), summary, address(project, site))
        if site.value.kind == "reference" and site.value.text.startswith("var."):
            texts = _constants(project, module, site.value.text[4:])
            if len(texts) > 1:
                yield replaced(project, site, site.value, f'"{texts[-1]}"')


def _own(value: Value) -> Iterator[Value]:
    """Yield a value and those inside of it, but for settings, which have sites of their own."""
    yield value
    for part in value.parts:
        yield from _own(part)


def _interpolation(site: Site, part: Value) -> tuple[int, int]:
    """Return the bytes of `${…}` around a value."""
    content = site.file.source.content
    return content.rindex(b"${", 0, part.start), content.index(b"}", part.end) + 1


@operator(
    "hcl.curl-health-check",
    "The container's health check uses curl.",
    "Most base images have no curl: the check cannot run, and a healthy container is replaced again and again.",
    aws("ecs/healthcheck"),
)
def curl_health_check(project: Project) -> Iterator[Change]:
    """Yield each command of a container's health check as one with curl."""
    for site in acting(project):
        healthy = "healthCheck" in site.chain[:-1] or re.search(r"health_?check", site.name, re.IGNORECASE) is not None
        for value in _own(site.value) if healthy and site.block.kind in ("resource", "locals") else ():
            first = value.parts[0].literal if value.kind == "list" and value.parts else None
            if first in ("CMD", "CMD-SHELL") and "curl" not in value.text:
                yield replaced(project, site, value, '["CMD-SHELL", "curl -f http://localhost/ || exit 1"]')


@operator(
    "hcl.plain-secret",
    "A password stands among the plain variables of a container or a build.",
    "Everybody who may describe the task definition or the project, or read the state, has the password.",
    aws("ecs/specifying-sensitive-data"),
)
def plain_secret(project: Project) -> Iterator[Change]:
    """Yield each list of a container's variables, and each map of a build's, with a password added."""
    for site in acting(project):
        if site.block.kind not in ("resource", "locals") or site.value.kind not in ("list", "object"):
            continue
        source, value = site.file.source, site.value
        if site.name == "environment" and value.kind == "list" and value.parts and value.parts[0].group is not None:
            if site.group.get("image") is None and "container_definitions" not in site.chain:
                continue
            last = value.parts[-1]
            separator = f",\n{source.indent(last.start)}" if source.stands_alone(last.start, last.end) else ", "
            entry = '{ name = "DATABASE_PASSWORD", value = "hunter2" }'
        elif value.group is not None and _of_a_build(site):
            setting = value.group.settings[-1]
            last = Value("other", setting.start, setting.end, "")
            separator = f"\n{source.indent(last.start)}" if source.stands_alone(last.start, last.end) else ", "
            entry = 'DATABASE_PASSWORD = "hunter2"'
        else:
            continue
        edit = Edit(last.end, last.end, f"{separator}{entry}")
        yield Change(site.file.path, (edit,), f"{described(site)} has a password", address(project, site))


def _of_a_build(site: Site) -> bool:
    """Return whether a map has variables of a build: names in capitals, and a name that says so."""
    names = [setting.name for setting in site.value.group.settings] if site.value.group is not None else []
    return bool(names) and all(name.isupper() for name in names) and "environment" in site.name


OPERATORS: tuple[Operator, ...] = (hard_coded, one_environment, curl_health_check, plain_secret)
