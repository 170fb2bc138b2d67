"""`Any` goes away and does not come back: never across a wall between rooms, and not more of it inside them than there is now."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.unit.structure.graph import SOURCE, modules

PACKAGE = SOURCE / "pushproof"
#: The most there may be: lower them when there are fewer.
MOST_ANY = 556
MOST_DICT_OF_ANY = 225
#: Files with `Any` in public annotations still: wire and substrate, whose requests are any operation's; JSON documents; and what is
#: left to be typed. No file comes in; a file that has none any more goes out.
OPEN = frozenset(
    (
        "aws/clients.py",
        "aws/network.py",
        "base/target.py",
        "checks/finding.py",
        "checks/loggroups.py",
        "checks/state.py",
        "cli/mcp.py",
        "drill/context.py",
        "drill/evidence.py",
        "drill/observation.py",
        "drill/runner.py",
        "emulator/clients.py",
        "emulator/kernel/constraints.py",
        "emulator/kernel/context.py",
        "emulator/kernel/protocol.py",
        "emulator/kernel/reading.py",
        "emulator/runtime/docker/buildimage/agent.py",
        "emulator/runtime/loadbalancer/proxy.py",
        "emulator/services/__init__.py",
        "emulator/services/codebuild/service.py",
        "emulator/services/codepipeline/artifacts.py",
        "emulator/services/codepipeline/work.py",
        "emulator/services/ec2/service.py",
        "emulator/services/ec2/tags.py",
        "emulator/services/ecs/balancing.py",
        "emulator/services/ecs/endpoint.py",
        "emulator/services/ecs/model.py",
        "emulator/services/ecs/placement.py",
        "emulator/services/ecs/shapes.py",
        "emulator/services/events/base.py",
        "emulator/services/iam/__init__.py",
        "emulator/services/iam/names.py",
        "emulator/services/logs/metricfilters.py",
        "emulator/services/logs/service.py",
        "emulator/services/modelled.py",
        "emulator/services/s3/service.py",
        "emulator/services/sts.py",
        "emulator/substrate/layered.py",
        "emulator/substrate/moto.py",
        "emulator/substrate/moto_conditions.py",
        "emulator/wire/admission.py",
        "emulator/wire/cbor.py",
        "emulator/wire/gateway.py",
        "emulator/wire/judging.py",
        "emulator/world.py",
        "engines/deployment/configuration.py",
        "engines/deployment/exchange.py",
        "engines/events/paths.py",
        "engines/events/pattern.py",
        "engines/events/targets.py",
        "engines/events/transform.py",
        "engines/imagedefinitions.py",
        "engines/notifications/subscriptions.py",
        "engines/notifications/topics.py",
        "engines/pipeline/ecs_deploy.py",
        "engines/pipeline/reading.py",
        "engines/pipeline/state.py",
        "engines/policy/parsing.py",
        "engines/tasks/container_health.py",
        "engines/tasks/ordering.py",
        "fixtures.py",
        "newhooks.py",
        "parity/differences.py",
        "parity/modules.py",
        "plugin.py",
        "record/codec.py",
        "record/observing.py",
        "record/redaction.py",
        "record/roles.py",
        "record/schema.py",
        "record/serving.py",
        "record/since.py",
        "record/suggesting.py",
        "report/harmless.py",
        "sandbox/access.py",
        "sandbox/cost.py",
        "sandbox/oracles/case.py",
        "sandbox/oracles/lifecycle.py",
        "sandbox/oracles/permissions.py",
        "sandbox/oracles/reachability.py",
        "sandbox/oracles/recorded.py",
        "sandbox/pricelist.py",
        "sandbox/runs.py",
        "sandbox/sweep/delivery.py",
        "sandbox/sweep/resource.py",
        "targets/base.py",
        "targets/gateway.py",
        "targets/provisions.py",
        "targets/sandbox.py",
        "terraform/addresses.py",
        "terraform/applied.py",
        "terraform/driver.py",
    )
)


def _is_any(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "Any"


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if argument is not None and argument.annotation is not None:
            yield argument.annotation
    if function.returns is not None:
        yield function.returns


def untyped(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """Yield public functions, methods and fields with `Any` in their annotations."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from untyped(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            public = not node.name.startswith("_") or node.name in ("__init__", "__call__")
            if public and any(_is_any(part) for annotation in _annotations(node) for part in ast.walk(annotation)):
                yield prefix + node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            public = not node.target.id.startswith("_")
            if public and any(_is_any(part) for part in ast.walk(node.annotation)):
                yield prefix + node.target.id


def test_the_search_sees_any() -> None:
    """`Any` in a parameter, a result, a field and inside another type counts; private names do not."""
    text = """
class Part:
    field: dict[str, Any]
    _own: Any
    def take(self, value: Any) -> None: ...
    def give(self) -> list[Any]: ...
    def _inside(self, value: Any) -> Any: ...
def plain(value: object) -> str: ...
"""
    assert list(untyped(ast.parse(text).body)) == ["Part.field", "Part.take", "Part.give"]


def test_no_any_crosses_a_wall() -> None:
    """No public function, method or field has `Any`, in any room, but for the files that are listed; and each of those has some."""
    untyped_files = {
        str(path.relative_to(PACKAGE)): names
        for path in modules().values()
        if (names := list(untyped(ast.parse(path.read_text(encoding="utf-8")).body)))
    }
    assert {name: names for name, names in untyped_files.items() if name not in OPEN} == {}
    assert OPEN - untyped_files.keys() == frozenset()


def counts() -> tuple[int, int]:
    """Count `Any`, outside of `dict[str, Any]`, and `dict[str, Any]`, over all of the source."""
    alone = dicts = 0
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            alone += _is_any(node)
            dicts += isinstance(node, ast.Subscript) and ast.unparse(node) == "dict[str, Any]"
    return alone - dicts, dicts


def test_there_is_no_more_any_than_there_was() -> None:
    """The numbers of `Any` and of `dict[str, Any]` in the source do not rise."""
    alone, dicts = counts()
    assert alone <= MOST_ANY
    assert dicts <= MOST_DICT_OF_ANY
