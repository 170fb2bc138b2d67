"""Runtime of Python functions: it takes events from Lambda's runtime API, calls the handler, and reports the answer.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and .../python-exceptions.html
"""

import http.client
import importlib
import io
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
VERSION = "/2018-06-01/runtime"


class Context:
    """The second argument of a handler."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity: object = None
        self.client_context = json.loads(headers.get("Lambda-Runtime-Client-Context") or "null")
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


class Formatter(logging.Formatter):
    """Lambda's form of log lines: level, instant, request and message, separated by tabs."""

    request = ""

    def format(self, record: logging.LogRecord) -> str:
        record.aws_request_id = self.request
        return super().format(record)


def call(
    method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[dict[str, str], bytes]:
    connection = http.client.HTTPConnection(API)
    try:
        connection.request(method, VERSION + path, body, headers or {})
        answer = connection.getresponse()
        return dict(answer.headers.items()), answer.read()
    finally:
        connection.close()


def failure(kind: str, message: str, trace: Sequence[str] = (), request: str = "") -> dict[str, object]:
    return {"errorMessage": message, "errorType": kind, "requestId": request, "stackTrace": list(trace)}


def report(path: str, error: dict[str, object]) -> None:
    kind, trace = str(error["errorType"]), error["stackTrace"]
    print(f"[ERROR] {kind}: {error['errorMessage']}")
    if isinstance(trace, list) and trace:
        print("Traceback (most recent call last):")
        for line in trace:
            print(line.rstrip())
    headers = {"Lambda-Runtime-Function-Error-Type": kind, "Content-Type": "application/json"}
    call("POST", path, json.dumps(error).encode(), headers)


def load(text: str) -> Callable[..., object]:
    """Return the handler. Raises LookupError with the error that Lambda reports."""
    module, dot, name = text.rpartition(".")
    if not dot:
        words = f"Bad handler '{text}': not enough values to unpack (expected 2, got 1)"
        raise LookupError(failure("Runtime.MalformedHandlerName", words))
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise LookupError(
            failure("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}")
        ) from error
    except SyntaxError as error:
        words = f"Syntax error in module '{module}': {error}"
        raise LookupError(
            failure("Runtime.UserCodeSyntaxError", words, [f'  File "{error.filename}" Line {error.lineno}'])
        ) from error
    except Exception as error:
        trace = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        raise LookupError(failure(type(error).__name__, str(error), trace)) from error
    if not hasattr(loaded, name):
        raise LookupError(failure("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'"))
    handler: Callable[..., object] = getattr(loaded, name)
    return handler


def serve(handler: Callable[..., object], formatter: Formatter) -> None:
    headers, event = call("GET", "/invocation/next")
    context = Context(headers)
    request = formatter.request = context.aws_request_id
    try:
        answer = handler(json.loads(event or b"{}"), context)
    except Exception as error:
        trace = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        report(f"/invocation/{request}/error", failure(type(error).__name__, str(error), trace, request))
        return
    try:
        body = json.dumps(answer).encode()
    except (TypeError, ValueError) as error:
        words = f"Unable to marshal response: {error}"
        report(f"/invocation/{request}/error", failure("Runtime.MarshalError", words, request=request))
        return
    call("POST", f"/invocation/{request}/response", body, {"Content-Type": "application/json"})


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    sys.stderr = sys.stdout
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], "/opt/python"]
    formatter = Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    output = logging.StreamHandler(sys.stdout)
    output.terminator = ""
    output.setFormatter(formatter)
    logging.getLogger().addHandler(output)
    try:
        handler = load(os.environ["_HANDLER"])
    except LookupError as error:
        report("/init/error", error.args[0])
        sys.exit(1)
    while True:
        serve(handler, formatter)


main()
