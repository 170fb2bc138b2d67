"""Triggers of a pipeline: which pushes and pull requests start it.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html ,
https://docs.aws.amazon.com/codepipeline/latest/userguide/syntax-glob.html ; the text of the refusal was recorded in
https://github.com/hashicorp/terraform-provider-aws/issues/43105
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pushproof.engines.pipeline.declaration import Criteria, Declaration, PullRequestFilter, PushFilter, Trigger
from pushproof.engines.pipeline.errors import PipelineError
from pushproof.engines.pipeline.names import PullRequestAction

#: Limits of https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html (Triggers)
MOST_TRIGGERS = 50
MOST_FILTERS = 3
MOST_PATTERNS = 8

_INVALID = (
    "The trigger configuration for the source action is not valid. Make sure to choose valid filter combinations."
)


@dataclass(frozen=True, slots=True)
class BranchPush:
    """A branch that moved, and the paths of the files that changed."""

    branch: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagNews:
    """A tag that was pushed."""

    tag: str


@dataclass(frozen=True, slots=True)
class PullRequestNews:
    """A pull request that was opened, updated or closed. `branch` is the one that it is to be merged into."""

    action: PullRequestAction
    branch: str
    paths: tuple[str, ...] = ()


GitNews = BranchPush | TagNews | PullRequestNews


def fires(trigger: Trigger, news: GitNews, default_branch: str) -> bool:
    """Return whether a trigger starts its pipeline on this news.

    One filter that passes is enough (OR); inside a filter every criterion has to pass (AND). A trigger without filters starts
    on every push to the branch of the source action.
    """
    if not trigger.push and not trigger.pull_request:
        return isinstance(news, BranchPush) and news.branch == default_branch
    if isinstance(news, PullRequestNews):
        return any(_passes_request(chosen, news) for chosen in trigger.pull_request)
    return any(_passes_push(chosen, news) for chosen in trigger.push)


def _passes_push(chosen: PushFilter, news: BranchPush | TagNews) -> bool:
    if isinstance(news, TagNews):
        return chosen.tags is not None and admits(chosen.tags, news.tag)
    # A filter on tags alone is no filter for branches.
    return (
        chosen.branches is not None
        and admits(chosen.branches, news.branch)
        and (chosen.file_paths is None or admits_any(chosen.file_paths, news.paths))
    )


def _passes_request(chosen: PullRequestFilter, news: PullRequestNews) -> bool:
    return (
        (not chosen.events or news.action in chosen.events)
        and (chosen.branches is None or admits(chosen.branches, news.branch))
        and (chosen.file_paths is None or admits_any(chosen.file_paths, news.paths))
    )


def admits(criteria: Criteria, name: str) -> bool:
    """Return whether a name is included and not excluded. Without includes, every name is included."""
    included = not criteria.includes or any(matches(pattern, name) for pattern in criteria.includes)
    return included and not any(matches(pattern, name) for pattern in criteria.excludes)


def admits_any(criteria: Criteria, names: Iterable[str]) -> bool:
    """Return whether one of the names is included and not excluded."""
    return any(admits(criteria, name) for name in names)


def matches(pattern: str, name: str) -> bool:
    """Match a glob as CodePipeline does: `*` and `?` stay within a path segment, `**` crosses segments.

    `**/` also matches no segment at all, `{a,b}` is either of its words, `[a-c]` and `[!a]` are classes of characters, and a
    backslash takes the character after it literally.
    """
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_translated(pattern), re.DOTALL)


def _translated(pattern: str) -> str:
    while "**/**/" in pattern:
        pattern = pattern.replace("**/**/", "**/")
    out: list[str] = []
    depth = 0
    at = 0
    while at < len(pattern):
        rest = pattern[at:]
        char = pattern[at]
        width = 1
        if rest.startswith("**/"):
            out.append("(?:.*/)?")
            width = 3
        elif rest.startswith("**"):
            out.append(".*")
            width = 2
        elif char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "\\" and len(rest) > 1:
            out.append(re.escape(rest[1]))
            width = 2
        elif char == "[" and (match := re.match(r"\[(!?)(\]?[^\]/]+)\]", rest)) is not None and _is_class(match[2]):
            out.append(f"(?!/)[{'^' if match[1] else ''}{_escaped_class(match[2])}]")
            width = match.end()
        elif char == "{" and "}" in rest:
            out.append("(?:")
            depth += 1
        elif char == "," and depth:
            out.append("|")
        elif char == "}" and depth:
            out.append(")")
            depth -= 1
        else:
            out.append(re.escape(char))
        at += width
    return "".join(out) + ")" * depth


def _escaped_class(text: str) -> str:
    return re.sub(r"([\\\[\]^&~|])", r"\\\1", text)


def _is_class(text: str) -> bool:
    try:
        re.compile(f"[{_escaped_class(text)}]")
    except re.error:
        return False
    return True


def _refusal(message: str) -> PipelineError:
    return PipelineError("InvalidStructureException", message)


def check_triggers(declaration: Declaration) -> None:
    """Raise PipelineError for the first rule that a trigger breaks.

    Triggers start pipelines of type V2, each for one source action of a connection. A push filter has tags, branches, or
    branches and file paths; a pull request filter has branches, or branches and file paths.
    """
    triggers = declaration.triggers
    if triggers and declaration.pipeline_type == "V1":
        raise _refusal(f"Triggers are only supported for pipelines of type V2; pipeline {declaration.name} is V1")
    if len(triggers) > MOST_TRIGGERS:
        raise _refusal(
            f"Pipeline {declaration.name} has {len(triggers)} triggers. There can be at most {MOST_TRIGGERS}"
        )
    sources = {action.name for action in declaration.stages[0].actions if action.provider == "CodeStarSourceConnection"}
    names: set[str] = set()
    for trigger in triggers:
        name = trigger.source_action
        if name not in sources:
            raise _refusal(f"The trigger for '{name}' names no source action with a connection")
        if name in names:
            raise _refusal(f"There can be one trigger for a source action; '{name}' has more than one")
        names.add(name)
        _check_filters(trigger)


def _check_filters(trigger: Trigger) -> None:
    for word, number in (("push", len(trigger.push)), ("pullRequest", len(trigger.pull_request))):
        if number > MOST_FILTERS:
            raise _refusal(
                f"The trigger for '{trigger.source_action}' has {number} {word} filters. There can be at most {MOST_FILTERS}"
            )
    for push in trigger.push:
        if (push.tags is None) == (push.branches is None) or (push.file_paths is not None and push.branches is None):
            raise _refusal(_INVALID)
        _check_criteria(trigger, push.tags, push.branches, push.file_paths)
    for request in trigger.pull_request:
        if request.branches is None:
            raise _refusal(_INVALID)
        _check_criteria(trigger, request.branches, request.file_paths)


def _check_criteria(trigger: Trigger, *chosen: Criteria | None) -> None:
    for criteria in chosen:
        if criteria is None:
            continue
        if not criteria.includes and not criteria.excludes:
            raise _refusal(_INVALID)
        for patterns in (criteria.includes, criteria.excludes):
            if len(patterns) > MOST_PATTERNS:
                raise _refusal(
                    f"The trigger for '{trigger.source_action}' has {len(patterns)} patterns in a filter. "
                    f"There can be at most {MOST_PATTERNS}"
                )
