"""Choices between things that fit: a person's answer decides, else the only one that there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pushproof.drill.badinput import BadInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choices:
    """A person's answers, each "" when there is none.

    `service` is a service's name or cluster/service; `repository` an ECR repository; `paths` what to request instead of the
    health check's path; `host` the Host header.
    """

    pipeline: str = ""
    service: str = ""
    image_repository: str = ""
    host: str = ""
    paths: tuple[str, ...] = ()


def _plural(noun: str) -> str:
    return noun[:-1] + "ies" if noun.endswith("y") else noun + "s"


def choose(
    what: str,
    candidates: Sequence[T],
    names: Callable[[T], Sequence[str]],
    answer: str,
    *,
    setting: str,
    missing: str,
) -> T:
    """Return the candidate that the answer names, or the only one.

    `names` lists what a candidate may be called, the fullest name first. `missing` is the message when there is no candidate.
    Raises BadInput that lists the candidates when the answer names none of them, or several fit.
    """
    if not candidates:
        raise BadInput(missing)
    fitting = [candidate for candidate in candidates if not answer or answer in names(candidate)]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(dict.fromkeys(names(candidate)[0] for candidate in (fitting or candidates)))
    if not fitting:
        raise BadInput(f"{setting} = {answer!r} is no {what} of this environment; there are: {listed}")
    example = names(fitting[0])[0]
    raise BadInput(
        f'several {_plural(what)} fit: {listed}. Choose one in pushproof.toml, under [drill]: {setting} = "{example}"'
    )
