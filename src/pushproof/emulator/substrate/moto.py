"""Substrates for services that plain emulators cover well: moto in this process, or an emulator by URL.

The delivery plane reaches a substrate only through `client()`, that is through boto3, so that one can replace another.
"""

from __future__ import annotations

import functools
import io
import ipaddress
import logging
import re
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import boto3
import botocore.session
import requests
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from moto.core.request import Request
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from pushproof.aws.clients import make_client
from pushproof.emulator.keeping.rebuilding import NotKeepable
from pushproof.emulator.kernel.errors import AnswerLost, AwsError, failed_inside, not_implemented
from pushproof.emulator.kernel.hastening import hasten
from pushproof.emulator.kernel.protocol import for_xml
from pushproof.emulator.substrate.moto_backends import backends_in_use, discard_backends, use_backends
from pushproof.emulator.substrate.moto_cache import read_once
from pushproof.emulator.substrate.moto_conditions import decided
from pushproof.emulator.substrate.moto_direct import Callback, answer, callback_of, is_direct
from pushproof.emulator.substrate.moto_fixes import repair_service
from pushproof.emulator.substrate.moto_lacks import lacks, moto_has
from pushproof.emulator.substrate.naming import name_of

log = logging.getLogger(__name__)


class Wsgi(Protocol):
    """moto's front."""

    def __call__(self, environ: dict[str, object], start_response: Any, /) -> Any: ...

    def callback(self, environ: dict[str, object]) -> Callback | None:
        """Return moto's method for a request at the root; None if there is none."""


class Substrate(Protocol):
    """Answers whole requests, and boto3 calls of the plane."""

    def handle(self, request: Request) -> Response:
        """Answer a request as it arrived."""

    def client(self, service: str, region: str) -> Any:
        """Return a boto3 client that talks to the substrate directly, as AWS itself talks to its own services."""

    def lacks(self, service: str, operation: str) -> bool:
        """Return whether nothing answers an operation of one of the plane's services, as far as can be told beforehand."""

    def secret_access_key(self, access_key_id: str) -> str | None:
        """Return the secret of an IAM user's active key; None if there is no such key, or the substrate does not return it."""

    def state(self) -> dict[str, object]:
        """Return the state of the account. Raises NotKeepable if another process has it."""

    def continue_from(self, state: Mapping[str, object]) -> None:
        """Replace the state of the account by what `state()` of another substrate returned."""

    def close(self) -> None:
        """Release everything."""


class _NoBackend(Exception):
    """moto has nothing, or nothing right, for a host."""


# Paths of moto's that are no AWS API: they reset the account, or return what looks like an instance's credentials.
_MOTOS_OWN = ("/moto-api", "/latest/meta-data/", "/latest/api/")

# Services of which moto has a part that no SDK can read: CodeCommit's dates are text where its model requires numbers.
_ANSWERED_WRONGLY = frozenset({"codecommit"})


@functools.cache
def _application() -> Wsgi:
    """Return moto's front. It holds routes and no state: the state is in the backends, which are new in every world."""
    from moto import backends
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    class Front(DomainDispatcherApplication):  # type: ignore[misc]
        """Reports a missing backend, where moto's own front goes on with None; remembers the service of each host."""

        not_kept = ("*",)

        def __init__(self) -> None:
            super().__init__(create_backend_app)
            self._backends: dict[str, str] = {"moto_api": "moto_api"}
            self._callbacks: dict[object, Callback | None] = {}

        def callback(self, environ: dict[str, object]) -> Callback | None:
            application = self.get_application(environ)
            if application not in self._callbacks:
                self._callbacks[application] = callback_of(application)
            return self._callbacks[application]

        def get_backend_for_host(self, host: str | None) -> str | None:
            if host is None:
                return None
            if host not in self._backends:
                self._backends[host] = self._find(host)
            repair_service(self._backends[host].removesuffix("bucket_path"))
            return self._backends[host]

        def _find(self, host: str) -> str:
            name = host if host in backends.list_of_moto_modules() else None
            if name is None:
                name = next((b for b, pattern in self.backend_url_patterns if pattern.match(f"http://{host}")), None)
            if name is None or name in _ANSWERED_WRONGLY:
                raise _NoBackend(host)
            return name

    application: Wsgi = Front()
    return application


