"""Coverage of a root module before anything starts: its resources that are emulated, stored only, refused or unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pushproof.base.origin import shown
from pushproof.emulator.coverage.resourcetypes import TypeState, coverage_of_type
from pushproof.terraform.configuration import local_source
from pushproof.terraform.errors import Unanswered
from pushproof.terraform.hcl import Block, read_directory
from pushproof.terraform.working_copy import require_configuration


@dataclass(frozen=True, slots=True)
class CoveredBlock:
    """A resource or data source of a root module, with its place and the fate of its type in an emulated world.

    `refused`: the operations that answer 501, as `service:Operation`. `conditional`: a `count` or `for_each` decides whether it
    exists, its own or that of a module around it.
    """

    address: str
    file: str
    line: int
    state: TypeState
    refused: tuple[str, ...] = ()
    conditional: bool = False

    @property
    def type_name(self) -> str:
        """The type, with `data.` before a data source's."""
        *_, kind, name, _ = f"..{self.address}".split(".")
        return f"data.{name}" if kind == "data" else name

    def __str__(self) -> str:
        calls = f": {', '.join(self.refused)} answer{'s' if len(self.refused) == 1 else ''} 501" if self.refused else ""
        return f"{self.file}:{self.line}: {self.address} is {self.state}{calls}"


@dataclass(frozen=True, slots=True)
class StackCoverage:
    """The coverage of a root module. `unread`: modules whose sources are not on this machine, as `file:line: address (source)`."""

    blocks: tuple[CoveredBlock, ...]
    unread: tuple[str, ...] = ()

    def of(self, state: TypeState) -> list[CoveredBlock]:
        """Return the blocks of one state."""
        return [block for block in self.blocks if block.state is state]

    def as_dict(self) -> dict[str, object]:
        """Return plain values, for JSON."""
        return {"blocks": [asdict(block) for block in self.blocks], "unread": list(self.unread)}


def coverage_of(root: Path, *, base: Path | None = None) -> StackCoverage:
    """Return the coverage of a root module with its local modules, and those that `terraform init` has downloaded.

    `base`: the directory that files are relative to, this process's own by default. Raises NoConfiguration.
    """
    source = require_configuration(root)
    downloaded = _downloaded(source)
    blocks: list[CoveredBlock] = []
    unread: list[str] = []
    waiting: list[tuple[Path, str, str, tuple[Path, ...], bool]] = [(source, "", "", (), False)]
    while waiting:
        directory, prefix, key, above, conditional = waiting.pop(0)
        for block in read_directory(directory):
            place = shown(block.file, base)
            if (covered := _covered(block, prefix, place, conditional)) is not None:
                blocks.append(covered)
            elif block.kind == "module" and block.labels:
                name = block.labels[0]
                inner_key = f"{key}.{name}" if key else name
                child = local_source(block) or downloaded.get(inner_key)
                if child is None or not child.is_dir():
                    written = block.literal("source") or "a source that only Terraform can evaluate"
                    unread.append(f"{place}:{block.line}: {prefix}module.{name} ({written})")
                elif child not in (*above, directory):
                    counted = conditional or _counted(block)
                    waiting.append((child, f"{prefix}module.{name}.", inner_key, (*above, directory), counted))
    return StackCoverage(tuple(blocks), tuple(unread))


def _counted(block: Block) -> bool:
    return bool({"count", "for_each"} & block.attributes.keys())


def _covered(block: Block, prefix: str, file: str, conditional: bool) -> CoveredBlock | None:
    """Return the coverage of a block of the AWS provider; None for any other."""
    if block.kind not in ("resource", "data") or len(block.labels) != 2 or not block.labels[0].startswith("aws_"):
        return None
    data = block.kind == "data"
    coverage = coverage_of_type(block.labels[0], data=data)
    address = f"{prefix}{'data.' if data else ''}{'.'.join(block.labels)}"
    return CoveredBlock(address, file, block.line, coverage.state, coverage.refused, conditional or _counted(block))


def _downloaded(root: Path) -> dict[str, Path]:
    """The directories of modules by key (`network.endpoints`), as `terraform init` wrote them down beside a root module."""
    try:
        manifest = json.loads((root / ".terraform/modules/modules.json").read_text(encoding="utf-8"))
        return {entry["Key"]: (root / entry["Dir"]).resolve() for entry in manifest["Modules"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def require_answered(root: Path) -> list[str]:
    """Return what to say of a stack before it is applied in an emulated world.

    Raises Unanswered, with file and line, when the world refuses a resource that no condition leaves out.
    """
    coverage = coverage_of(root)
    refused = [block for block in coverage.of(TypeState.REFUSED) if not block.conditional]
    if refused:
        listed = "\n".join(f"  {block}" for block in refused)
        raise Unanswered(
            f"an emulated world does not answer what {len(refused)} resources of this environment need:\n{listed}\n"
            "Leave them out of the test by a variable (count = 0), or use --target sandbox"
        )
    return list(sentences(coverage))


def sentences(coverage: StackCoverage) -> Iterator[str]:
    """Return what to say of a stack: everything that does not simply work, with file and line, and what to do about it."""
    for block in coverage.of(TypeState.REFUSED):
        yield f"{block}; leave it out of the test (count = 0 by a variable), or try it on --target sandbox"
    for block in coverage.of(TypeState.UNKNOWN):
        yield f"{block} to Pushproof's table: the apply shows whether it is answered"
    for module in coverage.unread:
        yield f"{module} is not on this machine: `terraform init` there fetches it, and this reads it then"
