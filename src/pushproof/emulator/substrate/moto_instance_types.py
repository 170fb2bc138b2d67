"""EC2's instance types, and where they are offered: moto reads 90 files of them on import, for a fifth of a second.

Here each is read when it is first asked for. Most worlds ask for none.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import cast, overload

from moto.utilities import utils

_MODULE = "moto.ec2.models.instance_types"
_TYPES, _OFFERINGS = "ec2/resources/instance_types.json", "resources/instance_type_offerings"

Offering = Mapping[str, object]
Load = Callable[[str], object]


class _Late(Mapping[str, object]):
    """A mapping whose values are read one by one, when they are asked for. `names`: returns its keys."""

    def __init__(self, names: Callable[[], Sequence[str]], read: Callable[[str], object]) -> None:
        self._names = functools.cache(names)
        self._read = functools.cache(read)

    def __getitem__(self, name: str) -> object:
        if name not in self._names():
            raise KeyError(name)
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


class _LateSequence(Sequence[object]):
    """A sequence that is made when it is first asked for something."""

    def __init__(self, make: Callable[[], Sequence[object]]) -> None:
        self._make = functools.cache(make)

    @overload
    def __getitem__(self, index: int) -> object: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[object]: ...
    def __getitem__(self, index: int | slice) -> object:
        return self._make()[index]

    def __len__(self) -> int:
        return len(self._make())


class _Finder(MetaPathFinder):
    """Finds moto's module, with a loader that leaves its files for later."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _MODULE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        load: Load = utils.load_resource

        def nothing_yet(name: str) -> object:
            return {} if name == _TYPES else [] if _OFFERINGS in name else load(name)

        setattr(utils, "load_resource", nothing_yet)  # noqa: B010
        try:
            super().exec_module(module)
        finally:
            setattr(utils, "load_resource", load)  # noqa: B010
        _leave_for_later(module, load)


def read_instance_types_late() -> None:
    """Make moto read them when they are asked for; safe to call again, and of no effect where it has read them."""
    if _MODULE not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _leave_for_later(module: ModuleType, load: Load) -> None:
    """Put values into a module that read what it would have read itself."""
    types = functools.cache(lambda: cast(Mapping[str, object], load(_TYPES)))
    module.INSTANCE_TYPES = _Late(lambda: list(types()), lambda name: types()[name])  # type: ignore[attr-defined]
    module.INSTANCE_FAMILIES = _LateSequence(  # type: ignore[attr-defined]
        lambda: sorted({name.partition(".")[0] for name in types()})
    )
    module.InstanceTypeBackend.instance_types = _LateSequence(lambda: [module.InstanceType(name) for name in types()])
    folder = Path(utils.__file__).parents[1] / "ec2" / _OFFERINGS
    module.INSTANCE_TYPE_OFFERINGS = {  # type: ignore[attr-defined]
        place.name: _Late(functools.partial(_regions, place), functools.partial(_offerings, place.name, load))
        for place in folder.iterdir()
    }


def _regions(folder: Path) -> list[str]:
    return [file.name.partition(".")[0] for file in folder.iterdir()]


def _offerings(place: str, load: Load, region: str) -> list[Offering]:
    """Return what is offered in a region. `place`: region, availability-zone or availability-zone-id."""
    offerings = cast(Sequence[Offering], load(f"ec2/{_OFFERINGS}/{place}/{region}.json"))
    return [{**offering, "LocationType": place} for offering in offerings]
