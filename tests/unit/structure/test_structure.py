"""The house keeps its shape: no circles, no forbidden arrows, every handler an operation of AWS's."""

from __future__ import annotations

import importlib

import botocore.session
import pytest
from botocore import xform_name
from tests.unit.structure.graph import circles, imports, modules

from pushproof.emulator.services import PLANE

GRAPH = imports(modules())


def test_circles_are_found() -> None:
    """The search finds a circle of two and one of three, and nothing where there is none."""
    graph = {"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"e"}, "e": {"c"}, "f": {"a"}}
    assert circles(graph) == [["a", "b"], ["c", "d", "e"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    """No circle of files exists, imports for type checking included."""
    assert circles(GRAPH) == []


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("sandbox", "targets"),
        ("terraform", "checks"),
        ("checks", "terraform"),
        ("checks", "emulator"),
        ("base", "engines"),
    ],
)
def test_rooms_that_do_not_know_each_other(room: str, forbidden: str) -> None:
    """No file of the one room imports a file of the other."""
    arrows = [
        f"{name} -> {target}"
        for name, targets in GRAPH.items()
        if name.startswith(f"pushproof.{room}.")
        for target in targets
        if target.startswith(f"pushproof.{forbidden}")
    ]
    assert arrows == []


@pytest.mark.parametrize("service", sorted(PLANE))
def test_every_handler_is_an_operation(service: str) -> None:
    """A public method that takes a context and a request answers an operation of botocore's model: no misspelled handler."""
    module, _, name = PLANE[service].partition(":")
    handler_class = getattr(importlib.import_module(module), name)
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(operation) for operation in model.operation_names}
    handlers = {
        method
        for base in handler_class.__mro__
        for method, value in vars(base).items()
        if callable(value) and not method.startswith("_") and _arguments(value) == ["self", "context", "request"]
    } - {"admit", "check_form"}
    assert handlers - operations == set()
    assert handlers or "admit" in vars(handler_class), f"{service} neither answers nor refuses anything by itself"


def _arguments(function: object) -> list[str]:
    code = getattr(function, "__code__", None)
    return list(code.co_varnames[: code.co_argcount]) if code is not None else []
