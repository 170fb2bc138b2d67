"""Variables in action configuration: `#{Namespace.NAME}`.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pushproof.engines.pipeline.errors import PipelineError

#: Namespaces that are CodePipeline's own: declared pipeline variables, and facts about the execution.
RESERVED = frozenset({"variables", "codepipeline"})

_REFERENCE = re.compile(r"#\{([A-Za-z0-9@_-]+)\.([A-Za-z0-9@_-]+)\}")


def references(text: str) -> list[tuple[str, str]]:
    """The (namespace, name) pairs that a configuration value refers to, in order."""
    return [(match[1], match[2]) for match in _REFERENCE.finditer(text)]


def resolve_texts(texts: Sequence[str], values: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """The texts with every reference replaced, as `resolve` replaces those of a configuration."""
    return tuple(resolve({str(index): text for index, text in enumerate(texts)}, values).values())


def resolve(configuration: Mapping[str, str], values: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The configuration with every reference replaced; `values` is namespace -> name -> value.

    Values are inserted once: a value that looks like a reference stays as it is.
    Raises PipelineError (InvalidVariableReference, the code an action execution fails with) for an unknown reference.
    """

    def replace(match: re.Match[str]) -> str:
        namespace, name = match[1], match[2]
        try:
            return values[namespace][name]
        except KeyError:
            names = sorted(values.get(namespace, ()))
            raise PipelineError(
                "InvalidVariableReference",
                f"The action configuration contains a variable reference that could not be resolved: #{{{namespace}.{name}}}. "
                + (
                    f"Namespace {namespace} has {', '.join(names)}."
                    if names
                    else f"No action produced namespace {namespace}."
                ),
            ) from None

    return {key: _REFERENCE.sub(replace, value) for key, value in configuration.items()}
