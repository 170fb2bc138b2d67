"""The files of an application that recipes change: its Dockerfile, its build contexts and its buildspec."""

from __future__ import annotations

import re
from pathlib import Path

from pushproof.drill.breakages.breakage import NotApplicable, Tree

_BUILD = re.compile(r"\b(?:docker|podman)\s+(?:buildx\s+|image\s+)?build\b(?P<rest>[^\n;&|]*(?:\\\n[^\n;&|]*)*)")
_FILE = re.compile(r"(?:^|\s)(?:-f|--file)[=\s]+[\"']?(?P<path>[\w./-]+)")
_NOT_OURS = {".git", "node_modules", "vendor", ".terraform", ".venv", "venv"}


def buildspec(tree: Tree) -> Path:
    """Return the buildspec's file. Raises NotApplicable when it is written in the project, or the file is missing."""
    build = tree.delivery.build
    if not build.project:
        raise NotApplicable("the pipeline builds nothing")
    if build.inline:
        raise NotApplicable(f"the buildspec is written in project {build.project}, not in the repository")
    path = tree.directory / build.buildspec
    if not path.is_file():
        raise NotApplicable(f"the repository has no {build.buildspec}, which project {build.project} reads")
    return path


def dockerfile(tree: Tree) -> Path:
    """Return the Dockerfile: a person's answer, the one that the buildspec names, the root's, or the only one.

    Raises NotApplicable when there is none, or several and nothing decides.
    """
    if tree.dockerfile is not None:
        path = tree.directory / tree.dockerfile
        if not path.is_file():
            raise NotApplicable(f"dockerfile = {str(tree.dockerfile)!r} is not in the repository")
        return path
    for name in map(str, re.findall(_FILE, _builds(tree))):
        if (tree.directory / name).is_file():
            return tree.directory / name
    for directory in contexts(tree):
        if (directory / "Dockerfile").is_file():
            return directory / "Dockerfile"
    found = [path for path in sorted(tree.directory.rglob("Dockerfile")) if not _NOT_OURS & set(path.parts)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotApplicable("the repository has no Dockerfile: name it in pushproof.toml, under [drill]: dockerfile")
    listed = ", ".join(str(path.relative_to(tree.directory)) for path in found)
    raise NotApplicable(
        f"several Dockerfiles fit: {listed}. Name the service's in pushproof.toml, under [drill]: dockerfile"
    )


def has_dockerfile(directory: Path) -> bool:
    """Return whether a repository has a file that can be a Dockerfile."""
    return any(not _NOT_OURS & set(path.parts) for path in directory.rglob("*Dockerfile*"))


def contexts(tree: Tree) -> list[Path]:
    """Return the directories that may be the context of the image's build, the repository's root included."""
    directories = [tree.directory]
    for rest in _BUILD.findall(_builds(tree)):
        words = re.sub(r"\\\n", " ", rest).split()
        last = words[-1].strip("\"'") if words else "."
        if not last.startswith("-") and "$" not in last and (tree.directory / last).is_dir():
            directories.append((tree.directory / last).resolve())
    return list(dict.fromkeys(directories))


def _builds(tree: Tree) -> str:
    """Return the text that builds the image: the buildspec and the scripts that it may call."""
    try:
        texts = [buildspec(tree).read_text(encoding="utf-8", errors="replace")]
    except NotApplicable:
        texts = []
    scripts = [path for path in sorted(tree.directory.glob("*")) if path.name in ("Makefile", "build.sh")]
    return "\n".join([*texts, *(p.read_text(encoding="utf-8", errors="replace") for p in scripts if p.is_file())])


def add_to_contexts(tree: Tree, containerfile: Path, name: str, content: bytes) -> None:
    """Put an executable file into every possible context of a Dockerfile's build, past its ignore files."""
    for directory in dict.fromkeys([*contexts(tree), containerfile.parent]):
        path = directory / name
        path.write_bytes(content)
        path.chmod(0o755)
        for ignored in (directory / ".dockerignore", Path(f"{containerfile}.dockerignore")):
            if ignored.is_file():
                text = ignored.read_text(encoding="utf-8")
                ignored.write_text(f"{text}\n!{name}\n!**/{name}\n", encoding="utf-8")
