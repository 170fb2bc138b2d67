"""Environment variables of a build: precedence, reserved names, and exported variables.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env.variables : StartBuild's value
takes precedence over the project's, the project's over the buildspec's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pushproof.engines.buildspec.model import Buildspec, Env


@dataclass(frozen=True, slots=True)
class Variable:
    """``type`` is PLAINTEXT, PARAMETER_STORE or SECRETS_MANAGER; ``value`` the text or the reference."""

    name: str
    value: str
    type: str = "PLAINTEXT"


def from_buildspec(env: Env) -> tuple[Variable, ...]:
    """The ``env`` section as variables; a name in two of its maps keeps the last of variables, parameters, secrets."""
    variables = {name: Variable(name, value) for name, value in env.variables.items()}
    variables |= {name: Variable(name, value, "PARAMETER_STORE") for name, value in env.parameter_store.items()}
    for name, secret in env.secrets_manager.items():
        parts = (secret.secret_id, secret.json_key or "", secret.version_stage or "", secret.version_id or "")
        variables[name] = Variable(name, ":".join(parts).rstrip(":"), "SECRETS_MANAGER")
    return tuple(variables.values())


def combine(
    *, start_build: Iterable[Variable] = (), project: Iterable[Variable] = (), buildspec: Iterable[Variable] = ()
) -> dict[str, Variable]:
    """One variable a name: StartBuild's over the project's over the buildspec's."""
    combined: dict[str, Variable] = {}
    for layer in (buildspec, project, start_build):
        combined |= {variable.name: variable for variable in layer}
    return combined


def with_supplied(variables: Mapping[str, str], supplied: Mapping[str, str]) -> dict[str, str]:
    """The container's environment. Variables that CodeBuild supplies override the project's."""
    return {**variables, **supplied}


def exported(
    buildspec: Buildspec, variables: Mapping[str, Variable], environment: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """``exportedEnvironmentVariables``: names and values at the end of the build, in the order they are listed.

    A name without a value is left out; so are names beginning AWS_, parameters and secrets, which AWS forbids.
    """
    plain = (
        name
        for name in dict.fromkeys(buildspec.env.exported_variables)
        if not name.startswith("AWS_") and (name not in variables or variables[name].type == "PLAINTEXT")
    )
    return tuple((name, environment[name]) for name in plain if name in environment)
