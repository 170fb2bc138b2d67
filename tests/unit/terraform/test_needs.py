"""Needs of live roots: profiles, roles, buckets, tables, states and accounts, read from the HCL with their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushproof.base.needs import Needs
from pushproof.terraform.needs import backend_kind, provider_region, read_needs
from pushproof.terraform.values import Values

_LIVE = """variable "stage" { default = "prod" }
variable "account" {}
locals { bucket = "acme-${var.stage}-state" }
terraform {
  backend "s3" {
    bucket         = "acme-state"
    key            = "prod/app.tfstate"
    region         = "us-east-1"
    dynamodb_table = "locks"
    profile        = "ci"
    assume_role    = { role_arn = "arn:aws:iam::123456789012:role/state" }
  }
}
provider "aws" {
  profile             = "acme-${var.stage}"
  allowed_account_ids = [var.account, "222222222222"]
  assume_role {
    role_arn = "arn:aws:iam::${var.account}:role/teams/deploy"
  }
}
data "terraform_remote_state" "network" {
  backend = "s3"
  config = {
    bucket = local.bucket
    key    = "prod/network.tfstate"
    region = "eu-central-1"
  }
}
data "terraform_remote_state" "each" {
  for_each = toset(["a", "b"])
  backend  = "s3"
  config   = { bucket = "b", key = "${each.key}.tfstate" }
}
"""
_NETWORK = """terraform {
  backend "s3" {
    bucket = "acme-prod-state"
    key = "prod/network.tfstate"
  }
}
"""


@pytest.fixture
def live(tmp_path: Path) -> Path:
    for name, text in (("app", _LIVE), ("network", _NETWORK)):
        (tmp_path / "live" / name).mkdir(parents=True)
        (tmp_path / "live" / name / "main.tf").write_text(text)
    (tmp_path / ".git").mkdir()
    return tmp_path / "live"


def needs(live: Path, **more: object) -> Needs:
    return read_needs(
        live / "app",
        variables={"account": "123456789012"},
        show=lambda path: path.relative_to(live).as_posix(),
        **more,  # type: ignore[arg-type]
    )


def test_a_live_root_says_what_it_needs(live: Path) -> None:
    """Values come from variables, defaults and locals; each need knows its file and line."""
    read = needs(live)
    assert [(profile.name, profile.place) for profile in read.profiles] == [
        ("ci", "app/main.tf:10"),
        ("acme-prod", "app/main.tf:15"),
    ]
    assert [role.arn for role in read.roles] == [
        "arn:aws:iam::123456789012:role/state",
        "arn:aws:iam::123456789012:role/teams/deploy",
    ]
    (bucket,) = read.buckets
    assert (bucket.name, bucket.region, bucket.lock_table, bucket.place) == (
        "acme-state",
        "us-east-1",
        "locks",
        "app/main.tf:6",
    )
    assert [(rule.accounts, rule.place, rule.allowed) for rule in read.accounts] == [
        (("123456789012", "222222222222"), "app/main.tf:16", True)
    ]


def test_a_state_of_another_root_knows_who_writes_it(live: Path) -> None:
    """The root of the same repository whose backend has that bucket and key; a key that only Terraform knows is left out."""
    (state,) = needs(live).states
    assert (state.name, state.bucket, state.key, state.region) == (
        "network",
        "acme-prod-state",
        "prod/network.tfstate",
        "eu-central-1",
    )
    assert (state.writer, state.place) == ("network", "app/main.tf:23")
    (said,) = needs(live, remote_states={"network": {"vpc_id": "vpc-1"}}).states
    assert said.outputs == {"vpc_id": "vpc-1"}


def test_settings_of_the_caller_complete_the_backend(live: Path) -> None:
    """Arguments of `init` win, as in Terraform."""
    (bucket,) = needs(live, backend={"bucket": "mine"}).buckets
    assert bucket.name == "mine"


def test_a_module_without_needs_has_none(tmp_path: Path) -> None:
    """An ordinary module needs nothing."""
    (tmp_path / "main.tf").write_text('provider "aws" {\n  region = "eu-west-1"\n}\nresource "aws_vpc" "this" {}\n')
    assert read_needs(tmp_path, variables={}) == Needs()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('terraform {\n  backend "gcs" {}\n}', "gcs"),
        ('terraform {\n  cloud {\n    organization = "acme"\n  }\n}', "cloud"),
        ('variable "backend" {}', None),
    ],
)
def test_the_kind_of_a_backend(tmp_path: Path, text: str, kind: str | None) -> None:
    """Terraform Cloud's block is a backend too."""
    (tmp_path / "main.tf").write_text(text)
    assert backend_kind(tmp_path) == kind


