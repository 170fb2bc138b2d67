"""A drill of an environment that cannot be drilled: the message names the place, the exit code is not 0, nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_BUCKET = (
    'provider "aws" {\n  region = "eu-west-1"\n}\nresource "aws_s3_bucket" "only" {\n  bucket = "only-a-bucket"\n}\n'
)
_SERVICELESS = """\
resource "aws_iam_role" "pipeline" {
  name               = "pipeline"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codepipeline.amazonaws.com" } }] })
}
resource "aws_codepipeline" "only" {
  name     = "only"
  role_arn = aws_iam_role.pipeline.arn
  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.only.bucket
  }
  stage {
    name = "Source"
    action {
      name             = "Source"
      category         = "Source"
      owner            = "ThirdParty"
      provider         = "GitHub"
      version          = "1"
      output_artifacts = ["code"]
      configuration    = { Owner = "acme", Repo = "web", Branch = "main", OAuthToken = "t" }
    }
  }
  stage {
    name = "Ship"
    action {
      name            = "Ship"
      category        = "Deploy"
      owner           = "AWS"
      provider        = "ECS"
      version         = "1"
      input_artifacts = ["code"]
      configuration   = { ClusterName = "apps", ServiceName = "nobody" }
    }
  }
}
"""


def drill(directory: Path, *options: str) -> tuple[int, str]:
    """Return the exit code and the output of a drill of `live`, with a small application beside it."""
    application = directory / "app"
    application.mkdir()
    (application / "Dockerfile").write_text("FROM scratch\n")
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "drill", "--environment", "live", "--app", "app", *options],
        cwd=directory, env={**os.environ, "PUSHPROOF_STATE": str(directory / "state"), "COLUMNS": "300"},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    assert "left behind" not in output
    assert list((directory / "state").rglob("evidence.json")) == []
    return done.returncode, output


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        pytest.param(_BUCKET + 'resource "aws_s3_bucket" {\n', (), ["live/main.tf:7"], id="hcl-that-does-not-parse"),
        pytest.param(
            _BUCKET + 'terraform {\n  required_providers {\n    shop = {\n      source = "acme.invalid/shop/shop"\n    }\n  }\n}\n',
            (),
            ["acme.invalid/shop/shop", "PUSHPROOF_PROVIDER_MIRROR"],
            id="a-provider-that-cannot-be-had",
        ),
        pytest.param(_BUCKET + 'variable "size" {}\n', (), ["live/main.tf:7", "size"], id="a-variable-without-a-value"),
        pytest.param(
            _BUCKET + 'variable "size" {}\n', ("--var", "sice=1"), ["Did you mean 'size' for 'sice'"], id="a-wrong-variable"
        ),
        pytest.param(_BUCKET, (), ["live has no pipeline: no aws_codepipeline is in its state"], id="no-pipeline"),
        pytest.param(
            _BUCKET + _SERVICELESS,
            (),
            ["pipeline only deploys to service apps/nobody", "correct ClusterName and ServiceName"],
            id="no-service",
        ),
        pytest.param(
            _BUCKET + 'module "net" {\n  source = "acme/net/aws"\n}\n',
            (),
            ["live/main.tf:7", ".terraform/modules is used as it is"],
            id="a-registry-that-cannot-be-reached",
        ),
    ],
)  # fmt: skip
def test_an_environment_that_cannot_be_drilled(
    text: str, options: tuple[str, ...], words: list[str], tmp_path: Path
) -> None:
    """Said in words that name the place or the input."""
    (tmp_path / "live").mkdir()
    (tmp_path / "live/main.tf").write_text(text)
    code, output = drill(tmp_path, *options)
    assert code != 0, output
    for expected in words:
        assert expected in output, output
