"""Provisions of an emulated world: what live roots take for granted is made, and said."""

from __future__ import annotations

import configparser
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushproof.base.needs import (
    AccountRule,
    NeededBucket,
    NeededProfile,
    NeededRole,
    NeededState,
    NeededThing,
    Needs,
)
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal
from pushproof.terraform.errors import NotProvided
from pushproof.terraform.groundwork import Groundwork
from pushproof.terraform.working_copy import copy_configuration


@pytest.fixture
def target(tmp_path: Path) -> Iterator[EmbeddedTarget]:
    settings = EmbeddedSettings(world=WorldSettings(region="us-west-2", account_id="210987654321"), runtime="scripted")
    with EmbeddedTarget(settings, journal=Journal(tmp_path / "state")) as opened:
        yield opened


def test_what_a_root_needs_is_made_once_and_said(target: EmbeddedTarget) -> None:
    """Bucket, lock table, role and profiles are there afterwards; a second root that needs them finds them."""
    needs = Needs(
        profiles=(NeededProfile("prod", "a.tf:1"), NeededProfile("default", "a.tf:2")),
        roles=(NeededRole("arn:aws:iam::210987654321:role/teams/deploy", "a.tf:3"),),
        buckets=(NeededBucket("acme-state", "a.tf:4", region="us-east-1", lock_table="locks"),),
        accounts=(AccountRule(("210987654321",), "a.tf:5"),),
    )
    provision = target.provide(needs)
    assert [sentence.partition(": ")[2] for sentence in provision.sentences] == [
        "profile prod has this world's keys",
        "profile default has this world's keys",
        "made the role deploy, which trusts the administrator and may do everything",
        "made the bucket acme-state in us-east-1",
        "made the lock table locks in us-east-1",
    ]
    assert target.client("s3").get_bucket_location(Bucket="acme-state")["LocationConstraint"] in (None, "us-east-1")
    assert target.client("dynamodb", "us-east-1").describe_table(TableName="locks")["Table"]["KeySchema"] == [
        {"AttributeName": "LockID", "KeyType": "HASH"}
    ]
    session = target.client("sts").assume_role(
        RoleArn="arn:aws:iam::210987654321:role/teams/deploy", RoleSessionName="terraform"
    )
    assert session["AssumedRoleUser"]["Arn"].endswith(":assumed-role/deploy/terraform")
    credentials = configparser.ConfigParser()
    credentials.read(provision.environment["AWS_SHARED_CREDENTIALS_FILE"])
    assert credentials["prod"]["aws_access_key_id"] == target.keys[0]
    config = configparser.ConfigParser()
    config.read(provision.environment["AWS_CONFIG_FILE"])
    assert config["profile prod"]["region"] == config["default"]["region"] == "us-west-2"
    again = target.provide(dataclasses.replace(needs, profiles=()))
    assert again.sentences == ()


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (Needs(accounts=(AccountRule(("111111111111",), "p.tf:2"),)), "p.tf:2.*--pushproof-account 111111111111"),
        (Needs(accounts=(AccountRule(("210987654321",), "p.tf:2", allowed=False),)), "p.tf:2.*refuses account"),
        (
            Needs(roles=(NeededRole("arn:aws:iam::333333333333:role/deploy", "p.tf:4"),)),
            "p.tf:4.*--pushproof-account 333333333333",
        ),
        (Needs(foreign_files=(("shared_credentials_files", "p.tf:5"),)), "p.tf:5: shared_credentials_files"),
        (
            Needs(states=(NeededState("net", "b", "k", "d.tf:1", writer="live/net"),)),
            r'd.tf:1.*apply live/net first.*applied\("live/net"\)',
        ),
        (Needs(states=(NeededState("net", "b", "k", "d.tf:1"),)), r'd.tf:1.*remote_states=\{"net"'),
    ],
)
def test_what_a_world_cannot_give_is_said_before_anything_is_made(
    target: EmbeddedTarget, needs: Needs, said: str
) -> None:
    """The message contains file, line, and the remedy."""
    with pytest.raises(NotProvided, match=said):
        target.provide(needs)


def test_states_of_other_roots_are_written_from_what_the_caller_says(target: EmbeddedTarget) -> None:
    """A state of version 4 with typed outputs, in a bucket that is made for it."""
    outputs = {"vpc_id": "vpc-1", "subnet_ids": ["a", "b"], "many": {"n": 1, "on": True}}
    need = NeededState("net", "acme-state", "net.tfstate", "d.tf:1", region="us-east-1", outputs=outputs)
    (sentence,) = target.provide(Needs(states=(need,))).sentences
    assert sentence == "d.tf:1: wrote the state s3://acme-state/net.tfstate with vpc_id, subnet_ids, many"
    body = target.client("s3", "us-east-1").get_object(Bucket="acme-state", Key="net.tfstate")["Body"].read()
    state = json.loads(body)
    assert state["version"] == 4
    assert state["outputs"]["many"] == {
        "value": {"n": 1, "on": True},
        "type": ["object", {"n": "number", "on": "bool"}],
    }
    assert state["outputs"]["subnet_ids"]["type"] == ["tuple", ["string", "string"]]
    # From now on it is there.
    target.provide(Needs(states=(dataclasses.replace(need, outputs=None),)))