def test_values_are_told_as_far_as_they_can_be(tmp_path: Path) -> None:
    """Circles, functions and unset variables have no value; the caller's wins over a file's, a file's over the default."""
    (tmp_path / "main.tf").write_text(
        'variable "a" { default = "default" }\nvariable "b" { default = "default" }\nvariable "c" {}\n'
        'variable "list" {}\n'
        'locals {\n  x = local.y\n  y = local.x\n  f = upper("a")\n}\n'
    )
    (tmp_path / "terraform.tfvars").write_text('a = "file"\nb = "file"\n')
    values = Values(tmp_path, {"b": "caller", "list": ["1", "2"]})
    expressions = ("var.a", "var.b", "var.c", "local.x", "local.f", '"${var.a}-${var.c}"', '"x-${var.a}"')
    assert [values.text(text) for text in expressions] == ["file", "caller", None, None, None, None, "x-file"]
    assert values.texts("var.list") == ["1", "2"]
    assert values.texts('["1", var.a, var.c]') == ["1", "file"]


_READING = """variable "stack" { default = "shop" }
provider "aws" { region = "us-east-1" }
provider "aws" {
  alias  = "home"
  region = "eu-west-1"
}
data "aws_ssm_parameter" "password" { name = "/${var.stack}/password" }
data "aws_ssm_parameter" "image" { name = "/aws/service/ami" }
data "aws_secretsmanager_secret" "token" { name = "github-token" }
data "aws_secretsmanager_secret_version" "token" { secret_id = data.aws_secretsmanager_secret.token.id }
data "aws_secretsmanager_secret_version" "key" { secret_id = "api-key" }
data "aws_codestarconnections_connection" "github" {
  name     = "github"
  provider = aws.home
}
resource "aws_ecr_repository" "app" { name = "app" }
data "aws_ecr_repository" "app" { name = "app" }
data "aws_ecr_repository" "base" { name = "base" }
"""


def test_things_that_others_made_are_needs(tmp_path: Path) -> None:
    """A data source reads them; what a resource of the configuration makes, or AWS keeps for everybody, is none."""
    (tmp_path / "main.tf").write_text(_READING)
    things = read_needs(tmp_path, variables={}, values={"github-token": "t0ken"}).things
    assert [(thing.kind, thing.name, thing.region, thing.value) for thing in things] == [
        ("aws_ssm_parameter", "/shop/password", "us-east-1", ""),
        ("aws_secretsmanager_secret", "github-token", "us-east-1", "t0ken"),
        ("aws_secretsmanager_secret", "api-key", "us-east-1", ""),
        ("aws_codestarconnections_connection", "github", "eu-west-1", ""),
        ("aws_ecr_repository", "base", "us-east-1", ""),
    ]
    assert things[0].place.endswith("main.tf:7")


def test_the_providers_region_is_the_worlds(tmp_path: Path) -> None:
    """The default provider's, as a variable or a *.tfvars file gives it; none where only Terraform could tell."""
    (tmp_path / "main.tf").write_text('variable "region" {}\nprovider "aws" { region = var.region }\n')
    assert provider_region(tmp_path, {}) == ""
    (tmp_path / "terraform.tfvars").write_text('region="us-east-1"\n')
    assert provider_region(tmp_path, {}) == "us-east-1"
    assert provider_region(tmp_path, {"region": "eu-north-1"}) == "eu-north-1"
