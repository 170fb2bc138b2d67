"""Input that cannot work is refused before anything starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.drill.scripted import settings

from pushproof.drill.badinput import BadInput
from pushproof.drill.preflight import preflight
from pushproof.terraform.errors import NoConfiguration


@pytest.fixture
def application(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("")
    return tmp_path


def test_an_application_without_a_dockerfile_is_refused(application: Path) -> None:
    """The drill stops if every chosen breakage needs a Dockerfile and there is none anywhere."""
    chosen = replace(settings(), application=application, breakages=("crash", "build"))
    with pytest.raises(
        BadInput, match=r"has no Dockerfile, which crash, build would break\. Name the repository with --app"
    ):
        preflight(chosen)
    preflight(replace(chosen, breakages=("tests", "crash")))
    (application / "images").mkdir()
    (application / "images/web.Dockerfile").write_text("FROM scratch\n")
    assert [breakage.name for breakage in preflight(chosen).breakages] == ["crash", "build"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"application": Path("/nowhere")}, "/nowhere is no application repository: it is not a directory"),
        ({"dockerfile": Path("other")}, "dockerfile = 'other' is no file of"),
        ({"breakages": ("nothing",)}, "--break nothing is no breakage"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, object], words: str) -> None:
    """By the option or the key, with the next step."""
    with pytest.raises(BadInput, match=words):
        preflight(replace(settings(), **change))  # type: ignore[arg-type]


def test_an_environment_without_terraform_is_refused(application: Path) -> None:
    """The message names the directory."""
    with pytest.raises(NoConfiguration, match="holds no Terraform files"):
        preflight(replace(settings(), environment=application))


def test_the_task_before_brings_its_breakage() -> None:
    """The usual breakage and a task that fails are pushed, unless somebody names others."""
    chosen = replace(settings(), before=("python3", "-m", "webapp.migrate"))
    assert [breakage.name for breakage in preflight(chosen).breakages] == ["unhealthy", "before"]
    assert [breakage.name for breakage in preflight(replace(chosen, breakages=("crash",))).breakages] == ["crash"]


def test_a_task_before_needs_somebody_to_run_it(tmp_path: Path) -> None:
    """An environment without the variable is refused with the ways out; one that takes the command by another name is not."""
    (tmp_path / "main.tf").write_text('variable "migration" {}\n')
    chosen = replace(settings(), environment=tmp_path, before=("migrate",))
    with pytest.raises(BadInput, match=r"takes no before_deploy_command, the variable of a command .*docs/before\.md"):
        preflight(chosen)
    preflight(replace(chosen, variables={"migration": "${before_deploy_command}"}))
    with pytest.raises(BadInput, match=r"Leave out --before or --road"):
        preflight(replace(settings(), before=("migrate",), road="github"))
