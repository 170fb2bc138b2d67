"""A copy of a configuration to run in, so that nothing is ever written into the source tree.

A root module reads more than modules: templates, policies, scripts and generated files anywhere in its repository, often by
paths that only Terraform can evaluate. So the whole repository is copied. Of one that is too large, the directories that the
configuration names are copied, and the rest is linked. So it is for an apply of which somebody knows what it reads.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path

from pushproof.terraform.configuration import local_modules, named_paths
from pushproof.terraform.errors import NoConfiguration

#: Directories of tools, which no copy and no key of a kept world includes.
CACHES = frozenset(
    {
        ".git",
        ".terraform",
        ".terragrunt-cache",
        "__pycache__",
        ".tox",
        ".nox",
        ".hypothesis",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
    }
)
_LEFT_OUT = re.compile("|".join(map(fnmatch.translate, (*sorted(CACHES), "*.tfstate", "*.tfstate.*", "*.tfplan"))))
# Packages of other languages: large, and never written by Terraform.
_LINKED = ("node_modules", ".venv", "venv")
#: Files that runs write beside a configuration: variables, overrides, Terraform's lock file and state. Terraform reads
#: `*.auto.tfvars.json` in the order of their names, and the last value wins.
VARIABLES_FILE = "zz-pushproof.auto.tfvars.json"
LOCAL_BACKEND_FILE = "pushproof_override.tf"
ALIASES_FILE = "pushproof_providers.tf"
LOCK_FILE = ".terraform.lock.hcl"
STATE_FILE = "terraform.tfstate"
#: A repository of more files, or more bytes, is copied in part.
MOST_FILES = 5_000
MOST_BYTES = 256 * 2**20
#: A larger file is linked.
LARGEST_FILE = 32 * 2**20


class WorkingCopy:
    """A configuration as it stands in the tree (`source`), and the copy to run in.

    The files are copied when somebody asks for `directory` or `root`: a run that never starts Terraform does without them.
    """

    def __init__(
        self, source: Path, directory: Path, root: Path, fill: Callable[[Set[Path] | None], None] | None = None
    ) -> None:
        """Set up. `directory`: of the copied root module, below the copy's `root`.

        `fill` copies all files, or modules and the files that it gets, and links the rest; None: they are there.
        """
        self.source = source
        # : `directory`, as it is so far.
        self.here = directory
        self._root = root
        self._fill = fill
        self._read: Set[Path] | None = None

    @property
    def is_complete(self) -> bool:
        """Return whether the files have been copied."""
        return self._fill is None

    @property
    def directory(self) -> Path:
        """The directory of the copied root module, with everything in place."""
        self._complete()
        return self.here

    @property
    def root(self) -> Path:
        """The directory that holds the whole copy, with everything in place."""
        self._complete()
        return self._root

    def narrow(self, read: Set[Path]) -> None:
        """Copy modules and the files that an apply reads, and link the rest: a tenth of the time where a repository is large.

        `read`: those files, in the tree. Only for configurations that write no files but Terraform's own.
        """
        self._read = read

    def _complete(self) -> None:
        fill, self._fill = self._fill, None
        if fill is not None:
            fill(self._read)

    @property
    def base(self) -> Path:
        """The directory that `root` is a copy of."""
        depth = len(self.here.relative_to(self._root).parts)
        return self.source.parents[depth - 1] if depth else self.source

    def original(self, path: Path) -> Path:
        """Return the path in the tree of a path in the copy; relative paths count from the copied root module.

        Paths elsewhere, and those of files that only the copy has, such as downloaded modules, are returned as they are.
        """
        absolute = Path(os.path.normpath(self.here / path))
        if not absolute.is_relative_to(self._root):
            return absolute
        inside = self.base / absolute.relative_to(self._root)
        return inside if inside.exists() or ".terraform" not in absolute.parts else absolute


def require_configuration(directory: Path) -> Path:
    """Return the directory, absolute. Raises NoConfiguration when it is missing or has no Terraform files."""
    path = directory.resolve()
    if not path.is_dir():
        raise NoConfiguration(f"{directory} is not a directory; expected one with Terraform files (*.tf)")
    if not any(path.glob("*.tf")) and not any(path.glob("*.tf.json")):
        raise NoConfiguration(
            f"{directory} holds no Terraform files (*.tf); name the directory of a root module or module"
        )
    return path


def repository_of(directory: Path) -> Path | None:
    """Return the root of the git repository that a directory is in; None when it is in none."""
    return next((parent for parent in (directory, *directory.parents) if (parent / ".git").exists()), None)


def copy_configuration(source: Path, target: Path) -> WorkingCopy:
    """Return a copy of a configuration, with everything that it may read, below `target`; places relative to each other stay.

    Raises NoConfiguration when `source` is missing or has no Terraform files.
    """
    absolute = require_configuration(source)
    modules = local_modules(absolute)
    repository = repository_of(absolute)
    named = named_paths(modules, absolute)
    # A path to above the repository leads out of what belongs together.
    needed = modules | {path for path in named if repository is None or not repository.is_relative_to(path)}
    start = [str(repository)] if repository is not None else []
    root = Path(os.path.commonpath([*start, *(str(path if path.is_dir() else path.parent) for path in needed)]))
    whole = root == repository and _is_small(root)
    # A directory around the modules is copied where they need it, not as a whole.
    inside = {path for path in needed if path in modules or not any(m.is_relative_to(path) for m in modules)}
    copier, directory = _Copier(root, target.resolve(), inside), target / absolute.relative_to(root)
    # A directory with something in it is taken.
    (directory / ".terraform").mkdir(parents=True, exist_ok=True)

    def fill(read: Set[Path] | None) -> None:
        if read is None:
            copier.copy_directory(root, target, whole=whole)
        else:
            replace(copier, needed=inside | read).copy_directory(root, target, whole=False)
        _copy_installed_modules(absolute, directory)

    return WorkingCopy(absolute, directory, target, fill)


def copy_repository(root: Path, target: Path) -> None:
    """Copy a repository whole, apart from what runs and tools leave in it; packages of other languages are linked."""
    _Copier(root, target.resolve(), {root}).copy_directory(root, target, whole=True)


def _copy_installed_modules(source: Path, directory: Path) -> None:
    """Copy the modules that an `init` has installed, which spares the next one their download, or the need of a network.

    Source: https://developer.hashicorp.com/terraform/cli/commands/init#child-module-installation ("re-running init with modules
    already installed will install the sources for any modules that were added", and changes none that is there)
    """
    installed, copies = source / ".terraform/modules", directory / ".terraform/modules"
    if (installed / "modules.json").is_file() and not copies.exists():
        shutil.copytree(installed, copies, symlinks=True, ignore=shutil.ignore_patterns(".git"))


def _is_small(root: Path) -> bool:
    size = 0
    for files, entry in enumerate(_files(root), 1):
        size += min(entry.stat(follow_symlinks=False).st_size, LARGEST_FILE)
        if files > MOST_FILES or size > MOST_BYTES:
            return False
    return True


def _files(directory: Path) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        if _is_left_out(entry.name) or entry.name in _LINKED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield entry


def _is_left_out(name: str) -> bool:
    return _LEFT_OUT.match(name) is not None


@dataclass(frozen=True, slots=True)
class _Copier:
    """Copies below `root` what is inside `needed`; the rest is linked, unless a directory is copied as a whole."""

    root: Path
    target: Path
    needed: Set[Path]

    def copy_directory(self, source: Path, destination: Path, *, whole: bool) -> None:
        # The modes of a read-only checkout would keep Terraform from writing, and the copy from being removed.
        destination.mkdir(parents=True, exist_ok=True)
        destination.chmod(stat.S_IMODE(source.stat().st_mode) | stat.S_IRWXU)
        whole = whole or source in self.needed
        for entry in os.scandir(source):
            path, copy = Path(entry.path), destination / entry.name
            # A copy may be made inside the tree that it copies.
            if _is_left_out(entry.name) or path == self.target:
                continue
            if entry.is_symlink():
                self._copy_link(path, copy)
            elif entry.is_dir() and (whole or self._holds_needed(path)) and entry.name not in _LINKED:
                self._try_directory(path, copy, whole=whole)
            elif entry.is_file() and (whole or path in self.needed):
                _copy_file(path, copy)
            elif entry.is_dir() or entry.is_file():
                copy.symlink_to(path)

    def _try_directory(self, path: Path, copy: Path, *, whole: bool) -> None:
        if os.access(path, os.R_OK | os.X_OK):
            self.copy_directory(path, copy, whole=whole)
        else:
            copy.symlink_to(path)

    def _holds_needed(self, path: Path) -> bool:
        return any(needed.is_relative_to(path) for needed in self.needed)

    def _copy_link(self, path: Path, copy: Path) -> None:
        """Keep a link within the tree; follow one that leads out of it, since the copy is somewhere else."""
        destination = Path(os.path.realpath(path))
        text = os.readlink(path)
        inside = destination.is_relative_to(self.root) and not os.path.isabs(text)
        if inside and not any(_is_left_out(part) for part in destination.relative_to(self.root).parts):
            copy.symlink_to(text)
        elif destination.is_file():
            _copy_file(destination, copy)
        else:
            copy.symlink_to(destination)


def _copy_file(path: Path, copy: Path) -> None:
    """Copy a file, and let the owner write the copy; link one that is very large or cannot be read."""
    status = path.stat()
    if status.st_size > LARGEST_FILE or not os.access(path, os.R_OK):
        copy.symlink_to(path)
        return
    shutil.copyfile(path, copy)
    copy.chmod(stat.S_IMODE(status.st_mode) | stat.S_IRUSR | stat.S_IWUSR)
