"""Messages of failed runs: the step, the resource, the cause, the next step to take."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from pushproof.sandbox.failures import explain
from pushproof.terraform.errors import CommandFailed

EXISTS = """
Error: creating IAM Role (pushproof-a0f47f9e-dev-execution): operation error IAM: CreateRole, https response error \
StatusCode: 409, RequestID: mWEB, \
EntityAlreadyExists: Role with name pushproof-a0f47f9e-dev-execution already exists.

  with module.iam.aws_iam_role.execution,
  on ../../../infrastructure/modules/iam/tasks.tf line 28, in resource "aws_iam_role" "execution":
  28: resource "aws_iam_role" "execution" {

Error: reading SNS Topic: Rate exceeded

  with aws_sns_topic.this,
  on main.tf line 3, in resource "aws_sns_topic" "this":
   3: resource "aws_sns_topic" "this" {
"""
HEAD = (
    'Error: error loading state: Unable to access object "dev/terraform.tfstate" in S3 bucket "x": operation error S3: HeadObject, \
https response error StatusCode: 429, RequestID: , HostID: , api error TooManyRequests: Too Many Requests'
)


def failed(command: str, said: str) -> CommandFailed:
    return CommandFailed(f"{command} -input=false plan.tfplan", "somewhere", 1, "", said)


def test_terraforms_errors_name_step_and_resource() -> None:
    """Every error is listed with its resource; "already exists" is explained as the run's own, which AWS cannot tell."""
    told = explain(failed("apply", EXISTS))
    assert told.startswith(
        "terraform apply: module.iam.aws_iam_role.execution, aws_sns_topic.this: creating IAM Role (pushproof-a0f47f9e"
    )
    assert "already exists.; reading SNS Topic: Rate exceeded (the name carries the run's id" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (failed("plan", HEAD), "terraform plan: error loading state: Unable to access"),
        (failed("plan", HEAD), "AWS throttles this account"),
        (failed("init", "no such provider"), "terraform init: no such provider"),
        (
            failed("plan", "Error: Error acquiring the state lock\n\nPreconditionFailed"),
            "the sweep removes state and lock",
        ),
        (ClientError({"Error": {"Code": "InternalFailure", "Message": "x"}}, "ImportCertificate"), "ImportCertificate"),
        (ClientError({"Error": {"Code": "InternalFailure", "Message": "x"}}, "ImportCertificate"), "Run again"),
    ],
)
def test_the_cause_is_told_with_what_it_means(error: Exception, said: str) -> None:
    """Every end of a run has a cause with its meaning."""
    assert said in explain(error)
