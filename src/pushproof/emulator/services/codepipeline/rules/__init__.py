"""Jobs that find out whether the rules of stage conditions are met: one file for each kind."""

from pushproof.emulator.services.codepipeline.rules.alarm import CloudWatchAlarm
from pushproof.emulator.services.codepipeline.rules.base import RuleJob
from pushproof.emulator.services.codepipeline.rules.build import CodeBuildRule
from pushproof.emulator.services.codepipeline.rules.commands import Commands
from pushproof.emulator.services.codepipeline.rules.decisions import DeploymentWindow, VariableCheck
from pushproof.emulator.services.codepipeline.rules.function import LambdaInvoke

# : provider -> the class of its job.
RULE_JOBS: dict[str, type[RuleJob]] = {
    "CloudWatchAlarm": CloudWatchAlarm,
    "CodeBuild": CodeBuildRule,
    "Commands": Commands,
    "DeploymentWindow": DeploymentWindow,
    "LambdaInvoke": LambdaInvoke,
    "VariableCheck": VariableCheck,
}

__all__ = ["RULE_JOBS", "RuleJob"]
