"""Survey of a repository: root modules, the resources that each makes, the variables that each needs, and Dockerfiles."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pushproof.aws.types import canonical_type
from pushproof.terraform.configuration import local_modules, local_source
from pushproof.terraform.hcl import Block, read_directory, read_settings

_LEFT_OUT = {".git", ".terraform", "node_modules", ".venv", "venv", "vendor", "__pycache__", ".tox", "dist", "build"}


@dataclass(frozen=True, slots=True)
class Root:
    """A root module.

    `path` is relative to the repository. `kinds`: resource types that it and its local modules make. `remote`: sources of modules
    that are not in the repository. `needed`: variables without a default that no *.tfvars file sets. `backend`: its type, or "".
    """

    path: str
    kinds: frozenset[str]
    remote: tuple[str, ...]
    needed: tuple[str, ...]
    backend: str

    @property
    def delivers(self) -> bool:
        """True when a pipeline and a service are among its resources."""
        return {"aws_codepipeline", "aws_ecs_service"} <= self.kinds


@dataclass(frozen=True, slots=True)
class Survey:
    """A repository as it was found. `unreadable`: Terraform files that hold no block; Terraform says what is wrong with them."""

    directory: Path
    roots: tuple[Root, ...]
    dockerfiles: tuple[str, ...]
    workflows: bool
    unreadable: tuple[str, ...] = ()

    def choose(self, environment: str = "") -> Root | None:
        """Return the root module of that path, or the best one: one that delivers, then one called dev, then the shortest path."""
        if environment:
            wanted = os.path.normpath(environment)
            return next((root for root in self.roots if os.path.normpath(root.path) == wanted), None)
        return min(
            self.roots,
            key=lambda root: (not root.delivers, "dev" not in Path(root.path).parts, len(root.path), root.path),
            default=None,
        )


def survey(directory: Path) -> Survey:
    """Survey a repository. Reads files alone, and changes nothing."""
    here = directory.resolve()
    folders = [folder for folder in _folders(here) if any([*folder.glob("*.tf"), *folder.glob("*.tf.json")])]
    blocks = {folder: read_directory(folder) for folder in folders}
    used = {source for each in blocks.values() for block in each if (source := local_source(block)) is not None}
    unreadable = [
        str(path.relative_to(here))
        for folder in folders
        for path in sorted(folder.glob("*.tf"))
        if path.read_text(encoding="utf-8", errors="replace").strip() and not _blocks_of(blocks[folder], path)
        and not _only_comments(path)
    ]  # fmt: skip
    roots = [_root(here, folder, blocks[folder]) for folder in folders if folder not in used and blocks[folder]]
    return Survey(
        directory=here,
        roots=tuple(root for root in roots if root.kinds or root.remote),
        dockerfiles=tuple(
            str(path.relative_to(here))
            for folder in _folders(here)
            for path in sorted(folder.glob("*Dockerfile*"))
            if path.is_file()
        ),
        workflows=(here / ".github/workflows").is_dir(),
        unreadable=tuple(unreadable),
    )


def _folders(directory: Path) -> Iterator[Path]:
    for folder, names, _ in os.walk(directory):
        names[:] = sorted(name for name in names if name not in _LEFT_OUT)
        yield Path(folder)


def _blocks_of(blocks: Sequence[Block], path: Path) -> list[Block]:
    return [block for block in blocks if block.file == path]


def _only_comments(path: Path) -> bool:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return all(not line.strip() or line.strip().startswith(("#", "//", "/*", "*")) for line in lines)


def _root(here: Path, folder: Path, own: Sequence[Block]) -> Root:
    every = [block for module in local_modules(folder) for block in read_directory(module)]
    declared = {block.labels[0]: block for block in own if block.kind == "variable" and block.labels}
    files = [*folder.glob("terraform.tfvars"), *folder.glob("*.auto.tfvars")]
    given = {name for path in files for name in read_settings(path)}
    backends = [i for b in own if b.kind == "terraform" for i in b.blocks if i.kind == "backend" and i.labels]
    sources = [b.literal("source") or "" for b in every if b.kind == "module" and local_source(b) is None]
    return Root(
        path=str(folder.relative_to(here)),
        kinds=frozenset(
            canonical_type(block.labels[0]) for block in every if block.kind == "resource" and block.labels
        ),
        remote=tuple(dict.fromkeys(source for source in sources if source)),
        needed=tuple(name for name, b in declared.items() if "default" not in b.attributes and name not in given),
        backend=backends[0].labels[0] if backends else "",
    )
