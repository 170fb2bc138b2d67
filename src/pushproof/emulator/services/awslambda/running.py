"""Invocations of functions: their code, their role, their logs, and the form of their errors.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import json
import logging
import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from botocore.exceptions import ClientError

from pushproof.aws.arns import region_of
from pushproof.emulator.kernel.errors import AwsError, as_answered
from pushproof.emulator.kernel.functions import (
    Function,
    FunctionError,
    FunctionJob,
    FunctionOutcome,
    FunctionRuntime,
    Functions,
    FunctionUnavailable,
    reference_of,
)
from pushproof.engines.reachability import Place

if TYPE_CHECKING:
    from types_boto3_logs.type_defs import InputLogEventTypeDef

    from pushproof.emulator.kernel.context import Credentials
    from pushproof.emulator.kernel.site import Site

    from .shapes import Configuration, Described

log = logging.getLogger(__name__)

PRINCIPAL = "lambda.amazonaws.com"
_MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Invoked:
    """The end of an invocation: version, answer, whether that is an error, and the log."""

    version: str
    payload: bytes
    failed: bool
    lines: tuple[str, ...]


class Invocations:
    """Runs functions; `HookInvoker` of uploaded code.

    `doors` returns the addresses at which the world's load balancers listen.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("_functions", "_runtime", "_doors")

    def __init__(
        self,
        site: Site,
        functions: Functions,
        runtime: FunctionRuntime | None,
        doors: Callable[[], tuple[tuple[str, int], ...]],
    ) -> None:
        self._site, self._functions, self._runtime, self._doors = site, functions, runtime, doors
        # : Zips by region, function and CodeSha256: a version keeps the code that it was published with.
        self._codes: dict[tuple[str, str, str], bytes] = {}

    def keep(self, region: str, name: str, digest: str, content: bytes) -> None:
        """Keep the code of a function."""
        self._codes[(region, name, digest)] = content

    def forget(self, region: str, name: str) -> None:
        """Drop all code of a deleted function."""
        for key in [key for key in self._codes if key[:2] == (region, name)]:
            del self._codes[key]

    def invoke(self, function_arn: str, event: Mapping[str, object]) -> object:
        """Return a function's answer to an event, as `HookInvoker` says."""
        name, qualifier = reference_of(function_arn)
        described = self.describe(region_of(function_arn), name, qualifier, function_arn)
        invoked = self.run(region_of(function_arn), described, json.dumps(event).encode())
        answer: object = json.loads(invoked.payload or b"null")
        if invoked.failed:
            error = answer if isinstance(answer, dict) else {}
            raise FunctionError(str(error.get("errorType", "Error")), str(error.get("errorMessage", "")))
        return answer

    def describe(self, region: str, name: str, qualifier: str, reference: str) -> Described:
        """Return a function as GetFunction shows it. Raises AwsError if there is none."""
        client = self._site.substrate.client("lambda", region)
        try:
            request = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
            return cast("Described", client.get_function(**request))
        except ClientError as error:
            refusal = as_answered(error)
            if refusal.status == 404 or "NotFound" in refusal.code:
                raise AwsError("ResourceNotFoundException", f"Function not found: {reference}", 404) from error
            raise refusal from error

    def run(self, region: str, described: Described, payload: bytes, client_context: str = "") -> Invoked:
        """Run a function to its end. Raises AwsError if it cannot be started."""
        configuration = described["Configuration"]
        version = configuration.get("Version", "$LATEST")
        function = self._functions.registered(configuration["FunctionName"])
        if function is not None:
            return _called(function, payload, version)
        job = self._job(region, described, payload, client_context)
        if self._runtime is None:
            raise _unavailable(job, "uploaded code runs in containers, and this world has no Docker")
        if refusal := self._runtime.refusal(job):
            raise _unavailable(job, refusal)
        try:
            outcome = self._runtime.run(job)
        except FunctionUnavailable as error:
            raise _unavailable(job, str(error)) from error
        lines = _log_of(job, outcome)
        self._write(job, self._credentials(described["Configuration"]), lines)
        return Invoked(version, outcome.payload, outcome.failed, lines)

    def _job(self, region: str, described: Described, payload: bytes, client_context: str) -> FunctionJob:
        configuration = described["Configuration"]
        name, image = configuration["FunctionName"], described.get("Code", {}).get("ImageUri", "")
        code = self._codes.get((region, name, configuration.get("CodeSha256", "")))
        own = configuration.get("ImageConfigResponse", {}).get("ImageConfig", {})
        stamp = self._site.clock.stamp(self._site.clock.now())
        version = configuration.get("Version", "$LATEST")
        place, credentials = _place(configuration), self._credentials(configuration)
        if place is not None:
            self._site.paths.settle(
                credentials.access_key_id,
                region=region,
                subnet_id=place.subnet_id,
                security_group_ids=place.security_group_ids,
                public_ip=place.public_ip,
            )
        return FunctionJob(
            arn=configuration["FunctionArn"],
            name=name,
            version=version,
            request_id=str(uuid.uuid4()),
            region=region,
            payload=payload,
            credentials=credentials,
            code=None if image else code,
            image=image,
            runtime=configuration.get("Runtime", ""),
            handler=configuration.get("Handler", ""),
            memory=configuration.get("MemorySize", 128),
            timeout=float(configuration.get("Timeout", 3)),
            environment=dict(configuration.get("Environment", {}).get("Variables", {})),
            entry_point=tuple(own.get("EntryPoint") or ()),
            command=tuple(own.get("Command") or ()),
            working_directory=own.get("WorkingDirectory") or "",
            log_group=configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}",
            log_stream=f"{stamp:%Y/%m/%d}/[{version}]{uuid.uuid4().hex}",
            context=client_context,
            doors=self._doors(),
            outwards=None if place is None else self._site.paths.open_outwards(region=region, source=place),
            place=place,
        )

    def _credentials(self, configuration: Configuration) -> Credentials:
        try:
            return self._site.assume(configuration["Role"], PRINCIPAL, configuration["FunctionName"])
        except AwsError as error:
            raise AwsError(
                "AccessDeniedException",
                "Lambda was unable to assume the function's execution role: the role defined for the function cannot be assumed "
                "by Lambda.",
                403,
            ) from error

    def _write(self, job: FunctionJob, credentials: Credentials, lines: tuple[str, ...]) -> None:
        """Write the log with the function's role; without the permission nothing is written, as on AWS.

        Lambda writes it from outside of the VPC: `credentials` are another session than the code's own.
        """
        logs = self._site.client("logs", region=job.region, credentials=credentials)
        at = int(self._site.clock.stamp(self._site.clock.now()).timestamp() * 1000)
        events: list[InputLogEventTypeDef] = [
            {"timestamp": at, "message": line} for line in lines[:_MOST_LINES] if line
        ]
        try:
            try:
                logs.create_log_group(logGroupName=job.log_group)
            except ClientError as error:
                # A role that may not create groups writes into one that there is.
                if error.response["Error"]["Code"] not in ("ResourceAlreadyExistsException", "AccessDeniedException"):
                    raise
            logs.create_log_stream(logGroupName=job.log_group, logStreamName=job.log_stream)
            logs.put_log_events(logGroupName=job.log_group, logStreamName=job.log_stream, logEvents=events)
        except ClientError as error:
            log.info("the log of %s is not written: %s", job.name, error)

    def close(self) -> None:
        """End what still runs."""
        if self._runtime is not None:
            self._runtime.close()


