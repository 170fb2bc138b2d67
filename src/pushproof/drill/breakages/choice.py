"""The choice of breakages by name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from pushproof.drill.badinput import BadInput
from pushproof.drill.breakages.breakage import Breakage
from pushproof.drill.breakages.patches import Patch
from pushproof.drill.breakages.recipes import RECIPES
from pushproof.drill.breakages.variants import variants

ALL, USUAL = "all", "unhealthy"


def choose_breakages(names: Sequence[str], application: Path, variant: str = "") -> tuple[Breakage, ...]:
    """Return the breakages of those names: recipes, an application's own variants, and paths of patch files.

    A recipe wins over a variant of its name; `variant` names a variant. "all" stands for every recipe. Without any name, the
    application's variant `unhealthy` is chosen where there is one, else the recipe. Raises BadInput, with a suggestion, for a name
    that is none of these.
    """
    recipes = {recipe.name: recipe for recipe in RECIPES}
    own = variants(application)
    if variant:
        if variant not in own:
            offered = ", ".join(own) or "none: it has no variants/variants.json. Choose a recipe with --break"
            raise BadInput(f"--variant {variant} is not offered by {application}; there are: {offered}")
        return (own[variant],)
    if not names:
        return (own.get(USUAL, recipes[USUAL]),)
    chosen: list[Breakage] = []
    for name in names:
        if name == ALL:
            chosen += RECIPES
        elif name in recipes:
            chosen.append(recipes[name])
        elif name in own:
            chosen.append(own[name])
        elif name.endswith(".patch"):
            chosen.append(_patch(name))
        else:
            offers = [*recipes, *(n for n in own if n not in recipes), ALL]
            near = difflib.get_close_matches(name, offers, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise BadInput(
                f"--break {name} is no breakage.{hint} Choose one of: {', '.join(offers)}, or a file that ends in .patch"
            )
    return tuple({breakage.name: breakage for breakage in chosen}.values())


def _patch(name: str) -> Patch:
    if not Path(name).is_file():
        raise BadInput(f"--break {name}: there is no such file")
    return Patch(Path(name))
