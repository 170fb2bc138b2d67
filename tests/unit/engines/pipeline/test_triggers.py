"""Triggers: globs, the logic of filters, and filters that AWS refuses.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html , .../syntax-glob.html
"""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.pipeline import (
    BranchPush,
    Criteria,
    PipelineError,
    PullRequestFilter,
    PullRequestNews,
    PushFilter,
    TagNews,
    Trigger,
    fires,
    read_declaration,
)
from pushproof.engines.pipeline.triggers import admits, matches

SEGMENT = st.text("ab.-", min_size=1, max_size=4)
NAME = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)
PATTERN = st.lists(
    st.sampled_from(["a", "b", "*", "**", "?", "/", "{a,b}", "[ab]", "[!a]"]), min_size=1, max_size=6
).map("".join)
CRITERIA = st.builds(
    Criteria, st.lists(PATTERN, max_size=2).map(tuple), st.lists(PATTERN, max_size=2).map(tuple)
).filter(lambda criteria: bool(criteria.includes or criteria.excludes))
BRANCHES = st.builds(PushFilter, branches=CRITERIA, file_paths=st.none() | CRITERIA)
TAGS = st.builds(PushFilter, tags=CRITERIA)
REQUESTS = st.builds(
    PullRequestFilter,
    events=st.lists(st.sampled_from(["OPEN", "UPDATED", "CLOSED"]), max_size=3, unique=True).map(tuple),
    branches=CRITERIA,
    file_paths=st.none() | CRITERIA,
)
PATHS = st.lists(NAME, max_size=3).map(tuple)
NEWS = (
    st.builds(BranchPush, NAME, PATHS)
    | st.builds(TagNews, NAME)
    | st.builds(PullRequestNews, st.sampled_from(["OPEN", "UPDATED", "CLOSED"]), NAME, PATHS)
)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("main", "main", True),
        ("main", "mainline", False),
        ("release/*", "release/1", True),
        ("release/*", "release/1/hotfix", False),
        ("release/**", "release/1/hotfix", True),
        ("feature/**", "feature", False),
        ("**", "a/b/c", True),
        ("**/README.md", "README.md", True),
        ("**/README.md", "docs/README.md", True),
        ("common/**/*.js", "common/a/b/c.js", True),
        ("common/**/*.js", "common/c.js", True),
        ("common/**/*.js", "other/c.js", False),
        ("*.{js,ts}", "a.ts", True),
        ("*.{js,ts}", "a.py", False),
        ("v?.0", "v1.0", True),
        ("v?.0", "v/.0", False),
        ("v[0-9]*", "v1.2", True),
        ("v[!0-9]*", "v1.2", False),
        ("*hotfix*", "a-hotfix-1", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("[", "[", True),
        ("{a", "{a", True),
        ("a+(b)|c^$.", "a+(b)|c^$.", True),
    ],
)
def test_globs(pattern: str, name: str, expected: bool) -> None:
    """`*` stays within a segment, `**` crosses segments, and everything else that is special in expressions is literal."""
    assert matches(pattern, name) is expected


@given(st.text(max_size=20), st.text(max_size=20))
def test_every_pattern_can_be_matched(pattern: str, name: str) -> None:
    """No pattern breaks the matcher, and a pattern without special characters matches itself alone."""
    matches(pattern, name)
    if not set(pattern) & set("*?[]{}\\,"):
        assert matches(pattern, name) == (pattern == name)


@given(st.text("ab*?", min_size=1, max_size=6), st.text("ab", max_size=6))
def test_within_a_segment_a_glob_is_a_shell_pattern(pattern: str, name: str) -> None:
    """Globs match what fnmatch matches, as long as there are no slashes."""
    assert matches(pattern, name) == fnmatch.fnmatchcase(name, pattern)


@given(CRITERIA, NAME)
def test_excludes_win(criteria: Criteria, name: str) -> None:
    """Names that a pattern of excludes matches are never admitted, and includes only ever add."""
    if any(matches(pattern, name) for pattern in criteria.excludes):
        assert not admits(criteria, name)
    if admits(criteria, name):
        assert admits(Criteria((*criteria.includes, "zz") if criteria.includes else (), criteria.excludes), name)


@given(st.lists(BRANCHES | TAGS, max_size=3), st.lists(REQUESTS, max_size=3), NEWS)
def test_filters_are_alternatives(push: list[PushFilter], requests: list[PullRequestFilter], news: Any) -> None:
    """A trigger fires exactly when one of its filters alone would, and pushes never pass filters of pull requests."""
    if not push and not requests:
        return
    alone = [fires(Trigger("Source", push=(chosen,)), news, "main") for chosen in push]
    alone += [fires(Trigger("Source", pull_request=(chosen,)), news, "main") for chosen in requests]
    assert fires(Trigger("Source", tuple(push), tuple(requests)), news, "main") == any(alone)
    if isinstance(news, PullRequestNews) and not requests:
        assert not any(alone)


