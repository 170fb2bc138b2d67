"""Refusals of CodeDeploy, under AWS's codes.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/CommonErrors.html and the pages of the operations
"""

from __future__ import annotations


class CodeDeployError(ValueError):
    """A refusal. `code` is the code of AWS's error, `message` its words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidAppSpec(ValueError):
    """An AppSpec file that cannot be deployed; the message names the member, what was expected, and what was there."""
