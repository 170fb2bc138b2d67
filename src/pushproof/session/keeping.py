"""Applies that continue kept worlds: the same content is applied once, and a change as a difference.

A target that `keeps` is an emulated world whose whole state is in this process. What such an apply leads to depends on the
ingredients of `_ingredients`, and on nothing else; where that cannot be told, it is applied cold, and the reason is said.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from pushproof.base.directories import remove_tree
from pushproof.base.origin import shown
from pushproof.emulator.keeping.reading import UnreadableState
from pushproof.emulator.keeping.rebuilding import NotKeepable
from pushproof.session.codeversion import code_version
from pushproof.session.forking import forked_module
from pushproof.targets.kept.lineage import NEW
from pushproof.targets.kept.store import About, Kept, KeptWorlds, NotKept
from pushproof.terraform.applied import AppliedModule, NotForkable
from pushproof.terraform.content import read_content
from pushproof.terraform.driver import Backend, Terraform
from pushproof.terraform.errors import TerraformError
from pushproof.terraform.providers import session_mirrors
from pushproof.terraform.working_copy import (
    ALIASES_FILE,
    LOCAL_BACKEND_FILE,
    LOCK_FILE,
    STATE_FILE,
    VARIABLES_FILE,
)

if TYPE_CHECKING:
    from pushproof.targets.forks import Forks
    from pushproof.targets.worldtarget import WorldTarget

_STATE, _MODULE = "world", "module"
#: Ingredients that a change of a module changes; the others make a family.
_OF_THE_MODULE = frozenset({"files", "variables"})
# What Terraform writes beside a configuration, and what Pushproof does.
_WRITTEN = (STATE_FILE, LOCK_FILE, VARIABLES_FILE, LOCAL_BACKEND_FILE, ALIASES_FILE)


@dataclass(frozen=True, slots=True)
class Request:
    """A module to apply: what the fixture was called with."""

    backend: Backend = None
    remote_states: Mapping[str, Mapping[str, object]] | None = None
    base: Path = field(default_factory=Path)


@dataclass(slots=True)
class Checkpoint:
    """The state of a target's world before the applies of a scope.

    `directory`: of the kept world; None for a new one. `void`: something of a wider scope was made since, so that going back
    would lose it.
    """

    scope: str
    origin: str
    directory: Path | None
    void: bool = False


#: pytest's scopes, the widest first. https://docs.pytest.org/en/stable/how-to/fixtures.html#fixture-scopes
_SCOPES = ("session", "package", "module", "class", "function")


@dataclass(slots=True)
class Keeper:
    """Keeps and continues the worlds of one target. `cold`: nothing that was kept before is used."""

    target: WorldTarget
    store: KeptWorlds
    cold: bool = False
    _checkpoints: list[Checkpoint] = field(default_factory=list)
    _owed: Checkpoint | None = None
    _forks: Forks | None = None
    # The kept world that the target's is the same as, while nobody changes it.
    _kept: tuple[str, Path] | None = None

    # Scopes.

    def checkpoint(self, scope: str) -> Checkpoint | None:
        """Return the state before the first apply of a scope; None where there is no way back to it."""
        origin = self.target.lineage.digest()
        if origin is None or not self.target.is_idle():
            return None
        checkpoint = self._way_back(scope, origin)
        if checkpoint is not None:
            self._checkpoints.append(checkpoint)
        return checkpoint

    def _way_back(self, scope: str, origin: str) -> Checkpoint | None:
        """Return the present state, of the lineage `origin`, as a checkpoint; None if it cannot be kept."""
        if origin == NEW:
            return Checkpoint(scope, NEW, None)
        directory = self.target.directory(f"checkpoints/{secrets.token_hex(4)}")
        try:
            self.target.keep(directory)
        except (NotKeepable, OSError):
            return None
        return Checkpoint(scope, origin, directory)

    def return_to(self, checkpoint: Checkpoint) -> bool:
        """Take the target back, before the next test begins; returns whether that is possible.

        Nothing is then left of what the scope has applied. After the last test the world ends, and nobody goes back.
        """
        self.forget(checkpoint)
        if checkpoint.void:
            return False
        self._owed = checkpoint
        return True

    def settle(self) -> None:
        """Go back to where a scope that has ended began."""
        checkpoint, self._owed = self._owed, None
        if checkpoint is not None:
            self.target.continue_from(checkpoint.directory, checkpoint.origin)

    def forget(self, checkpoint: Checkpoint) -> None:
        """Note that nobody goes back to a checkpoint."""
        if checkpoint in self._checkpoints:
            self._checkpoints.remove(checkpoint)

    def changes(self) -> tuple[int, int, int]:
        """Return a value that differs after every change of the world."""
        return self.target.changes()

    def pin(self, scope: str) -> None:
        """Note that something of a scope was made: narrower scopes cannot go back to before it."""
        rank = _SCOPES.index(scope)
        for checkpoint in self._checkpoints:
            if _SCOPES.index(checkpoint.scope) > rank:
                checkpoint.void = True

    # Forks.

    def fork(self, module: AppliedModule) -> AppliedModule:
        """Return a copy of a module in a fork of the target's world. Raises NotForkable."""
        from pushproof.targets.forks import Forks, ForkUnavailable

        if self._forks is None:
            self._forks = Forks(self.target.settings.world, self.target.settings.runtime)
        try:
            origin = self.target.lineage.digest()
            directory = self._kept[1] if self._kept is not None and self._kept[0] == origin else None
            if directory is None or not directory.exists():
                directory = self.target.directory(f"forked/{secrets.token_hex(4)}")
                self.target.keep(directory)
            fork = self._forks.fork(directory, origin or secrets.token_hex(16))
        except (ForkUnavailable, NotKeepable, OSError) as error:
            raise NotForkable(f"{shown(module.source, module.terraform.base)} cannot be forked: {error}") from error
        return forked_module(module, self.target, fork)

    def close(self) -> None:
        """End every fork."""
        if self._forks is not None:
            self._forks.close()

    # Applies.

    def apply(
        self, terraform: Terraform, request: Request, *, say: Callable[[str], None], cold_apply: Callable[[], None]
    ) -> AppliedModule:
        """Apply a prepared configuration, or continue a world in which that was done.

        `cold_apply` inits and applies it, and cleans up after a failure. Raises what it raises.
        """
        if self.cold:
            return self._apply_cold(terraform, cold_apply)
        terraform.memory = Plans(self.target, self.store)
        content = read_content(
            terraform.copy.source,
            base=terraform.copy.base,
            remote_states=request.remote_states,
            show=lambda path: shown(path, request.base),
        )
        lineage = self.target.lineage
        base = lineage.digest()
        reasons = [*content.reasons, *([lineage.reason] if lineage.reason else [])]
        if reasons or base is None:
            say(f"applied cold, and not kept: {reasons[0]}")
            return self._apply_cold(terraform, cold_apply)
        ingredients = self._ingredients(terraform, request, content.digest(), base)
        key = _digest(ingredients)
        family = _digest({name: value for name, value in ingredients.items() if name not in _OF_THE_MODULE})
        with self.store.only_here(key):
            dropped = partial(say, "the kept world of this content is damaged or from elsewhere, and is dropped")
            kept = self.store.find(key, dropped=dropped)
            nearest = self.store.nearest(family) if kept is None else None
            before = self._here(base) if kept is not None or nearest is not None else None
            if kept is not None and before is not None and self._continue(kept, before, terraform, say):
                say(f"continued from a kept world: nothing that it depends on has changed ({_saved(kept)})")
                return self._module(terraform)
            started = time.monotonic()
            if nearest is None or before is None or not self._change(nearest, before, terraform, request, say):
                cold_apply()
            module = self._module(terraform)
            self._keep(key, family, ingredients, terraform, request, time.monotonic() - started, say)
            return module

    def _apply_cold(self, terraform: Terraform, cold_apply: Callable[[], None]) -> AppliedModule:
        cold_apply()
        self.target.lineage.obscure("the world was changed by an apply that is not kept")
        return self._module(terraform)

    def _module(self, terraform: Terraform) -> AppliedModule:
        return AppliedModule(terraform, terraform.outputs(), forker=self.fork)

    # Continuing.

    def _continue(self, kept: Kept, before: Checkpoint, terraform: Terraform, say: Callable[[str], None]) -> bool:
        """Replace the target's world by a kept one, and put Terraform's files in place.

        Returns whether that was possible; if not, the world is that of before.
        """
        try:
            self.target.continue_from(kept.directory / _STATE, kept.about.key)
            self._put_files(kept.directory / _MODULE, terraform)
            self._kept = kept.about.key, kept.directory / _STATE
        except (UnreadableState, OSError) as error:
            say(f"the kept world cannot be read, so that this is applied cold: {error}")
            remove_tree(kept.directory)
            self.target.continue_from(before.directory, before.origin)
            self._remove_files(terraform)
            return False
        terraform.resumed()
        return True

    def _change(
        self, nearest: Kept, before: Checkpoint, terraform: Terraform, request: Request, say: Callable[[str], None]
    ) -> bool:
        """Apply the difference to the nearest kept world. Returns False, in the world of before, if that fails."""
        if not self._continue(nearest, before, terraform, say):
            return False
        say(f"continued from the nearest kept world, of {_when(nearest)}; Terraform applies the difference")
        try:
            terraform.init(backend=request.backend)
            terraform.apply()
        except TerraformError as error:
            say(f"the difference cannot be applied, so that everything is applied anew: {_first_line(error)}")
            self.target.continue_from(before.directory, before.origin)
            self._remove_files(terraform)
            return False
        return True

    def _here(self, base: str) -> Checkpoint | None:
        """Return a way back to the present state, for as long as an apply takes; None if there is none."""
        if self._kept is not None and self._kept[0] == base and self._kept[1].is_dir():
            return Checkpoint("function", base, self._kept[1])
        return self._way_back("function", base)

    def _remove_files(self, terraform: Terraform) -> None:
        """Remove what an earlier run has written beside a configuration."""
        for name in (*_WRITTEN, "terraform.tfstate.backup"):
            (terraform.copy.directory / name).unlink(missing_ok=True)
        shutil.rmtree(terraform.copy.directory / ".terraform", ignore_errors=True)
        # A lock file of the repository's own pins the providers of what comes next.
        if (terraform.copy.source / LOCK_FILE).exists():
            shutil.copyfile(terraform.copy.source / LOCK_FILE, terraform.copy.directory / LOCK_FILE)

    def _put_files(self, source: Path, terraform: Terraform) -> None:
        place = self.target.place
        for path in _below(source):
            target = terraform.copy.here / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            if path.is_symlink():
                target.symlink_to(os.readlink(path))
            else:
                _write(target, place.filled(path.read_text(encoding="utf-8")))

    # Keeping.

    def _keep(
        self,
        key: str,
        family: str,
        ingredients: Mapping[str, str],
        terraform: Terraform,
        request: Request,
        seconds: float,
        say: Callable[[str], None],
    ) -> None:
        about = About(
            key=key,
            family=family,
            module=shown(terraform.copy.source, request.base),
            ingredients=ingredients,
            made_at=time.time(),
            seconds=seconds,
        )

        def write(directory: Path) -> None:
            (directory / _STATE).mkdir()
            self.target.keep(directory / _STATE)
            self._take_files(directory / _MODULE, terraform)

        try:
            if terraform.provided:
                raise NotKept("profiles and roles of the user's AWS configuration were made for it")
            self._kept = key, self.store.put(about, write).directory / _STATE
        except (NotKeepable, NotKept) as error:
            say(f"not kept: {error}")
            self.target.lineage.obscure("the world was changed by an apply that is not kept")
            return
        self.target.derive(key)

    def _take_files(self, target: Path, terraform: Terraform) -> None:
        place, source = self.target.place, terraform.copy.directory
        named = [source / name for name in _WRITTEN]
        for path in [*(path for path in named if path.exists()), *_below(source / ".terraform")]:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                copy.symlink_to(os.readlink(path))
                continue
            try:
                _write(copy, place.marked(path.read_text(encoding="utf-8")))
            except UnicodeDecodeError:
                # A program of a provider that is no link: `init` fetches it again.
                continue

    # The key.

    def _ingredients(self, terraform: Terraform, request: Request, files: str, base: str) -> dict[str, str]:
        """Return everything that the outcome of an apply depends on, by name."""
        place = self.target.place
        settings = self.target.settings
        environment = {
            name: place.marked(value)
            for name, value in terraform.environment.items()
            if name.startswith(("TF_", "AWS_")) and name not in _OF_THIS_RUN
        }
        configuration = Path(terraform.environment["TF_CLI_CONFIG_FILE"]).read_text(encoding="utf-8")
        return {
            "base": base,
            "module": shown(terraform.copy.source, terraform.copy.base),
            "copy": place.marked(str(terraform.copy.here)),
            "files": files,
            "variables": _json(terraform.variables),
            "backend": _json(request.backend),
            "remote states": _json(request.remote_states),
            "environment": _json(environment),
            "terraform": str(terraform.binary),
            "providers": _providers(configuration),
            "settings": _json([settings.world, settings.runtime]),
            "pushproof": code_version(),
            "python": sys.version,
        }


