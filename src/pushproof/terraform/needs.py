"""Reads from a root module what it needs of its account before the first apply, and of its user's AWS configuration.

Sources: https://registry.terraform.io/providers/hashicorp/aws/latest/docs (provider configuration),
https://developer.hashicorp.com/terraform/language/backend/s3 , .../language/state/remote-state-data
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pushproof.base.needs import (
    AccountRule,
    NeededBucket,
    NeededProfile,
    NeededRole,
    NeededState,
    NeededThing,
    Needs,
)
from pushproof.terraform.configuration import local_modules
from pushproof.terraform.hcl import Block, read_directory
from pushproof.terraform.values import Values
from pushproof.terraform.working_copy import repository_of

# Folders of a repository that are looked through for the root module that writes a state.
_MOST_FOLDERS = 2_000
#: Data sources whose things a world can make, and the argument that names the thing; the resource's own is the second one.
_THINGS = {
    "aws_ssm_parameter": ("name", "name"),
    "aws_secretsmanager_secret": ("name", "name"),
    "aws_secretsmanager_secret_version": ("secret_id", "secret_id"),
    "aws_codecommit_repository": ("repository_name", "repository_name"),
    "aws_ecr_repository": ("name", "name"),
    "aws_codestarconnections_connection": ("name", "name"),
    "aws_codeconnections_connection": ("name", "name"),
}
# A version's secret is the thing to make.
_MADE_AS = {"aws_secretsmanager_secret_version": "aws_secretsmanager_secret"}
# Parameters that AWS keeps for everybody.
_PUBLIC = "/aws/"


def read_needs(
    source: Path,
    *,
    variables: Mapping[str, object],
    backend: Mapping[str, object] | None = None,
    remote_states: Mapping[str, Mapping[str, object]] | None = None,
    values: Mapping[str, str] | None = None,
    show: Callable[[Path], str] = str,
) -> Needs:
    """Return the needs of a root module, as far as they can be told without running Terraform.

    `backend`: settings that complete the backend block at `init`. `remote_states`: the outputs of states that other roots write,
    by the name of the data source. `values`: contents of parameters and secrets by name. `show`: how a place's file is written.
    """
    reader = _Reader(source, variables, backend or {}, remote_states or {}, values or {}, show)
    for module in sorted(local_modules(source), key=lambda path: path != source.resolve()):
        reader.read(module, of_root=module == source.resolve())
    return reader.needs()


def provider_region(source: Path, variables: Mapping[str, object]) -> str:
    """Return the region of a root module's default AWS provider, as far as it can be told; "" where it cannot."""
    blocks = read_directory(source)
    values = Values(source, variables, blocks)
    for block in blocks:
        if block.kind == "provider" and block.labels == ("aws",) and "alias" not in block.attributes:
            region = block.attributes.get("region")
            return values.text(region.text) or "" if region is not None else ""
    return ""


def backend_kind(source: Path) -> str | None:
    """Return the kind of a root module's backend (`cloud` for Terraform Cloud's block); None when it has none."""
    for block in read_directory(source):
        for inner in block.blocks if block.kind == "terraform" else ():
            if inner.kind == "backend" and inner.labels:
                return inner.labels[0]
            if inner.kind == "cloud":
                return "cloud"
    return None


