"""AWS clients that answer what a test says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


class Refused(ClientError):  # type: ignore[misc]
    """The error an `Answers` raises where a test gives it as an answer."""


def refusal(code: str, message: str = "as AWS words it") -> Refused:
    return Refused({"Error": {"Code": code, "Message": message}}, "Operation")


class Answers:
    """One client: each keyword is an operation in snake_case, and its answer, or a function of the request that gives it.

    An answer that is an exception is raised; an operation that has none is an error of the test.
    """

    class exceptions:
        ClusterNotFoundException = ClientException = PipelineNotFoundException = Refused
        RepositoryNotFoundException = NoSuchEntityException = Refused

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation not in self._answers:
            raise AttributeError(f"no answer is prepared for {operation}")

        def call(**request: Any) -> Any:
            answer = self._answers[operation]
            if callable(answer):
                answer = answer(**request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, operation: str) -> Any:
        call = getattr(self, operation)

        class Pages:
            @staticmethod
            def paginate(**request: Any) -> list[Any]:
                return [call(**request)]

        return Pages()


def clients(**by_name: Answers) -> Callable[[str], Any]:
    """`aws` for checks; `-` in a service's name is written `_`."""
    return lambda service: by_name[service.replace("-", "_")]
