"""Members of requests, nested ones included, by path: `containerDefinitions[].ulimits[].name`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pushproof.emulator.kernel.protocol import service_model


@dataclass(frozen=True, slots=True)
class MemberPath:
    """A member of a request. `[]` represents the items of a list, `{}` the values of a map."""

    text: str
    name: str

    def is_in(self, other: MemberPath) -> bool:
        """Return whether this is a part of another member."""
        rest = self.text.removeprefix(other.text)
        return rest != self.text and rest.startswith((".", "[]", "{}"))


def member_paths(service: str, operation: str) -> list[MemberPath]:
    """Return every member of an operation's request, in the model's order; a recursive member is followed once."""
    shape = service_model(service).operation_model(operation).input_shape
    return list(_inside(shape, "", ())) if shape is not None else []


def _inside(shape: Any, path: str, above: tuple[str, ...]) -> Iterator[MemberPath]:
    if shape.name in above:
        return
    inner = (*above, shape.name)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            text = f"{path}.{name}" if path else name
            yield MemberPath(text, name)
            yield from _inside(member, text, inner)
    elif shape.type_name == "list":
        yield from _inside(shape.member, f"{path}[]", inner)
    elif shape.type_name == "map":
        yield from _inside(shape.value, path + "{}", inner)
