"""The team's own deploy tool: it ends well after a good deployment, and with an error after a rollback."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pushproof.checks.check import NothingToLookAt, check
from pushproof.checks.finding import Finding
from pushproof.checks.service.described import DescribedService

_BREAKER = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"
_PLACES = ("cluster", "service", "container", "image", "tag")
_ROLLED_BACK = ("ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
_GOING_ON = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
_LAST = 600


@dataclass(frozen=True, slots=True)
class _Ended:
    """The end of a command: its exit code, None after the time limit, and its last words."""

    code: int | None
    words: str


class ToolChecks(DescribedService):
    """Checks of a deploy tool against the service."""

    @check
    def my_tool_notices_a_rollback(
        self,
        command: str | Sequence[str],
        *,
        bad_image: str = "",
        environment: Mapping[str, str] | None = None,
        within: float = 900.0,
    ) -> Iterator[Finding]:
        """The tool ends with 0 after a deployment that succeeds, and with another code after one that ECS rolls back.

        `command` deploys one image to the service and waits: a text or a list, in which {image}, {tag}, {cluster}, {service} and
        {container} stand for what is deployed. It is run twice: with the image that serves, and with `bad_image`, by default one of
        the same repository that does not exist. `environment`: its variables, such as `target.environment()`; by default those of
        this process. `within`: the real seconds that each run may take.
        """
        service = self._describe()
        breaker = service.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
        if not (breaker.get("enable") and breaker.get("rollback")):
            raise NothingToLookAt(
                "a deployment circuit breaker with rollback, which the tool is to notice",
                found=f"enable is {breaker.get('enable', False)}, rollback is {breaker.get('rollback', False)}",
                resource=service["serviceArn"],
                change="Set deployment_circuit_breaker { enable = true, rollback = true } of the aws_ecs_service.",
                page=_BREAKER,
            )
        container = self._definition()["containerDefinitions"][0]
        good = container["image"]
        bad = bad_image or f"{_repository(good)}:pushproof-no-such-image"
        variables = dict(os.environ if environment is None else environment)
        seen = set(self._deployments())
        ended = _run(self._words(command, good, container["name"]), variables, within)
        self._settled(within)
        if ended.code != 0:
            yield Finding(
                resource=service["serviceArn"],
                expected=f"the tool ends with 0 after it deployed {good}, which serves already",
                found=_told(ended),
                why="A tool that fails on a good deployment says nothing by failing on a bad one.",
                change="Run the command by hand against the service, and correct it.",
                page=_BREAKER,
            )
            return
        began = {arn: status for arn, status in self._deployments().items() if arn not in seen}
        if any(status != "SUCCESSFUL" for status in began.values()):
            raise NothingToLookAt(
                f"a deployment of {good} that succeeds, so that there is something to roll back to",
                found=f"service deployments that are {', '.join(sorted(began.values()))}",
                resource=service["serviceArn"],
                change="Bring the service to a completed deployment first: its events say why tasks do not become healthy.",
                page=_BREAKER,
            )
        seen |= began.keys()
        ended = _run(self._words(command, bad, container["name"]), variables, within)
        self._settled(within)
        after = {arn: status for arn, status in self._deployments().items() if arn not in seen}
        if not any(status in _ROLLED_BACK for status in after.values()):
            yield Finding(
                resource=service["serviceArn"],
                expected=f"a deployment of {bad} that ECS rolls back",
                found=", ".join(after.values()) or f"the tool began no deployment: {_told(ended)}",
                why="Without a rollback there is nothing that the tool could have noticed.",
                change="Have the command deploy {image}, and give a bad_image that never becomes healthy.",
                page=_BREAKER,
            )
        elif ended.code == 0:
            yield Finding(
                resource=service["serviceArn"],
                expected="an exit code other than 0 after the rollback",
                found=f"0, although the deployment of {bad} was rolled back: {ended.words or 'it said nothing'}",
                why="A rolled-back service is stable: the tool reports success, and the revision that was pushed never serves.",
                change="After the wait, compare the service's PRIMARY deployment with the one that UpdateService answered; "
                "amazon-ecs-deploy-task-definition does so since 2.6.2.",
                page=_BREAKER,
            )
        elif ended.code is None:
            yield Finding(
                resource=service["serviceArn"],
                expected=f"an end within {within:.0f} seconds",
                found="the tool still waits, although the rollback is over",
                why="The tool waits for a state that does not come, and its own time-out tells nobody of the rollback.",
                change="Wait until the service has one deployment, and compare its id with that of the deployment begun.",
                page=_BREAKER,
            )

    def _words(self, command: str | Sequence[str], image: str, container: str) -> list[str]:
        words = shlex.split(command) if isinstance(command, str) else list(command)
        values = {
            "cluster": self.cluster,
            "service": self.service,
            "container": container,
            "image": image,
            "tag": image.rpartition(":")[2],
        }
        if not any(f"{{{place}}}" in word for word in words for place in ("image", "tag")):
            raise ValueError(
                f"the command {shlex.join(words)!r} has neither {{image}} nor {{tag}}: write what it deploys as one of "
                + ", ".join(f"{{{place}}}" for place in _PLACES)
            )
        return [_filled(word, values) for word in words]

    def _deployments(self) -> dict[str, str]:
        """Return the status of each service deployment, by its ARN."""
        listed = self.aws("ecs").list_service_deployments(cluster=self.cluster, service=self.service)
        return {entry["serviceDeploymentArn"]: str(entry["status"]) for entry in listed["serviceDeployments"]}

    def _settled(self, within: float) -> None:
        """Wait until no deployment goes on."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if not any(status in _GOING_ON for status in self._deployments().values()):
                return
            time.sleep(0.5)


def _filled(word: str, values: Mapping[str, str]) -> str:
    for place, value in values.items():
        word = word.replace(f"{{{place}}}", value)
    return word


def _repository(image: str) -> str:
    """Return an image reference without its tag or digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _told(ended: _Ended) -> str:
    how = "no end within the time" if ended.code is None else f"exit code {ended.code}"
    return f"{how}: {ended.words or 'it said nothing'}"


def _run(words: list[str], environment: Mapping[str, str], within: float) -> _Ended:
    """Run a command to its end, with all that it starts; after the time limit it is ended."""
    try:
        process = subprocess.Popen(
            words, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ValueError(
            f"the command {words[0]!r} cannot be started: {error.strerror}. Give a program on PATH"
        ) from None
    with process:
        try:
            output, _ = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return _Ended(None, output.strip()[-_LAST:])
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return _Ended(process.returncode, output.strip()[-_LAST:])
