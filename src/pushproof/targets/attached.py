"""A world that another process holds open, reached through its gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import requests

from pushproof.base.clock import ScaledClock
from pushproof.base.target import TargetUnavailable
from pushproof.targets.faults import Faults, OverControl
from pushproof.targets.gateway import GatewayTarget
from pushproof.targets.journal import WorldRecord, noted_keys

_LIMIT = 30.0


class AttachedWorld(GatewayTarget):
    """A world of another process on this machine. Closing the target changes nothing: the owner of the world takes it down.

    Raises TargetUnavailable when its gateway does not answer, or another world answers there.
    """

    def __init__(self, record: WorldRecord, *, endpoint: str, region: str, account_id: str, speed: float) -> None:
        self.name = record.target
        super().__init__(
            world_id=record.id,
            endpoint=endpoint,
            region=region,
            account_id=account_id,
            keys=noted_keys(Path(record.directory)),
            clock=ScaledClock(speed),
            directory=Path(record.directory),
        )
        self._require_the_same()

    def _require_the_same(self) -> None:
        next_step = "Begin anew, without --from"
        try:
            answer = requests.get(f"{self.endpoint}/_pushproof/health", timeout=_LIMIT)
            world = answer.json()["world"]
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise TargetUnavailable(
                f"world {self.world_id} does not answer at {self.endpoint} ({type(error).__name__}). {next_step}"
            ) from error
        if world != self.world_id:
            raise TargetUnavailable(f"world {world} answers at {self.endpoint}, not {self.world_id}. {next_step}")

    def faults(self) -> Faults:
        """Return the vocabulary of faults of the world, through its control endpoint."""
        return Faults(OverControl(self.endpoint, self.keys))

    def lacks(self, capability: str) -> str | None:
        return "here AWS's answers are the engines' own" if capability == "oracles" else None

    def repository_url(self, repository: str) -> str:
        """Return the URL to push to; the world created the repository before."""
        return f"{self.endpoint}/_git/{repository}.git"

    def authorise_connection(self, arn: str) -> None:
        """Complete a connection's handshake, as a person does in the console. Raises TargetUnavailable."""
        url = f"{self.endpoint}/_pushproof/connections/authorise"
        answer = requests.post(url, params={"arn": arn}, auth=self.keys, timeout=_LIMIT)
        if not answer.ok:
            raise TargetUnavailable(f"{self.endpoint} does not authorise {arn}: {answer.text[:300]}")

    def remains(self) -> list[str]:
        """Return an empty list: the world belongs to its owner."""
        return []

    def close(self) -> None:
        """Do nothing: the owner takes the world down."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
