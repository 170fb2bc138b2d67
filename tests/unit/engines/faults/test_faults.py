"""The vocabulary of faults: how they are written, at which rate they strike, which calls they concern."""

from __future__ import annotations

import pytest
from botocore.retries.standard import ThrottledRetryableChecker
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.faults import (
    KINDS,
    ApiAnswersLost,
    ApiCall,
    ApiFails,
    ApiThrottled,
    CapacityUnavailable,
    ClockSkewed,
    DiskFull,
    DnsFails,
    Draws,
    DroppedConnections,
    EcrThrottled,
    Fault,
    FaultError,
    PacketsLost,
    PlannedFault,
    PortBlackholed,
    SecretUnavailable,
    SlowTarget,
    SpotInterruption,
    SubnetsCut,
    TaskKilled,
    ZoneLost,
    chance,
    draw,
    loss,
    parse,
    parse_planned,
    text_of,
    throttling,
)

WORD = st.from_regex(r"[a-z0-9][a-zA-Z0-9/_-]{0,12}", fullmatch=True)
RATE = st.floats(0.001, 1.0)
OPERATIONS = st.lists(st.sampled_from(("RunTask", "StopTask", "GetItem")), max_size=2, unique=True).map(tuple)
PORT = st.integers(1, 65535)
TASKS = st.sampled_from(((), ("arn:aws:ecs:eu-west-1:123456789012:task/main/0",)))
FAULTS: st.SearchStrategy[Fault] = st.one_of(
    st.builds(ZoneLost, WORD),
    st.builds(SpotInterruption, WORD, st.integers(0, 9)),
    st.builds(TaskKilled, WORD, st.integers(1, 9)),
    st.builds(CapacityUnavailable, st.sampled_from(("", "FARGATE", "FARGATE_SPOT")), WORD),
    st.builds(EcrThrottled, RATE),
    st.builds(SlowTarget, st.floats(0.5, 1e6), WORD, TASKS),
    st.builds(DroppedConnections, RATE, WORD),
    st.builds(SecretUnavailable, st.sampled_from(("", "db", "arn:aws:secretsmanager:eu-west-1:1:secret:db"))),
    st.builds(DnsFails, WORD),
    st.builds(ApiThrottled, WORD, RATE, OPERATIONS),
    st.builds(ApiAnswersLost, WORD, RATE, OPERATIONS, st.integers(0, 5)),
    st.builds(ApiFails, WORD, st.sampled_from(("throttle", "unavailable", "internal")), RATE, OPERATIONS),
    st.builds(DiskFull, WORD),
    st.builds(ClockSkewed, st.floats(1, 1e6)),
    st.builds(
        PortBlackholed, PORT, st.sampled_from(("ingress", "egress")), st.sampled_from(("tcp", "udp")), WORD, TASKS
    ),
    st.builds(PacketsLost, RATE, WORD, TASKS),
    st.builds(SubnetsCut, st.lists(WORD, min_size=1, max_size=3).map(tuple)),
)


@given(FAULTS)
def test_a_fault_is_written_as_it_is_read(fault: Fault) -> None:
    """The text of a fault reads as the same fault."""
    assert parse(text_of(fault)) == fault


def test_arguments_come_in_order_or_by_name() -> None:
    """The forms that the documentation shows mean what it says."""
    assert parse("zone-lost:eu-west-1a") == ZoneLost("eu-west-1a")
    assert parse("api-throttled:ecs,0.5") == ApiThrottled("ecs", 0.5)
    lost = ApiAnswersLost("ecs", operations=("RunTask", "StopTask"), times=1)
    assert parse("api-answers-lost:ecs,operations=RunTask+StopTask,times=1") == lost
    assert parse("capacity-unavailable") == CapacityUnavailable()
    assert parse_planned("zone-lost:eu-west-1a@deploy") == PlannedFault(ZoneLost("eu-west-1a"), "deploy")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("zone-list:eu-west-1a", "did you mean zone-lost"),
        ("flood", "expected one of zone-lost"),
        ("zone-lost", "an argument is missing; zone-lost takes zone"),
        ("zone-lost:a,b", "'b' is one argument too many"),
        ("slow-target:soon", "milliseconds is 'soon'; expected a number"),
        ("api-throttled:ecs,1.5", "the rate is 1.5; expected a share"),
        ("api-throttled:ecs,service=ecr", "service is given twice"),
        ("capacity-unavailable:EC2", "expected FARGATE or FARGATE_SPOT"),
        ("clock-skewed:0", "expected seconds other than 0"),
    ],
)
def test_a_text_that_is_no_fault_is_refused_in_words(text: str, words: str) -> None:
    """The refusal names the text, what was expected, and the next step."""
    with pytest.raises(FaultError, match=words):
        parse(text)


def test_a_fault_without_a_phase_is_refused() -> None:
    """A drill has to be told when a fault begins."""
    with pytest.raises(FaultError, match="write FAULT@PHASE"):
        parse_planned("zone-lost:eu-west-1a")


@given(st.integers(), st.text(max_size=8), st.floats(0.05, 0.95))
def test_rates_repeat_and_are_kept(seed: int, thing: str, rate: float) -> None:
    """Two runs decide alike, and the share of decisions is near the rate."""
    first, second = Draws(seed), Draws(seed)
    decisions = [first.strike(thing, rate) for _ in range(300)]
    assert decisions == [second.strike(thing, rate) for _ in range(300)]
    assert abs(sum(decisions) / 300 - rate) < 0.2
    assert 0 <= draw(seed, thing, 1) < 1


@pytest.mark.parametrize("service", ["ecs", "ec2", "s3", "iam", "dynamodb", "lambda", "secretsmanager", "elbv2", "ecr"])
def test_throttling_has_a_code_that_sdks_retry(service: str) -> None:
    """Botocore takes the code of every service for throttling."""
    for operation in ("DescribeServices", "GetItem"):
        assert throttling(service, operation).code in ThrottledRetryableChecker._THROTTLED_ERROR_CODES


def test_a_fault_concerns_its_calls_and_no_others() -> None:
    """Service, operation, role and secret decide."""
    call = ApiCall("ecs", "RunTask", role="arn:aws:iam::1:role/a")
    assert chance(ApiThrottled("ecs"), call) is not None
    assert chance(ApiThrottled("ecr"), call) is None
    assert chance(ApiThrottled("ecs", operations=("StopTask",)), call) is None
    assert chance(ApiFails("ecs", roles=("arn:aws:iam::1:role/a",)), call) is not None
    assert chance(ApiFails("ecs", roles=("arn:aws:iam::1:role/b",)), call) is None
    assert loss(ApiAnswersLost("ecs", operations=("RunTask",)), call) is not None
    assert loss(ApiThrottled("ecs"), call) is None
    secret = ApiCall("secretsmanager", "GetSecretValue", secrets=("arn:aws:secretsmanager:eu-west-1:1:secret:db-x",))
    assert chance(SecretUnavailable("db"), secret) is not None
    assert chance(SecretUnavailable("other"), secret) is None
    assert chance(SecretUnavailable(), call) is None


def test_names_of_faults_are_unique() -> None:
    """Each kind has a name of its own, in the form of an option."""
    names = [kind.name for kind in KINDS]
    assert len({*names}) == len(names)
    assert all(name == name.lower() and "_" not in name for name in names)
