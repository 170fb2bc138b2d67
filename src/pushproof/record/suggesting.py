"""Policies that grant what a run used: from a record alone, per role, with what is granted too much and what was refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pushproof.record.model import Grant, Record, Role, Use
from pushproof.record.roles import UNSEEN, covers

# What is new with every push: keys of objects, streams of logs, revisions, tasks, builds, executions.
_OBJECT = re.compile(r"^(arn:[^:]*:s3:::[^/]+)/.*$")
_STREAM = re.compile(r"^(arn:[^:]*:logs:[^:]*:[^:]*:log-group:[^:]+)(?::log-stream)?:.*$")
_REVISION = re.compile(r"^(arn:[^:]*:ecs:[^:]*:[^:]*:task-definition/[^:]+):.*$")
_NUMBERED = re.compile(
    r"^(arn:[^:]*:(?:ecs|codebuild|codepipeline):[^:]*:[^:]*:(?:task|build|service-deployment)/)[^:]*$"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a suggested policy. `conditions` is its Condition as JSON, "" without one; `why` says where it comes from."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: str = ""
    why: str = ""

    def as_document(self) -> dict[str, Any]:
        """Return the statement as a policy document has it."""
        document: dict[str, Any] = {"Sid": self.sid} if self.sid else {}
        document |= {"Effect": self.effect, "Action": list(self.actions), "Resource": list(self.resources)}
        return document | ({"Condition": json.loads(self.conditions)} if self.conditions else {})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A role's suggested policy, in place of everything that it is granted; what goes, and what would allow what was refused."""

    role: str
    arn: str
    statements: tuple[Statement, ...]
    unused: tuple[str, ...]
    refused: tuple[Use, ...]
    missing: tuple[Statement, ...]

    def document(self) -> dict[str, Any]:
        """Return the policy document."""
        return {"Version": "2012-10-17", "Statement": [statement.as_document() for statement in self.statements]}

    def plain(self) -> dict[str, Any]:
        """Return the suggestion as JSON has it."""
        return {
            "role": self.role,
            "arn": self.arn,
            "policy": self.document() if self.statements else None,
            "unused": list(self.unused),
            "refused": [
                {"action": use.action, "resource": use.resource, "count": use.count, "message": use.message}
                for use in self.refused
            ],
            "would_allow": [statement.as_document() for statement in self.missing],
        }


def suggest(record: Record) -> list[Suggestion]:
    """Return a suggestion for each role whose calls were seen."""
    return [_suggestion(role) for role in record.roles if role.watched]


def hcl(suggestions: Iterable[Suggestion]) -> str:
    """Return suggestions as Terraform code: an inline policy for each role, in place of what is attached to it now."""
    return "\n".join(_resource(suggestion) for suggestion in suggestions if suggestion.statements)


def _suggestion(role: Role) -> Suggestion:
    return Suggestion(
        role=role.name,
        arn=role.arn,
        statements=tuple(_numbered(_statements(role))),
        unused=role.unused,
        refused=role.refused,
        missing=tuple(_missing(role.refused)),
    )


def _statements(role: Role) -> Iterator[Statement]:
    for grant in role.grants:
        if grant.effect == "Deny" or any(text.startswith("not ") for text in (*grant.actions, *grant.resources)):
            # What limits a role stays, and what names everything but something cannot be cut.
            if grant.effect == "Deny":
                yield Statement(grant.sid, "Deny", grant.actions, grant.resources, grant.conditions, "limits the role")
            continue
        hits = [use for use in role.used if covers(grant.actions, grant.resources, use.action, use.resource)]
        # An action without resources of its own is decided on `*`: beside it, the others would be granted everything.
        anywhere = [use for use in hits if use.resource == "*"]
        yield from (_cut(grant, some) for some in (anywhere, [use for use in hits if use.resource != "*"]) if some)
        unseen = tuple(action for action in grant.actions if action.startswith(UNSEEN))
        used = {use.action for use in hits}
        if unseen and not used & set(unseen):
            yield Statement(
                grant.sid,
                "Allow",
                unseen,
                grant.resources,
                grant.conditions,
                "keys behind other services are not decided here",
            )


def _cut(grant: Grant, hits: list[Use]) -> Statement:
    resources: dict[str, None] = {}
    for pattern in grant.resources:
        own = [use.resource for use in hits if covers(("*",), (pattern,), use.action, use.resource)]
        if not own:
            continue
        narrowed = [_lasting(resource) for resource in own]
        # A pattern that is as narrow already stays as its owner wrote it.
        if "*" not in pattern and "?" not in pattern:
            resources[pattern] = None
        elif pattern == "*" or not any(_is_wild(text) for text in narrowed):
            resources.update(dict.fromkeys(narrowed))
        else:
            resources[pattern] = None
    return Statement(
        grant.sid, "Allow", tuple(dict.fromkeys(use.action for use in hits)), tuple(sorted(resources)), grant.conditions, "used"
    )  # fmt: skip


def _missing(refused: Iterable[Use]) -> Iterator[Statement]:
    by_action: dict[str, dict[str, None]] = {}
    for use in refused:
        by_action.setdefault(use.action, {})[_lasting(use.resource)] = None
    for action, resources in sorted(by_action.items()):
        yield Statement("", "Allow", (action,), tuple(sorted(resources)), why="refused")


def _lasting(resource: str) -> str:
    """Return a resource with a wildcard for the part that is another one next time."""
    for pattern, ending in ((_OBJECT, "/*"), (_STREAM, ":*"), (_REVISION, ":*"), (_NUMBERED, "*")):
        match = pattern.match(resource)
        if match:
            return match[1] + ending
    return resource


def _is_wild(resource: str) -> bool:
    return "*" in resource or "?" in resource


def _numbered(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Yield statements with Sids that occur once, as IAM demands of a policy."""
    taken: set[str] = set()
    for statement in statements:
        sid = re.sub(r"[^A-Za-z0-9]", "", statement.sid)
        while sid and sid in taken:
            sid += "X"
        taken.add(sid)
        yield Statement(
            sid, statement.effect, statement.actions, statement.resources, statement.conditions, statement.why
        )


def _resource(suggestion: Suggestion) -> str:
    label = re.sub(r"[^A-Za-z0-9_]", "_", suggestion.role)
    # JSON is an expression of HCL's, but for templates: https://developer.hashicorp.com/terraform/language/expressions/strings
    document = json.dumps(suggestion.document(), indent=2).replace("${", "$${").replace("%{", "%%{")
    body = document.replace("\n", "\n  ")
    role = json.dumps(suggestion.role).replace("${", "$${").replace("%{", "%%{")
    return (
        f'resource "aws_iam_role_policy" "{label if not label[:1].isdigit() else "_" + label}" {{\n'
        f'  name   = "used"\n  role   = {role}\n  policy = jsonencode({body})\n}}\n'
    )
