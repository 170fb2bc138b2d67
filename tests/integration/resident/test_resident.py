"""A provider that stays up: what one root configures, and the files that it names, are not those of the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.terraform.applied import prepare
from pushproof.terraform.driver import Terraform
from pushproof.terraform.errors import CommandFailed
from pushproof.terraform.resident import RESIDENT, VARIABLE

ROOT = """
provider "aws" {
  region = "%s"
  default_tags {
    tags = { Team = "%s" }
  }
}
variable "name" {
  default = "topic"
}
resource "aws_sns_topic" "main" {
  name = var.name
}
resource "aws_s3_bucket" "main" {
  bucket        = "words-of-${var.name}-%s"
  force_destroy = true
}
resource "aws_s3_object" "words" {
  bucket = aws_s3_bucket.main.bucket
  key    = "words"
  source = "words.txt"
}
output "arn" {
  value = aws_sns_topic.main.arn
}
"""


@pytest.fixture(scope="module")
def world() -> Iterator[EmbeddedTarget]:
    """A world of this file's own: not the session's target, by whose name such files are told apart."""
    with pytest.MonkeyPatch.context() as patch, EmbeddedTarget(EmbeddedSettings(runtime="scripted")) as opened:
        patch.setenv(VARIABLE, "1")
        yield opened
        RESIDENT.close()


def root(target: EmbeddedTarget, directory: Path, region: str, team: str) -> Terraform:
    source = directory / team
    source.mkdir()
    (source / "main.tf").write_text(ROOT % (region, team, team))
    (source / "words.txt").write_text(f"of {team}")
    terraform = prepare(target, source, name=team)
    terraform.init()
    return terraform


def test_roots_do_not_share_a_configuration(world: EmbeddedTarget, tmp_path: Path) -> None:
    """Roots of other regions, default tags and files, in turn, have resources of their own and nothing left to do."""
    shop, books = root(world, tmp_path, "eu-west-1", "shop"), root(world, tmp_path, "us-east-1", "books")
    for terraform in (shop, books):
        terraform.apply()
    for terraform, region, team in (
        (shop, "eu-west-1", "shop"),
        (books, "us-east-1", "books"),
        (shop, "eu-west-1", "shop"),
    ):
        assert terraform.changes() == {}
        arn = terraform.outputs()["arn"]
        assert f":{region}:" in arn
        tags = world.client("sns", region).list_tags_for_resource(ResourceArn=arn)["Tags"]
        assert tags == [{"Key": "Team", "Value": team}]
        words = world.client("s3", region).get_object(Bucket=f"words-of-topic-{team}", Key="words")["Body"].read()
        assert words == f"of {team}".encode()


def test_a_failure_leaves_the_next_command_alone(world: EmbeddedTarget, tmp_path: Path) -> None:
    """The apply after a refused one succeeds, and the destroy takes everything."""
    terraform = root(world, tmp_path, "eu-west-1", "failing")
    with pytest.raises(CommandFailed, match="invalid topic name"):
        terraform.apply(name="not a name!")
    terraform.apply(name="right")
    assert terraform.changes(name="right") == {}
    terraform.destroy(name="right")
    assert terraform.holds_nothing()
