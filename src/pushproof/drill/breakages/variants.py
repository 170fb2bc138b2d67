"""An application's own breakages: `variants/variants.json`, and for each a folder of files that are laid over the application."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pushproof.drill.badinput import BadInput
from pushproof.drill.breakages.breakage import Breakage, Ending, NotApplicable, Tree

FOLDER = "variants"


class Variant(Breakage):
    """A breakage that an application offers: files laid over it."""

    def __init__(self, name: str, title: str, ending: Ending, overlay: Path, files: tuple[str, ...]) -> None:
        self.name, self.title, self.ending = name, title, ending
        self.overlay, self.files = overlay, files

    def break_in(self, tree: Tree) -> None:
        missing = [file for file in self.files if not (self.overlay / file).is_file()]
        if missing:
            raise NotApplicable(f"{self.overlay} lacks {', '.join(missing)}")
        for file in self.files:
            (tree.directory / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.overlay / file, tree.directory / file)


def variants(application: Path) -> dict[str, Variant]:
    """Return an application's own breakages by name; none without a manifest. Raises BadInput when it cannot be read."""
    manifest = application / FOLDER / "variants.json"
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BadInput(f"{manifest} is not JSON: {error}") from error
    try:
        return {
            entry["name"]: Variant(
                name=entry["name"],
                title=entry["title"],
                ending=Ending.ROLLED_BACK if entry["rollback"] else Ending.STOPPED,
                overlay=application / FOLDER / entry["name"] / "files",
                files=tuple(entry["files"]),
            )
            for entry in entries
        }
    except (KeyError, TypeError) as error:
        raise BadInput(f"{manifest}: an entry lacks {error}; expected name, title, rollback, files") from error
