"""The Lambda API over the substrate: code is taken and runs, roles are checked, the rest is the substrate's.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.functions import FunctionRuntime, Functions, function_name, reference_of
from pushproof.emulator.kernel.loop import Outcome
from pushproof.emulator.services import Service

from .code import content_of, refused
from .running import PRINCIPAL, Invocations, Invoked

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

    from .shapes import (
        Configuration,
        CreateFunctionRequest,
        DeleteFunctionRequest,
        Described,
        InvokeAnswer,
        InvokeRequest,
        UpdateFunctionCodeRequest,
        UpdateFunctionConfigurationRequest,
    )

_MOST_PAYLOAD = 6_291_456
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_PAUSES = (60.0, 120.0)
_LOG_TAIL = 4096


class LambdaService(Service):
    """Functions, and their invocations."""

    overlay: ClassVar[bool] = True
    blocking: ClassVar[frozenset[str]] = frozenset({"Invoke"})

    def __init__(
        self,
        site: Site,
        name: str,
        *,
        functions: Functions,
        runtime: FunctionRuntime | None = None,
        doors: Callable[[], tuple[tuple[str, int], ...]] = tuple,
    ) -> None:
        super().__init__(site, name)
        self.invocations = Invocations(site, functions, runtime, doors)
        functions.fall_back_on(self.invocations)

    def create_function(self, context: RequestContext, request: CreateFunctionRequest) -> Configuration:
        code = request.get("Code") or {}
        content = content_of(self.site, context, code)
        if content is None and not code.get("ImageUri"):
            raise refused("Please provide a source for function code.")
        self._check_role(request["Role"])
        answer: Configuration = self.ask(context, "CreateFunction", request)
        self._keep(context, answer, content)
        return answer

    def update_function_code(self, context: RequestContext, request: UpdateFunctionCodeRequest) -> Configuration:
        content = content_of(self.site, context, request)
        if content is None and not request.get("ImageUri"):
            raise refused("Please provide a source for function code.")
        answer: Configuration = self.ask(context, "UpdateFunctionCode", request)
        if not request.get("DryRun"):
            self._keep(context, answer, content)
        return answer

    def update_function_configuration(
        self, context: RequestContext, request: UpdateFunctionConfigurationRequest
    ) -> Configuration:
        if request.get("Role"):
            self._check_role(request["Role"])
        answer: Configuration = self.ask(context, "UpdateFunctionConfiguration", request)
        return answer

    def delete_function(self, context: RequestContext, request: DeleteFunctionRequest) -> None:
        self.ask(context, "DeleteFunction", request)
        name, qualifier = reference_of(request["FunctionName"])
        if not (qualifier or request.get("Qualifier")):
            self.invocations.forget(context.region, name)

    def invoke(self, context: RequestContext, request: InvokeRequest) -> InvokeAnswer:
        """Run a function. Runs without the world's lock."""
        name, qualifier = reference_of(request["FunctionName"])
        payload = request.get("Payload") or b""
        _check_payload(payload)
        described = self.invocations.describe(
            context.region,
            name,
            request.get("Qualifier") or qualifier,
            f"arn:aws:lambda:{context.region}:{context.account_id}:function:{name}",
        )
        kind = request.get("InvocationType") or "RequestResponse"
        if kind == "DryRun":
            return {"StatusCode": 204}
        if kind == "Event":
            with self.site.loop.lock:
                self._later(context.region, described, payload, 0)
            return {"StatusCode": 202, "Payload": b""}
        invoked = self.invocations.run(context.region, described, payload, request.get("ClientContext") or "")
        answer: InvokeAnswer = {"StatusCode": 200, "Payload": invoked.payload, "ExecutedVersion": invoked.version}
        if invoked.failed:
            answer["FunctionError"] = "Unhandled"
        if request.get("LogType") == "Tail":
            tail = "\n".join(invoked.lines).encode()[-_LOG_TAIL:]
            answer["LogResult"] = base64.b64encode(tail).decode()
        return answer

    def _later(self, region: str, described: Described, payload: bytes, tried: int) -> None:
        """Run an asynchronous invocation, and again after one and two minutes if it fails."""

        def done(outcome: Outcome[Invoked]) -> None:
            invoked = outcome.get()
            if invoked.failed and tried < len(_PAUSES):
                again = partial(self._later, region, described, payload, tried + 1)
                self.site.loop.call_later(_PAUSES[tried], again, name="invoke a function again")

        name = described["Configuration"]["FunctionName"]
        self.site.loop.submit(partial(self.invocations.run, region, described, payload), done, name=f"function {name}")

    def _check_role(self, role: str) -> None:
        try:
            self.site.assume(role, PRINCIPAL, "lambda")
        except AwsError as error:
            raise refused("The role defined for the function cannot be assumed by Lambda.") from error

    def _keep(self, context: RequestContext, configuration: Configuration, content: bytes | None) -> None:
        if content is not None:
            name = function_name(configuration["FunctionName"])
            self.invocations.keep(context.region, name, configuration["CodeSha256"], content)

    def close(self) -> None:
        self.invocations.close()


def _check_payload(payload: bytes) -> None:
    if len(payload) > _MOST_PAYLOAD:
        raise AwsError(
            "RequestTooLargeException",
            f"Request must be smaller than {_MOST_PAYLOAD} bytes for the InvokeFunction operation",
            413,
        )
    if payload:
        try:
            json.loads(payload)
        except ValueError as error:
            raise AwsError(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}", 400
            ) from error