class MotoSubstrate:
    """moto's backends in this process.

    moto's state belongs to the process, so it can serve one world at a time; a second `MotoSubstrate` raises RuntimeError.
    A fork of the process has a copy of its own.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    _taken: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, account_id: str) -> None:
        if not MotoSubstrate._taken.acquire(blocking=False):
            raise RuntimeError(
                "another embedded world is open in this process; close it first, or open the second one in a "
                "process of its own"
            )
        self._open = True
        self._account_id = account_id
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise
        self._client = functools.cache(self._make_client)

    def _prepare(self) -> None:
        """Make moto's application, with no state of an earlier world."""
        from moto.core.config import default_user_config

        hasten()
        read_once()
        discard_backends()
        # Batch and Lambda would start containers of their own; nothing here may reach the network.
        default_user_config["lambda"]["use_docker"] = False
        default_user_config["batch"]["use_docker"] = False
        # Attaching AmazonECSTaskExecutionRolePolicy and the like must work as it does on AWS.
        default_user_config["iam"]["load_aws_managed_policies"] = True
        self._app = _application()

    def state(self) -> dict[str, object]:
        """Return moto's backends, by service."""
        return backends_in_use()

    def continue_from(self, state: Mapping[str, object]) -> None:
        """Replace moto's backends by those that `state()` of another returned."""
        discard_backends()
        use_backends(state)

    def handle(self, request: Request) -> Response:
        if lacks(request) or request.path.startswith(_MOTOS_OWN):
            raise _lacking(request)
        environ = dict(request.environ)
        data = request.get_data(cache=True)
        environ["wsgi.input"] = io.BytesIO(data)
        environ["CONTENT_LENGTH"] = str(len(data))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        with decided(request, environ, self._account_id) as answer:
            return answer if answer is not None else self._run(request, environ)

    def _run(self, request: Request, environ: dict[str, Any]) -> Response:
        try:
            callback = self._app.callback(environ) if is_direct(request) else None
            if callback is not None:
                response = answer(callback, request, environ)
            else:
                body, status, headers = run_wsgi_app(self._app, environ, buffered=True)
                response = Response(body, status=status, headers=headers, direct_passthrough=True)
        except (_NoBackend, NotImplementedError) as error:
            raise _lacking(request) from error
        except Exception as error:
            log.exception("moto failed on %s %s", request.method, request.path)
            raise failed_inside("The substrate (moto)", str(name_of(request)), error) from error
        if response.status_code >= 400:
            if _is_no_answer(response):
                raise _lacking(request)
            _replace_controls(response)
        if response.status_code >= 500:
            response.status_code = 501
        return response

    def client(self, service: str, region: str) -> Any:
        return self._client(service, region)

    def lacks(self, service: str, operation: str) -> bool:
        return not moto_has(service, operation)

    def _make_client(self, service: str, region: str) -> Any:
        return in_process_client(service, region, lambda request: self.handle(request), signed=False)

    def secret_access_key(self, access_key_id: str) -> str | None:
        from moto.iam.models import iam_backends

        for user in list(iam_backends[self._account_id]["aws"].users.values()):
            for key in list(user.access_keys):
                if key.access_key_id == access_key_id and key.status == "Active":
                    return str(key.secret_access_key)
        return None

    def close(self) -> None:
        if self._open:
            self._open = False
            MotoSubstrate._taken.release()


def _replace_controls(response: Response) -> None:
    """Make an error in XML readable: moto repeats names in errors unescaped."""
    data = response.get_data()
    if data.lstrip().startswith(b"<"):
        response.set_data(for_xml(data.decode("utf-8", "replace")))


class UpstreamSubstrate:
    """Another emulator by URL, such as a LocalStack container.

    Only a loopback or private address is accepted (ValueError otherwise): nothing is ever forwarded to AWS. Emulators separate
    accounts
    by the access key, if it is an account's number; keys that the emulator issued itself stay as they are.

    Args:
        url: `http://127.0.0.1:4566`.
        account_id: the account that calls are made in.
        explain: returns an explanation when the emulator no longer answers, such as the last log lines of its container.
    """

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, url: str, account_id: str = "000000000000", *, explain: Callable[[], str] | None = None) -> None:
        require_private(url)
        self.url = url.rstrip("/")
        self._open = True
        self._account_id = account_id
        self._explain = explain
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_maxsize=64))
        self._client = functools.cache(self._make_client)

    def handle(self, request: Request) -> Response:
        query = _in_account(request.query_string.decode("latin-1"), self._account_id)
        target = f"{self.url}{request.raw_path}{'?' if query else ''}{query}"
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _NOT_FORWARDED}
        if "Authorization" in headers:
            headers["Authorization"] = _in_account(headers["Authorization"], self._account_id)
        try:
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
        except (requests.RequestException, OSError, HTTPError) as error:
            explanation = self._explain() if self._explain is not None else f"{error}. Start it again."
            # Not a 5xx: SDKs would repeat for minutes what cannot succeed.
            raise AwsError("EmulatorUnavailable", f"{self.url} does not answer: {explanation}", status=400) from error
        kept = [(k, v) for k, v in answer.raw.headers.items() if k.lower() not in _NOT_RETURNED]
        # An emulator's 500 is a lasting fault of its own; SDKs would repeat for minutes.
        status = 501 if answer.status_code == 500 else answer.status_code
        return Response(body, status=status, headers=kept, direct_passthrough=True)

    def client(self, service: str, region: str) -> Any:
        return self._client(service, region)

    def lacks(self, service: str, operation: str) -> bool:
        """Return False: another emulator reports itself what it lacks."""
        return False

    def _make_client(self, service: str, region: str) -> Any:
        return in_process_client(service, region, self.handle, access_key_id=self._account_id)

    def secret_access_key(self, access_key_id: str) -> str | None:
        return None

    def state(self) -> dict[str, object]:
        raise NotKeepable(f"{self.url} has the state of the account")

    def continue_from(self, state: Mapping[str, object]) -> None:
        raise NotKeepable(f"{self.url} has the state of the account")

    def close(self) -> None:
        self._session.close()


