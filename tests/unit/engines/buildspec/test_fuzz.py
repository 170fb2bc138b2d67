"""The parser answers any input with a buildspec or a typed error with a line of that text."""

from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushproof.engines.buildspec import Buildspec, BuildspecError, MissingKey, parse, phases_run
from pushproof.engines.buildspec.model import Phase

PIECES = [
    "version: 0.2", "version: 0.1", "version: 0.3", "phases:", "  build:", "    commands:", "      - make", "      - a: b",
    "    finally:", "    on-failure: RETRY-2-x", "  install:", "env:", "  variables:", "    A: b", "  secrets-manager:",
    "    S: a:b:c:d", "  exported-variables: [A]", "artifacts:", "  files:", "    - '**/*'", "  discard-paths: yes",
    "cache: {paths: [x]}", "reports:", "  g: {files: [a]}", "<<: *x", "&x", "*x", "? [a]", "--- ", "...", "{", "}", "[", "]",
    "|", ">-", "\t", "'", '"', "!!binary x", "!!python/object:os.system x", "%YAML 1.1", "- ", ": ", "\x07", "\u2028", "\ud800",
    "  shell: bash", '"\\xZZ"', "~", "null", "0x1F", "9" * 5000,
]  # fmt: skip

_WORDS = """
    version phases env artifacts cache reports build install commands finally on-failure variables files shell batch
    secondary-artifacts base-directory discard-paths exclude-paths paths key secrets-manager exported-variables
"""
_keys = st.sampled_from(_WORDS.split())
_scalars = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=8), st.just("0.2"))
_trees = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=4)),
    max_leaves=12,
)


def judge(text: str) -> None:
    """Parse; a refusal must name a line that the text has, and an accepted buildspec must be runnable."""
    refusal: BuildspecError | None = None
    spec: Buildspec | None = None
    try:
        spec = parse(text)
    except BuildspecError as error:
        refusal = error
    if refusal is not None:
        breaks = sum(text.count(mark) for mark in "\n\r\x85\u2028\u2029")
        assert 1 <= refusal.line <= breaks + 2
        assert refusal.message
        assert refusal.hint
    if spec is not None:
        assert phases_run(spec)[-1] is Phase.COMPLETED


@settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.sampled_from(["\n", " ", ""]))
def test_yaml_made_of_likely_pieces_never_breaks_the_parser(pieces: list[str], glue: str) -> None:
    """4,000 texts assembled from YAML and buildspec fragments end in a buildspec or a typed error."""
    judge(glue.join(pieces))


@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(_keys, _trees, max_size=6))
def test_documents_of_the_wrong_shape_never_break_the_parser(tree: dict[str, object]) -> None:
    """3,000 well-formed documents of arbitrary shape end in a buildspec or a typed error."""
    judge(json.dumps({"version": "0.2", **tree}))


@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=60))
def test_arbitrary_text_never_breaks_the_parser(text: str) -> None:
    """3,000 arbitrary texts end in a buildspec or a typed error."""
    judge(text)


def test_damaged_copies_of_a_real_buildspec_never_break_the_parser() -> None:
    """2,000 single-character corruptions of a working buildspec end in a buildspec or a typed error."""
    good = "version: 0.2\nphases:\n  pre_build:\n    commands:\n      - A=$(date)\nartifacts:\n  files: [a.json]\n"
    dice = random.Random(7)
    for _ in range(2000):
        at = dice.randrange(len(good))
        judge(good[:at] + dice.choice("\t:{}[]&*!|>'\"%@`#-? \n\x00\xe9") + good[at + dice.randrange(2) :])


def test_merging_a_thousandfold_costs_no_more_than_its_text() -> None:
    """A chain of mappings that each merge the one before ten times is read in an instant, not in 10^30 steps."""
    chain = "a0: &a0 {version: 0.2}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 31)
    )
    before = time.process_time()
    with pytest.raises(MissingKey, match="phases"):
        parse(chain + "<<: *a30\n")
    assert time.process_time() - before < 2
