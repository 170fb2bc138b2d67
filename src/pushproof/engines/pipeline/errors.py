"""Errors of the pipeline engine, under the codes of the CodePipeline API."""

from __future__ import annotations


class PipelineError(Exception):
    """A refused structure or request. `code` is the CodePipeline error code, `message` AWS's text.

    Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_Operations.html (Errors of each operation)
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
