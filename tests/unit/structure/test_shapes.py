"""Requests and answers of services are described by AWS's shapes, and no handler takes or gives just anything."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module

import pytest
from botocore import xform_name
from botocore.session import Session
from tests.unit.structure.graph import SOURCE

from pushproof.emulator.services import PLANE

ROOT = SOURCE.parent
#: Services whose handlers are described by shapes.
DESCRIBED = (
    "application-autoscaling",
    "codebuild",
    "codeconnections",
    "codepipeline",
    "ec2",
    "ecr",
    "ecs",
    "elbv2",
    "events",
    "iam",
    "logs",
    "s3",
    "sns",
    "sts",
)


def test_shapes_are_current() -> None:
    """The modules of shapes are what the generator makes of types-boto3 and of the operations that the plane has."""
    command = [sys.executable, str(ROOT / "scripts" / "shapes.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", DESCRIBED)
def test_handlers_have_the_shapes_of_their_operation(service: str) -> None:
    """Every handler takes `<Operation>Request` and returns `<Operation>Answer`: not another operation's, and not any dict."""
    module, _, name = PLANE[service].partition(":")
    handler_class = getattr(import_module(module), name)
    operations = Session().get_service_model(service).operation_names
    wrong = []
    for operation in operations:
        method = getattr(handler_class, xform_name(operation), None)
        if method is None:
            continue
        annotations = inspect.get_annotations(inspect.unwrap(method))
        taken, given = annotations.get("request"), annotations.get("return")
        if taken != f"{operation}Request" or given not in (f"{operation}Answer", f"{operation}Answer | None", "None"):
            wrong.append(f"{operation}: {taken} -> {given}")
    assert wrong == []


def test_shapes_are_for_type_checking_alone() -> None:
    """No module needs types-boto3, or the shapes made of it, when it runs: users do not install it."""
    needing = []
    for path in sorted((SOURCE / "pushproof").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.startswith(("types_boto3", "pushproof.emulator.kernel.shapes")) for name in names):
                needing.append(f"{path.relative_to(SOURCE)}:{node.lineno}")
    assert needing == []
