"""Settings are read from the nearest file, and an error names file, key and what was expected."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from pushproof.config.explaining import explanations, schema
from pushproof.config.model import Settings
from pushproof.config.reading import BadSettings, ReadSettings, read_settings
from pushproof.drill.configured import Options, drill_settings
from pushproof.drill.settings import BadInput, Bounds, Choices, VersionPlace

WHOLE = """\
[drill]
environment = "live/eu"
app = "."
break = ["crash", "fixes/typo.patch"]
pipeline = "orders"
image-map = { "golang:1.23" = "local/go:1" }
variables = { certificate = "${certificate_arn}", zones = ["a"] }
[drill.version]
path = "/about"
pointer = "/build/sha"
[drill.probe]
path = "/orders/ping"
slowest = 2
"""


def read(directory: Path, text: str) -> ReadSettings:
    (directory / "pushproof.toml").write_text(text)
    return read_settings(directory)


def test_settings_become_a_drill(tmp_path: Path) -> None:
    """Paths count from the file, whatever the working directory is."""
    settings = drill_settings(Options(), read(tmp_path, WHOLE))
    assert (settings.environment, settings.application) == (tmp_path / "live/eu", tmp_path)
    assert settings.breakages == ("crash", str(tmp_path / "fixes/typo.patch"))
    assert settings.choices == Choices(pipeline="orders", paths=("/orders/ping",))
    assert settings.image_map == {"golang:1.23": "local/go:1"}
    assert settings.variables == {"certificate": "${certificate_arn}", "zones": ["a"]}
    assert settings.version == VersionPlace("/about", "", "/build/sha", certain=True)
    assert settings.bounds == Bounds(2.0, 5.0)


def test_options_win(tmp_path: Path) -> None:
    """Over the file; variables and images are joined."""
    options = Options(
        environment=Path("other"),
        breakages=["all"],
        pipeline="b",
        variables={"zones": "x"},
        image_map=["a=b"],
        skip=["empty-plan"],
    )
    settings = drill_settings(options, read(tmp_path, WHOLE))
    assert (settings.environment, settings.breakages, settings.choices.pipeline) == (Path("other"), ("all",), "b")
    assert settings.variables == {"certificate": "${certificate_arn}", "zones": "x"}
    assert settings.image_map == {"golang:1.23": "local/go:1", "a": "b"}
    assert settings.skip == ("empty-plan",)
    with pytest.raises(BadInput, match="give it or --break, not both"):
        drill_settings(Options(variant="a", breakages=["b"]), read(tmp_path, WHOLE))
    with pytest.raises(BadInput, match="--image-map 'golang': expected IMAGE=IMAGE"):
        drill_settings(Options(image_map=["golang"]), read(tmp_path, WHOLE))


def test_the_nearest_file_counts_up_to_the_repository(tmp_path: Path) -> None:
    """A file above the repository's root is somebody else's; pyproject.toml has a table of its own."""
    repository = tmp_path / "repository"
    (repository / "a/b").mkdir(parents=True)
    (tmp_path / "pushproof.toml").write_text("[drill]\nspeed = 1\n")
    (repository / ".git").mkdir()
    assert read_settings(repository / "a/b").file is None
    (repository / "pyproject.toml").write_text("[tool.pushproof.drill]\nspeed = 2\n")
    assert read_settings(repository / "a/b").settings.drill.speed == 2
    (repository / "pushproof.toml").write_text("[drill]\nspeed = 3\n")
    assert read_settings(repository / "a/b").settings.drill.speed == 3
    (repository / "a/pyproject.toml").write_text("[tool.ruff]\n")
    assert read_settings(repository / "a/b").directory == repository


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[drill\n", "is no TOML"),
        ("[drill]\nenvironmen = 'x'\n", "drill.environmen is no setting. Did you mean environment?"),
        ("[drill.probe]\nslowst = 1\n", "drill.probe.slowst is no setting. Did you mean slowest?"),
        ("[drill]\nspeed = 0\n", "drill.speed = '0': Input should be greater than 0"),
        ("[drill]\ntarget = 'aws'\n", "drill.target = 'aws': Input should be 'embedded', 'localstack' or 'sandbox'"),
        ("[drill]\nbreak = 'all'\n", "drill.break = 'all': Input should be a valid list"),
        ("[drill.version]\npath = 'x'\n", "a path begins with /"),
    ],
)
def test_a_wrong_setting_is_named(text: str, words: str, tmp_path: Path) -> None:
    """The message contains the file, the key, and the expected value."""
    with pytest.raises(BadSettings) as refused:
        read(tmp_path, text)
    assert words in str(refused.value)
    assert str(tmp_path / "pushproof.toml") in str(refused.value)


def test_the_schema_takes_what_is_taken() -> None:
    """The published schema accepts the whole example and refuses an unknown key."""
    validator = jsonschema.Draft202012Validator(json.loads(schema()))
    validator.validate(tomllib.loads(WHOLE))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"drill": {"environmen": "x"}})


def test_every_setting_is_explained(tmp_path: Path) -> None:
    """By its name in the file, with its value, its meaning, and whether a file sets it."""
    listed = {setting.name: setting for setting in explanations(read(tmp_path, WHOLE).settings)}
    assert (listed["drill.pipeline"].value, listed["drill.pipeline"].set_here) == ('"orders"', True)
    assert (listed["drill.probe.longest-gap"].value, listed["drill.probe.longest-gap"].set_here) == ("5.0", False)
    assert all(setting.meaning for setting in listed.values())
    assert {name for name in listed if "_" in name} == set()
    assert [setting.set_here for setting in explanations(Settings())] == [False] * len(explanations(Settings()))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('terraform = "tofu"', ("tofu",)),
        ('terraform = "terragrunt run --"', ("terragrunt", "run", "--")),
        ('terraform = ["/opt/team tools/tf", "run"]', ("/opt/team tools/tf", "run")),
        ("", ()),
    ],
)
def test_the_command_of_terraform_is_words(written: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """A text is split as a shell splits it, a list is taken as it is, and the option wins over both."""
    settings = read(tmp_path, f"[drill]\n{written}\n")
    assert drill_settings(Options(), settings).terraform == words
    assert drill_settings(Options(terraform="wrap 'a b'"), settings).terraform == ("wrap", "a b")


@pytest.mark.parametrize("option", ["before", "terraform"])
def test_a_command_that_is_none_is_named(option: str, tmp_path: Path) -> None:
    """An open quotation mark is bad input, by the option or the key that has it."""
    broken = "migrate 'x"
    with pytest.raises(BadInput, match=rf"--{option} .* is no command: No closing quotation"):
        drill_settings(Options(**{option: broken}), read_settings(tmp_path))  # type: ignore[arg-type]
    (tmp_path / "pushproof.toml").write_text(f'[drill]\n{option} = "{broken}"\n')
    with pytest.raises(BadInput, match=rf"^{option} .* is no command"):
        drill_settings(Options(), read_settings(tmp_path))


def test_the_words_of_a_command_may_be_a_list(tmp_path: Path) -> None:
    """A list is taken as it is, and an option wins over the key."""
    (tmp_path / "pushproof.toml").write_text('[drill]\nbefore = ["migrate", "a b"]\n')
    assert drill_settings(Options(), read_settings(tmp_path)).before == ("migrate", "a b")
    assert drill_settings(Options(before="prepare 'c d'"), read_settings(tmp_path)).before == ("prepare", "c d")