class Plans:
    """Plans of earlier runs, in worlds that give the same answers. See `PlanMemory`."""

    def __init__(self, target: WorldTarget, store: KeptWorlds) -> None:
        self._target, self._store = target, store

    def planned(self, note: str, plan: Callable[[], str]) -> str:
        """Return the plan that was remembered for a note, as long as it would be the same; else what `plan` returns now."""
        place = self._target.place
        name = _digest({"note": place.marked(note), "pushproof": code_version()})
        text = self._store.recall(name)
        if text is not None:
            known = json.loads(text)
            if self._target.answers_alike(known["reads"]):
                return place.filled(known["plan"])
        with self._target.recorded() as reads:
            made = plan()
        if reads.complete:
            self._store.remember(name, json.dumps({"plan": place.marked(made), "reads": reads.reads}))
        return made


# Of the environment: what differs from run to run, or decides nothing.
_OF_THIS_RUN = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TF_CLI_CONFIG_FILE"})


def _providers(configuration: str) -> str:
    """Return what decides which providers `init` chooses, besides the constraints and the lock file of the module."""
    versions = [str(mirror) for mirror in session_mirrors()]
    # Where the registry decides, a version that nothing pins may be another one tomorrow.
    return _json([configuration, versions or datetime.now(UTC).date().isoformat()])


def _digest(ingredients: Mapping[str, str]) -> str:
    return hashlib.sha256(_json(ingredients).encode()).hexdigest()


def _json(value: object) -> str:
    """Return a text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, default=_plain)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, FunctionType) and value.__module__.startswith("pushproof.") and "<" not in value.__qualname__:
        # Its code is another ingredient.
        return f"{value.__module__}.{value.__qualname__}"
    # With an address in it, it is equal to nothing else, which is the safe side.
    return repr(value)


def _below(directory: Path) -> Iterator[Path]:
    """Yield the files and links below a directory; links are not followed."""
    for root, directories, files in os.walk(directory):
        links = [name for name in directories if (Path(root) / name).is_symlink()]
        yield from (Path(root) / name for name in [*links, *files])


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _first_line(error: TerraformError) -> str:
    return str(error).strip().partition("\n")[0]


def _when(kept: Kept) -> str:
    return datetime.fromtimestamp(kept.about.made_at).strftime("%F %H:%M")


def _saved(kept: Kept) -> str:
    return f"kept {_when(kept)}, saves {kept.about.seconds:.0f} s"
