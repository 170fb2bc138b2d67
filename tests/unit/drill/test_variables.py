"""Terraform variables: a person's values, the drill's own in their places, and conventional names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.drill.badinput import BadInput
from pushproof.drill.secrets import THROW_AWAY, put_missing_values
from pushproof.drill.variables import terraform_variables

OWN = {
    "repository": lambda: "acme/orders",
    "certificate_arn": lambda: "arn:c",
    "webhook_url": lambda: "http://hook",
    "build_environment": lambda: {"BASE_IMAGE": "b"},
}


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    (tmp_path / "variables.tf").write_text(
        'variable "certificate_arn" {}\n'
        'variable "slack_webhook_url" {\n  default = null\n}\n'
        'variable "repository" {\n  default = "shop"\n}\n'
        'variable "name" {}\n'
    )
    return tmp_path


def test_conventional_names_are_filled_where_nobody_sets_them(environment: Path) -> None:
    """Not where a default says something, and not where a *.tfvars file does."""
    assert terraform_variables(environment, {}, OWN) == (
        {"certificate_arn": "arn:c", "slack_webhook_url": "http://hook"}, {"certificate_arn", "webhook_url"}
    )  # fmt: skip
    (environment / "terraform.tfvars").write_text('certificate_arn = "theirs"\n')
    assert terraform_variables(environment, {"slack_webhook_url": None}, OWN) == ({"slack_webhook_url": None}, set())


def test_a_file_of_variables_answers_for_a_conventional_name(environment: Path, tmp_path: Path) -> None:
    """Values of `--var-file` are the user's choice."""
    chosen = tmp_path / "eu.tfvars"
    chosen.write_text('slack_webhook_url = "theirs"\n')
    assert terraform_variables(environment, {}, OWN, [chosen]) == ({"certificate_arn": "arn:c"}, {"certificate_arn"})


def test_places_are_filled_wherever_they_stand(environment: Path) -> None:
    """A whole value keeps its type; in a longer text it is text. What nobody asks for is not made."""
    made: list[str] = []

    def certificate() -> str:
        made.append("certificate")
        return "arn:c"

    explicit: dict[str, Any] = {
        "certificate_arn": "x",
        "slack_webhook_url": "x",
        "a": {"b": ["${build_environment}", 1]},
        "c": "on ${webhook_url}!",
    }
    variables, used = terraform_variables(environment, explicit, {**OWN, "certificate_arn": certificate})
    assert variables == {**explicit, "a": {"b": [{"BASE_IMAGE": "b"}, 1]}, "c": "on http://hook!"}
    assert (used, made) == ({"build_environment", "webhook_url"}, [])


def test_a_place_that_nothing_fills_is_refused(environment: Path) -> None:
    """The message lists those there are."""
    with pytest.raises(
        BadInput, match=r"\$\{certificat\} in a Terraform variable is no value of a drill; there are: rep"
    ):
        terraform_variables(environment, {"a": "${certificat}"}, OWN)


class Secrets:
    """Secrets Manager with these secrets; None is one without a value."""

    def __init__(self, **values: str | None) -> None:
        self.values = dict(values)

    def _name(self, arn: str) -> str:
        name = arn.split(":")[6].rsplit("-", 1)[0]
        if name not in self.values:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeSecret")
        return name

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:
        return {"Name": self._name(SecretId)}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        if self.values[self._name(SecretId)] is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return {}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:
        self.values[self._name(SecretId)] = SecretString


def arn(name: str, key: str = "") -> str:
    return f"arn:aws:secretsmanager:eu-west-1:1:secret:{name}-AbCdEf" + (f":{key}::" if key else "")


def test_secrets_without_a_value_are_given_one() -> None:
    """Secrets get the JSON keys that tasks read; a user's value wins, an existing one stays, and a deleted secret is left alone."""
    manager = Secrets(plain=None, keyed=None, there="x", own=None)
    references = [
        arn("plain"), arn("keyed", "a"), arn("keyed", "b"), arn("there"), arn("own"), arn("gone"),
        "arn:aws:ssm:eu-west-1:1:parameter/p",
    ]  # fmt: skip
    given = put_missing_values(lambda _: manager, references, {"own": "mine"})
    assert given == ["plain-AbCdEf", "keyed-AbCdEf", "own-AbCdEf"]
    assert manager.values == {
        "plain": THROW_AWAY, "keyed": f'{{"a": "{THROW_AWAY}", "b": "{THROW_AWAY}"}}', "there": "x", "own": "mine",
    }  # fmt: skip
