"""Errors of the deployment engine."""

from __future__ import annotations


class DeploymentError(ValueError):
    """A request that ECS refuses. `code` is ECS's error code."""

    code = "InvalidParameterException"


class InvalidDeploymentConfiguration(DeploymentError):
    """A deployment setting is malformed.

    The message is AWS's own where its `words` are known; else it names the field, its value, and what is accepted.
    """

    def __init__(self, field: str, value: object, expected: str, words: str = "") -> None:
        self.field = field
        self.given = value
        self.expected = expected
        super().__init__(words or f"{field} is {value!r}; give {expected}.")


class InvalidHook(DeploymentError):
    """A hook that cannot be continued."""


class ServiceDeploymentNotFound(DeploymentError):
    """No service deployment of this service has this ARN."""

    code = "ServiceDeploymentNotFoundException"


class ServiceDeploymentConflict(DeploymentError):
    """The service deployment is in a state in which it cannot be stopped."""

    code = "ConflictException"
