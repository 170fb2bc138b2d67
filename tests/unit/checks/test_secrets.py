"""Plain secrets are reported wherever they are, and so are broken references; harmless settings are not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.checks.answers import Answers, clients, refusal

from pushproof.checks.secrets import SecretsChecks, looks_secret


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("dbPassword", "hunter2"),
        ("DATABASE_URL", "postgresql://db.internal/shop"),
        ("BACKEND", "postgresql://shop:hunter2@db.internal/shop"),
        ("CACHE", "redis://:hunter2@cache.internal:6379"),
        ("GITHUB_TOKEN", "abc"),
        ("STRIPE-API-KEY", "abc"),
        ("KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("PEM", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"),
        ("CI", "ghp_0123456789abcdefghijABCDEFGHIJ"),
        ("NOTIFY", "https://hooks.slack.com/services/T0/B0/x"),
        ("SENTRY_DSN", "https://abc@sentry.example.com/1"),
    ],
)
def test_a_secret_is_recognised(name: str, value: str) -> None:
    """A secret is recognised by its name or by its value."""
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "dev"),
        ("MAX_TOKENS", "4096"),
        ("TOKENIZER", "bpe"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("REQUIRE_PASSWORD", "true"),
        ("SECRET_NAME", "shop/dev/url"),
        ("DB_SECRET", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/url-AbCdEf"),
        ("API_KEY", ""),
        ("SITE", "https://example.com:8443/a@b"),
        ("SCHEDULE", "at 10:30 @daily"),
    ],
)
def test_a_setting_is_left_alone(name: str, value: str) -> None:
    """Names that speak of secrets without holding one, switches and references are none."""
    assert looks_secret(name, value) is None


def task(**container: Any) -> SecretsChecks:
    definition = {"taskDefinitionArn": "shop:1", "containerDefinitions": [{"name": "app", **container}]}
    return SecretsChecks(clients(ecs=Answers(describe_task_definition={"taskDefinition": definition})))


def test_a_plain_variable_is_found_without_its_value() -> None:
    """The finding names variable, container and reason; the secret itself is never printed."""
    checks = task(environment=[{"name": "BACKEND", "value": "postgresql://shop:hunter2@db/shop"}])
    found = str(checks.secrets_are_passed_by_reference(task_definition="shop"))
    assert "BACKEND of container app in the `secrets` block" in found
    assert "a URL with a password in it" in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("container", "where"),
    [
        ({"command": ["serve", "--db=postgresql://shop:hunter2@db/shop"]}, "command"),
        ({"entryPoint": ["sh", "-c", "TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ serve"]}, "entryPoint"),
        ({"dockerLabels": {"notify": "https://hooks.slack.com/services/T0/B0/x"}}, "dockerLabels"),
        (
            {"logConfiguration": {"logDriver": "splunk", "options": {"url": "https://a:hunter2@splunk"}}},
            "log options",
        ),
    ],
)
def test_a_secret_beside_the_environment_is_found(container: dict[str, Any], where: str) -> None:
    """Commands, labels and log options are read by as many people."""
    found = str(task(**container).secrets_are_passed_by_reference(task_definition="shop"))
    assert f"nothing secret in the {where} of container app" in found


def test_references_are_no_secrets() -> None:
    """References in the secrets block are correct."""
    checks = task(secrets=[{"name": "DATABASE_URL", "valueFrom": "arn:…"}], environment=[])
    assert checks.secrets_are_passed_by_reference(task_definition="shop")


@pytest.mark.parametrize(
    ("kind", "count"), [("PLAINTEXT", 1), (None, 1), ("SECRETS_MANAGER", 0), ("PARAMETER_STORE", 0)]
)
def test_a_build_variable_is_judged_by_its_type(kind: str | None, count: int) -> None:
    """PLAINTEXT, which is also the default, is reported; references are not."""
    variable = {"name": "NPM_TOKEN", "value": "shop/npm", **({"type": kind} if kind else {})}
    project = {"arn": "project", "environment": {"environmentVariables": [variable]}}
    checks = SecretsChecks(clients(codebuild=Answers(batch_get_projects={"projects": [project]})))
    assert len(checks.secrets_are_passed_by_reference(build_project="shop").findings) == count


def test_names_that_nothing_has_are_told() -> None:
    """A missing task definition or project is a LookupError, and naming neither a ValueError: nothing passes unseen."""
    aws = clients(
        ecs=Answers(describe_task_definition=refusal("ClientException", "Unable to describe task definition.")),
        codebuild=Answers(batch_get_projects={"projects": []}),
    )
    checks = SecretsChecks(aws)
    with pytest.raises(LookupError, match="no task definition shop"):
        checks.secrets_are_passed_by_reference(task_definition="shop")
    with pytest.raises(LookupError, match="no build project shop"):
        checks.secrets_are_passed_by_reference(build_project="shop")
    with pytest.raises(ValueError, match="nothing to look at"):
        checks.secrets_are_passed_by_reference()


SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/url-AbCdEf"


def referring(value_from: str, **answers: Answers) -> SecretsChecks:
    container = {"name": "app", "secrets": [{"name": "DATABASE_URL", "valueFrom": value_from}]}
    definition = {"taskDefinitionArn": "shop:1", "containerDefinitions": [container]}
    return SecretsChecks(clients(ecs=Answers(describe_task_definition={"taskDefinition": definition}), **answers))


@pytest.mark.parametrize("reference", [SECRET, f"{SECRET}:url::", f"{SECRET}:url:AWSCURRENT:"])
def test_a_secret_is_asked_by_its_arn_alone(reference: str) -> None:
    """JSON key, stage and version are no part of the ARN."""

    def describe(SecretId: str) -> dict[str, Any]:
        assert SecretId == SECRET
        return {"VersionIdsToStages": {"1": ["AWSCURRENT"]}}

    checks = referring(reference, secretsmanager=Answers(describe_secret=describe))
    assert checks.every_reference_resolves("shop")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({}, "the secret has no current value"),
        ({"VersionIdsToStages": {"1": ["AWSPREVIOUS"]}}, "the secret has no current value"),
        (refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret."), "can't find"),
    ],
)
def test_a_secret_without_a_value_is_found(answer: Any, says: str) -> None:
    """Missing, or made and never filled: no task starts, and the finding quotes how ECS will say it."""
    found = str(referring(SECRET, secretsmanager=Answers(describe_secret=answer)).every_reference_resolves("shop"))
    assert says in found
    assert "ResourceInitializationError" in found


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/shop/dev/url", "/shop/dev/url"),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/url", "url"),
        ("/shop/dev/url", "/shop/dev/url"),
        ("url", "url"),
    ],
)
def test_a_parameter_is_asked_by_its_name(reference: str, name: str) -> None:
    """The name of a parameter without a path has no slash, although its ARN has one."""

    def get(Name: str) -> dict[str, Any]:
        return {} if name == Name else {"unexpected": pytest.fail(f"{Name} was asked for, not {name}")}

    assert referring(reference, ssm=Answers(get_parameter=get)).every_reference_resolves("shop")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("env:\n  variables:\n    LEVEL: debug\n", None),
        ("env:\n  secrets-manager:\n    NPM_TOKEN: npm:token\n", None),
        ("env:\n  variables:\n    NPM_TOKEN: abcdef\n", "NPM_TOKEN under env: secrets-manager"),
        ("#build: docker build --build-arg NPM_TOKEN=$NPM_TOKEN .", "--build-arg NPM_TOKEN"),
        ("#build: docker build --build-arg GIT_COMMIT=$COMMIT .", None),
    ],
)
def test_a_secret_in_a_buildspec_is_found(text: str, says: str | None) -> None:
    """Plain variables of the buildspec, and build arguments, which stay in the image's history."""
    command = text.removeprefix("#build: ") if text.startswith("#build: ") else "make"
    more = "" if text.startswith("#build: ") else text
    spec = f"version: 0.2\n{more}phases:\n  build:\n    commands:\n      - {command}\n"
    verdict = SecretsChecks(clients()).secrets_are_passed_by_reference(buildspec=spec)
    assert (says or "holds") in str(verdict)


def test_a_container_without_its_secret_is_found() -> None:
    """The container gets each secret under the name that the application reads."""
    checks = task(secrets=[{"name": "DATABASE_URL", "valueFrom": "arn"}])
    assert checks.containers_are_given("shop", "DATABASE_URL")
    assert "secrets DATABASE_URL" in str(checks.containers_are_given("shop", "DATABASE_URI"))
