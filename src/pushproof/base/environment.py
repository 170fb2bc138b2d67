"""Environments without real credentials.

Programs that Pushproof starts against an emulated world inherit no AWS settings: everything that could lead to a real account is
dropped, and what they need is added by name.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, MutableMapping

# Every process that a world starts carries it, so that the processes of a crashed world can be identified.
WORLD_VARIABLE = "PUSHPROOF_WORLD"

_DROPPED_PREFIXES = ("AWS_", "AMAZON_", "BOTO_", "LOCALSTACK_", "TF_VAR_", "GIT_")
_DROPPED = ("ACTIVATE_PRO", "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "TF_CLI_CONFIG_FILE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def clean_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment (this process's by default) without AWS settings, credentials, Terraform variables, git overrides."""
    source = os.environ if base is None else base
    return {k: v for k, v in source.items() if not k.startswith(_DROPPED_PREFIXES) and k not in _DROPPED}


def world_environment(
    endpoint: str, *, region: str, account_id: str, keys: tuple[str, str], base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return a clean environment with the variables by which `terraform`, `aws` and boto3 talk to an emulated world.

    `keys`: the administrator's access key and its secret. Configuration files and instance metadata are switched off by name,
    so that no profile of the user's can replace them.
    """
    environment = clean_environment(base)
    for name in _PROXIES:
        environment.pop(name, None)
    environment.update(world_variables(endpoint, region=region, keys=keys))
    environment.update(
        {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.0/8,localhost",
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "PUSHPROOF_ACCOUNT_ID": account_id,
        }
    )
    return environment


def world_variables(endpoint: str, *, region: str, keys: tuple[str, str]) -> dict[str, str]:
    """Return the variables that a person exports to reach the world with AWS's tools and with git.

    Git gets its login from the environment too, since the list of processes shows URLs.
    """
    login = base64.b64encode(":".join(keys).encode()).decode()
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": keys[0],
        "AWS_SECRET_ACCESS_KEY": keys[1],
        # https://git-scm.com/docs/git-config#ENVIRONMENT
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{endpoint}/_git/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {login}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }


def scrub(environment: MutableMapping[str, str]) -> list[str]:
    """Remove AWS settings from a live environment (`os.environ`), in place. Return the names removed, sorted.

    Called before an emulated world starts, so that no library in this process gets real credentials.
    """
    removed = sorted(k for k in environment if k.startswith("AWS_") and k not in ("AWS_CA_BUNDLE",))
    for name in removed:
        del environment[name]
    environment["AWS_CONFIG_FILE"] = os.devnull
    environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    return removed