def groundwork(target: EmbeddedTarget, tmp_path: Path, text: str) -> tuple[Groundwork, list[str]]:
    source, said = tmp_path / "root", list[str]()
    source.mkdir()
    (source / "main.tf").write_text(text)
    copy = copy_configuration(source, tmp_path / "copy")
    return Groundwork(target, copy, "root", {}, say=said.append, show=lambda path: path.name), said


def test_a_partial_backend_is_completed(target: EmbeddedTarget, tmp_path: Path) -> None:
    """A setting in neither block nor call is chosen for this world, and its bucket is created."""
    work, said = groundwork(target, tmp_path, 'terraform {\n  backend "s3" {\n    key = "mine"\n  }\n}\n')
    settings = work.lay({"region": "us-east-1"}, {})
    assert settings == {"bucket": "pushproof-state-210987654321", "region": "us-east-1"}
    assert said == [
        "root: the backend says no bucket; the state is s3://pushproof-state-210987654321/… of this world",
        "main.tf:2: made the bucket pushproof-state-210987654321 in us-east-1",
    ]


@pytest.mark.parametrize(
    "block", ['backend "gcs" {\n    bucket = "real"\n  }', 'cloud {\n    organization = "acme"\n  }']
)
def test_a_state_that_outlives_the_world_is_never_written(target: EmbeddedTarget, tmp_path: Path, block: str) -> None:
    """Backends that this world does not emulate would keep real states: they are overridden by a local one, and said."""
    work, said = groundwork(target, tmp_path, f"terraform {{\n  {block}\n}}\n")
    assert work.lay(None, {}) is None
    assert 'backend "local"' in (work.copy.directory / "pushproof_override.tf").read_text()
    assert not list(work.copy.source.glob("*override*"))
    assert "the state stays in this world" in said[0]


def test_a_caller_may_keep_the_state_local(target: EmbeddedTarget, tmp_path: Path) -> None:
    """backend="local" leaves the backend out, and its bucket is not made."""
    work, said = groundwork(target, tmp_path, 'terraform {\n  backend "s3" {\n    bucket = "acme-state"\n  }\n}\n')
    work.lay("local", {})
    assert said == []
    assert (work.copy.directory / "pushproof_override.tf").exists()
    with pytest.raises(ValueError, match='expected "local"'):
        work.lay("lokal", {})


def test_aliases_that_a_caller_gives_are_configured(target: EmbeddedTarget, tmp_path: Path) -> None:
    """A module with configuration_aliases is a root here: its providers are configured, by the region that the name says."""
    text = (
        'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n'
        "      configuration_aliases = [aws.us_east_1, aws.replica]\n    }\n  }\n}\n"
    )
    work, said = groundwork(target, tmp_path, text)
    work.lay(None, {})
    written = (work.copy.directory / "pushproof_providers.tf").read_text()
    assert 'alias  = "us_east_1"\n  region = "us-east-1"' in written
    assert 'alias  = "replica"\n  region = "us-west-2"' in written
    assert len(said) == 2


def test_things_that_data_sources_read_are_made_once(target: EmbeddedTarget) -> None:
    """Their content is the settings' or a throw-away one, their region the data source's."""
    needs = Needs(
        things=(
            NeededThing("aws_ssm_parameter", "/db/password", "a.tf:1"),
            NeededThing("aws_secretsmanager_secret", "token", "a.tf:2", region="us-east-1", value="t0ken"),
            NeededThing("aws_codecommit_repository", "shop", "a.tf:3"),
            NeededThing("aws_ecr_repository", "base", "a.tf:4"),
            NeededThing("aws_codestarconnections_connection", "github", "a.tf:5"),
        )
    )
    assert [sentence.partition(":1")[0].partition(": a data")[0] for sentence in target.provide(needs).sentences] == [
        "a.tf",
        "a.tf:2: made the secret token in us-east-1, with the value of the settings",
        "a.tf:3: made the CodeCommit repository shop in us-west-2",
        "a.tf:4: made the ECR repository base in us-west-2",
        "a.tf:5: made the connection github in us-west-2",
    ]
    parameter = target.client("ssm").get_parameter(Name="/db/password", WithDecryption=True)["Parameter"]
    assert parameter["Value"].isalnum()
    secret = target.client("secretsmanager", "us-east-1").get_secret_value(SecretId="token")
    assert secret["SecretString"] == "t0ken"
    (connection,) = target.client("codestar-connections").list_connections()["Connections"]
    assert connection["ConnectionName"] == "github"
    assert target.provide(needs).sentences == ()


def test_a_providers_own_keys_give_way_to_the_worlds(target: EmbeddedTarget, tmp_path: Path) -> None:
    """No world knows another account's keys; the override is readable by its owner alone, and said."""
    text = (
        'variable "key" {}\nprovider "aws" {\n  access_key = var.key\n  secret_key = var.key\n}\n'
        'provider "aws" {\n  alias = "home"\n  access_key = "AKIAIOSFODNN7EXAMPLE"\n}\nprovider "aws" {\n  alias = "plain"\n}\n'
    )
    work, said = groundwork(target, tmp_path, text)
    work.lay(None, {})
    path = work.copy.directory / "pushproof_keys_override.tf"
    assert path.stat().st_mode & 0o777 == 0o600
    written = path.read_text()
    assert written.count(f'access_key = "{target.keys[0]}"') == 2
    assert 'alias      = "home"' in written or 'alias = "home"' in written
    assert "plain" not in written
    assert said == [
        "main.tf:3: the provider has this world's keys in place of its own",
        "main.tf:8: the provider has this world's keys in place of its own",
    ]
