"""Reading policy documents. Every input yields a compiled policy or a :class:`PolicyError`.

The texts of the errors are IAM's for MalformedPolicyDocument where they are known. The path, and the line and column of
a document in text form, give the place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from pushproof.engines.policy.conditions import Condition, condition
from pushproof.engines.policy.document import Kind, Policy, ResourcePattern, SourceType, Statement
from pushproof.engines.policy.errors import PolicyError, Position
from pushproof.engines.policy.positions import Step, path_text, position_of, span_of
from pushproof.engines.policy.principals import Principals
from pushproof.engines.policy.variables import Template, template
from pushproof.engines.policy.wildcards import ANY_ONE, ANY_RUN, encode, glob, resource_glob

VERSIONS = ("2012-10-17", "2008-10-17")

_TOP = {"Version", "Id", "Statement"}
_ELEMENTS = {
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition",
}  # fmt: skip
# IAM checks the vendor alone: "iam: list users" is an action that matches nothing.
_ACTION = re.compile(r"[A-Za-z0-9*?._-]+:[^:]+")
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_ARN_FIELDS = 6
_SID = re.compile(r"[A-Za-z0-9]*")
_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"arn:[^:*?]+:iam::(\d{12}):root")
_PRINCIPAL_ARN = re.compile(
    r"arn:[^:*?]+:(iam|sts)::(?:\d{12}|cloudfront):(user|role|assumed-role|federated-user|saml-provider|oidc-provider)/[^*?]+"
)
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{15,127}")
_SERVICE = re.compile(r"[A-Za-z0-9._-]+\.amazon(aws)?\.com(\.cn)?|[A-Za-z0-9-]+\.aws\.internal")


def parse(
    document: str | bytes | Mapping[str, Any],
    kind: Kind = Kind.IDENTITY,
    *,
    name: str = "",
    source_type: SourceType = "none",
) -> Policy:
    """Compile a policy document.

    Args:
        document: JSON text, or the object it decodes to.
        kind: the kind of the policy; it decides which elements the policy may and must have.
        name: the policy's name in decisions; by default the kind's own words.
        source_type: IAM's PolicySourceType for simulations.

    Raises:
        PolicyError: the document cannot be read; the error has the fault and its place.
    """
    text, data = decode(document)
    reader = _Reader(text, kind)
    return reader.policy(data, name or str(kind), source_type)


def decode(document: object) -> tuple[str | None, object]:
    """The text of a document in text form, and its JSON. Raises PolicyError if it is no JSON."""
    if isinstance(document, bytes | bytearray):
        try:
            document = bytes(document).decode("utf-8")
        except UnicodeDecodeError as error:
            raise PolicyError(f"The policy is not in the valid JSON format: byte {error.start} is not UTF-8.") from None
    if not isinstance(document, str):
        return None, document
    try:
        return document, json.loads(document, object_pairs_hook=_unique, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise PolicyError(
            f"The policy is not in the valid JSON format: {error.msg}.", position=position_of(document, error.pos)
        ) from None
    except RecursionError:
        raise PolicyError("The policy is not in the valid JSON format: it is nested too deeply.") from None
    except _Duplicate as error:
        spot = Position(1, 1) if (at := _second(document, error.key)) is None else position_of(document, at)
        raise PolicyError(f"Duplicate JSON key {error.key!r}.", position=spot) from None
    except ValueError as error:
        raise PolicyError(f"The policy is not in the valid JSON format: {error}.") from None


class _Duplicate(Exception):
    def __init__(self, key: str) -> None:
        self.key = key


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise _Duplicate(key)
        out[key] = value
    return out


def _second(text: str, key: str) -> int | None:
    """Offset of the second occurrence of a key, which is close enough to show the repetition."""
    starts = [match.start() for match in re.finditer(re.escape(json.dumps(key)) + r"\s*:", text)]
    return starts[1] if len(starts) > 1 else None


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class _Reader:
    """Reader of one document. It keeps the text and the kind of policy for errors."""

    def __init__(self, text: str | None, kind: Kind) -> None:
        self.text = text
        self.kind = kind
        self.variables = False

    def fail(self, message: str, *steps: Step) -> NoReturn:
        position = None
        if self.text is not None:
            for length in range(len(steps), -1, -1):  # the nearest place that exists: a missing key has none
                span = span_of(self.text, steps[:length])
                if span is not None:
                    position = span.start
                    break
        raise PolicyError(message, path=path_text(steps), position=position)

    def policy(self, data: object, name: str, source_type: SourceType) -> Policy:
        if not isinstance(data, Mapping):
            self.fail(f"Syntax errors in policy: a JSON object is expected, found {_what(data)}.")
        self.strings(data)
        for key in data:
            if key not in _TOP:
                self.fail(
                    f"Syntax errors in policy: unknown element {key!r}; known are Version, Id and Statement.", key
                )
        version = data.get("Version", "2008-10-17")
        if version not in VERSIONS:
            self.fail("Policy document must be version 2012-10-17 or greater.", "Version")
        self.variables = version != "2008-10-17"
        if not isinstance(data.get("Id", ""), str):
            self.fail("Syntax errors in policy: Id must be a string.", "Id")
        if "Statement" not in data:
            self.fail("Syntax errors in policy: missing required element Statement.")
        raw = data["Statement"]
        single = isinstance(raw, Mapping)
        items: Sequence[object] = [raw] if single else raw if isinstance(raw, list | tuple) else []
        if not items:
            self.fail("Syntax errors in policy: Statement must be a statement or a list of them.", "Statement")
        statements = []
        sids: set[str] = set()
        for index, item in enumerate(items):
            steps: tuple[Step, ...] = ("Statement",) if single else ("Statement", index)
            statement = self.statement(item, index, steps)
            if statement.sid and statement.sid in sids and not self.kind.names_principals:
                self.fail("Statement IDs (SID) in a single policy must be unique.", *steps, "Sid")
            sids.add(statement.sid)
            statements.append(statement)
        return Policy(name, self.kind, str(version), tuple(statements), source_type, self.text, single)

    def strings(self, data: object, *steps: Step) -> None:
        """Refuse the control characters that compiled patterns use, and keys that are not text."""
        if len(steps) > 20:
            self.fail("Syntax errors in policy: it is nested too deeply.", *steps[:3])
        if isinstance(data, str):
            if ANY_RUN in data or ANY_ONE in data:
                self.fail("Syntax errors in policy: a control character occurs.", *steps)
        elif isinstance(data, int) and data.bit_length() > 1000:
            self.fail("Syntax errors in policy: a number is too large.", *steps)
        elif isinstance(data, Mapping):
            for key, value in data.items():
                if not isinstance(key, str) or ANY_RUN in key or ANY_ONE in key:
                    self.fail(f"Syntax errors in policy: {key!r} is not a valid element name.", *steps)
                self.strings(value, *steps, key)
        elif isinstance(data, list | tuple):
            for index, value in enumerate(data):
                self.strings(value, *steps, index)

    def statement(self, data: object, index: int, steps: tuple[Step, ...]) -> Statement:
        if not isinstance(data, Mapping):
            self.fail(f"Syntax errors in policy: a statement is expected, found {_what(data)}.", *steps)
        for key in data:
            if key not in _ELEMENTS:
                self.fail(f"Syntax errors in policy: unknown element {key!r}.", *steps, key)
        sid = data.get("Sid", "")
        if not isinstance(sid, str):
            self.fail("Syntax errors in policy: Sid must be a string.", *steps, "Sid")
        if self.kind in (Kind.IDENTITY, Kind.BOUNDARY) and not _SID.fullmatch(sid):
            self.fail("Statement IDs (SID) must be alpha-numeric.", *steps, "Sid")
        effect = data.get("Effect")
        if effect not in ("Allow", "Deny"):
            self.fail("Syntax errors in policy: Effect must be Allow or Deny.", *steps, "Effect")
        action, not_action = self.choice(data, "Action", "NotAction", steps)
        if action is None:
            self.fail("Policy statement must contain actions.", *steps)
        actions = self.actions(action, *steps, "NotAction" if not_action else "Action")
        resources, not_resource = self.resources(data, steps)
        principals, not_principal = self.principals(data, steps)
        return Statement(
            index=index,
            sid=sid,
            allow=effect == "Allow",
            actions=actions,
            action_matchers=tuple(glob(encode(item.lower())) for item in actions),
            not_action=not_action,
            resources=resources,
            not_resource=not_resource,
            principals=principals,
            not_principal=not_principal,
            conditions=self.conditions(data.get("Condition", {}), *steps, "Condition"),
        )

    def choice(self, data: Mapping[str, Any], plain: str, negated: str, steps: tuple[Step, ...]) -> tuple[object, bool]:
        if plain in data and negated in data:
            self.fail(f"Syntax errors in policy: a statement has {plain} or {negated}, not both.", *steps, negated)
        return (data[negated], True) if negated in data else (data.get(plain), False)

    def texts(self, value: object, *steps: Step) -> tuple[str, ...]:
        """A string or a list of strings, at least one."""
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list | tuple) or not value:
            self.fail(
                f"Syntax errors in policy: a string or a list of strings is expected, found {_what(value)}.", *steps
            )
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self.fail(f"Syntax errors in policy: a string is expected, found {_what(item)}.", *steps, index)
        return tuple(value)

    def actions(self, value: object, *steps: Step) -> tuple[str, ...]:
        names = self.texts(value, *steps)
        for item in names:
            if item != "*" and not _ACTION.fullmatch(item):
                self.fail(
                    f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {item!r} is not.",
                    *steps,
                )
        return names

    def resources(
        self, data: Mapping[str, Any], steps: tuple[Step, ...]
    ) -> tuple[tuple[ResourcePattern, ...] | None, bool]:
        value, negated = self.choice(data, "Resource", "NotResource", steps)
        if self.kind is Kind.TRUST:
            if value is not None:
                self.fail("Has prohibited field Resource.", *steps, "NotResource" if negated else "Resource")
            return None, False
        if value is None:
            if self.kind.names_resources:
                self.fail("Policy statement must contain resources.", *steps)
            return None, False
        where = (*steps, "NotResource" if negated else "Resource")
        patterns = []
        for item in self.texts(value, *where):
            if item != "*" and self.kind.names_resources and not item.startswith(("arn:", "*", "${")):
                self.fail(f'Resource {item} must be in ARN format or "*".', *where)
            compiled = self.template(self.completed(item), *where)
            coded = compiled.static
            patterns.append(ResourcePattern(compiled, None if coded is None else resource_glob(coded)))
        return tuple(patterns), negated

    def completed(self, written: str) -> str:
        """An ARN with fewer than six fields, in an identity policy, with a wildcard for each that is missing.

        "specifying arn:aws:sqs is equivalent to arn:aws:sqs:*:*:*":
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
        """
        if self.kind not in (Kind.IDENTITY, Kind.BOUNDARY) or not written.startswith("arn:"):
            return written
        fields = _REFERENCE.sub("", written).count(":") + 1
        return written + ":*" * (_ARN_FIELDS - fields)

    def template(self, text: str, *steps: Step) -> Template:
        try:
            return template(text, variables=self.variables)
        except ValueError as error:
            self.fail(str(error), *steps)

    def principals(self, data: Mapping[str, Any], steps: tuple[Step, ...]) -> tuple[Principals | None, bool]:
        value, negated = self.choice(data, "Principal", "NotPrincipal", steps)
        if not self.kind.names_principals:
            if value is not None:
                self.fail(
                    "Policy document should not specify a principal.",
                    *steps,
                    "NotPrincipal" if negated else "Principal",
                )
            return None, False
        if value is None:
            self.fail("Missing required field Principal.", *steps)
        where = (*steps, "NotPrincipal" if negated else "Principal")
        if value == "*":
            return Principals(True, frozenset(), frozenset(), frozenset(), frozenset()), negated
        if not isinstance(value, Mapping) or not value:
            self.fail(
                'Invalid principal in policy: "*" or an object such as {"Service": "ecs-tasks.amazonaws.com"} is expected.',
                *where,
            )
        everyone = False
        accounts: set[str] = set()
        arns: set[str] = set()
        services: set[str] = set()
        federated: set[str] = set()
        for sort, listed in value.items():
            # AWS accepts an empty list of principals beside other lists.
            for item in () if listed == [] else self.texts(listed, *where, sort):
                root = _ROOT.fullmatch(item)
                if sort == "AWS" and item == "*":
                    everyone = True
                elif sort == "AWS" and (root or _ACCOUNT.fullmatch(item)):
                    accounts.add(root.group(1) if root else item)
                elif (
                    sort == "AWS" and (_PRINCIPAL_ARN.fullmatch(item) or _UNIQUE_ID.fullmatch(item))
                ) or sort == "CanonicalUser":
                    arns.add(item)
                elif sort == "Service" and _SERVICE.fullmatch(item):
                    services.add(item)
                elif sort == "Federated":
                    federated.add(item)
                else:
                    self.fail(f'Invalid principal in policy: "{sort}":"{item}".', *where, sort)
        return (
            Principals(everyone, frozenset(accounts), frozenset(arns), frozenset(services), frozenset(federated)),
            negated,
        )

    def conditions(self, data: object, *steps: Step) -> tuple[Condition, ...]:
        if not isinstance(data, Mapping):
            self.fail(f"Syntax errors in policy: Condition must be an object, found {_what(data)}.", *steps)
        out = []
        for operator, block in data.items():
            if not isinstance(block, Mapping):
                self.fail(
                    f"Syntax errors in policy: {operator} must hold keys and values, found {_what(block)}.",
                    *steps,
                    operator,
                )
            for key, value in block.items():
                where = (*steps, operator, key)
                if not key.strip():
                    self.fail("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", *where)
                values = tuple(self.template(text, *where) for text in self.scalars(value, *where))
                try:
                    out.append(condition(operator, key, values))
                except (ValueError, OverflowError) as error:
                    self.fail(str(error), *where)
        return tuple(out)

    def scalars(self, value: object, *steps: Step) -> tuple[str, ...]:
        """Condition values: strings, numbers or booleans, one or several, as text."""
        items = list(value) if isinstance(value, list | tuple) else [value]
        out = []
        for item in items:
            if isinstance(item, bool):
                out.append("true" if item else "false")
            elif isinstance(item, str):
                out.append(item)
            elif isinstance(item, int | float) and math.isfinite(item):
                out.append(f"{item}")
            else:
                self.fail(
                    f"Syntax errors in policy: a condition value must be text, a number or a Boolean, found {_what(item)}.",
                    *steps,
                )
        return tuple(out)


def _what(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "an empty list" if not value else "a list"
    return f"{type(value).__name__} {str(value)[:60]!r}"
