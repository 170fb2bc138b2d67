"""What answers the services that plain emulators answer well: moto in this process, or an emulator by URL.

The delivery plane reaches a substrate only through `client()`, that is through boto3, so that one can stand in for another.
"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import boto3
import requests
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.core.request import Request
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from pushproof.emulator.errors import AwsError

Wsgi = Callable[[dict[str, Any], Any], Any]


class Substrate(Protocol):
    """Answers whole requests, and boto3 calls of the plane."""

    def handle(self, request: Request) -> Response:
        """Answer a request as it came in."""

    def client(self, service: str, region: str) -> Any:
        """A boto3 client that talks to the substrate directly, as AWS itself talks to its own services."""

    def close(self) -> None:
        """Give everything back."""


class MotoSubstrate:
    """moto's backends in this process.

    moto's state belongs to the process, so one world at a time can stand on it; a second `MotoSubstrate` raises RuntimeError.
    A fork of the process has a copy of its own.
    """

    _taken: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, account_id: str) -> None:
        from moto.core.config import default_user_config
        from moto.moto_api._internal.models import moto_api_backend
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        if not MotoSubstrate._taken.acquire(blocking=False):
            raise RuntimeError(
                "another embedded world is open in this process; close it first, or open the second one in a process of its own"
            )
        self._account_id = account_id
        moto_api_backend.reset()
        # Batch and Lambda would start containers of their own; nothing here may reach out.
        default_user_config["lambda"]["use_docker"] = False
        default_user_config["batch"]["use_docker"] = False
        # Attaching AmazonECSTaskExecutionRolePolicy and the like must work as it does on AWS.
        default_user_config["iam"]["load_aws_managed_policies"] = True
        self._app: Wsgi = DomainDispatcherApplication(create_backend_app)
        self._client = functools.cache(self._make_client)

    def handle(self, request: Request) -> Response:
        environ = dict(request.environ)
        data = request.get_data(cache=True)
        environ["wsgi.input"] = io.BytesIO(data)
        environ["CONTENT_LENGTH"] = str(len(data))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        try:
            body, status, headers = run_wsgi_app(self._app, environ, buffered=True)
        except NotImplementedError as error:
            raise AwsError(
                "NotImplemented", f"The substrate (moto) does not implement this: {error}", status=501
            ) from error
        return Response(body, status=status, headers=headers, direct_passthrough=True)

    def client(self, service: str, region: str) -> Any:
        return self._client(service, region)

    def _make_client(self, service: str, region: str) -> Any:
        return in_process_client(service, region, lambda request: self.handle(request))

    def close(self) -> None:
        if MotoSubstrate._taken.locked():
            MotoSubstrate._taken.release()


class UpstreamSubstrate:
    """Another emulator by URL, such as a LocalStack container.

    Only a loopback or private address is accepted: nothing is ever forwarded to AWS.
    """

    def __init__(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        if host.endswith("amazonaws.com") or not host:
            raise ValueError(f"{url!r} is not an emulator's endpoint; expected something like http://127.0.0.1:4566")
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._client = functools.cache(self._make_client)

    def handle(self, request: Request) -> Response:
        target = self.url + request.raw_path
        if request.query_string:
            target += "?" + request.query_string.decode()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("transfer-encoding", "connection")}
        answer = self._session.request(
            request.method,
            target,
            headers=headers,
            data=request.get_data(cache=True),
            allow_redirects=False,
            stream=True,
            timeout=120,
        )
        body = answer.raw.read(decode_content=False)
        dropped = ("transfer-encoding", "connection", "content-length")
        kept = [(k, v) for k, v in answer.raw.headers.items() if k.lower() not in dropped]
        return Response(body, status=answer.status_code, headers=kept, direct_passthrough=True)

    def client(self, service: str, region: str) -> Any:
        return self._client(service, region)

    def _make_client(self, service: str, region: str) -> Any:
        return boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=_CONFIG,
        )

    def close(self) -> None:
        self._session.close()


_CONFIG = Config(
    retries={"total_max_attempts": 1, "mode": "standard"},
    s3={"addressing_style": "path"},
    parameter_validation=True,
    ignore_configured_endpoint_urls=True,
)


def in_process_client(
    service: str,
    region: str,
    handle: Callable[[Request], Response],
    *,
    access_key_id: str = "plane",
    secret_access_key: str = "plane",
    session_token: str | None = None,
) -> Any:
    """A boto3 client whose requests are handed to `handle` instead of a socket."""
    session = boto3.session.Session(
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        aws_session_token=session_token,
        region_name=region,
    )
    client = session.client(service, endpoint_url="http://127.0.0.1:1", config=_CONFIG)

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        response = handle(Request.from_primitives(request.method, request.url, request.headers, _bytes(request.body)))
        headers: Any = response.headers
        return AWSResponse(request.url, response.status_code, headers, _Raw(response.get_data()))

    client.meta.events.register("before-send", send)
    return client


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    read: bytes = body.read()
    return read


class _Raw:
    """The raw-response interface that botocore reads a body through."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def stream(self, amt: int = 65536, **_: Any) -> Any:
        while chunk := self.read(amt):
            yield chunk

    def read(self, amt: int | None = None, **_: Any) -> bytes:
        end = len(self._content) if amt is None else self._position + amt
        chunk = self._content[self._position : end]
        self._position += len(chunk)
        return chunk

    def close(self) -> None:
        self._position = len(self._content)

    def release_conn(self) -> None:
        """Nothing was borrowed."""

    @property
    def closed(self) -> bool:
        return False

    def readable(self) -> bool:
        return True
