"""Artifact files: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.artifacts.files"""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.buildspec import ArtifactError, Artifacts, expand, select

# The tree of the page's base-directory examples.
TREE = (
    "my-build-1/my-file-1.txt",
    "my-build-2/my-file-2.txt",
    "my-build-2/my-subdirectory/my-file-3.txt",
    "buildspec.yml",
)


def targets(artifacts: Artifacts, paths: tuple[str, ...] = TREE) -> list[str]:
    """The artifact's paths."""
    return [file.target for file in select(paths, artifacts).files]


@pytest.mark.parametrize(
    ("artifacts", "expected"),
    [
        # The three published examples of build-spec-ref.html#build-spec.artifacts.base-directory.
        (Artifacts(("*/my-file-3.txt",), base_directory="my-build-2"), ["my-subdirectory/my-file-3.txt"]),
        (Artifacts(("**/*",), base_directory="my-build*", discard_paths=True),
         ["my-file-1.txt", "my-file-2.txt", "my-file-3.txt"]),
        (Artifacts(("**/*",), base_directory="my-build*"),
         ["my-file-1.txt", "my-file-2.txt", "my-subdirectory/my-file-3.txt"]),
        # The forms listed under files.
        (Artifacts(("buildspec.yml",)), ["buildspec.yml"]),
        (Artifacts(("my-build-2/my-file-2.txt",)), ["my-build-2/my-file-2.txt"]),
        (Artifacts(("**/*",)), sorted(TREE)),
        (Artifacts(("my-build-2/*",)), ["my-build-2/my-file-2.txt"]),
        (Artifacts(("my-build-2/**/*",)), ["my-build-2/my-file-2.txt", "my-build-2/my-subdirectory/my-file-3.txt"]),
        (Artifacts(("*",)), ["buildspec.yml"]),
        (Artifacts(("./buildspec.yml",)), ["buildspec.yml"]),
        (Artifacts(("**/*",), exclude_paths=("my-build-2/**/*", "*.yml")), ["my-build-1/my-file-1.txt"]),
        (Artifacts(("*/my-file-?.txt",)), ["my-build-1/my-file-1.txt", "my-build-2/my-file-2.txt"]),
        (Artifacts(("*/my-file-[!1].txt",)), ["my-build-2/my-file-2.txt"]),
    ],
)  # fmt: skip
def test_published_examples(artifacts: Artifacts, expected: list[str]) -> None:
    """Files, base directories (globs included), discarded and excluded paths come out as documented."""
    assert targets(artifacts) == expected


def test_nothing_to_upload_is_said_in_the_words_of_the_build_log() -> None:
    """No file or no base directory fails with CLIENT_ERROR and CodeBuild's texts (github.com/aws/copilot-cli/issues/2780)."""
    with pytest.raises(ArtifactError) as nothing:
        select(TREE, Artifacts(("imagedefinitions.json",)))
    assert nothing.value.message == "no matching artifact paths found"
    with pytest.raises(ArtifactError) as base:
        select(TREE, Artifacts(("**/*",), base_directory="dist"))
    assert base.value.message == "no matching base directory path found for dist"
    assert base.value.status_code == "CLIENT_ERROR"


def test_a_pattern_without_a_match_is_named_when_others_match() -> None:
    """One of several patterns may find nothing; the selection says which."""
    chosen = select(TREE, Artifacts(("buildspec.yml", "missing.json")))
    assert chosen.unmatched == ("missing.json",)


def test_cache_paths_take_directories_whole() -> None:
    """A cache path may be a glob or a directory."""
    assert expand(TREE, ["my-build-2"]) == TREE[1:3]
    assert expand(TREE, ["**/*.yml"]) == ("buildspec.yml",)


parts = st.text("ab.*", min_size=1, max_size=3).filter(lambda part: part not in (".", "..") and "**" not in part)
paths = st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4).map("/".join)
globs = st.lists(st.one_of(parts, st.just("**")), min_size=1, max_size=4).map("/".join)


def brute(path: list[str], glob: list[str]) -> bool:
    """Segment by segment, written independently of the regular expressions."""
    if not glob:
        return not path
    if glob == ["**"]:
        return bool(path)
    if glob[0] == "**":
        return any(brute(path[skip:], glob[1:]) for skip in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], glob[0]) and brute(path[1:], glob[1:])


@given(st.lists(paths, max_size=12), globs, st.booleans())
def test_selection_equals_matching_segment_by_segment(files: list[str], glob: str, discard: bool) -> None:
    """The selection equals that of a segment-by-segment matcher, and targets are unique."""
    expected = {path for path in files if brute(path.split("/"), glob.split("/"))}
    if not expected:
        with pytest.raises(ArtifactError):
            select(files, Artifacts((glob,), discard_paths=discard))
        return
    chosen = select(files, Artifacts((glob,), discard_paths=discard)).files
    assert len({file.target for file in chosen}) == len(chosen)
    if discard:
        assert {file.target for file in chosen} == {path.rsplit("/", 1)[-1] for path in expected}
    else:
        assert {file.source for file in chosen} == expected


@given(st.lists(paths, min_size=1, max_size=12), globs)
def test_excluding_never_adds(files: list[str], glob: str) -> None:
    """An exclude path only ever takes files away."""
    everything = set(targets(Artifacts(("**/*",)), tuple(files)))
    try:
        remaining = set(targets(Artifacts(("**/*",), exclude_paths=(glob,)), tuple(files)))
    except ArtifactError:
        remaining = set()
    assert remaining <= everything
