"""A LocalStack that stays up, without `docker compose`: `python -m pushproof.targets.localstack.standing up|down|image`.

Later runs use it as localstack-client does, at port 4566 (LOCALSTACK_PORT for another). It belongs to no world: only `down`
removes it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

from docker.errors import APIError, NotFound

from pushproof.base.target import TargetUnavailable
from pushproof.emulator.runtime.docker.host import DockerUnavailable, connect
from pushproof.targets.localstack.container import EDGE_PORT, START_LIMIT, autopsy, choose_image, settings_of
from pushproof.targets.localstack.health import health

if TYPE_CHECKING:
    from docker.client import DockerClient

NAME = "pushproof-localstack"


def up(client: DockerClient, port: int) -> str:
    """Start it, unless it runs already. Return its URL, once it answers. Raises TargetUnavailable."""
    url = f"http://127.0.0.1:{port}"
    try:
        container = client.containers.get(NAME)
        container.start()
    except NotFound:
        image = choose_image(client, os.environ.get("LOCALSTACK_IMAGE") or None, _say)
        try:
            container = client.containers.run(
                image,
                name=NAME,
                detach=True,
                environment=settings_of(os.environ.get("LOCALSTACK_AUTH_TOKEN") or None),
                ports={f"{EDGE_PORT}/tcp": ("127.0.0.1", port)},
                extra_hosts={"host.docker.internal": "host-gateway"},
            )
        except APIError as error:
            down(client)
            raise TargetUnavailable(
                f"LocalStack cannot be published at 127.0.0.1:{port} ({error.explanation}). "
                "Stop what is there, or choose another: LOCALSTACK_PORT=4577."
            ) from error
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            _say(f"{health(url, timeout=2)} at {url}")
            return url
        except TargetUnavailable:
            container.reload()
            if container.status not in ("created", "running") or time.monotonic() > deadline:
                raise TargetUnavailable(
                    autopsy(container, container.image.tags[0] if container.image else "")
                ) from None
            time.sleep(0.3)


def down(client: DockerClient) -> None:
    """Remove it, if it exists."""
    try:
        client.containers.get(NAME).remove(force=True, v=True)
    except NotFound:
        _say("there is none")


def _say(line: str) -> None:
    print(f"localstack: {line}", file=sys.stderr)


def main() -> int:
    """Run the command; exit code 3 when the machine lacks something."""
    parser = argparse.ArgumentParser(prog="python -m pushproof.targets.localstack.standing")
    parser.add_argument("command", choices=("up", "down", "image"))
    command = parser.parse_args().command
    try:
        client = connect(timeout=600)
        try:
            if command == "up":
                print(up(client, int(os.environ.get("LOCALSTACK_PORT") or EDGE_PORT)))
            elif command == "down":
                down(client)
            else:
                print(choose_image(client, os.environ.get("LOCALSTACK_IMAGE") or None, _say))
        finally:
            client.close()
    except (TargetUnavailable, DockerUnavailable) as error:
        _say(str(error))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
