"""Applies that continue kept worlds: the same content is applied once, and a change as a difference.

A target that `keeps` is an emulated world whose whole state is in this process. What such an apply leads to depends on the
ingredients of `ingredients_of`, and on nothing else; where that cannot be told, it is applied cold, and the reason is said.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pushproof.base.directories import remove_tree
from pushproof.base.origin import shown
from pushproof.emulator.keeping.reading import UnreadableState
from pushproof.emulator.keeping.rebuilding import NotKeepable
from pushproof.session.forking import forked_module
from pushproof.session.ingredients import digest, family_of, ingredients_of, together, with_base_of
from pushproof.session.keptfiles import put_files, remove_files, take_files
from pushproof.session.plans import Plans
from pushproof.targets.kept.lineage import NEW
from pushproof.targets.kept.store import About, Kept, KeptWorlds, NotKept
from pushproof.terraform.applied import AppliedModule, NotForkable
from pushproof.terraform.content import read_content
from pushproof.terraform.driver import Backend, Terraform
from pushproof.terraform.errors import TerraformError
from pushproof.terraform.phases import changed_nothing, is_refused
from pushproof.terraform.together import Run, apply_together

if TYPE_CHECKING:
    from pushproof.session.policy import Policy
    from pushproof.targets.forks import Forks
    from pushproof.targets.worldtarget import WorldTarget

_STATE, _MODULE = "world", "module"
# Seconds that a difference may take, besides a multiple of those of the kept world's own apply.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """A module to apply: what the fixture was called with."""

    backend: Backend = None
    remote_states: Mapping[str, Mapping[str, object]] | None = None
    base: Path = field(default_factory=Path)


@dataclass(frozen=True, slots=True)
class Part:
    """A prepared configuration to apply, and what the fixture was called with. `say` writes a sentence about it."""

    terraform: Terraform
    request: Request
    say: Callable[[str], None]


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
    policy: Policy | None = None
    # Whether nothing that is tried has led to another world than the original's so far.
    _same: bool = True
    _checkpoints: list[Checkpoint] = field(default_factory=list)
    _owed: Checkpoint | None = None
    _forks: Forks | None = None
    # The kept world that the target's is the same as, while nobody changes it.
    _kept: tuple[str, Path] | None = None
    _alone: threading.RLock = field(default_factory=threading.RLock)

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
            self._same = self._same or checkpoint.origin == NEW
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
        from pushproof.targets.forks import ForkUnavailable

        try:
            origin = self.target.lineage.digest()
            directory = self._kept[1] if self._kept is not None and self._kept[0] == origin else None
            if directory is None or not directory.exists():
                directory = self.target.directory(f"forked/{secrets.token_hex(4)}")
                self.target.keep(directory)
            fork = self._makes_forks().fork(directory, origin or secrets.token_hex(16))
        except (ForkUnavailable, NotKeepable, OSError) as error:
            raise NotForkable(f"{shown(module.source, module.terraform.base)} cannot be forked: {error}") from error
        return forked_module(module, self.target, fork)

    def expect_forks(self) -> None:
        """Prepare for forks of the target's world, beside what else the session does."""
        self._makes_forks().begin()

    def _makes_forks(self) -> Forks:
        from pushproof.targets.forks import Forks

        if self._forks is None:
            self._forks = Forks(self.target.settings.world, self.target.settings.runtime)
        return self._forks

    def close(self) -> None:
        """End every fork."""
        if self._forks is not None:
            self._forks.close()

    # Applies.

    def apply(self, parts: Sequence[Part], apply_cold: Callable[[], None]) -> list[AppliedModule]:
        """Apply prepared configurations that do not depend on each other, or continue a world in which that was done.

        Several have one key and one kept world, which has all of them. `apply_cold` inits and applies all, and cleans up after a
        failure. Raises what it raises.
        """
        if self.cold:
            return self._apply_cold(parts, apply_cold)
        reasons, files = [], []
        for part in parts:
            terraform = part.terraform
            terraform.memory = Plans(self.target, self.store)
            content = read_content(
                terraform.copy.source,
                base=terraform.copy.base,
                remote_states=part.request.remote_states,
                show=lambda path, part=part: shown(path, part.request.base),  # type: ignore[misc]
            )
            reasons += content.reasons
            files.append(content.digest())
            if not content.reasons and not content.everything:
                # No provider but AWS's: nothing writes files.
                terraform.copy.narrow({terraform.copy.base / name for name in content.files})
        # A world that another thread changes meanwhile is neither continued nor kept.
        with self._alone:
            lineage = self.target.lineage
            base = lineage.digest()
            reasons += [lineage.reason] if lineage.reason else []
            if not reasons and base is not None:
                return self._apply_keyed(parts, files, base, apply_cold)
            _say_to_all(parts, f"applied cold, and not kept: {reasons[0]}")
            lineage.obscure(_NOT_KEPT)
        return self._apply_cold(parts, apply_cold)

    def _apply_keyed(
        self, parts: Sequence[Part], files: Sequence[str], base: str, apply_cold: Callable[[], None]
    ) -> list[AppliedModule]:
        ingredients = together(
            [
                ingredients_of(
                    self.target,
                    part.terraform,
                    backend=part.request.backend,
                    remote_states=part.request.remote_states,
                    files=content,
                    base=base,
                )
                for part, content in zip(parts, files, strict=True)
            ]
        )
        key, family = digest(ingredients), family_of(ingredients)
        with self.store.only_here(key):
            dropped = partial(
                _say_to_all, parts, "the kept world of this content is damaged or from elsewhere, and is dropped"
            )
            kept = self.store.find(key, dropped=dropped)
            nearest = self._nearest(ingredients, parts) if kept is None else None
            before = self._here(base) if kept is not None or nearest is not None else None
            if kept is not None and before is not None and self._continue(kept, before, parts):
                _say_to_all(
                    parts, f"continued from a kept world: nothing that it depends on has changed ({_saved(kept)})"
                )
                return self._reported(self._modules(parts), ["unchanged"] * len(parts), key)
            started = time.monotonic()
            outcomes: list[str] | None = None
            if nearest is not None and before is not None:
                outcomes = self._change(nearest, before, parts)
            if outcomes is None:
                apply_cold()
                outcomes = ["cold"] * len(parts)
            modules = self._modules(parts)
            if self.trying:
                if nearest is not None and set(outcomes) == {"identical"}:
                    # Terraform has read, and changed nothing: the world is the kept one, for later applies too.
                    self.target.derive(nearest.about.key)
                else:
                    self._same = False
                    self.target.lineage.obscure(_NOT_KEPT)
                return self._reported(modules, outcomes, "")
            about = About(
                key=key,
                family=family,
                module=" + ".join(shown(part.terraform.copy.source, part.request.base) for part in parts),
                ingredients=ingredients,
                made_at=time.time(),
                seconds=time.monotonic() - started,
            )
            self._keep(about, parts)
            return self._reported(modules, outcomes, key)

    @property
    def trying(self) -> bool:
        """Return whether a changed configuration is tried, whose worlds are not kept."""
        return self.policy is not None and self.policy.trying

    def _nearest(self, ingredients: Mapping[str, str], parts: Sequence[Part]) -> Kept | None:
        """Return the kept world that a difference is applied to."""
        if self.policy is None or not self.policy.trying:
            return self.store.nearest(family_of(ingredients))
        for key in self.policy.origins(parts[0].terraform.copy.source, parts[0].terraform.variables):
            kept = self.store.find(key)
            if kept is None:
                continue
            # As long as nothing differs from the original, its next world follows from this one, whichever tests were left out.
            known = with_base_of(kept.about.ingredients, ingredients) if self._same else kept.about.ingredients
            if family_of(known) == family_of(ingredients):
                return kept
        return None

    def _reported(self, modules: list[AppliedModule], outcomes: Sequence[str], key: str) -> list[AppliedModule]:
        if self.policy is not None:
            for module, outcome in zip(modules, outcomes, strict=True):
                self.policy.report(module, outcome, key)
        return modules

    def _apply_cold(self, parts: Sequence[Part], apply_cold: Callable[[], None]) -> list[AppliedModule]:
        apply_cold()
        self.target.lineage.obscure(_NOT_KEPT)
        return self._reported(self._modules(parts), ["cold"] * len(parts), "")

    def _modules(self, parts: Sequence[Part]) -> list[AppliedModule]:
        return [AppliedModule(part.terraform, part.terraform.outputs(), forker=self.fork) for part in parts]

    # Continuing.

    def _continue(self, kept: Kept, before: Checkpoint, parts: Sequence[Part]) -> bool:
        """Replace the target's world by a kept one, and put Terraform's files in place.

        Returns whether that was possible; if not, the world is that of before.
        """
        try:
            self.target.continue_from(kept.directory / _STATE, kept.about.key)
            for number, part in enumerate(parts):
                put_files(kept.directory / f"{_MODULE}-{number}", part.terraform, self.target.place)
            self._kept = kept.about.key, kept.directory / _STATE
        except (UnreadableState, OSError) as error:
            _say_to_all(parts, f"the kept world cannot be read, so that this is applied cold: {error}")
            remove_tree(kept.directory)
            self._go_back(before, parts)
            return False
        for part in parts:
            part.terraform.resumed()
        return True

    def _change(self, nearest: Kept, before: Checkpoint, parts: Sequence[Part]) -> list[str] | None:
        """Apply the difference to the nearest kept world.

        Returns "changed" or "identical" for each part; None, in the world of before, if that fails. Raises TerraformError where a
        configuration is tried that Terraform refuses.
        """
        if not self._continue(nearest, before, parts):
            return None
        _say_to_all(
            parts, f"continued from the nearest kept world, of {_when(nearest)}; Terraform applies the difference"
        )
        outputs = [part.terraform.outputs() for part in parts] if self.trying else []
        try:
            # Of the many differences of a campaign, a few cannot be applied in place, and all others are small.
            factor = 0.25 if self.trying else 2.0
            with _hurried([part.terraform for part in parts], factor * nearest.about.seconds + _PATIENCE):
                apply_together([Run(part.terraform, part.request.backend) for part in parts], clean_up=False)
        except TerraformError as error:
            if self.trying and is_refused(error):
                raise
            _say_to_all(
                parts, f"the difference cannot be applied, so that everything is applied anew: {_first_line(error)}"
            )
            self._go_back(before, parts)
            return None
        if not self.trying:
            return ["changed"] * len(parts)
        return [
            "identical"
            if changed_nothing(part.terraform.apply_output) and part.terraform.outputs() == before_it
            else "changed"
            for part, before_it in zip(parts, outputs, strict=True)
        ]

    def _go_back(self, before: Checkpoint, parts: Sequence[Part]) -> None:
        self.target.continue_from(before.directory, before.origin)
        for part in parts:
            remove_files(part.terraform)

    def _here(self, base: str) -> Checkpoint | None:
        """Return a way back to the present state, for as long as an apply takes; None if there is none."""
        if self._kept is not None and self._kept[0] == base and self._kept[1].is_dir():
            return Checkpoint("function", base, self._kept[1])
        return self._way_back("function", base)

    # Keeping.

    def _keep(self, about: About, parts: Sequence[Part]) -> None:
        def write(directory: Path) -> None:
            (directory / _STATE).mkdir()
            self.target.keep(directory / _STATE)
            for number, part in enumerate(parts):
                take_files(part.terraform, directory / f"{_MODULE}-{number}", self.target.place)

        try:
            if any(part.terraform.provided for part in parts):
                raise NotKept("profiles and roles of the user's AWS configuration were made for it")
            self._kept = about.key, self.store.put(about, write).directory / _STATE
        except (NotKeepable, NotKept) as error:
            _say_to_all(parts, f"not kept: {error}")
            self.target.lineage.obscure(_NOT_KEPT)
            return
        self.target.derive(about.key)


_NOT_KEPT = "the world was changed by an apply that is not kept"


@contextmanager
def _hurried(runs: Sequence[Terraform], limit: float) -> Iterator[None]:
    """Limit the commands of runs to `limit` seconds meanwhile.

    Some differences cannot be applied in place, on AWS neither, and Terraform tries for 20 minutes: a VPC that is to be replaced is
    not deleted while its internet gateway, which moves to the new one, is attached.
    """
    before = [run.limit for run in runs]
    for run in runs:
        run.limit = min(run.limit, limit)
    try:
        yield
    finally:
        for run, own in zip(runs, before, strict=True):
            run.limit = own


def _say_to_all(parts: Sequence[Part], sentence: str) -> None:
    for part in parts:
        part.say(sentence)


def _first_line(error: TerraformError) -> str:
    return str(error).strip().partition("\n")[0]


def _when(kept: Kept) -> str:
    return datetime.fromtimestamp(kept.about.made_at).strftime("%F %H:%M")


def _saved(kept: Kept) -> str:
    return f"kept {_when(kept)}, saves {kept.about.seconds:.0f} s"
