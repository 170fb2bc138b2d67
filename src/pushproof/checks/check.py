"""The one way of writing a check.

    class ServiceChecks(Checks):
        family = "service"

        @check
        def rolls_back_by_itself(self) -> Iterator[Finding]:
            \"\"\"The deployment circuit breaker is on, and rolls back.\"\"\"
            if ...:
                yield Finding(resource=..., expected=..., found=..., why=..., change=..., page=...)

The method yields one finding for each fault; the caller gets a `Verdict`. The decorator names the check, adds the Terraform address
of each resource, drops repeated findings, and turns `NothingToLookAt` into a finding.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, NoReturn, ParamSpec, TypeVar

from botocore.exceptions import ClientError

from pushproof.aws.clients import Clients as Clients
from pushproof.base.origin import Addresses
from pushproof.checks.finding import Finding
from pushproof.checks.verdict import Verdict

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound="Checks")


class NothingToLookAt(Exception):
    """Signal that a check has nothing to judge. The verdict reports it, because a check of nothing proves nothing."""

    def __init__(
        self, expected: str, *, found: str = "there is none", resource: str = "", change: str = "", page: str = ""
    ) -> None:
        super().__init__(f"{expected}: {found}")
        self.expected, self.found, self.resource, self.change, self.page = expected, found, resource, change, page


class UnknownName(LookupError):
    """A check was asked about a resource that does not exist. The text names it, and those of the module that are near."""

    #: Reports show the text, and no code that raised it.
    says_all = True


class UnknownCheck(AttributeError):
    """A check of that name does not exist. The text has the names that are near."""

    says_all = True


class Checks:
    """Checks of one kind. `aws` gives boto3 clients by service name; `addresses` finds Terraform addresses of AWS resources."""

    family: ClassVar[str]

    def __init__(self, aws: Clients, *, addresses: Addresses | None = None) -> None:
        self.aws = aws
        self.addresses = addresses

    def _subject(self) -> str:
        """The resource of a finding when there is nothing to judge."""
        return self.family

    def _some(self, items: Iterable[T], expected: str, **more: str) -> list[T]:
        """The items. Raises NothingToLookAt if there are none."""
        there = list(items)
        if not there:
            self._nothing(expected, **more)
        return there

    def _nothing(self, expected: str, **more: str) -> NoReturn:
        raise NothingToLookAt(expected, **more)

    def __repr__(self) -> str:
        return f"<{self.family} checks>"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if hasattr(type(self), name):
                # A property of that name failed with an AttributeError of its own, which is the one to see.
                return object.__getattribute__(self, name)
            names = [candidate for candidate in dir(type(self)) if not candidate.startswith("_")]
            close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            meant = f"; did you mean {' or '.join(close)}?" if close else f"; it has {', '.join(names)}"
            raise UnknownCheck(f"{type(self).__name__} has no check {name!r}{meant}", name=name, obj=self)


def check(look: Callable[Concatenate[S, P], Iterable[Finding]]) -> Callable[Concatenate[S, P], Verdict]:
    """Turn a method that yields findings into a check."""

    @functools.wraps(look)
    def judge(self: S, /, *args: P.args, **kwargs: P.kwargs) -> Verdict:
        name = f"{self.family}.{look.__name__}"
        findings = _complete(self, name, look(self, *args, **kwargs))
        return Verdict(name, tuple(dict.fromkeys(findings)))

    signature = inspect.signature(look)
    judge.__signature__ = signature.replace(return_annotation=Verdict)  # type: ignore[attr-defined]
    return judge


# Error codes by which AWS says that there is nothing of a name.
_MISSING = re.compile(r"NoSuch|NotFound|DoesNotExist|^404$")
_WORD = re.compile(r"[\w./:-]*\w")


def _complete(checks: Checks, name: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    __tracebackhide__ = True
    try:
        for finding in findings:
            origin = finding.origin or (checks.addresses.of(finding.resource) if checks.addresses else None)
            yield replace(finding, check=finding.check or name, origin=origin)
    except NothingToLookAt as nothing:
        resource = nothing.resource or checks._subject()
        yield Finding(
            check=name,
            resource=resource,
            expected=nothing.expected,
            found=nothing.found,
            why="A check with nothing to look at proves nothing.",
            change=nothing.change
            or "Look at what is missing: a name, the account, the region. Where there is none by design, ask something else.",
            page=nothing.page,
            origin=checks.addresses.of(resource) if checks.addresses else None,
        )
    except ClientError as error:
        if not _MISSING.search(error.response["Error"]["Code"]):
            raise
        raise UnknownName(f"{name}: {error}{_near(checks, str(error))}") from None
    except LookupError as error:
        # A KeyError or an IndexError is a fault of the check's own.
        if type(error) is not LookupError:
            raise
        raise UnknownName(f"{error}{_near(checks, str(error))}") from None


def _near(checks: Checks, text: str) -> str:
    """Return a suggestion from the names of the module's own resources for a name in a message; empty without one."""
    names = sorted(checks.addresses.names()) if checks.addresses is not None else []
    words = [word for word in dict.fromkeys(_WORD.findall(text)) if len(word) > 2]
    near = dict.fromkeys(
        name for word in words for name in difflib.get_close_matches(word, names, 2, 0.75) if name not in words
    )
    return f"; did you mean {' or '.join([*near][:3])}?" if near else ""