def _lacking(request: Request) -> AwsError:
    named = name_of(request)
    return not_implemented(named.service, named.operation)


def _is_no_answer(response: Response) -> bool:
    """Return whether this is a page of the web server below moto: the request matches no path of moto's service."""
    start = response.get_data()[:200].lower()
    return b"not yet implemented" in start or (b"<!doctype html>" in start and b"<title>4" in start)


_NOT_FORWARDED = frozenset({"transfer-encoding", "connection", "expect", "content-length"})
_NOT_RETURNED = frozenset({"transfer-encoding", "connection", "content-length"})
_CREDENTIAL = re.compile(r"(Credential=)([^/%&]+)(?=/|%2F)")
# First letters of the keys that STS and IAM issue, on AWS (A…) and on LocalStack (L…).
_ISSUED = re.compile(r"[AL][SK]IA[A-Z0-9]{12,}")


def _in_account(text: str, account_id: str) -> str:
    """Return a SigV4 credential (of a header or a presigned URL) with the account's number as its key, unless it was issued."""
    return _CREDENTIAL.sub(lambda m: m[0] if _ISSUED.fullmatch(m[2]) else m[1] + account_id, text)


def require_private(url: str) -> None:
    """Raise ValueError unless a URL leads to this machine or to a private network."""
    parts = urlsplit(url)
    expected = "expected an emulator on this machine or in a private network, such as http://127.0.0.1:4566"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an endpoint; {expected}")
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(parts.hostname, parts.port or 80)}
    except (OSError, ValueError) as error:
        raise ValueError(f"{url!r} leads nowhere ({error}); {expected}") from error
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not address.is_private or address.is_link_local or address.is_unspecified:
            raise ValueError(f"{url!r} leads to {address}, which is no private address; {expected}")


_CONFIG = Config(
    retries={"total_max_attempts": 1, "mode": "standard"},
    s3={"addressing_style": "path"},
    parameter_validation=True,
    ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # newer than the stubs
)


@functools.cache
def _session() -> boto3.session.Session:
    """Return one session for all clients: each would otherwise read its service's model and register a hundred handlers anew."""
    return boto3.session.Session(botocore_session=botocore.session.Session())


# boto3 makes clients from one thread at a time: https://docs.aws.amazon.com/boto3/latest/guide/session.html
_MAKING = threading.Lock()


def in_process_client(
    service: str,
    region: str,
    handle: Callable[[Request], Response],
    *,
    access_key_id: str = "plane",
    secret_access_key: str = "plane",
    session_token: str | None = None,
    signed: bool = True,
) -> Any:
    """Return a boto3 client whose requests go to `handle` instead of a socket.

    `signed`: whether requests carry a signature. Without one they carry its scope, from which moto takes account and region: a
    tenth
    of the time of a small call.
    """
    with _MAKING:
        client = make_client(
            _session(),
            service,
            region_name=region,
            endpoint_url="http://127.0.0.1:1",
            config=_CONFIG if signed else _CONFIG.merge(Config(signature_version=UNSIGNED)),
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            aws_session_token=session_token,
        )

    scope = f"{access_key_id}/20000101/{region}/{client.meta.service_model.signing_name}/aws4_request"

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        if not signed:
            request.headers["Authorization"] = (
                f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"
            )
        sent = Request.from_primitives(request.method, request.url, request.headers, _bytes(request.body))
        try:
            response = handle(sent)
        except AnswerLost as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from error
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
    """The raw-response interface through which botocore reads a body."""

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
        """Do nothing: no connection was borrowed."""

    @property
    def closed(self) -> bool:
        return False

    def readable(self) -> bool:
        return True