class _Reader:
    def __init__(
        self,
        source: Path,
        variables: Mapping[str, object],
        backend: Mapping[str, object],
        remote_states: Mapping[str, Mapping[str, object]],
        contents: Mapping[str, str],
        show: Callable[[Path], str],
    ) -> None:
        self._source, self._variables, self._backend = source.resolve(), variables, backend
        self._remote_states, self._contents, self._show = remote_states, contents, show
        self._values = Values(source, variables)
        self._profiles: dict[str, NeededProfile] = {}
        self._roles: dict[str, NeededRole] = {}
        self._buckets: list[NeededBucket] = []
        self._states: list[NeededState] = []
        self._accounts: list[AccountRule] = []
        self._files: list[tuple[str, str]] = []
        self._things: dict[tuple[str, str], NeededThing] = {}
        self._made: set[tuple[str, str]] = set()
        self._regions: dict[str, str] = {}

    def needs(self) -> Needs:
        return Needs(
            profiles=tuple(self._profiles.values()),
            roles=tuple(self._roles.values()),
            buckets=tuple(self._buckets),
            states=tuple(self._states),
            accounts=tuple(self._accounts),
            foreign_files=tuple(self._files),
            things=tuple(thing for key, thing in self._things.items() if key not in self._made),
        )

    def read(self, module: Path, *, of_root: bool) -> None:
        blocks = read_directory(module)
        self._values = Values(module, self._variables if of_root else {}, blocks)
        for block in blocks:
            if block.kind == "provider" and block.labels == ("aws",):
                self._regions[block.literal("alias") or ""] = self._text(block, "region") or ""
        for block in blocks:
            if block.kind == "provider" and block.labels == ("aws",):
                self._read_provider(block)
            elif block.kind in ("data", "resource") and block.labels[:1] and block.labels[0] in _THINGS:
                self._read_thing(block)
            elif block.kind == "data" and block.labels[:1] == ("terraform_remote_state",):
                self._read_state(block)
            elif block.kind == "terraform" and of_root:
                for inner in block.blocks:
                    if inner.kind == "backend" and inner.labels == ("s3",):
                        self._read_backend(inner)

    def _read_provider(self, block: Block) -> None:
        self._note_profile(self._text(block, "profile"), self._place(block, "profile"))
        for inner in block.blocks:
            if inner.kind == "assume_role":
                self._note_role(self._text(inner, "role_arn"), self._place(inner, "role_arn"))
        for name, allowed in (("allowed_account_ids", True), ("forbidden_account_ids", False)):
            if name in block.attributes and (accounts := self._values.texts(block.attributes[name].text)):
                self._accounts.append(AccountRule(tuple(accounts), self._place(block, name), allowed))
        for name in ("shared_credentials_files", "shared_config_files"):
            if name in block.attributes:
                self._files.append((name, self._place(block, name)))

    def _read_backend(self, block: Block) -> None:
        settings = {name: self._text(block, name) for name in block.attributes}
        settings |= {name: str(value) for name, value in self._backend.items()}
        assumed = block.attributes.get("assume_role")
        self._note_profile(settings.get("profile"), self._place(block, "profile"))
        self._note_role(
            settings.get("role_arn") or self._values.members(assumed.text if assumed else None).get("role_arn"),
            self._place(block, "role_arn"),
        )
        if bucket := settings.get("bucket"):
            self._buckets.append(
                NeededBucket(
                    bucket,
                    self._place(block, "bucket"),
                    region=settings.get("region") or "",
                    lock_table=settings.get("dynamodb_table") or "",
                )
            )

    def _read_thing(self, block: Block) -> None:
        kind = block.labels[0]
        argument, own = _THINGS[kind]
        argument = argument if block.kind == "data" else own
        name = self._text(block, argument)
        if not name or name.startswith((_PUBLIC, "arn:")):
            return
        made = _MADE_AS.get(kind, kind)
        if block.kind == "resource":
            self._made.add((made, name))
            return
        provider = block.attributes.get("provider")
        alias = provider.text.partition(".")[2] if provider is not None else ""
        self._things.setdefault(
            (made, name),
            NeededThing(
                made,
                name,
                self._place(block, argument),
                region=self._regions.get(alias, ""),
                value=self._contents.get(name, ""),
            ),
        )

    def _read_state(self, block: Block) -> None:
        name = block.labels[1]
        attribute = block.attributes.get("config")
        config = self._values.members(attribute.text if attribute is not None else None)
        place = self._place(block, "config")
        outputs = self._remote_states.get(name)
        if self._text(block, "backend") != "s3":
            return
        self._note_profile(config.get("profile"), place)
        self._note_role(config.get("role_arn"), place)
        bucket, key = config.get("bucket"), config.get("key")
        # A workspace's state has another key, and a key with `each.key` in it is many.
        if bucket and key and "workspace" not in block.attributes:
            writer = "" if outputs is not None else self._writer(bucket, key)
            self._states.append(
                NeededState(name, bucket, key, place, region=config.get("region") or "", writer=writer, outputs=outputs)
            )

    def _writer(self, bucket: str, key: str) -> str:
        """Return the root module of the repository whose backend is this bucket and key."""
        for directory in _roots(repository_of(self._source) or self._source.parent):
            if directory == self._source:
                continue
            blocks = read_directory(directory)
            values = Values(directory, {}, blocks)
            for block in blocks:
                for inner in block.blocks if block.kind == "terraform" else ():
                    texts = {name: values.text(attribute.text) for name, attribute in inner.attributes.items()}
                    if inner.kind == "backend" and (texts.get("bucket"), texts.get("key")) == (bucket, key):
                        return self._show(directory)
        return ""

    def _text(self, block: Block, name: str) -> str | None:
        attribute = block.attributes.get(name)
        return self._values.text(attribute.text) if attribute is not None else None

    def _place(self, block: Block, name: str) -> str:
        line = block.attributes[name].line if name in block.attributes else block.line
        return f"{self._show(block.file)}:{line}" if line else self._show(block.file)

    def _note_profile(self, name: str | None, place: str) -> None:
        if name:
            self._profiles.setdefault(name, NeededProfile(name, place))

    def _note_role(self, arn: str | None, place: str) -> None:
        if arn:
            self._roles.setdefault(arn, NeededRole(arn, place))


def _roots(repository: Path) -> Iterator[Path]:
    """Every folder with Terraform files that mention a backend."""
    for folders, directory in enumerate(_folders(repository)):
        if folders > _MOST_FOLDERS:
            return
        files = (*directory.glob("*.tf"), *directory.glob("*.tf.json"))
        if any("backend" in file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()):
            yield directory


def _folders(directory: Path) -> Iterator[Path]:
    yield directory
    try:
        children = sorted(directory.iterdir())
    except OSError:
        return
    for child in children:
        if (
            child.is_dir()
            and not child.is_symlink()
            and not child.name.startswith(".")
            and child.name != "node_modules"
        ):
            yield from _folders(child)
