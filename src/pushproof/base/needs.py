"""Things that a root module expects its account, or its user's machine, to have before the first apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NeededProfile:
    """A named profile of AWS's configuration files. `place`: file and line."""

    name: str
    place: str


@dataclass(frozen=True, slots=True)
class NeededRole:
    """A role that a provider or a backend assumes."""

    arn: str
    place: str


@dataclass(frozen=True, slots=True)
class NeededBucket:
    """The bucket of an S3 backend, and the DynamoDB table that it locks in. `region` is empty where it is the target's own."""

    name: str
    place: str
    region: str = ""
    lock_table: str = ""


@dataclass(frozen=True, slots=True)
class NeededState:
    """The state of another root module, read by `data "terraform_remote_state"`.

    `writer`: the root module of the same repository that writes it, where one is known; `outputs`: what the caller says is in it.
    """

    name: str
    bucket: str
    key: str
    place: str
    region: str = ""
    writer: str = ""
    outputs: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class NeededThing:
    """A resource that a data source reads and the configuration does not make, such as a parameter with a password.

    `kind`: the data source's type. `value`: a parameter's or a secret's content; empty for a throw-away one.
    """

    kind: str
    name: str
    place: str
    region: str = ""
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountRule:
    """The accounts that a provider is allowed to work in, or is kept out of."""

    accounts: tuple[str, ...]
    place: str
    allowed: bool = True


@dataclass(frozen=True, slots=True)
class Needs:
    """The needs of a root module. `foreign_files`: AWS files that it names itself, with the place."""

    profiles: tuple[NeededProfile, ...] = ()
    roles: tuple[NeededRole, ...] = ()
    buckets: tuple[NeededBucket, ...] = ()
    states: tuple[NeededState, ...] = ()
    accounts: tuple[AccountRule, ...] = ()
    foreign_files: tuple[tuple[str, str], ...] = ()
    things: tuple[NeededThing, ...] = ()


@dataclass(frozen=True, slots=True)
class Provision:
    """Things that a target made: variables for the environment of Terraform, and a sentence for each."""

    environment: dict[str, str] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
