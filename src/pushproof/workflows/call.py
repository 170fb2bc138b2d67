"""The call of an action: its inputs and environment, and what it leaves for later steps."""

from __future__ import annotations

from collections.abc import Callable, MutableSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.client import Config

from pushproof.aws.clients import make_client

if TYPE_CHECKING:
    from types_boto3_ecr.client import ECRClient
    from types_boto3_ecs.client import ECSClient
    from types_boto3_sts.client import STSClient

    from pushproof.base.clock import Clock


class StepFailed(Exception):
    """A step ends with an error; the message is the one that GitHub shows."""


@dataclass(slots=True)
class Call:
    """One use of an action. Outputs, exported variables and clean-ups are what it leaves."""

    inputs: dict[str, str]
    environment: dict[str, str]
    workspace: Path
    temporary: Path
    clock: Clock
    say: Callable[[str], None]
    masks: MutableSet[str]
    outputs: dict[str, str] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)
    cleanups: list[Callable[[], None]] = field(default_factory=list)

    def input(self, name: str, *, required: bool = False) -> str:
        """Return an input, without spaces around it; "" where nobody set it. Raises StepFailed for a required one."""
        value = self.inputs.get(name, "").strip()
        if required and not value:
            raise StepFailed(f"Input required and not supplied: {name}")
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value of YAML 1.2; false where nobody set it. Raises StepFailed."""
        value = self.input(name)
        if value not in ("", "true", "True", "TRUE", "false", "False", "FALSE"):
            raise StepFailed(
                f'Input does not meet YAML 1.2 "Core Schema" specification: {name}\n'
                "Support boolean input list: `true | True | TRUE | false | False | FALSE`"
            )
        return value.lower() == "true"

    def number(self, name: str, otherwise: int) -> int:
        """Return a whole number; `otherwise` where nobody set one."""
        value = self.input(name)
        return int(value) if value.isdecimal() and int(value) else otherwise

    def sts(self, *, signed: bool = True) -> STSClient:
        """Return a client of STS with the credentials of the step's environment, or without any."""
        client: STSClient = self._client("sts", signed=signed)
        return client

    def ecr(self) -> ECRClient:
        """Return a client of ECR with the credentials of the step's environment."""
        client: ECRClient = self._client("ecr")
        return client

    def ecs(self) -> ECSClient:
        """Return a client of ECS with the credentials of the step's environment."""
        client: ECSClient = self._client("ecs")
        return client

    def _client(self, service: str, *, signed: bool = True) -> Any:
        region = self.environment.get("AWS_REGION") or self.environment.get("AWS_DEFAULT_REGION") or None
        keys = {
            "aws_access_key_id": self.environment.get("AWS_ACCESS_KEY_ID") or "none",
            "aws_secret_access_key": self.environment.get("AWS_SECRET_ACCESS_KEY") or "none",
            "aws_session_token": self.environment.get("AWS_SESSION_TOKEN") or None,
        }
        from botocore import UNSIGNED

        config = Config(retries={"total_max_attempts": 3, "mode": "standard"})
        if not signed:
            config = config.merge(Config(signature_version=UNSIGNED))
        endpoint = self.environment.get("AWS_ENDPOINT_URL") or None
        return make_client(
            boto3.session.Session(), service, region_name=region, endpoint_url=endpoint, config=config, **keys
        )

    def export(self, name: str, value: str) -> None:
        """Set a variable for this and all later steps of the job."""
        self.environment[name] = self.exported[name] = value


class Action(Protocol):
    """An action, as this runner performs it."""

    def __call__(self, call: Call) -> None:
        """Perform it. Raises StepFailed."""
