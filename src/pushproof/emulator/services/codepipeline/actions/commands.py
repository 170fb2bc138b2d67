"""Commands: shell commands without a project, on CodePipeline's own compute.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html
"""

from __future__ import annotations

from pushproof.emulator.services.codepipeline.actions.codebuild import BuildJob
from pushproof.emulator.services.codepipeline.building import ManagedWork, commands_spec
from pushproof.engines.pipeline import StartAction


class Commands(ManagedWork[StartAction], BuildJob):
    """Runs commands in the first input artifact, with the role of the action or of the pipeline."""

    def start(self) -> None:
        self.place_outputs()
        action = self.run.action
        files = [path for name in self.outputs for path in action.output_files.get(name, ("**/*",))]
        self.begin_managed(
            commands_spec(self.run.commands, exported=action.output_variables, files=files),
            self.handoff(action.inputs[0]),
            environment=tuple((variable.name, variable.value, variable.type) for variable in self.run.environment),
        )
