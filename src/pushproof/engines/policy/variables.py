"""Policy variables: ``${aws:username}``, ``${aws:PrincipalTag/team, 'everyone'}``, ``${*}``, ``${?}``, ``${$}``.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pushproof.engines.policy.wildcards import encode, literal

Values = tuple[str, ...]
Context = Mapping[str, Values]
"""Request context: lower-case key to its values; a key that is absent from the request is absent here."""

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_NAMED = re.compile(r"\s*([A-Za-z0-9_.+=@-]+:[^\s,'{}][^,'{}]*?|[A-Za-z0-9_.-]+)\s*(?:,\s*'([^']*)'\s*)?")
_SPECIAL = {"*", "?", "$"}


@dataclass(frozen=True, slots=True)
class Variable:
    """A context key to be put in, and what to put when the request lacks it."""

    key: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A policy string split at its variables. Literal parts are coded (see :mod:`wildcards`)."""

    written: str
    parts: tuple[str | Variable, ...]

    @property
    def static(self) -> str | None:
        """The coded text if no variable occurs in it."""
        if not self.parts:
            return ""
        only = self.parts[0]
        return only if len(self.parts) == 1 and isinstance(only, str) else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The context keys this text needs, without those that have a default."""
        return tuple(part.key for part in self.parts if isinstance(part, Variable) and part.default is None)

    def resolve(self, context: Context) -> str | None:
        """The coded text for this request; None when a variable has no value (or several: it must have one)."""
        out = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            values = context.get(part.key.lower())
            if values is not None and len(values) == 1:
                out.append(literal(values[0]))
            elif values is None and part.default is not None:
                out.append(literal(part.default))
            else:
                return None
        return "".join(out)


def template(text: str, *, variables: bool) -> Template:
    """Split a policy string at its variables.

    ``variables`` is False for documents of version 2008-10-17, in which ``${...}`` is plain text.
    Raises ValueError, naming the reference, when a ``${`` opens nothing that can be read.
    """
    if not variables or "${" not in text:
        return Template(text, (encode(text),) if text else ())
    parts: list[str | Variable] = []
    plain: list[str] = []
    index = 0
    for match in _REFERENCE.finditer(text):
        plain.append(encode(_closed(text, text[index : match.start()])))
        index = match.end()
        name = match.group(1)
        if name.strip() in _SPECIAL:
            plain.append(name.strip())
            continue
        reference = _NAMED.fullmatch(name)
        if reference is None:
            raise ValueError(f"The policy variable {match.group(0)!r} is not valid.")
        parts += ["".join(plain)] if any(plain) else []
        plain = []
        parts.append(Variable(reference.group(1), reference.group(2)))
    plain.append(encode(_closed(text, text[index:])))
    parts += ["".join(plain)] if any(plain) else []
    return Template(text, tuple(parts))


def _closed(text: str, between: str) -> str:
    if "${" in between:
        raise ValueError(f"A policy variable is opened with '${{' and not closed in {text!r}.")
    return between
