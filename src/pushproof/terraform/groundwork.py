"""Prepares a root module's first `init`: its state's place, its providers' aliases, and what it needs of the account."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pushproof.base.needs import Needs
from pushproof.base.target import Target
from pushproof.terraform.driver import Backend
from pushproof.terraform.hcl import read_directory
from pushproof.terraform.needs import backend_kind, read_needs
from pushproof.terraform.working_copy import ALIASES_FILE, LOCAL_BACKEND_FILE, WorkingCopy

_KEYS = "pushproof_keys_override.tf"
_ALIAS_LIST = re.compile(r"configuration_aliases\s*[=:]\s*\[([^\]]*)\]")
_ALIAS = re.compile(r"\baws\.(\w+)")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Groundwork:
    """The preparation of a root module's first `init` on a target.

    `secrets`: contents of parameters and secrets that data sources read, by name. `say` hears a sentence for each thing that is
    made or decided; `show` writes the file of a place.
    """

    target: Target
    copy: WorkingCopy
    name: str
    variables: Mapping[str, object]
    remote_states: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = _silent
    show: Callable[[Path], str] = str

    def lay(self, backend: Backend, environment: dict[str, str]) -> dict[str, object] | None:
        """Make what is needed, and add to the environment of Terraform; returns the settings to init the backend with.

        Raises NotProvided for what the target cannot give.
        """
        settings = self._backend(backend)
        self._alias_providers()
        self._replace_keys()
        needs = read_needs(
            self.copy.source,
            variables=self.variables,
            backend=settings,
            remote_states=self.remote_states,
            values=self.secrets,
            show=self.show,
        )
        if LOCAL_BACKEND_FILE in {path.name for path in self.copy.directory.glob("*.tf")}:
            needs = replace(needs, buckets=())
        if needs != Needs():
            provision = self.target.provide(needs)
            environment.update(provision.environment)
            for sentence in provision.sentences:
                self.say(sentence)
        return settings

    def _backend(self, backend: Backend) -> dict[str, object] | None:
        kind = backend_kind(self.copy.source)
        if isinstance(backend, str):
            if backend != "local":
                raise ValueError(f'backend={backend!r}: expected "local", or a dict of the backend\'s settings')
            self._keep_state_here()
            return None
        if kind is None or not self.target.disposable:
            return None if backend is None else dict(backend)
        if kind not in ("s3", "local"):
            # An account that is thrown away must not write over a state that is not.
            self._keep_state_here()
            self.say(f"{self.show(self.copy.source)}: the state stays in this world, and backend {kind} is left out")
            return None
        return self._completed(dict(backend or {})) if kind == "s3" else (dict(backend) if backend else None)

    def _completed(self, settings: dict[str, object]) -> dict[str, object] | None:
        """Complete a partial configuration of the S3 backend; what the caller or the block says stays."""
        written = {
            name
            for block in read_directory(self.copy.source)
            for inner in (block.blocks if block.kind == "terraform" else ())
            for name in (inner.attributes if inner.kind == "backend" else ())
        }
        defaults = {
            "bucket": f"pushproof-state-{self.target.account_id}",
            "key": f"{self.name}/terraform.tfstate",
            "region": self.target.region,
        }
        missing = {name: value for name, value in defaults.items() if name not in written and name not in settings}
        if {"bucket", "key"} & missing.keys():
            self.say(
                f"{self.show(self.copy.source)}: the backend says no {' and no '.join(missing)}; "
                f"the state is s3://{settings.get('bucket', missing.get('bucket', '…'))}/"
                f"{settings.get('key', missing.get('key', '…'))} of this world"
            )
        return {**missing, **settings} or None

    def _keep_state_here(self) -> None:
        """Override the backend by the local one.

        Source: https://developer.hashicorp.com/terraform/language/files/override
        """
        (self.copy.directory / LOCAL_BACKEND_FILE).write_text('terraform {\n  backend "local" {}\n}\n')

    def _alias_providers(self) -> None:
        """Configure the provider aliases that a module expects from its caller, where it is a root itself."""
        blocks = read_directory(self.copy.directory)
        configured = {
            block.literal("alias") for block in blocks if block.kind == "provider" and block.labels == ("aws",)
        }
        aliases = [name for name in _expected_aliases(self.copy.directory) if name not in configured]
        if not aliases:
            return
        texts = []
        for alias in aliases:
            region = self._region_of(alias)
            texts.append(f'provider "aws" {{\n  alias  = "{alias}"\n  region = "{region}"\n}}\n')
            self.say(
                f"{self.show(self.copy.source)}: provider aws.{alias}, which the module's caller gives, is {region}"
            )
        (self.copy.directory / ALIASES_FILE).write_text("".join(texts))

    def _replace_keys(self) -> None:
        """Override the keys that a provider block holds itself by this world's, which are the only ones that it knows.

        Source: https://developer.hashicorp.com/terraform/language/files/override
        """
        keys: tuple[str, str] | None = getattr(self.target, "keys", None)
        if not self.target.disposable or keys is None:
            return
        texts = []
        for block in read_directory(self.copy.source):
            if block.kind != "provider" or block.labels != ("aws",) or "access_key" not in block.attributes:
                continue
            alias = block.literal("alias")
            lines = [f'  alias = "{alias}"'] if alias else []
            lines += [f'  access_key = "{keys[0]}"', f'  secret_key = "{keys[1]}"', "  token = null"]
            texts.append('provider "aws" {\n' + "\n".join(lines) + "\n}\n")
            line = block.attributes["access_key"].line
            self.say(f"{self.show(block.file)}:{line}: the provider has this world's keys in place of its own")
        if texts:
            path = self.copy.directory / _KEYS
            path.touch(mode=0o600)
            path.write_text("".join(texts))

    def _region_of(self, alias: str) -> str:
        """Return the region that an alias names, such as `us_east_1`; the target's own for any other name."""
        name = alias.replace("_", "-")
        return name if _REGION.fullmatch(name) else self.target.region


def _expected_aliases(directory: Path) -> Iterator[str]:
    for block in read_directory(directory):
        for inner in block.blocks if block.kind == "terraform" else ():
            if inner.kind == "required_providers":
                for attribute in inner.attributes.values():
                    for match in _ALIAS_LIST.finditer(attribute.text):
                        yield from dict.fromkeys(_ALIAS.findall(match[1]))
