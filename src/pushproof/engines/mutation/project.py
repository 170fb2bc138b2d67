"""A repository's files as operators see them: parsed once, modules with their references, buildspecs and Dockerfiles."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pushproof.engines.mutation import dockerfile, hcl, specification
from pushproof.engines.mutation.source import Source

_DOCKERFILE = re.compile(r"(^|/)((Dockerfile|Containerfile)(\.[^/]*)?|[^/]+\.(Dockerfile|dockerfile))$")
_YAML = (".yml", ".yaml", ".yml.tftpl", ".yaml.tftpl")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be parsed, and is therefore not mutated. `line` counts from 1."""

    path: str
    line: int
    reason: str


@dataclass(frozen=True)
class HclFile:
    """A file of Terraform's language."""

    source: Source
    body: hcl.Group

    @property
    def path(self) -> str:
        """Return the path of the file."""
        return self.source.path

    @property
    def directory(self) -> str:
        """Return the directory of the file: its module."""
        return posixpath.dirname(self.source.path)


@dataclass(frozen=True, slots=True)
class Site:
    """A setting and its surrounding.

    Attributes:
        file: The file.
        block: The top-level block.
        chain: The kinds of blocks and names of settings that lead to it, its own name last.
        group: The block or object that has it.
        setting: The setting.
    """

    file: HclFile
    block: hcl.Block
    chain: tuple[str, ...]
    group: hcl.Group
    setting: hcl.Setting

    @property
    def name(self) -> str:
        """Return the name of the setting."""
        return self.setting.name

    @property
    def value(self) -> hcl.Value:
        """Return the value of the setting."""
        return self.setting.value

    @property
    def type(self) -> str:
        """Return the type of the resource or data source; the kind of any other block."""
        return self.block.labels[0] if self.block.kind in ("resource", "data") else self.block.kind


@dataclass(frozen=True)
class Module:
    """The files of one directory."""

    directory: str
    files: tuple[HclFile, ...]
    prefix: str = ""

    @functools.cached_property
    def blocks(self) -> tuple[tuple[HclFile, hcl.Block], ...]:
        """Return every top-level block with its file."""
        return tuple((file, block) for file in self.files for block in file.body.blocks)

    def of_kind(self, kind: str) -> Iterator[tuple[HclFile, hcl.Block]]:
        """Yield the top-level blocks of a kind."""
        return ((file, block) for file, block in self.blocks if block.kind == kind)

    @functools.cached_property
    def variables(self) -> dict[str, hcl.Block]:
        """Return the variables by name."""
        return {block.labels[0]: block for _, block in self.of_kind("variable") if block.labels}

    @functools.cached_property
    def outputs(self) -> dict[str, hcl.Block]:
        """Return the outputs by name."""
        return {block.labels[0]: block for _, block in self.of_kind("output") if block.labels}

    @functools.cached_property
    def locals(self) -> dict[str, hcl.Value]:
        """Return the local values by name."""
        return {s.name: s.value for _, block in self.of_kind("locals") for s in block.group.settings}

    @functools.cached_property
    def references(self) -> dict[str, list[tuple[HclFile, hcl.Block, hcl.Value]]]:
        """Return every reference by what it refers to, such as `aws_vpc.this`, `var.name` and `module.ecs`."""
        references: dict[str, list[tuple[HclFile, hcl.Block, hcl.Value]]] = {}
        for file, block in self.blocks:
            for value in block.outer.values():
                if value.kind == "reference":
                    references.setdefault(base_of(value.text), []).append((file, block, value))
        return references

    def address(self, block: hcl.Block, name: str = "") -> str:
        """Return a block's address with the module before it; for one of several locals, with its name."""
        return self.prefix + block.address + (f".{name}" if block.kind in ("locals", "tfvars") and name else "")


def base_of(reference: str) -> str:
    """Return the object that a reference names: `aws_vpc.this` of `aws_vpc.this.id`, `data.aws_region.current` of its `.id`."""
    names = re.findall(r"[\w-]+", reference.partition("[")[0])
    return ".".join(names[: 3 if names[:1] == ["data"] else 2])


