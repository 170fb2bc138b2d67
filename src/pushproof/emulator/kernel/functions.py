"""Lambda functions of a world: Python callables that tests register, and code that was uploaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.reachability import OpenBlock, Place

Function = Callable[[Mapping[str, object]], object]


class FunctionError(Exception):
    """A function that ran and failed, as Lambda reports it: `errorType` and `errorMessage` of its answer."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message


class FunctionUnavailable(Exception):
    """A function cannot run here; the message names the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class FunctionJob:
    """One invocation of uploaded code.

    `code`: the content of a zip; None for a function from the image that `image` names. `doors`: the addresses and ports of the
    world's load balancers, which the code reaches. `outwards`: the public addresses that it reaches; None: all. `place`: its
    network interface in a VPC; None without one. `timeout` is in AWS seconds, `memory` in MiB.
    """

    arn: str
    name: str
    version: str
    request_id: str
    region: str
    payload: bytes
    credentials: Credentials
    code: bytes | None = None
    image: str = ""
    runtime: str = ""
    handler: str = ""
    memory: int = 128
    timeout: float = 3.0
    environment: Mapping[str, str] = field(default_factory=dict)
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = ""
    log_group: str = ""
    log_stream: str = ""
    context: str = ""
    doors: tuple[tuple[str, int], ...] = ()
    outwards: tuple[OpenBlock, ...] | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class FunctionOutcome:
    """The end of an invocation: the answer as JSON, whether it is an error, what the code printed, and how long it took.

    `seconds` are real: code runs at its own speed.
    """

    payload: bytes
    failed: bool = False
    lines: tuple[str, ...] = ()
    seconds: float = 0.0


class FunctionRuntime(Protocol):
    """Runs uploaded code. Blocks; called off the world's lock."""

    def refusal(self, job: FunctionJob) -> str:
        """Return the reason why code of this kind does not run here; empty if it does."""

    def run(self, job: FunctionJob) -> FunctionOutcome:
        """Run a function once. Raises FunctionUnavailable."""

    def close(self) -> None:
        """Remove everything that still runs."""


class HookInvoker(Protocol):
    """Lambda, as other services use it: for lifecycle hooks, rules of stages, targets of events."""

    def invoke(self, function_arn: str, event: Mapping[str, object]) -> object:
        """Return the function's answer to an event.

        Raises AwsError if there is no such function, FunctionError if it failed, and what a registered callable raises. May be
        called from any thread, and blocks.
        """


class Functions:
    """Functions by name: registered callables first, then uploaded code. Safe to use from any thread."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._guard = threading.Lock()
        self._uploaded: HookInvoker | None = None

    def register(self, name: str, function: Function) -> None:
        """Run `function` for the Lambda function of a name or ARN. It receives the event, and returns the answer."""
        with self._guard:
            self._functions[function_name(name)] = function

    def registered(self, reference: str) -> Function | None:
        """Return the callable that is registered for a name or ARN."""
        with self._guard:
            return self._functions.get(function_name(reference))

    def fall_back_on(self, uploaded: HookInvoker) -> None:
        """Have `uploaded` run the functions without a registered callable."""
        self._uploaded = uploaded

    def invoke(self, function_arn: str, event: Mapping[str, object]) -> object:
        """Return a function's answer to an event, as `HookInvoker` says."""
        function = self.registered(function_arn)
        if function is not None:
            return function(event)
        if self._uploaded is None:
            raise AwsError("ResourceNotFoundException", f"Function not found: {function_arn}", 404)
        return self._uploaded.invoke(function_arn, event)


def function_name(reference: str) -> str:
    """Return the name of a function in a name, an ARN, or either with a version or alias.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    return reference_of(reference)[0]


def reference_of(reference: str) -> tuple[str, str]:
    """Return name and qualifier of a function in any form that Lambda takes; "" for no qualifier.

    Forms: name, account:function:name, and the ARN, each with `:version` or `:alias`.
    """
    rest = (reference.split(":", 6) + [""] * 7)[6] if reference.startswith("arn:") else reference
    rest = rest.partition(":function:")[2] if ":function:" in rest else rest
    name, _, qualifier = rest.partition(":")
    return name, qualifier
