"""A pipeline as a record: its declarations by version, and the state of its executions."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError, refusals_of
from pushproof.emulator.kernel.loop import Timer
from pushproof.engines.pipeline import Declaration, PipelineError, PipelineState, read_declaration

if TYPE_CHECKING:
    from types_boto3_codepipeline.type_defs import PipelineDeclarationOutputTypeDef


@dataclass(slots=True)
class Pipeline:
    """A pipeline. `versions` are the bodies by version, as GetPipeline shows them; times are AWS seconds."""

    arn: str
    region: str
    account_id: str
    created: float
    updated: float
    versions: dict[int, PipelineDeclarationOutputTypeDef]
    state: PipelineState
    tags: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    timer: Timer | None = None

    @property
    def version(self) -> int:
        return max(self.versions)

    @property
    def body(self) -> PipelineDeclarationOutputTypeDef:
        return self.versions[self.version]

    @property
    def name(self) -> str:
        return str(self.body["name"])


def complete(body: PipelineDeclarationOutputTypeDef, version: int) -> PipelineDeclarationOutputTypeDef:
    """Return the body as CodePipeline answers it: with its version, and defaults for missing members."""
    body = copy.deepcopy(body)
    body["version"] = version
    body.setdefault("pipelineType", "V2" if _needs_v2(body) else "V1")
    body.setdefault("executionMode", "SUPERSEDED")
    for stage in body["stages"]:
        for action in stage["actions"]:
            action.setdefault("runOrder", 1)
            action.setdefault("configuration", {})
            action.setdefault("inputArtifacts", [])
            action.setdefault("outputArtifacts", [])
            # "The token is displayed as a series of asterisks": nothing here needs it, so nothing here keeps it.
            if "OAuthToken" in action["configuration"]:
                action["configuration"]["OAuthToken"] = "****"
    return body


def _needs_v2(body: PipelineDeclarationOutputTypeDef) -> bool:
    """Return whether an untyped body has parameters of V2, which make it V2 (API_PipelineDeclaration, pipelineType)."""
    return bool(
        body.get("triggers")
        or body.get("variables")
        or body.get("executionMode", "SUPERSEDED") != "SUPERSEDED"
        or any({"onFailure", "onSuccess", "beforeEntry"} & stage.keys() for stage in body["stages"])
    )


def declared(body: PipelineDeclarationOutputTypeDef, version: int, region: str) -> Declaration:
    """Convert a body to the engine's view. Raises AwsError for a structure that CodePipeline (or this emulator) refuses."""
    with refusals_of(PipelineError):
        declaration = replace(read_declaration(body, region), version=version)
    for stage in declaration.stages:
        for action in stage.actions:
            if action.configuration.get("RegistryType", "private") != "private":
                raise not_done(f"RegistryType {action.configuration['RegistryType']} of {action.name}")
            if action.configuration.get("BatchEnabled", "false").lower() == "true":
                raise not_done(f"BatchEnabled of {action.name}")
    return declaration


def not_done(what: str) -> AwsError:
    return AwsError(
        "NotImplemented", f"Pushproof does not implement {what} in codepipeline. Nothing was done.", status=501
    )
