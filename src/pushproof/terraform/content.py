"""The content that a configuration's apply depends on, and what makes an apply depend on more than content.

A configuration reads its own files, those of its local modules, and files that its functions and some arguments name. An
expression that only Terraform can evaluate may name any file of the working copy, so that all of them count.

Sources: https://developer.hashicorp.com/terraform/language/functions (filesystem, date and time), .../language/provisioners
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pushproof.terraform.configuration import local_modules
from pushproof.terraform.hcl import Block, Call, read_calls, read_directory
from pushproof.terraform.working_copy import CACHES

_OWN = ("*.tf", "*.tf.json", "*.tfvars", "*.tfvars.json", "*.hcl", ".terraform.lock.hcl", "*.tftest.hcl")
_READING = frozenset(
    {
        "file",
        "filebase64",
        "filebase64sha256",
        "filebase64sha512",
        "fileexists",
        "filemd5",
        "fileset",
        "filesha1",
        "filesha256",
        "filesha512",
        "templatefile",
    }
)
_CHANGING = {
    "bcrypt": "salts its result anew each time",
    "plantimestamp": "depends on the time",
    "timestamp": "depends on the time",
    "uuid": "differs each time",
}
_OUTSIDE = {
    "external": "runs a program",
    "http": "reads from the network",
    "local_file": "reads a file that only Terraform knows",
    "local_sensitive_file": "reads a file that only Terraform knows",
}
#: Arguments that name a file which the AWS provider reads, by resource type. Source: its pages of these resources.
_FILES = {
    "aws_lambda_function": "filename",
    "aws_lambda_layer_version": "filename",
    "aws_s3_bucket_object": "source",
    "aws_s3_object": "source",
    "aws_synthetics_canary": "zip_file",
}
# `"${path.module}/policies/x.json"`, `"./x"`, `path.module`, `"${path.module}/${var.name}.json"`
_PATH = re.compile(
    r'^(?:"(?:\$\{\s*path\.(?P<base>module|root|cwd)\s*\}/?)?(?P<rest>[^"]*)"|path\.(?P<bare>module|root|cwd))$'
)
_ABSOLUTE = re.compile(r"^(?:/|~|[A-Za-z]:)")


@dataclass(slots=True)
class Content:
    """The content of a configuration: the digest of each file, by its path in the repository, and the reasons that keep an
    apply from being repeated by content alone.
    """

    files: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    # Whether an expression that only Terraform can evaluate names a file.
    everything: bool = False

    def digest(self) -> str:
        """Return one digest of all files."""
        text = "\n".join(f"{name} {value}" for name, value in sorted(self.files.items()))
        return hashlib.sha256(text.encode()).hexdigest()


def read_content(
    source: Path,
    *,
    base: Path,
    remote_states: Mapping[str, object] | None = None,
    show: Callable[[Path], str] = str,
) -> Content:
    """Read what an apply of `source` depends on. `base`: the directory that the working copy is a copy of."""
    reader = _Reader(source.resolve(), base.resolve(), frozenset(remote_states or {}), show)
    for module in sorted(local_modules(source)):
        reader.read(module)
    return reader.content


class _Reader:
    def __init__(self, root: Path, base: Path, remote_states: frozenset[str], show: Callable[[Path], str]) -> None:
        self._root, self._base, self._remote_states, self._show = root, base, remote_states, show
        self.content = Content()

    def read(self, module: Path) -> None:
        for path in sorted(module.iterdir()):
            if path.is_file() and any(fnmatch.fnmatchcase(path.name, pattern) for pattern in _OWN):
                self._add(path)
        for block in read_directory(module):
            self._look_at(block)
        for call in read_calls(module):
            self._hear(call, module)

    def _place(self, file: Path, line: int) -> str:
        return f"{self._show(file)}:{line}" if line else self._show(file)

    def _look_at(self, block: Block) -> None:
        place, label = self._place(block.file, block.line), block.labels[0] if block.labels else ""
        if block.kind == "module":
            origin = block.literal("source") or ""
            if not origin.startswith(("./", "../")):
                self._refuse(f"{place}: module {label} comes from {origin or 'elsewhere'}, which may change")
        elif block.kind in ("resource", "data", "ephemeral"):
            self._look_at_resource(block, place, label)

    def _look_at_resource(self, block: Block, place: str, label: str) -> None:
        if block.kind == "data" and label in _OUTSIDE:
            self._refuse(f"{place}: data.{label} {_OUTSIDE[label]}")
        elif block.kind == "data" and label == "terraform_remote_state":
            if block.labels[1:2] and block.labels[1] not in self._remote_states and block.literal("backend") != "s3":
                self._refuse(f"{place}: the state of another root is read from outside of this world")
        elif not label.startswith(("aws_", "terraform_")):
            self._refuse(f"{place}: provider {label.partition('_')[0]} may read or write outside of this world")
        file = block.attributes.get(_FILES.get(label, "")) if block.kind == "resource" else None
        if file is not None and file.text != "null":
            self._add_named(file.text, block.file.parent, place, f"{label}.{file.name}")
        if any(inner.kind == "provisioner" for inner in block.blocks):
            self._refuse(f"{place}: a provisioner runs a program")

    def _hear(self, call: Call, module: Path) -> None:
        place = self._place(call.file, call.line)
        if call.name in _CHANGING:
            self._refuse(f"{place}: {call.name}() {_CHANGING[call.name]}")
        elif call.name in _READING:
            self._add_named(call.argument, module, place, call.name)
            if call.name == "fileset" and ".." in call.others:
                # The pattern leads out of the directory.
                self._add_everything()

    def _add_named(self, argument: str, module: Path, place: str, function: str) -> None:
        """Add the files that a function's first argument may name."""
        match = _PATH.match(argument)
        if match is None or (not match["base"] and not match["bare"] and _ABSOLUTE.match(match["rest"] or "")):
            self._refuse(f"{place}: {function}({argument}) names a file that only Terraform knows")
            return
        rest = match["rest"] or ""
        if "${" in rest or "%{" in rest:
            if not match["base"] and rest.startswith("${"):
                self._refuse(f"{place}: {function}({argument}) names a file that only Terraform knows")
                return
            self._add_everything()
            return
        bases = {module} if "module" in (match["base"], match["bare"]) else {self._root}
        for start in bases:
            path = Path(os.path.normpath(start / rest))
            if path.is_dir():
                self._add_tree(path)
            else:
                self._add(path)

    def _add_everything(self) -> None:
        if not self.content.everything:
            self.content.everything = True
            self._add_tree(self._base)

    def _add_tree(self, directory: Path) -> None:
        for path in _files(directory):
            self._add(path)

    def _add(self, path: Path) -> None:
        name = os.path.relpath(path, self._base)
        if name in self.content.files:
            return
        try:
            mode = "x" if os.access(path, os.X_OK) else "-"
            with path.open("rb") as file:
                self.content.files[name] = mode + hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            # `fileexists` asks for files that are not there, and their appearance is a change.
            self.content.files[name] = "missing"

    def _refuse(self, reason: str) -> None:
        if reason not in self.content.reasons:
            self.content.reasons.append(reason)


def _files(directory: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        if entry.name in CACHES:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)
