"""Errors of buildspecs, each as a type of its own, with the line it is on.

CodeBuild reports all of these as phase context ``YAML_FILE_ERROR`` of the DOWNLOAD_SOURCE phase. Wording follows what
its build logs print where that is published (the parser's own words, "Expected Commands[n] to be of string type ...",
https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html); nobody publishes the rest.
"""

from __future__ import annotations


class BuildspecError(Exception):
    """A buildspec that CodeBuild would refuse.

    Attributes: ``message`` as the build log prints it, ``line`` counted from 1, ``hint`` what to change.
    """

    status_code = "YAML_FILE_ERROR"

    def __init__(self, message: str, line: int, hint: str) -> None:
        super().__init__(f"{message} ({hint})")
        self.message = message
        self.line = line
        self.hint = hint


class YamlSyntaxError(BuildspecError):
    """The text is not YAML."""


class UnknownVersion(BuildspecError):
    """``version`` is neither 0.1 nor 0.2."""


class MissingKey(BuildspecError):
    """A key that CodeBuild requires is absent."""


class WrongType(BuildspecError):
    """A mapping, sequence or string was expected and something else was found."""


class InvalidValue(BuildspecError):
    """A value outside the set or range that CodeBuild accepts."""
