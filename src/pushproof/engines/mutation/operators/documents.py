"""The mistakes of policies in JSON text: heredocs that hold a policy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import acting, address
from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Project

_ACTION = re.compile(rb'"Action"\s*:\s*(?P<value>\[[^\]]*\]|"[^"]*")')
_RESOURCE = re.compile(rb'"Resource"\s*:\s*(?P<value>\[[^\]]*\]|"[^"]*")')
_EFFECT = re.compile(rb'"Effect"\s*:\s*(?P<value>"(?:Allow|Deny)")')
_PRINCIPAL = re.compile(rb'"Principal"\s*:\s*(?P<value>\{[^{}]*\})')
_SERVICE = re.compile(rb'"(?P<service>[a-z0-9-]+):[A-Za-z]+"')


def _texts(project: Project, pattern: re.Pattern[bytes]) -> Iterator[tuple[str, str, int, int, bytes]]:
    """Yield path, address, and the bytes of each match of a pattern in a heredoc that is a policy."""
    for site in acting(project):
        for value in site.value.everything():
            if value.kind != "heredoc" or '"Statement"' not in value.text:
                continue
            written = site.file.source.content
            for match in pattern.finditer(written, value.start, value.end):
                start, end = match.span("value")
                yield site.file.path, address(project, site), start, end, match["value"]


@operator(
    "hcl.widen-policy-text",
    "A policy written as JSON text allows more than it should: every action of a service, every resource, or everybody.",
    "A leaked credential reaches far beyond its purpose.",
    aws("iam/best-practices"),
)
def widen_policy_text(project: Project) -> Iterator[Change]:
    """Yield each policy text with wider actions, resources and principals."""
    for path, place, start, end, text in _texts(project, _ACTION):
        service = _SERVICE.search(text)
        if service is not None and b"sts:Assume" not in text:
            wide = f'"{service["service"].decode()}:*"'
            yield Change(path, (Edit(start, end, wide),), f"the policy allows {wide}", place)
    for path, place, start, end, text in _texts(project, _RESOURCE):
        if text not in (b'"*"', b'["*"]'):
            yield Change(path, (Edit(start, end, '"*"'),), "the policy holds for every resource", place)
    for path, place, start, end, _ in _texts(project, _PRINCIPAL):
        yield Change(path, (Edit(start, end, '"*"'),), "the policy trusts everybody", place)


@operator(
    "hcl.swap-effect-text",
    "A policy written as JSON text denies what it should allow, or allows what it should deny.",
    "A denial beats every permission; a permission in its place opens what was closed.",
    aws("iam/reference_policies_evaluation-logic"),
)
def swap_effect_text(project: Project) -> Iterator[Change]:
    """Yield each policy text with the opposite effect."""
    for path, place, start, end, text in _texts(project, _EFFECT):
        other = '"Deny"' if text == b'"Allow"' else '"Allow"'
        yield Change(path, (Edit(start, end, other),), f"the policy has {other} instead of {text.decode()}", place)


OPERATORS: tuple[Operator, ...] = (widen_policy_text, swap_effect_text)
