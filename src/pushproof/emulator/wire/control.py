"""Control endpoints at `/_pushproof/`: steps that a person performs on AWS, and the state of the world."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.faults import ActiveFault
from pushproof.emulator.kernel.site import CHALLENGE, KEYS_NEEDED
from pushproof.engines.faults import Fault, FaultError, parse, text_of
from pushproof.engines.github import Job, job_of

if TYPE_CHECKING:
    from pushproof.emulator.kernel.calls import CallLog
    from pushproof.emulator.kernel.site import ConnectionRecord, Envelope, Ground
    from pushproof.emulator.kernel.source import PullRequest

_PREFIX = "/_pushproof/"
_ENDPOINTS = (
    "GET health, GET calls, GET events, GET sns/SimpleNotificationService-….pem, POST connections/authorise?arn=…, "
    "GET faults, POST faults?fault=zone-lost:eu-west-1a, DELETE faults/ID, "
    "POST pull-requests/open?repository=…&source=…&target=…&title=…, POST pull-requests/close?repository=…&number=…[&merge=true], "
    "POST github/jobs"
)


class Handshakes(Protocol):
    """CodeConnections, as a person uses it in the console."""

    def authorise(self, arn: str) -> ConnectionRecord:
        """Complete a connection's handshake. Raises AwsError if there is no such connection."""


class Faulty(Protocol):
    """The faults of the world, as a person causes them."""

    @property
    def journal(self) -> list[ActiveFault]:
        """Return every fault so far, oldest first."""

    def begin(self, fault: Fault) -> ActiveFault:
        """Begin a fault. Raises FaultError if the world cannot have it."""

    def end(self, fault_id: str) -> ActiveFault | None:
        """End a fault; None if it is not active."""


class PullRequests(Protocol):
    """Pull requests of the git host, as people use them on the provider's page."""

    def open_pull_request(self, repository: str, source: str, target: str = "main", *, title: str = "") -> PullRequest:
        """Open a pull request. Raises ValueError."""

    def close_pull_request(self, repository: str, number: int, *, merge: bool = False) -> PullRequest:
        """Close a pull request, after a merge if asked for. Raises ValueError."""


class Jobs(Protocol):
    """GitHub's issuer of tokens, as it learns of jobs that run."""

    def register(self, job: Job) -> dict[str, str]:
        """Return the environment with which a job requests tokens. Raises ValueError."""


class ControlFront:
    """Pages of state (`GET health`, `calls`, `events`), and steps of people (`POST connections/…`, `pull-requests/…`, `github/…`).

    `GET sns/SimpleNotificationService-….pem` is SNS's signing certificate.

    All require the administrator's keys, except `health` and the certificate, which reveal nothing private.
    """

    name = "control"

    def __init__(
        self,
        ground: Ground,
        log: CallLog,
        services: Mapping[str, object],
        history: Callable[[], list[Envelope]],
        connections: Handshakes,
        certificates: Callable[[str], bytes | None],
        faults: Faulty,
        jobs: Jobs,
        pull_requests: PullRequests | None = None,
    ) -> None:
        """Set up. `history` returns the envelopes of events put on buses; `certificates` SNS's signing certificate by name."""
        self._jobs = jobs
        self._ground = ground
        self._log = log
        self._services = services
        self._history = history
        self._connections = connections
        self._certificates = certificates
        self._faults = faults
        self._pull_requests = pull_requests

    def accepts(self, request: Request) -> bool:
        return request.path.startswith(_PREFIX)

    def handle(self, request: Request) -> Response:
        route = (request.method, request.path.removeprefix(_PREFIX))
        if route == ("GET", "health"):
            return _json(
                {"world": self._ground.id, "services": sorted(self._services), "account": self._ground.account_id}
            )
        if request.method == "GET" and route[1].startswith("sns/"):
            certificate = self._certificates(route[1].removeprefix("sns/"))
            if certificate is not None:
                return Response(certificate, content_type="application/x-pem-file")
        if not self._ground.doorkeeper.admits(request):
            return _json({"error": KEYS_NEEDED}, 401, **{"WWW-Authenticate": CHALLENGE})
        if route == ("GET", "calls"):
            return _json(
                [{"call": c.name, "principal": c.context.principal.arn, "status": c.status} for c in self._log.calls]
            )
        if route == ("GET", "events"):
            return _json(self._history())
        if route == ("POST", "connections/authorise"):
            return self._authorise(request.args.get("arn", ""))
        if route == ("GET", "faults"):
            return _json([_shown(active) for active in self._faults.journal])
        if route == ("POST", "faults"):
            return self._begin(request.args.get("fault", ""))
        if request.method == "DELETE" and route[1].startswith("faults/"):
            return self._end(route[1].removeprefix("faults/"))
        if request.method == "POST" and route[1].startswith("pull-requests/") and self._pull_requests is not None:
            return self._pull_request(self._pull_requests, route[1].removeprefix("pull-requests/"), request.args)
        if route == ("POST", "github/jobs"):
            return self._register(request.get_data())
        return _json({"error": f"{request.method} {request.path} is unknown; there are: {_ENDPOINTS}"}, 404)

    def _begin(self, text: str) -> Response:
        try:
            return _json(_shown(self._faults.begin(parse(text))))
        except FaultError as error:
            return _json({"error": str(error)}, 400)

    def _end(self, fault_id: str) -> Response:
        ended = self._faults.end(fault_id)
        if ended is None:
            active = ", ".join(entry.id for entry in self._faults.journal if entry.ended_at is None) or "none"
            return _json({"error": f"{fault_id} is no active fault; active: {active}"}, 404)
        return _json(_shown(ended))

    @staticmethod
    def _pull_request(requests: PullRequests, verb: str, query: Mapping[str, str]) -> Response:
        try:
            if verb == "open":
                source, target = query.get("source", ""), query.get("target") or "main"
                changed = requests.open_pull_request(
                    query.get("repository", ""), source, target, title=query.get("title", "")
                )
            elif verb == "close":
                number = query.get("number", "")
                if not number.isdecimal():
                    raise ValueError(f"number is {number!r}; expected the number of a pull request")
                changed = requests.close_pull_request(
                    query.get("repository", ""), int(number), merge=query.get("merge", "") == "true"
                )
            else:
                return _json({"error": f"pull-requests/{verb} is unknown; there are: {_ENDPOINTS}"}, 404)
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        return _json(asdict(changed))

    def _authorise(self, arn: str) -> Response:
        try:
            with self._ground.loop.lock:
                connection = self._connections.authorise(arn)
        except AwsError as error:
            return _json({"error": error.message}, 404)
        return _json({"ConnectionArn": connection.arn, "ConnectionStatus": connection.status})

    def _register(self, body: bytes) -> Response:
        """Register a job that the body describes by the fields of `Job` and `Repository`, as `job_of` reads them."""
        try:
            return _json(self._jobs.register(job_of(json.loads(body or b"{}"))))
        except ValueError as error:
            return _json({"error": str(error)}, 400)


def _shown(active: ActiveFault) -> dict[str, object]:
    return {
        "id": active.id,
        "fault": text_of(active.fault),
        "begunAt": active.begun_at,
        "endedAt": active.ended_at,
        "effects": list(active.effects),
    }


def _json(content: Any, status: int = 200, **headers: str) -> Response:
    text = json.dumps(content, default=str, indent=2) + "\n"
    return Response(text, status=status, headers=headers, content_type="application/json")
