"""Commands: runs shell commands, and succeeds when each of them does.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-Commands.html
"""

from __future__ import annotations

from pushproof.emulator.services.codepipeline.building import ManagedWork, commands_spec
from pushproof.emulator.services.codepipeline.rules.build import BuildRule
from pushproof.engines.pipeline import StartRule


class Commands(ManagedWork[StartRule], BuildRule):
    """Runs commands in the first input artifact, if there is one, with the rule's role."""

    def start(self) -> None:
        self.begin_managed(commands_spec(self.run.commands), self.handoff(next(iter(self.run.inputs), "")))
