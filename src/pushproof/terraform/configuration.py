"""Answers questions about a configuration from its files: local modules, declared variables, the backend's settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pushproof.terraform.hcl import Block, read_directory, read_settings


def local_source(block: Block) -> Path | None:
    """Return the directory of a `module` block whose source is a local path; None for any other block or source."""
    source = block.literal("source") if block.kind == "module" else None
    local = source is not None and source.startswith(("./", "../"))
    return (block.file.parent / str(source)).resolve() if local else None


def local_modules(directory: Path) -> set[Path]:
    """Return the directory and every local module it uses, directly or not."""
    modules: set[Path] = set()
    waiting = [directory.resolve()]
    while waiting:
        current = waiting.pop()
        if current in modules or not current.is_dir():
            continue
        modules.add(current)
        waiting += [source for block in read_directory(current) if (source := local_source(block)) is not None]
    return modules


def declared_variables(directory: Path) -> set[str]:
    """Return the names of the variables that a configuration declares."""
    return {block.labels[0] for block in read_directory(directory) if block.kind == "variable" and block.labels}


def backend_settings(directory: Path) -> dict[str, str] | None:
    """Return the plain settings of a root module's backend; None when it declares no backend.

    The block itself wins over files of settings beside it (`*.hcl` over `*.hcl.example`), which complete it at `init`.
    """
    backends = [
        inner
        for block in read_directory(directory)
        if block.kind == "terraform"
        for inner in block.blocks
        if inner.kind == "backend"
    ]
    if not backends:
        return None
    settings: dict[str, str] = {}
    for pattern in ("*.hcl.example", "*.hcl"):
        for path in sorted(directory.glob(pattern)):
            # Terraform's own lock file is named .terraform.lock.hcl.
            if not path.name.startswith("."):
                settings |= read_settings(path)
    settings |= {name: value for name in backends[0].attributes if (value := backends[0].literal(name)) is not None}
    return settings


# A path upwards in a string: after `path.module`, or as it is.
_UPWARDS = re.compile(r'"(?:\$\{path\.(?:module|root|cwd)\}/|\./)?((?:\.\./)+[^"$%\n]*|\.\.)')


def named_paths(modules: Iterable[Path], root: Path) -> set[Path]:
    """Return the existing files and directories outside of `modules` that their strings name, such as `"../../templates/x"`.

    A path with values in it counts up to the first of them. Relative paths count from the module and from the root module,
    since Terraform resolves bare ones from where it runs.
    """
    modules = set(modules)
    paths: set[Path] = set()
    for module in modules:
        for file in (*module.glob("*.tf"), *module.glob("*.tf.json"), *module.glob("*.tfvars")):
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            for match in _UPWARDS.finditer(text):
                for base in {module, root}:
                    path = (base / match[1]).resolve()
                    # A name that a value completes, or a file that is made during the apply.
                    paths |= {path} if path.exists() else {path.parent} if path.parent.exists() else set()
    return {path for path in paths if not any(path.is_relative_to(module) for module in modules)}