def _place(configuration: Configuration) -> Place | None:
    """Return the network interface of a function in a VPC, in the first of its subnets; None for other functions.

    It has no public address: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
    """
    vpc = configuration.get("VpcConfig", {})
    subnets = vpc.get("SubnetIds")
    return Place(subnets[0], tuple(vpc.get("SecurityGroupIds", ()))) if subnets else None


def _called(function: Function, payload: bytes, version: str) -> Invoked:
    """Return the end of a registered callable, whose exceptions are its own failures."""
    try:
        answer = json.dumps(function(json.loads(payload or b"{}"))).encode()
    except Exception as error:
        failure = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
        return Invoked(version, json.dumps(failure).encode(), True, (f"[ERROR] {type(error).__name__}: {error}",))
    return Invoked(version, answer, False, ())


def _log_of(job: FunctionJob, outcome: FunctionOutcome) -> tuple[str, ...]:
    milliseconds = 1000.0 * outcome.seconds
    report = (
        f"REPORT RequestId: {job.request_id}\tDuration: {milliseconds:.2f} ms\tBilled Duration: {math.ceil(milliseconds)} ms\t"
        f"Memory Size: {job.memory} MB\t"
    )
    start = f"START RequestId: {job.request_id} Version: {job.version}"
    return (start, *outcome.lines, f"END RequestId: {job.request_id}", report)


def _unavailable(job: FunctionJob, reason: str) -> AwsError:
    return AwsError(
        "NotImplemented",
        f"The function {job.name} does not run here: {reason}. Register a callable for it: "
        f"world.functions.register({job.name!r}, function)",
        501,
    )
