"""No secret gets into a record, from wherever it comes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.record.observed import document, told

from pushproof.record.assembling import assemble
from pushproof.record.codec import to_json
from pushproof.record.model import Moment
from pushproof.record.observing import Observations
from pushproof.record.redaction import REDACTED, Redactor, secret_values, secret_variables
from pushproof.report.page import render

CANARY = "canary-9f27c1"


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key=canary-9f27c1", "AWS_SESSION_TOKEN: canary-9f27c1", '{"password": "canary-9f27c1"}',
        "password=canary-9f27c1 and more", "DB_PASSWORD='canary-9f27c1 with words'", "TF_VAR_db_password=canary-9f27c1",
        "token = canary-9f27c1", "x-api-key: canary-9f27c1", "Authorization: Bearer canary-9f27c1-canary",
        "postgresql://shop:canary-9f27c1@db.internal:5432/shop", "https://x:canary-9f27c1@github.com/o/r.git",
        "https://hooks.slack.com/services/T0/B0/canary-9f27c1", "ghp_canary9f27c1canary9f27c1canary9f27c1",
        "https://s3/x?X-Amz-Security-Token=canary-9f27c1&X-Amz-Signature=canary-9f27c1",
        "-----BEGIN RSA PRIVATE KEY-----\ncanary-9f27c1\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\ncanary-9f27c1",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_goes(text: str) -> None:
    """Builds and errors quote secrets that nobody listed."""
    cleaned = Redactor().text(f"before {text} after")
    assert CANARY not in cleaned
    assert "canary" not in cleaned
    assert "EXAMPLE" not in cleaned
    assert REDACTED in cleaned
    assert cleaned.startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pushproof/dev/database-url-ULLpbW",
        "unable to pull secrets or registry auth: execution resource retrieval failed",
        "secretsmanager:GetSecretValue", "ecr:GetAuthorizationToken",
        '{"StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}}', "3 of 3 failed tasks", "https://example.com/a@b",
        "the token expired", "basic checks", "a password is missing",
    ],
)  # fmt: skip
def test_what_only_names_a_secret_stays(text: str) -> None:
    """A record that says nothing any more helps nobody."""
    assert Redactor().text(text) == text


@pytest.mark.parametrize("secret", ["sw0rdfish", "two words", 'with "quotes"', "a/b+c=d&e", "líneas-ä"])
def test_known_values_go_in_every_form(secret: str) -> None:
    """Known values are removed as they are, in JSON, and in a URL."""
    import json
    from urllib.parse import quote

    redactor = Redactor([secret])
    for form in (secret, json.dumps({"x": secret}), f"https://h/?q={quote(secret, safe='')}", f"<{secret}>"):
        cleaned = redactor.text(form)
        assert secret not in cleaned
        assert REDACTED in cleaned


def test_a_short_or_plain_value_is_no_secret() -> None:
    """A variable whose value is `dev`, `8080` or `true` must not black out every word that has it."""
    text = "dev true 808080 default"
    assert Redactor(["dev", "true", "808080", "default", ""]).text(text) == text


def test_values_inside_of_json_secrets_are_secrets() -> None:
    """A database's secret is an object whose password is quoted alone."""
    assert "sw0rdfish" in set(secret_values('{"user": "shop", "nested": ["sw0rdfish"]}'))


def test_terraform_variables_of_the_environment_are_secret() -> None:
    """Variables from TF_VAR_ are secret, since they avoid the command line; others are secret by their names."""
    variables = {"project": "shop-project", "slack_webhook_url": "https://hooks/x", "certificate_arn": "arn:aws:acm:x"}
    environment = {"TF_VAR_anything": "canary-one", "GITHUB_TOKEN": "canary-two", "HOME": "/home/canary"}
    assert set(secret_variables(variables, environment)) == {"canary-one", "canary-two", "https://hooks/x"}


def test_a_variable_that_holds_a_name_blacks_out_nothing() -> None:
    """TF_VAR_project=pushproof-dev is the name of everything: a record without names says nothing."""
    record = assemble(told(secrets=("pushproof-dev", CANARY)), Observations(**document()["observations"]))
    assert REDACTED not in to_json(record)
    assert record.deployments[-1].task_definition == "pushproof-dev:4"


def plant(value: Any, canary: str, names: tuple[str, ...]) -> Any:
    """Return AWS's answers with a canary wherever AWS shows what a user wrote: the members of these names."""
    if isinstance(value, dict):
        return {
            key: (f"{entry} {canary}" if isinstance(entry, str) and key in names else plant(entry, canary, names))
            for key, entry in value.items()
        }
    return [plant(entry, canary, names) for entry in value] if isinstance(value, list) else value


def test_canaries_planted_everywhere_are_in_neither_record_nor_page() -> None:
    """Values that the run knows are secret, in each text that AWS's answers hold; and what only tasks and builds are given."""
    read = document()["observations"]
    texts = (
        "message", "revisionSummary", "stoppedReason", "reason", "statusReason", "externalExecutionSummary", "description", "text",
        "CommitMessage",
    )  # fmt: skip
    planted = plant(read, CANARY, texts)
    for definition in planted["task_definitions"].values():
        for container in definition["containerDefinitions"]:
            container["environment"].append({"name": "PLAIN", "value": "env-canary-value"})
            container["command"] = ["--with", "env-canary-value"]
    for project in planted["projects"].values():
        project["environment"]["environmentVariables"].append(
            {"name": "N", "value": "env-canary-value", "type": "PLAINTEXT"}
        )
        project["source"]["buildspec"] = "echo env-canary-value"
    for build in planted["builds"].values():
        build["environment"] = {"environmentVariables": [{"name": "N", "value": "env-canary-value"}]}
    moments = (Moment(at=1.0, kind="terraform", text=f"made {CANARY}"),)
    record = assemble(told(secrets=(CANARY,), moments=moments, error=f"failed with {CANARY}"), Observations(**planted))
    for text in (to_json(record), render(record)):
        assert CANARY not in text
        assert "env-canary-value" not in text
    assert REDACTED in to_json(record)
