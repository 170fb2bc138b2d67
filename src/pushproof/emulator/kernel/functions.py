"""Lambda functions of a world: Python callables that tests and harnesses register."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from pushproof.emulator.kernel.errors import AwsError

Function = Callable[[Mapping[str, object]], object]


class HookInvoker(Protocol):
    """Lambda, as ECS uses it for lifecycle hooks."""

    def invoke(self, function_arn: str, event: Mapping[str, object]) -> object:
        """Return the function's answer to an event. Raises AwsError if there is no such function, and what the function raises.

        May be called from any thread, and blocks.
        """


class Functions:
    """Registered functions by name. Safe to use from any thread.

    Code that is uploaded to Lambda is stored and not run: register a callable under the function's name for what it does.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._guard = threading.Lock()

    def register(self, name: str, function: Function) -> None:
        """Run `function` for the Lambda function of a name or ARN. It receives the event, and returns the answer."""
        with self._guard:
            self._functions[function_name(name)] = function

    def invoke(self, function_arn: str, event: Mapping[str, object]) -> object:
        """Return a function's answer to an event. Raises AwsError if none is registered, and what the function raises."""
        with self._guard:
            function = self._functions.get(function_name(function_arn))
        if function is None:
            raise AwsError(
                "ResourceNotFoundException",
                f"Function not found: {function_arn}. Uploaded code is not run here; register a callable under its name with "
                "world.functions.register",
                404,
            )
        return function(event)


def function_name(reference: str) -> str:
    """Return the name of a function in a name, an ARN, or either with a version or alias.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    if reference.startswith("arn:"):
        return (reference.split(":", 6) + [""] * 7)[6].split(":")[0]
    return reference.split(":")[0]
