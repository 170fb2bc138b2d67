"""Finds the Terraform address, file and line of AWS resources.

The state knows ids and addresses (`terraform show -json`, or a state file); the module directory's HCL knows files and lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pushproof.base.origin import Origin, shown
from pushproof.terraform.configuration import local_source
from pushproof.terraform.hcl import read_directory
from pushproof.terraform.resources import stored_instances

# Keys of `for_each` may hold brackets and dots.
_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\]')

# Attributes by which AWS answers name a resource.
_NAMES = ("id", "arn", "name", "url")


class StateUnreadable(ValueError):
    """A state is neither `terraform show -json` nor a state file of version 4; the text names it."""


class TerraformAddresses:
    """Looks up the origin of resources.

    Args:
        state: The parsed output of `terraform show -json`, or the parsed content of a state file.
        directory: The root module. Left out, files are not given.
        base: The directory that files are relative to; this process's own by default.

    Raises:
        StateUnreadable: `state` is no Terraform state.
    """

    def __init__(self, state: Mapping[str, Any], directory: Path | None = None, *, base: Path | None = None) -> None:
        self._addresses: dict[str, str] = {}
        self._regions: dict[str, str] = {}
        ranks: dict[str, tuple[bool, bool, int]] = {}
        for address, values in _resources(state):
            if region := _region(values):
                self._regions[address] = region
            for name in _NAMES:
                value = values.get(name)
                if isinstance(value, str) and value:
                    rank = _rank(address, name, values)
                    if value not in ranks or rank < ranks[value]:
                        ranks[value], self._addresses[value] = rank, address
        self._lines = _scan(directory.resolve(), base) if directory is not None else {}

    @classmethod
    def read(cls, path: Path, directory: Path | None = None) -> TerraformAddresses:
        """Read a state file, or a file with the output of `terraform show -json`.

        Raises:
            StateUnreadable: the file is missing or is no Terraform state.
        """
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise StateUnreadable(
                f"{path} cannot be read as Terraform state ({problem}): "
                "give a terraform.tfstate or what `terraform show -json` prints"
            ) from problem
        return cls(state, directory)

    def of(self, resource: str) -> Origin | None:
        """The origin of an AWS id, ARN or name, or of a Terraform address; None when Terraform does not manage it."""
        address = self._addresses.get(resource)
        if address is None:
            return self.where(resource) if _INDEX.sub("", resource) in self._lines else None
        return self.where(address)

    def names(self) -> frozenset[str]:
        """The ids, ARNs and names of all resources."""
        return frozenset(self._addresses)

    def region_of(self, resource: str) -> str | None:
        """The region of a resource by id, ARN or name, or else the one that all resources are in; None when it is not known."""
        region = self._regions.get(self._addresses.get(resource, ""))
        regions = set(self._regions.values())
        return region or (regions.pop() if len(regions) == 1 else None)

    def where(self, address: str) -> Origin:
        """The origin of a Terraform address such as ``module.network.aws_subnet.private[0]``."""
        file, line = self._lines.get(_INDEX.sub("", address), ("", 0))
        return Origin(address, file, line)


def _rank(address: str, name: str, values: Mapping[str, Any]) -> tuple[bool, bool, int]:
    """Return how well an attribute names a resource; the lowest rank wins.

    Parts of a resource share its id: a bucket's public access block, a repository's lifecycle policy, a topic's policy. They
    have no ARN, or a longer type. And ids are unique, while names are not.
    """
    kind = _INDEX.sub("", address).split(".")[-2]
    return not values.get("arn"), name not in ("id", "arn"), len(kind)


def _region(values: Mapping[str, Any]) -> str:
    """Return the region of a resource, by its ARN or as the provider's version 6 says it; empty for global ones."""
    arn = values.get("arn")
    if isinstance(arn, str) and arn.count(":") >= 5:
        return arn.split(":")[3]
    region = values.get("region")
    return region if isinstance(region, str) else ""


def _resources(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(state, Mapping):
        raise StateUnreadable(f"a Terraform state is a JSON object, and this is {type(state).__name__}")
    if "resources" in state and "version" in state:
        for _, address, instance in stored_instances(state["resources"]):
            yield address, instance.get("attributes") or {}
    elif "format_version" in state:
        yield from _of_show(state.get("values", {}).get("root_module", {}))
    else:
        raise StateUnreadable(
            f"no Terraform state: it has {', '.join(sorted(state)) or 'nothing'}; "
            "give a terraform.tfstate (version 4) or what `terraform show -json` prints"
        )


def _of_show(module: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in module.get("resources", ()):
        if resource.get("mode") == "managed":
            yield resource["address"], resource.get("values") or {}
    for child in module.get("child_modules", ()):
        yield from _of_show(child)


def _scan(root: Path, base: Path | None) -> dict[str, tuple[str, int]]:
    """Map each address without indices to (file, line), following modules with local sources."""
    lines: dict[str, tuple[str, int]] = {}
    waiting: list[tuple[Path, str, tuple[Path, ...]]] = [(root, "", ())]
    while waiting:
        directory, prefix, above = waiting.pop()
        if directory in above or not directory.is_dir():
            continue
        for block in read_directory(directory):
            place = (shown(block.file, base), block.line)
            if block.kind == "resource" and len(block.labels) == 2:
                lines[f"{prefix}{'.'.join(block.labels)}"] = place
            elif block.kind == "module" and block.labels:
                lines[f"{prefix}module.{block.labels[0]}"] = place
                if (child := local_source(block)) is not None:
                    waiting.append((child, f"{prefix}module.{block.labels[0]}.", (*above, directory)))
    return lines
