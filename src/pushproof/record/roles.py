"""The roles of a run: what each is granted, what it used, and what was refused to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pushproof.engines.policy import PolicyError, Statement, parse
from pushproof.record.model import Grant, Role, Use

Answer = Mapping[str, Any]

#: The emulated account does not decide what S3, SNS and SQS do with a key for a role: such a grant is never seen in use.
UNSEEN = "kms:"
_VARIABLE = re.compile(r"\$\{[^{}]*\}")


def roles(described: Mapping[str, Answer], uses: Iterable[Answer], *, watched: bool) -> Iterator[Role]:
    """Yield each role. `watched`: every permission that was asked for is among `uses`."""
    listed = list(uses)
    for arn in sorted(described):
        read = described[arn]
        own = [use for use in listed if use["role_arn"] == arn]
        used = [use for use in own if use["allowed"]]
        grants, unused = _grants(read["policies"], used)
        yield Role(
            arn=arn,
            name=str(read["name"]),
            services=tuple(_services(read["trust"])),
            watched=watched,
            grants=grants,
            used=tuple(sorted(map(_use, used), key=lambda use: (use.action, use.resource))),
            refused=tuple(
                sorted((_use(use) for use in own if not use["allowed"]), key=lambda u: (u.action, u.resource))
            ),
            unused=unused if watched else (),
        )


def statements_of(document: Any) -> list[dict[str, Any]]:
    """Return the statements of a policy document, which may be one alone."""
    parsed = json.loads(document) if isinstance(document, str) else document
    statements = parsed.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of an element that holds one or several."""
    return (value,) if isinstance(value, str) else tuple(map(str, value or ()))


def covers(actions: Iterable[str], resources: Iterable[str], action: str, resource: str) -> bool:
    """Return whether an Allow for these actions and resources, without its conditions, covers a use."""
    statement = compiled(tuple(actions), tuple(resources))
    return statement is not None and statement.covers_action(action.lower()) and statement.covers_resource(resource, {})


def compiled(actions: tuple[str, ...], resources: tuple[str, ...]) -> Statement | None:
    """Return an Allow for these actions and resources, compiled; None where it cannot be."""
    # A variable stands for what only a request has.
    patterns = [_VARIABLE.sub("*", resource) for resource in resources]
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": patterns}],
    }
    try:
        return parse(document).statements[0]
    except PolicyError:
        return None


def _grants(policies: Iterable[Answer], used: list[Answer]) -> tuple[tuple[Grant, ...], tuple[str, ...]]:
    grants: list[Grant] = []
    unused: list[str] = []
    for policy in policies:
        for statement in statements_of(policy["document"]):
            actions, resources = _named(statement, "Action"), _named(statement, "Resource")
            effect = str(statement.get("Effect", "Allow"))
            hits = [use for use in used if covers(actions, resources, use["action"], use["resource"])]
            if effect == "Allow":
                unused += [
                    action
                    for action in actions
                    if not action.startswith((UNSEEN, "not "))
                    and not any(covers((action,), ("*",), use["action"], use["resource"]) for use in hits)
                ]
            conditions = statement.get("Condition")
            grants.append(
                Grant(
                    policy=str(policy["name"]),
                    sid=str(statement.get("Sid", "")),
                    effect=effect,
                    actions=actions,
                    resources=resources,
                    conditions=json.dumps(conditions, sort_keys=True) if conditions else "",
                    used=bool(hits),
                )
            )
    return tuple(grants), tuple(dict.fromkeys(unused))


def _named(statement: Answer, element: str) -> tuple[str, ...]:
    if f"Not{element}" in statement:
        return tuple(f"not {text}" for text in texts(statement[f"Not{element}"]))
    return texts(statement.get(element, ()))


def _services(trust: Any) -> Iterator[str]:
    for statement in statements_of(trust):
        principal = statement.get("Principal", {})
        for kind, names in principal.items() if isinstance(principal, dict) else ():
            yield from (name if kind == "Service" else f"{kind} {name}" for name in texts(names))


def _use(use: Answer) -> Use:
    return Use(action=use["action"], resource=use["resource"], count=int(use["count"]), message=str(use["message"]))