@dataclass(frozen=True)
class Project:
    """Files that may be mutated, by their path from the repository's root, in POSIX form.

    `*.tf` and `*.tfvars` are Terraform's; `Dockerfile`, `Containerfile` and `*.Dockerfile` are Docker's. `*.yml` and `*.yaml`, and
    templates of them for `templatefile`, are buildspecs, as long as they have phases. What cannot be parsed is in `unreadable`;
    what is none of these is left alone.
    """

    files: Mapping[str, bytes]
    _unreadable: list[Unreadable] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Parse everything once, so that `unreadable` is complete."""
        _ = self.hcl_files, self.buildspecs, self.dockerfiles

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Return the files that cannot be parsed, with line and reason."""
        return tuple(sorted(self._unreadable, key=lambda unreadable: unreadable.path))

    @property
    def readable(self) -> tuple[str, ...]:
        """Return the paths of the files that operators see."""
        return tuple(sorted({
            *(file.path for file in self.hcl_files), *(s.path for s in self.buildspecs), *(d.path for d in self.dockerfiles),
        }))  # fmt: skip

    def source(self, path: str) -> Source:
        """Return the text of a file."""
        return self._sources[path]

    @functools.cached_property
    def _sources(self) -> dict[str, Source]:
        return {path: Source(path, content) for path, content in sorted(self.files.items())}

    @functools.cached_property
    def hcl_files(self) -> tuple[HclFile, ...]:
        """Return the parsed files of Terraform's language, `*.tfvars` included."""
        files = []
        for path, source in self._sources.items():
            if path.endswith(".tf.json"):
                self._unreadable.append(Unreadable(path, 1, "JSON syntax: operators read HCL's native syntax only"))
            elif path.endswith((".tf", ".tfvars")):
                try:
                    body = hcl.read(source.content)
                    files.append(HclFile(source, _tfvars(body) if path.endswith(".tfvars") else body))
                except hcl.SyntaxFault as fault:
                    self._unreadable.append(Unreadable(path, fault.line, fault.reason))
        return tuple(files)

    @functools.cached_property
    def buildspecs(self) -> tuple[specification.Buildspec, ...]:
        """Return the parsed buildspecs, those in heredocs of Terraform's files included."""
        specifications = []
        written = [source for path, source in self._sources.items() if path.endswith(_YAML)]
        for source in [*written, *self._inline_buildspecs()]:
            try:
                parsed = specification.read(source)
            except specification.SpecificationFault as fault:
                self._unreadable.append(Unreadable(source.path, fault.line, fault.reason))
            else:
                specifications += [parsed] if parsed is not None else []
        return tuple(specifications)

    def _inline_buildspecs(self) -> Iterator[Source]:
        """Yield the heredocs that are buildspecs, each in a file of its own size that is blank but for it."""
        for file in self.hcl_files:
            for block in file.body.blocks if b"phases:" in file.source.content else ():
                for setting in _settings(block.outer):
                    if setting.name == "buildspec" and setting.value.kind == "heredoc":
                        yield file.source.only(*file.source.lines_inside(setting.value.start, setting.value.end))

    @functools.cached_property
    def dockerfiles(self) -> tuple[dockerfile.Dockerfile, ...]:
        """Return the parsed Dockerfiles."""
        files = []
        for path, source in self._sources.items():
            if _DOCKERFILE.search(path):
                try:
                    files.append(dockerfile.read(source))
                except dockerfile.DockerfileFault as fault:
                    self._unreadable.append(Unreadable(path, fault.line, fault.reason))
        return tuple(files)

    @functools.cached_property
    def modules(self) -> dict[str, Module]:
        """Return the modules by their directory. A module that another calls has the call's name before its addresses."""
        files: dict[str, list[HclFile]] = {}
        for file in self.hcl_files:
            files.setdefault(file.directory, []).append(file)
        callers: dict[str, tuple[str, str]] = {}
        for directory in sorted(files):
            for name, called in self._called(files[directory], directory):
                if called in files and called != directory:
                    callers.setdefault(called, (directory, name))
        return {d: Module(d, tuple(files[d]), self._prefix(d, callers)) for d in sorted(files)}

    @staticmethod
    def _called(files: list[HclFile], directory: str) -> Iterator[tuple[str, str]]:
        for file in files:
            for block in file.body.blocks:
                source = block.group.literal("source") if block.kind == "module" and block.labels else None
                if source is not None and source.startswith("."):
                    yield block.labels[0], posixpath.normpath(posixpath.join(directory, source))

    @staticmethod
    def _prefix(directory: str, callers: Mapping[str, tuple[str, str]]) -> str:
        prefix, passed = "", {directory}
        while directory in callers:
            directory, name = callers[directory]
            prefix = f"module.{name}.{prefix}"
            if directory in passed:
                break
            passed.add(directory)
        return prefix

    def module(self, file: HclFile) -> Module:
        """Return the module of a file."""
        return self.modules[file.directory]

    def called(self, module: Module, call: hcl.Block) -> Module | None:
        """Return the module that a call names, where its files belong to the project."""
        source = call.group.literal("source") or ""
        return (
            self.modules.get(posixpath.normpath(posixpath.join(module.directory, source)))
            if source[:1] == "."
            else None
        )

    @functools.cached_property
    def _calls(self) -> dict[str, list[hcl.Block]]:
        calls: dict[str, list[hcl.Block]] = {}
        for module in self.modules.values():
            for _, call in module.of_kind("module"):
                called = self.called(module, call)
                if called is not None:
                    calls.setdefault(called.directory, []).append(call)
        return calls

    def calls(self, module: Module) -> tuple[hcl.Block, ...]:
        """Return the calls of a module in the project; none for a root."""
        return tuple(self._calls.get(module.directory, ()))

    @functools.cached_property
    def sites(self) -> tuple[Site, ...]:
        """Return every setting of every block, those inside of objects, lists and calls included."""
        return tuple(
            site
            for module in self.modules.values()
            for file, block in module.blocks
            for site in _sites(file, block, block.outer, ())
        )


def _tfvars(body: hcl.Group) -> hcl.Group:
    """A file of variables' values as if it were one block, so that its settings are sites like any other."""
    return hcl.Group(body.start, body.end, (), (hcl.Block("tfvars", (), body.start, body.end, body, body),))


def _settings(group: hcl.Group) -> Iterator[hcl.Setting]:
    yield from group.settings
    for block in group.blocks:
        yield from _settings(block.outer)


def _sites(file: HclFile, block: hcl.Block, group: hcl.Group, chain: tuple[str, ...]) -> Iterator[Site]:
    for setting in group.settings:
        here = (*chain, setting.name)
        yield Site(file, block, here, group, setting)
        yield from _inside(file, block, setting.value, here)
    for inner in group.blocks:
        if inner.dynamic:
            for setting in inner.outer.settings:
                yield Site(file, block, (*chain, inner.kind, setting.name), inner.outer, setting)
        yield from _sites(file, block, inner.group, (*chain, inner.kind))


def _inside(file: HclFile, block: hcl.Block, value: hcl.Value, chain: tuple[str, ...]) -> Iterator[Site]:
    if value.group is not None:
        yield from _sites(file, block, value.group, chain)
    for part in value.parts:
        yield from _inside(file, block, part, chain)
