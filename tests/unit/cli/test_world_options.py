"""Region, account and open ports of the worlds that commands make."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushproof.cli.app import run
from pushproof.cli.drill import _world_for
from pushproof.cli.options import WorldOptions
from pushproof.drill.settings import DrillSettings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--region", "eu-wst-1"], "did you mean eu-west-1"),
        (["--account", "12"], "expected twelve digits"),
        (["--host-port", "0"], "'0' is not a port of this machine; expected 1 to 65535"),
    ],
)
@pytest.mark.parametrize("command", ["drill", "up", "serve"])
def test_a_place_that_does_not_exist_is_refused(
    command: str, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong option is refused before a world is created, with the intended name or what was expected."""
    assert run([command, *options]) == 2
    text = capsys.readouterr()
    assert said in " ".join((text.out + text.err).replace("│", " ").split())


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ('provider "aws" {\n  allowed_account_ids = ["222222222222"]\n}', "222222222222"),
        (
            'provider "aws" {\n  assume_role {\n    role_arn = "arn:aws:iam::333333333333:role/x"\n  }\n}',
            "333333333333",
        ),
        ('provider "aws" {}', ""),
    ],
)
def test_a_world_has_the_account_that_its_environment_works_in(tmp_path: Path, text: str, account: str) -> None:
    """The provider's own restriction chooses it, unless the command line does."""
    (tmp_path / "main.tf").write_text(text)
    settings = DrillSettings(environment=tmp_path, application=tmp_path)
    assert _world_for(settings, None).account == account
    assert _world_for(settings, WorldOptions(account="999999999999")).account == "999999999999"