@given(CRITERIA, CRITERIA, NAME, PATHS)
def test_criteria_of_a_filter_are_all_needed(
    branches: Criteria, paths: Criteria, branch: str, changed: tuple[str, ...]
) -> None:
    """A filter of branches and file paths passes when the branch is admitted and one changed file is."""
    news = BranchPush(branch, changed)
    both = fires(Trigger("S", (PushFilter(branches=branches, file_paths=paths),)), news, "main")
    assert both == (admits(branches, branch) and any(admits(paths, path) for path in changed))


@given(NEWS)
def test_a_trigger_without_filters_watches_the_branch_of_its_action(news: Any) -> None:
    """Only a push to the source action's own branch starts such a pipeline."""
    expected = isinstance(news, BranchPush) and news.branch == "a"
    assert fires(Trigger("Source"), news, "a") == expected


def test_tags_and_branches_do_not_stand_in_for_each_other() -> None:
    """A filter of tags lets no branch through, and a filter of branches no tag."""
    everything = Criteria(("**",))
    assert not fires(Trigger("S", (PushFilter(tags=everything),)), BranchPush("main"), "main")
    assert not fires(Trigger("S", (PushFilter(branches=everything),)), TagNews("v1"), "main")


def _pipeline(git: dict[str, Any], **members: Any) -> dict[str, Any]:
    kind = {"owner": "AWS", "version": "1"}
    source = {
        "name": "Source",
        "actionTypeId": {**kind, "category": "Source", "provider": "CodeStarSourceConnection"},
        "configuration": {"ConnectionArn": "a", "FullRepositoryId": "acme/web", "BranchName": "main"},
        "outputArtifacts": [{"name": "source"}],
    }
    approve = {"name": "Approve", "actionTypeId": {**kind, "category": "Approval", "provider": "Manual"}}
    trigger = {"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source", **git}}
    return {
        "name": "web",
        "roleArn": "role",
        "pipelineType": "V2",
        "artifactStore": {"type": "S3", "location": "store"},
        "stages": [{"name": "Source", "actions": [source]}, {"name": "Approve", "actions": [approve]}],
        "triggers": [trigger],
        **members,
    }


ANY = {"includes": ["**"]}


@pytest.mark.parametrize(
    "git",
    [
        {"push": [{"branches": ANY, "tags": ANY}]},
        {"push": [{"filePaths": ANY}]},
        {"push": [{"tags": ANY, "filePaths": ANY}]},
        {"push": [{}]},
        {"push": [{"branches": {}}]},
        {"pullRequest": [{"events": ["OPEN"]}]},
        {"pullRequest": [{"events": ["OPEN"], "filePaths": ANY}]},
    ],
)
def test_combinations_that_aws_refuses(git: dict[str, Any]) -> None:
    """Tags with branches, file paths without branches and filters without criteria are refused in AWS's words."""
    with pytest.raises(PipelineError) as refused:
        read_declaration(_pipeline(git))
    assert refused.value.code == "InvalidStructureException"
    assert refused.value.message == (
        "The trigger configuration for the source action is not valid. Make sure to choose valid filter combinations."
    )


@pytest.mark.parametrize(
    ("git", "members", "words"),
    [
        ({}, {"pipelineType": "V1"}, "Triggers are only supported for pipelines of type V2"),
        ({"push": [{"branches": ANY}] * 4}, {}, "at most 3"),
        ({"push": [{"branches": {"includes": ["a"] * 9}}]}, {}, "at most 8"),
    ],
)
def test_limits_of_triggers(git: dict[str, Any], members: dict[str, Any], words: str) -> None:
    """Triggers belong to V2, with three filters of a kind and eight patterns in a list."""
    with pytest.raises(PipelineError, match=words) as refused:
        read_declaration(_pipeline(git, **members))
    assert refused.value.code == "InvalidStructureException"


def test_push_and_pull_request_filters_may_stand_together() -> None:
    """A trigger may have filters of both kinds (https://github.com/aws/aws-cdk/issues/34253)."""
    declaration = read_declaration(
        _pipeline(
            {"push": [{"branches": ANY}, {"tags": ANY}], "pullRequest": [{"events": ["CLOSED"], "branches": ANY}]}
        )
    )
    trigger = declaration.trigger_of(declaration.stages[0].actions[0])
    assert trigger is not None
    assert (len(trigger.push), trigger.pull_request[0].events) == (2, ("CLOSED",))
