"""Mistakes in IAM policies: too much, too little, for the wrong one, without the condition."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.engines.mutation.hcl import Value
from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import most_like
from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.operators.statements import Statement, statements
from pushproof.engines.mutation.project import Project

_LEAST = aws("iam/best-practices")


def _change(statement: Statement, edits: tuple[Edit, ...], summary: str) -> Change:
    return Change(statement.file.path, edits, f"{statement.name}: {summary}", statement.address)


def _allowed(project: Project) -> Iterator[Statement]:
    """Statements that allow something other than to assume the role."""
    for statement in statements(project):
        texts = [value.literal or "" for value in statement.actions]
        if statement.effect == "Allow" and texts and not any(text.startswith("sts:Assume") for text in texts):
            yield statement


def _service(value: Value) -> str | None:
    """The service of an action such as `ecr:PutImage`, interpolated or not; None for a wildcard."""
    text = value.text.strip('"')
    prefix, colon, action = text.rpartition(":")
    return prefix if colon and action != "*" and value.kind in ("string", "template") else None


@operator(
    "hcl.widen-action",
    "A statement allows every action of a service instead of the ones it needs.",
    "A leaked credential of the role can delete, replace and read everything of that service.",
    _LEAST,
)
def widen_action(project: Project) -> Iterator[Change]:
    """Yield each statement with all actions of its first service."""
    for statement in _allowed(project):
        services = [_service(value) for value in statement.actions]
        first = next((index for index, service in enumerate(services) if service is not None), None)
        if first is None:
            continue
        setting = statement.setting("actions", "Action")
        assert setting is not None
        wide = f'"{services[first]}:*"'
        if len(set(services)) == 1:
            new = f"[{wide}]" if setting.value.kind == "list" else wide
            edit = Edit(setting.value.start, setting.value.end, new)
        else:
            edit = Edit(statement.actions[first].start, statement.actions[first].end, wide)
        yield _change(statement, (edit,), f"allows {services[first]}:*")


@operator(
    "hcl.any-action",
    "A statement allows every action of every service.",
    "The role is an administrator of what the statement's resources are.",
    _LEAST,
)
def any_action(project: Project) -> Iterator[Change]:
    """Yield the first statement of each policy whose resources are limited, with all actions."""
    passed: set[tuple[str, int]] = set()
    for statement in _allowed(project):
        setting = statement.setting("actions", "Action")
        resources = statement.resources
        if setting is None or resources is None or '"*"' in resources.value.text:
            continue
        policy = (statement.file.path, statement.top.start)
        if policy in passed:
            continue
        passed.add(policy)
        text = '["*"]' if setting.value.kind == "list" else '"*"'
        yield _change(statement, (Edit(setting.value.start, setting.value.end, text),), "allows every action")


@operator(
    "hcl.drop-action",
    "A statement lacks one of the actions that it needs.",
    "The call is refused with AccessDenied when a build, a deployment or a task first makes it.",
    aws("iam/troubleshoot_access-denied"),
)
def drop_action(project: Project) -> Iterator[Change]:
    """Yield each statement of several actions without one of them."""
    for statement in _allowed(project):
        setting = statement.setting("actions", "Action")
        if setting is None or setting.value.kind != "list" or len(statement.actions) < 2:
            continue
        spans = [(value.start, value.end) for value in statement.actions]
        for index, value in enumerate(statement.actions):
            edit = Edit(*statement.file.source.entry(spans, index), "")
            yield _change(statement, (edit,), f"lacks {value.text.strip(chr(34))}")


@operator(
    "hcl.widen-resource",
    "A statement holds for every resource instead of the ones it is meant for.",
    "The role can do it to everybody's buckets, images, services and secrets in the account.",
    aws("iam/reference_policies_elements_resource"),
)
def widen_resource(project: Project) -> Iterator[Change]:
    """Yield each statement with `*` for its resources."""
    for statement in statements(project):
        resources = statement.resources
        if resources is None or resources.value.text in ('"*"', '["*"]') or statement.effect != "Allow":
            continue
        text = '["*"]' if resources.name == "resources" or resources.value.kind == "list" else '"*"'
        yield _change(statement, (Edit(resources.value.start, resources.value.end, text),), "holds for every resource")


@operator(
    "hcl.drop-policy-resource",
    "A statement lacks one of its resources, or one of its resources is cut short.",
    "The call is refused for that resource: a bucket's objects, a second repository, a second role.",
    aws("iam/reference_policies_elements_resource"),
)
def drop_policy_resource(project: Project) -> Iterator[Change]:
    """Yield each statement without one of several resources, and without the `/*` or `:*` at the end of one."""
    for statement in statements(project):
        resources = statement.resources
        if resources is None:
            continue
        parts = resources.value.parts if resources.value.kind == "list" else (resources.value,)
        spans = [(part.start, part.end) for part in parts]
        for index, part in enumerate(parts):
            if len(parts) > 1:
                edit = Edit(*statement.file.source.entry(spans, index), "")
                yield _change(statement, (edit,), f"lacks the resource {part.text}")
            for ending in ("/*", ":*"):
                if part.kind in ("string", "template") and part.text.endswith(f'{ending}"') and len(parts) == 1:
                    edit = Edit(part.end - 3, part.end - 1, "")
                    yield _change(statement, (edit,), f"{part.text} lacks its {ending}")


@operator(
    "hcl.drop-statement",
    "A policy lacks one of its statements.",
    "Everything that the statement allowed is refused, or what it denied is allowed.",
    aws("iam/reference_policies_elements_statement"),
)
def drop_statement(project: Project) -> Iterator[Change]:
    """Yield each policy of several statements without one that allows a single action; `drop_action` has the others."""
    for statement in statements(project):
        if statement.siblings > 1 and statement.effect != "Deny" and len(statement.actions) == 1:
            yield _change(statement, (_without(statement),), "is left out")


def _without(statement: Statement) -> Edit:
    source = statement.file.source
    if statement.holder is not None:
        list_, index = statement.holder
        return Edit(*source.entry([(part.start, part.end) for part in list_.parts], index), "")
    assert statement.block is not None
    return Edit(*source.whole(statement.block.start, statement.block.end), "")


@operator(
    "hcl.drop-deny",
    "A policy lacks a statement that denies.",
    "What the policy forbade, such as access without TLS, is allowed.",
    aws("iam/reference_policies_elements_effect"),
)
def drop_deny(project: Project) -> Iterator[Change]:
    """Yield each policy without one of its `Deny` statements."""
    for statement in statements(project):
        if statement.effect == "Deny" and (statement.block is not None or statement.holder is not None):
            yield _change(statement, (_without(statement),), "the denial is left out")


@operator(
    "hcl.swap-effect",
    "A statement denies what it should allow, or allows what it should deny.",
    "A denial beats every permission; a permission in its place opens what was closed.",
    aws("iam/reference_policies_evaluation-logic"),
)
def swap_effect(project: Project) -> Iterator[Change]:
    """Yield each statement that has an effect with the opposite one; policies of one statement, and denials."""
    for statement in statements(project):
        setting = statement.setting("effect", "Effect")
        if setting is None or statement.effect not in ("Allow", "Deny"):
            continue
        opposite = "Deny" if statement.effect == "Allow" else "Allow"
        if statement.effect == "Deny" or statement.siblings == 1:
            edit = Edit(setting.value.start, setting.value.end, f'"{opposite}"')
            yield _change(statement, (edit,), f"{opposite} instead of {statement.effect}")


@operator(
    "hcl.drop-condition",
    "A statement lacks one of its conditions.",
    "The statement holds for other accounts, services and callers than the one it is meant for.",
    aws("iam/confused-deputy"),
)
def drop_condition(project: Project) -> Iterator[Change]:
    """Yield each statement, but those about passing roles, without one of its conditions."""
    for statement in statements(project):
        if not statement.passes_roles:
            yield from _without_conditions(statement)


@operator(
    "hcl.drop-pass-role-condition",
    "A role may be passed to any service.",
    "Who may pass a role to any service can run code of their own with it.",
    aws("iam/id_roles_use_passrole"),
)
def drop_pass_role_condition(project: Project) -> Iterator[Change]:
    """Yield each statement about passing roles without its condition."""
    for statement in statements(project):
        if statement.passes_roles:
            yield from _without_conditions(statement)


def _without_conditions(statement: Statement) -> Iterator[Change]:
    source = statement.file.source
    for key, start, end in statement.conditions():
        if statement.block is not None:
            edit = Edit(*source.whole(start, end), "")
        else:
            spans = [(setting.start, setting.end) for setting in statement.group.settings]
            edit = Edit(*source.entry(spans, spans.index((start, end))), "")
        yield _change(statement, (edit,), f"the condition on {key} is left out" if key else "a condition is left out")


_SERVICES = (
    "codebuild.amazonaws.com", "codepipeline.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "ecs.amazonaws.com",
    "events.amazonaws.com", "lambda.amazonaws.com", "scheduler.amazonaws.com",
)  # fmt: skip


@operator(
    "hcl.other-principal",
    "A policy trusts another service than the one that uses it.",
    "The service that needs the role or the topic is refused.",
    aws("iam/reference_policies_elements_principal"),
)
def other_principal(project: Project) -> Iterator[Change]:
    """Yield each service principal as the one most like it, and each list of several without one."""
    for statement in statements(project):
        for _, identifiers in statement.principals():
            parts = identifiers.parts if identifiers.kind == "list" else (identifiers,)
            for part in parts:
                name = part.literal if part.kind == "string" else None
                other = most_like(name, _SERVICES) if name is not None and name.endswith(".amazonaws.com") else None
                if other is not None:
                    yield _change(statement, (Edit(part.start, part.end, f'"{other}"'),), f"trusts {other}")


@operator(
    "hcl.widen-principal",
    "A policy trusts everybody.",
    "Any account may assume the role, or use the topic or bucket.",
    aws("iam/reference_policies_elements_principal"),
)
def widen_principal(project: Project) -> Iterator[Change]:
    """Yield each policy with `*` for its principals."""
    for statement in statements(project):
        for block in statement.group.of_kind("principals"):
            kind, identifiers = block.group.get("type"), block.group.get("identifiers")
            if kind is not None and identifiers is not None and '"*"' not in identifiers.text:
                edits = (Edit(kind.start, kind.end, '"AWS"'), Edit(identifiers.start, identifiers.end, '["*"]'))
                yield _change(statement, edits, "trusts everybody")
        principal = statement.group.get("Principal")
        if principal is not None and principal.kind == "object" and '"*"' not in principal.text:
            yield _change(statement, (Edit(principal.start, principal.end, '"*"'),), "trusts everybody")


OPERATORS: tuple[Operator, ...] = (
    widen_action,
    any_action,
    drop_action,
    widen_resource,
    drop_policy_resource,
    drop_statement,
    drop_deny,
    swap_effect,
    drop_condition,
    drop_pass_role_condition,
    other_principal,
    widen_principal,
)
