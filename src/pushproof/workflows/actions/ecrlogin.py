"""aws-actions/amazon-ecr-login: GetAuthorizationToken, and `docker login`.

Source: https://github.com/aws-actions/amazon-ecr-login/blob/v2.1.7/index.js
"""

from __future__ import annotations

import base64
import re
import subprocess

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.workflows.call import Call, StepFailed


def amazon_ecr_login(call: Call) -> None:
    """Log Docker in to the account's registries, and out again at the end of the job."""
    if call.input("registry-type") not in ("", "private"):
        raise StepFailed("amazon-ecr-login with registry-type public is not performed here: expected private")
    registries = [number for number in call.input("registries").split(",") if number]
    try:
        answer = call.ecr().get_authorization_token(**({"registryIds": registries} if registries else {}))
    except ClientError as error:
        raise StepFailed(error.response["Error"]["Message"]) from error
    except BotoCoreError as error:
        raise StepFailed(str(error)) from error
    data = answer["authorizationData"]
    for entry in data:
        user, password = base64.b64decode(entry["authorizationToken"]).decode().split(":", 1)
        endpoint = entry["proxyEndpoint"]
        registry = re.sub(r"^https?://", "", endpoint)
        call.say(f"Logging into registry {registry}")
        if len(data) == 1:
            call.outputs["registry"] = registry
        # The real one passes the password as an argument, which other users of a machine can see.
        done = _docker(call, "login", "--username", user, "--password-stdin", endpoint, text=password)
        if done.returncode:
            raise StepFailed(f"Could not login to registry {registry}: {done.stderr.strip()}")
        call.masks.add(password)
        suffix = re.sub(r"[^a-zA-Z0-9_]+", "_", registry)
        call.outputs |= {f"docker_username_{suffix}": user, f"docker_password_{suffix}": password}
        if not call.flag("skip-logout"):
            call.cleanups.append(lambda registry=registry: _log_out(call, registry))  # type: ignore[misc]


def _log_out(call: Call, registry: str) -> None:
    done = _docker(call, "logout", registry)
    call.say(done.stdout.strip() or done.stderr.strip())


def _docker(call: Call, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["docker", *arguments], env=call.environment, cwd=call.workspace, input=text, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
    except FileNotFoundError:
        raise StepFailed("Unable to locate executable file: docker. Install Docker's command line") from None
