"""aws-actions/configure-aws-credentials: the job's token, exchanged for a role's session.

Calls: the token request, AssumeRoleWithWebIdentity, GetCallerIdentity; each is repeated up to twelve times, whatever the error.
Source: https://github.com/aws-actions/configure-aws-credentials/blob/v6.2.3/src/index.ts
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import requests
from botocore.exceptions import BotoCoreError, ClientError

from pushproof.workflows.call import Call, StepFailed

if TYPE_CHECKING:
    from types_boto3_sts.type_defs import (
        AssumeRoleWithWebIdentityRequestTypeDef,
        AssumeRoleWithWebIdentityResponseTypeDef,
    )

T = TypeVar("T")
_UNSUPPORTED = (
    "aws-access-key-id", "web-identity-token-file", "role-chaining", "aws-profile", "http-proxy", "sts-endpoint",
    "use-existing-credentials", "force-skip-oidc",
)  # fmt: skip
_BACKOFF = 0.05


def configure_aws_credentials(call: Call) -> None:
    """Assume the role by the job's token, and export its session."""
    for name in _UNSUPPORTED:
        if call.input(name) not in ("", "false"):
            raise StepFailed(
                f"configure-aws-credentials with {name} is not performed here: expected a role by OpenID Connect"
            )
    region, role = call.input("aws-region", required=True), call.input("role-to-assume")
    audience = call.input("audience") or "sts.amazonaws.com"
    session, duration = call.input("role-session-name") or "GitHubActions", call.number("role-duration-seconds", 3600)
    if not re.fullmatch(r"[a-z0-9-]+", region):
        raise StepFailed(f"Region is not valid: {region}")
    if not role:
        raise StepFailed("Could not load credentials from any providers")
    if "ACTIONS_ID_TOKEN_REQUEST_TOKEN" not in call.environment:
        call.say(
            "It looks like you might be trying to authenticate with OIDC. Did you mean to set the `id-token` permission? If you "
            "are not trying to authenticate with OIDC and the action is working successfully, you can ignore this message."
        )
        raise StepFailed(
            "Credentials could not be loaded, please check your action inputs: Could not load credentials from any providers"
        )
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        call.export(name, region)
    token = _repeated(call, "getIDToken", lambda: _token(call, audience), "getIDToken call failed: ")
    account = re.match(r"arn:[^:]+:iam::(\d+):role/", role)
    arguments: AssumeRoleWithWebIdentityRequestTypeDef = {
        "RoleArn": role,
        "RoleSessionName": session,
        "DurationSeconds": duration,
        "WebIdentityToken": token,
    }
    if account is None:
        raise StepFailed(f"role-to-assume = {role!r} is no ARN of a role")
    if policy := call.input("inline-session-policy"):
        arguments["Policy"] = policy
    if managed := call.input("managed-session-policies"):
        arguments["PolicyArns"] = [{"arn": arn.strip()} for arn in managed.splitlines() if arn.strip()]

    def assume() -> AssumeRoleWithWebIdentityResponseTypeDef:
        call.say("Assuming role with OIDC")
        return call.sts(signed=False).assume_role_with_web_identity(**arguments)

    answer = _repeated(call, "AssumeRole", assume, "Could not assume role with OIDC: ")
    keys = answer["Credentials"]
    call.say(f"Authenticated as assumedRoleId {answer['AssumedRoleUser']['AssumedRoleId']}")
    call.masks |= {keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]}
    for name, value in (
        ("AWS_ACCESS_KEY_ID", keys["AccessKeyId"]),
        ("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"]),
        ("AWS_SESSION_TOKEN", keys["SessionToken"]),
    ):
        call.export(name, value)
    identity = _repeated(call, "validateCredentials", lambda: call.sts().get_caller_identity(), "")
    allowed = [number.strip() for number in call.input("allowed-account-ids").split(",") if number.strip()]
    if allowed and identity["Account"] not in allowed:
        raise StepFailed(
            f"The account ID of the provided credentials ({identity['Account']}) does not match any of the expected account IDs: "
            f"{', '.join(allowed)}"
        )
    call.outputs |= {"aws-account-id": identity["Account"], "authenticated-arn": identity["Arn"]}
    if call.flag("output-credentials"):
        call.outputs |= {
            "aws-access-key-id": keys["AccessKeyId"],
            "aws-secret-access-key": keys["SecretAccessKey"],
            "aws-session-token": keys["SessionToken"],
        }


def _token(call: Call, audience: str) -> str:
    """Request the job's token, as @actions/core does."""
    url = call.environment["ACTIONS_ID_TOKEN_REQUEST_URL"]
    with requests.Session() as session:
        # The runner's own address needs no proxy.
        session.trust_env = False
        answer = session.get(
            f"{url}&audience={quote(audience, safe='')}",
            headers={"Authorization": f"bearer {call.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
            timeout=60,
        )
        if not answer.ok:
            raise OSError(
                f"Failed to get ID Token. Error Code : {answer.status_code} Error Message: {answer.text.strip()[:200]}"
            )
        value = str(answer.json()["value"])
    call.masks.add(value)
    return value


def _repeated(call: Call, label: str, perform: Callable[[], T], words: str) -> T:
    """Perform a call, again after each error, with a longer pause each time. Raises StepFailed after the last."""
    attempts = 1 if call.flag("disable-retry") else call.number("retry-max-attempts", 12)
    for attempt in range(1, attempts + 1):
        try:
            return perform()
        except (ClientError, BotoCoreError, OSError) as error:
            message = words + (error.response["Error"]["Message"] if isinstance(error, ClientError) else str(error))
        pause = random.random() * 2 ** (attempt - 1) * _BACKOFF
        call.say(
            f"Retry {label}: attempt {attempt} of {attempts} failed: {message}. Retrying after {pause * 1000:.0f}ms."
        )
        if attempt < attempts:
            time.sleep(call.clock.real_delay(pause))
    call.say(f"Retry {label}: reached max retries ({attempts}); giving up.")
    raise StepFailed(message)
