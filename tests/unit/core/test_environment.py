"""No emulated world ever sees real credentials."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from pushproof.base.environment import clean_environment, scrub, world_environment

_NAMES = st.sampled_from(
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ROLE_ARN",
        "AWS_ENDPOINT_URL_S3",
        "TF_VAR_secret",
        "HOME",
        "PATH",
    ]
)


@given(st.dictionaries(_NAMES, st.text(min_size=1)))
def test_a_world_gets_its_own_credentials_and_nobody_elses(base: dict[str, str]) -> None:
    """Processes see the world's endpoint and keys, and no profile or variable of the user's, whatever is set outside."""
    environment = world_environment(
        "http://127.0.0.1:1", region="eu-west-1", account_id="1", keys=("AKIA", "x"), base=base
    )
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_ACCESS_KEY_ID"] == "AKIA"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_ENDPOINT_URL_S3", "TF_VAR_secret"} & set(
        environment
    )
    assert {k: v for k, v in base.items() if k in ("HOME", "PATH")}.items() <= environment.items()


def test_a_clean_environment_adds_nothing() -> None:
    """Cleaning only removes."""
    assert clean_environment({"HOME": "/h", "AWS_PROFILE": "prod", "GIT_DIR": "/x"}) == {"HOME": "/h"}


def test_scrubbing_names_what_it_removed_and_shuts_the_files_out() -> None:
    """A live environment loses its AWS settings, and configuration files are switched off."""
    environment = {"AWS_PROFILE": "prod", "AWS_ACCESS_KEY_ID": "AKIA", "HOME": "/h"}
    assert scrub(environment) == ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"]
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert "AWS_PROFILE" not in environment
