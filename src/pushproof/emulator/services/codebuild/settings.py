"""What can be set for CodeBuild: `WorldSettings(engines={"codebuild": CodeBuildSettings(...)})`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pushproof.engines.buildspec import TransitionSettings


@dataclass(frozen=True, slots=True)
class CodeBuildSettings:
    """Times in AWS seconds unless they say otherwise.

    `queue_seconds`: how long a build is QUEUED although there is room. `concurrent_builds`: how many run at once in a region,
    the quota for a new account's small Linux builds being low; others stay QUEUED. `shortest_build_limit`: *real* seconds that
    a build with real commands may take whatever the clock's speed makes of its time limit: compilers do not run faster because
    the clock does. `transitions`: what AWS does not document about phases.
    """

    queue_seconds: float = 1.0
    concurrent_builds: int = 15
    shortest_build_limit: float = 600.0
    transitions: TransitionSettings = field(default_factory=TransitionSettings)
