"""Shares of requests: answers near a change count for neither side, and a split that chance does not explain is found."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.drill.prober import Answer
from pushproof.drill.settings import ProofFailed
from pushproof.drill.shifting.shares import Share, Weights, require_shares, shares


def course(*steps: tuple[float, float]) -> Weights:
    """Weights that are looked at ten times a second; steps are (until, weight)."""
    weights, at = Weights(), 0.0
    for until, weight in steps:
        while at < until:
            weights.add(at, weight)
            at += 0.1
    return weights


def answers(begin: float, end: float, share: float, seed: int) -> list[Answer]:
    chance = random.Random(seed)
    series, at = [], begin
    while at < end:
        broken = chance.random() < share
        series.append(Answer(at, 500 if broken else 200, None, seconds=0.01, broken=broken))
        at += 0.02
    return series


@given(st.sampled_from([5.0, 10.0, 25.0, 50.0, 90.0]), st.integers(0, 1000))
def test_a_split_by_the_weight_is_no_problem(weight: float, seed: int) -> None:
    """A load balancer that splits at random by the weight passes, whatever the seed."""
    weights = course((5.0, 0.0), (15.0, weight), (20.0, 0.0))
    series = [*answers(0.0, 5.0, 0.0, seed), *answers(5.0, 15.0, weight / 100, seed), *answers(15.0, 20.0, 0.0, seed)]
    split = shares(series, weights, lambda answer: answer.broken)
    assert [share.weight for share in split] == [0.0, weight]
    require_shares(split)


def test_a_share_beyond_the_weight_is_found() -> None:
    """Twice the share that a canary has is no chance; neither is one answer at no weight at all."""
    weights = course((20.0, 10.0))
    with pytest.raises(ProofFailed, match=r"answered \d+ of \d+ requests while its weight was 10 %; expected"):
        require_shares(shares(answers(1.0, 19.0, 0.25, 1), weights, lambda answer: answer.broken))
    assert Share(0.0, 1000, 1).problem
    assert Share(100.0, 1000, 999).problem
    assert not Share(100.0, 1000, 1000).problem


def test_answers_near_a_change_count_for_neither_side() -> None:
    """Within a quarter of a second of a change nobody knows which weight an answer had."""
    weights = course((10.0, 0.0), (20.0, 100.0))
    assert weights.during(9.9, 9.95) is None
    assert weights.during(10.05, 10.1) is None
    assert weights.during(9.0, 9.1) == 0.0
    assert weights.during(11.0, 11.5) == 100.0
    assert weights.during(9.0, 11.0) is None
    assert weights.during(30.0, 30.1) is None
    assert weights.course == (0.0, 100.0)
