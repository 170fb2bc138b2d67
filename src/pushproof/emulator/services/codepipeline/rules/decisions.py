"""Rules that decide by values alone: VariableCheck and DeploymentWindow.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-VariableCheck.html ,
.../rule-reference-DeploymentWindow.html
"""

from __future__ import annotations

from pushproof.emulator.services.codepipeline.rules.base import RuleJob
from pushproof.engines.pipeline import PipelineError, judge_variable, judge_window


class VariableCheck(RuleJob):
    """Compares the value of a variable."""

    def start(self) -> None:
        try:
            self.decide(judge_variable(self.configuration))
        except PipelineError as error:
            self.refused(error)


class DeploymentWindow(RuleJob):
    """Looks whether a window is open, by AWS's time."""

    def start(self) -> None:
        clock = self.site.clock
        try:
            self.decide(judge_window(self.configuration, clock.stamp(clock.now()).timestamp()))
        except PipelineError as error:
            self.refused(error)
