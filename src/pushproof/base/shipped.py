"""Folders of the project that the package reads and users edit: `infrastructure`, `app`, `docker/localstack`.

In a checkout they are at its root. The wheel contains them in `pushproof/shipped`, as pyproject.toml specifies.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """Return the folder of that name, from the installed package or from the checkout around it. Raises FileNotFoundError."""
    return shipped_with(Path(str(files("pushproof"))), name)


def shipped_with(package: Path, name: str) -> Path:
    """Return the folder `name` that belongs to the package in the folder `package`. Raises FileNotFoundError."""
    installed, checkout = package / "shipped" / name, package.parent.parent
    if installed.is_dir():
        return installed
    if package.parent.name == "src" and (checkout / name).is_dir():
        return checkout / name
    raise FileNotFoundError(
        f"{installed} is missing: this installation of Pushproof is incomplete. Install it again: "
        "pip install --force-reinstall --no-deps pushproof"
    )
