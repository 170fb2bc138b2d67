"""Lists settings with their values, where they come from, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from pushproof.config.model import Settings


@dataclass(frozen=True, slots=True)
class Explanation:
    """A setting: its dotted name, its value as JSON, whether a file sets it, and its meaning."""

    name: str
    value: str
    set_here: bool
    meaning: str


def explanations(settings: Settings) -> list[Explanation]:
    """Return every setting in the order of the schema."""
    return list(_of(settings, ""))


def _of(model: BaseModel, prefix: str) -> Iterator[Explanation]:
    for attribute, field in type(model).model_fields.items():
        name = f"{prefix}{field.alias or attribute}"
        value = getattr(model, attribute)
        if isinstance(value, BaseModel):
            yield from _of(value, f"{name}.")
            continue
        text = json.dumps(value, ensure_ascii=False)
        yield Explanation(name, text, attribute in model.model_fields_set, field.description or "")


def schema() -> str:
    """Return the JSON Schema (2020-12) of `pushproof.toml`."""
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "pushproof.toml"}
    return json.dumps(content | Settings.model_json_schema(by_alias=True), indent=2) + "\n"
