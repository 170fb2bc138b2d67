"""Condition blocks: operators with ``...IfExists``, ``ForAllValues:``, ``ForAnyValue:`` and ``Null``.

How keys and values combine (all operators and keys by AND; the values of a key by OR, by NOR for a negated operator):
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
Set operators: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pushproof.engines.policy.operators import OPERATORS, Operator
from pushproof.engines.policy.variables import Context, Template, Values
from pushproof.engines.policy.wildcards import Matcher


class Quantifier(StrEnum):
    """The set operator in front of a condition operator."""

    NONE = ""
    ALL = "ForAllValues:"
    ANY = "ForAnyValue:"


class Condition(Protocol):
    """One operator on one context key."""

    @property
    def written(self) -> str:
        """The operator as the policy spells it."""

    @property
    def key(self) -> str:
        """The context key as the policy spells it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Context keys, lower case, that this condition reads."""

    def holds(self, context: Context) -> bool:
        """Return whether the condition is met by this request."""


@dataclass(frozen=True, slots=True)
class NullCondition:
    """``Null``: whether the key is absent ("true") or present ("false")."""

    written: str
    key: str
    absent: frozenset[bool]
    lowered: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.lowered,)

    def holds(self, context: Context) -> bool:
        return (self.lowered not in context) in self.absent


@dataclass(frozen=True, slots=True)
class Comparison:
    """Any operator that compares values.

    Without a set operator a key with several values matches if any of them does; AWS demands a set operator there.
    A value whose policy variable cannot be resolved makes the whole condition fail, unless the key is absent under
    IfExists: AWS says that such a statement "might be invalid", and an invalid statement does not apply.
    """

    written: str
    key: str
    lowered: str
    operator: Operator
    quantifier: Quantifier
    if_exists: bool
    values: tuple[Template, ...]
    static: tuple[Matcher, ...] | None = field(compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.lowered, *(key.lower() for value in self.values for key in value.keys))

    def holds(self, context: Context) -> bool:
        values = context.get(self.lowered)
        if values is None or not values:
            if self.if_exists:
                return True
            if self.quantifier is Quantifier.NONE:
                return self.operator.negated
            return self.quantifier is Quantifier.ALL
        if self.quantifier is Quantifier.ALL and values == ("",):
            return True  # "resolves to a null data set, such as an empty string"
        matchers = self.static
        if matchers is None:
            matchers = self._resolve(context)
            if matchers is None:
                return False
        return self._compare(values, matchers)

    def _compare(self, values: Values, matchers: tuple[Matcher, ...]) -> bool:
        negated = self.operator.negated
        if self.quantifier is Quantifier.NONE:
            return any(matches(value) for value in values for matches in matchers) is not negated
        results = (any(matches(value) for matches in matchers) is not negated for value in values)
        return all(results) if self.quantifier is Quantifier.ALL else any(results)

    def _resolve(self, context: Context) -> tuple[Matcher, ...] | None:
        matchers = []
        for value in self.values:
            coded = value.resolve(context)
            if coded is None:
                return None
            try:
                matchers.append(self.operator.compile(coded))
            except ValueError:
                return None  # the variable's value is not of the operator's type
        return tuple(matchers)


def condition(written: str, key: str, values: tuple[Template, ...]) -> Condition:
    """Compile one operator on one key.

    Raises ValueError for an unknown operator, or for a value that is not of its type.
    """
    name, quantifier, if_exists = written, Quantifier.NONE, False
    for candidate in (Quantifier.ALL, Quantifier.ANY):
        if name.lower().startswith(candidate.lower()):
            name, quantifier = name[len(candidate) :], candidate
    if name.lower() == "null":
        texts = {value.written.strip().lower() for value in values}
        if quantifier is Quantifier.NONE and texts <= {"true", "false"}:
            return NullCondition(written, key, frozenset(text == "true" for text in texts), key.lower())
        if texts <= {"true", "false"}:
            raise ValueError(f"Invalid Condition type : {written}. Null takes no set operator.")
        raise ValueError(f"Null takes 'true' or 'false', found {sorted(texts)}.")
    if name.lower().endswith("ifexists"):
        name, if_exists = name[: -len("ifexists")], True
    operator = OPERATORS.get(name.lower())
    if operator is None:
        raise ValueError(f"Invalid Condition type : {written}.")
    static: list[Matcher] | None = []
    for value in values:
        text = value.static
        if text is None:
            static = None
        else:
            matcher = operator.compile(text)
            if static is not None:
                static.append(matcher)
    return Comparison(
        written, key, key.lower(), operator, quantifier, if_exists, values, None if static is None else tuple(static)
    )
