"""Base of targets whose world is behind a gateway on this machine, in this process or in another."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from pushproof.aws.clients import make_client
from pushproof.base.clock import Clock
from pushproof.base.environment import WORLD_VARIABLE, world_environment
from pushproof.base.needs import Needs, Provision
from pushproof.base.target import Address, TargetUnavailable
from pushproof.engines.github import Job, described
from pushproof.sandbox.source import upload
from pushproof.targets.inventory import inventory

#: Log groups of services: CodeBuild and ECS create theirs if they do not exist.
_SERVICES_OWN = "/aws/"
_PATIENCE = 30.0


class GatewayTarget:
    """The client's side of a world: everything that goes through its one endpoint, and its directory on this machine.

    `keys`: the administrator's access key, and its secret.
    """

    name: str
    after_rollback = frozenset({"Failed"})
    announces = False
    disposable = True
    capabilities: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        world_id: str,
        endpoint: str,
        region: str,
        account_id: str,
        keys: tuple[str, str],
        clock: Clock,
        directory: Path,
    ) -> None:
        self.world_id = world_id
        self.endpoint = endpoint
        self.region, self.account_id = region, account_id
        self.keys = keys
        self.clock = clock
        self._directory = directory
        self._session: boto3.session.Session | None = None
        self._making = threading.Lock()

    def environment(self) -> dict[str, str]:
        environment = world_environment(self.endpoint, region=self.region, account_id=self.account_id, keys=self.keys)
        environment[WORLD_VARIABLE] = self.world_id
        return environment

    def client(self, service: str, region: str | None = None) -> Any:
        # A session takes as long as most clients, and serves one thread at a time:
        # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
        with self._making:
            self._session = self._session or boto3.session.Session()
            return make_client(
                self._session,
                service,
                region_name=region or self.region,
                endpoint_url=self.endpoint,
                aws_access_key_id=self.keys[0],
                aws_secret_access_key=self.keys[1],
                config=Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}),
            )

    def variables(self, source: Path, explicit: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def announce(self, name: str, changes: list[dict[str, Any]]) -> None:
        pass

    def provide(self, needs: Needs) -> Provision:
        from pushproof.targets.provisions import provide

        return provide(self, needs)

    def address(self, host: str, port: int) -> Address:
        """Return the real address of a load balancer's listener: its DNS name is a loopback address of its own."""
        return Address(host, port)

    def push(self, checkout: Any, commit: str, outputs: Mapping[str, Any]) -> tuple[str, str]:
        """Push with git, or upload where the source is a bucket; return the revision and the answer of the other side."""
        bucket = outputs.get("source_bucket_name")
        if not bucket:
            return commit, str(checkout.push())
        key = outputs.get("source_object_key") or "source.zip"
        version = upload(self.client("s3"), bucket, checkout.directory, commit=commit, key=key)
        return version, f"s3://{bucket}/{key} version {version}"

    def workflow_identity(self, job: Job) -> dict[str, str]:
        """Register a workflow's job with the world's issuer of GitHub's tokens. Raises TargetUnavailable."""
        url = f"{self.endpoint}/_pushproof/github/jobs"
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, json=described(job), auth=self.keys, timeout=_PATIENCE)
        if not answer.ok:
            raise TargetUnavailable(
                f"{self.endpoint} registers no job for {job.repository.full_name}: {answer.text[:300]}"
            )
        return {str(name): str(value) for name, value in answer.json().items()}

    def certificate(self, certificate: str, private_key: str) -> str:
        """Import a certificate (PEM) into ACM, and return its ARN."""
        arn: str = self.client("acm").import_certificate(
            Certificate=certificate.encode(), PrivateKey=private_key.encode()
        )["CertificateArn"]
        return arn

    def forget_certificate(self, arn: str) -> None:
        """Delete an imported certificate."""
        self.client("acm").delete_certificate(CertificateArn=arn)

    def deadline(self, step: str, otherwise: float) -> float:
        """Return `otherwise`: no step has a deadline of its own here, since builds are real work on an unknown machine."""
        return otherwise

    def build_environment(self) -> dict[str, str]:
        """Return the environment that builds need here: the base image, on machines that cannot pull a public one."""
        from pushproof.emulator.runtime.docker.imagemaking import on_behalf_of
        from pushproof.emulator.runtime.docker.images import ensure_base_image

        with on_behalf_of(self.world_id, self.directory("images")):
            return {"BASE_IMAGE": ensure_base_image()}

    def notification_listener(self, outputs: Mapping[str, Any]) -> None:
        """Return None: this machine receives the webhook itself."""

    def tidy(self, kept: frozenset[str] = frozenset()) -> list[str]:
        """Remove log groups that AWS services create themselves, except those `kept`; return them, as `leftovers` names them.

        Terraform does not know them, and on AWS they stay after a destroy. Resources that deployments create go with the world.
        """
        logs = self.client("logs")
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=_SERVICES_OWN)
        names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
        removed = {f"logs log-group {name}": name for name in names}
        for label, name in removed.items():
            if label not in kept:
                logs.delete_log_group(logGroupName=name)
        return [label for label in removed if label not in kept]

    def leftovers(self) -> list[str]:
        """Return the resources that are still in the account, and the containers of tasks and builds that still run."""
        return inventory(self.client) + self._containers()

    def _containers(self) -> list[str]:
        from pushproof.emulator.runtime.docker.host import connect

        engine = connect()
        try:
            return running_containers(engine, self.world_id)
        finally:
            engine.close()

    def directory(self, name: str) -> Path:
        """Return a directory of the world's own, created if need be; it is deleted with the world."""
        path = self._directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def running_containers(engine: Any, world_id: str) -> list[str]:
    """Return a world's running containers, except those of its own equipment."""
    running = engine.containers.list(filters={"label": f"pushproof.world={world_id}"})
    return [f"container {container.name}" for container in running if "pushproof.role" not in container.labels]
