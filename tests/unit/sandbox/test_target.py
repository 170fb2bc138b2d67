"""The sandbox target: refused without a trace, tagged and announced while it lasts, gone at the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pushproof.base.target import TargetUnavailable
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.world import World
from pushproof.sandbox import naming
from pushproof.sandbox.access import Access
from pushproof.sandbox.guard import Refused
from pushproof.sandbox.runs import Run, RunJournal
from pushproof.sandbox.settings import SandboxSettings
from pushproof.sandbox.sweep import SweepScope
from pushproof.targets.sandbox import SandboxTarget, sweep_account

ROOT = Path(__file__).resolve().parents[3]
Open = Callable[..., SandboxTarget]


class Credentials:
    """Credentials as boto3 resolves them."""

    def __init__(self, token: str | None) -> None:
        self.access_key, self.secret_key, self.token = "ASIAEXAMPLE", "secret", token

    def get_frozen_credentials(self) -> Credentials:
        return self


class Session:
    """A boto3 session whose AWS is the world."""

    def __init__(self, world: World, token: str | None = "token") -> None:
        self._world, self._token = world, token

    def get_credentials(self) -> Credentials:
        return Credentials(self._token)

    def client(self, service: str, **_: Any) -> Any:
        return self._world.administrator(service)


@pytest.fixture
def journal(tmp_path: Path) -> RunJournal:
    return RunJournal(tmp_path)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(world: World, settings: SandboxSettings, journal: RunJournal, said: list[str]) -> Open:
    """Opens a target in a world that says it is a sandbox."""
    world.administrator("iam").create_account_alias(AccountAlias="acme-sandbox")
    world.gateway.calls.clear()

    def open_it(*, token: str | None = "token", resumed: Run | None = None, **changes: Any) -> SandboxTarget:
        changed = replace(settings, **changes)
        access = Access(changed, Session(world, token))
        return SandboxTarget(changed, journal=journal, access=access, say=said.append, resumed=resumed)

    return open_it


def created(type: str, **after: Any) -> dict[str, Any]:
    return {
        "mode": "managed",
        "type": type,
        "address": f"{type}.this",
        "change": {"actions": ["create"], "after": after},
    }


def writes(world: World) -> list[str]:
    reads = ("Get", "List", "Describe", "BatchGet")
    return [c.name for c in world.gateway.calls if not c.context.operation.startswith(reads)]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"accounts": frozenset({"210987654321"})}, id="account"),
        pytest.param({"regions": frozenset({"us-east-1"})}, id="region"),
        pytest.param({"token": None}, id="long-lived-keys"),
    ],
)
def test_a_refused_target_leaves_no_trace(
    world: World, opened: Open, journal: RunJournal, wrong: dict[str, Any]
) -> None:
    """Neither a call that changes anything nor a run in the journal."""
    with pytest.raises(Refused):
        opened(**wrong)
    assert writes(world) == []
    assert journal.runs() == []


def test_the_estimate_is_told_before_anything_and_the_ceiling_holds(
    world: World, opened: Open, journal: RunJournal, said: list[str]
) -> None:
    """Above the ceiling, the run does not begin."""
    with pytest.raises(TargetUnavailable, match=r"above the ceiling of 0\.10 USD"):
        opened(max_usd=0.1)
    assert "Estimated cost of 3 h" in "\n".join(said)
    assert writes(world) == []
    assert journal.runs() == []


def test_a_pending_connection_is_refused_with_the_consoles_link(
    world: World, opened: Open, aws: Callable[[str], Any], journal: RunJournal
) -> None:
    """The run creates nothing over a source that cannot work."""
    arn = aws("codestar-connections").create_connection(ProviderType="GitHub", ConnectionName="shop")["ConnectionArn"]
    world.gateway.calls.clear()
    with pytest.raises(
        TargetUnavailable, match=r"PENDING.*https://eu-west-1\.console\.aws\.amazon\.com/codesuite/settings"
    ):
        opened(connection_arn=arn, repository="example/shop")
    assert writes(world) == []
    assert journal.runs() == []
    world.connections.authorise(arn)
    target = opened(connection_arn=arn, repository="example/shop")
    assert target.variables(ROOT / "infrastructure/environments/dev")["connection_arn"] == arn
    target.close()


def test_a_configuration_gets_the_runs_name_tags_and_source(opened: Open) -> None:
    """A configuration gets the variables that it declares; the environment of its processes tags the rest."""
    with opened() as target:
        environment = target.variables(ROOT / "infrastructure/environments/dev")
        assert environment["project"] == f"pushproof-{target.run.id}"
        assert environment["tags"][naming.RUN_TAG] == target.run.id
        assert environment["source_type"] == "s3"
        assert set(target.variables(ROOT / "infrastructure/modules/ecr")) == {"project"}
        variables = target.environment()
        assert variables[f"TF_AWS_DEFAULT_TAGS_{naming.RUN_TAG}"] == target.run.id
        assert variables["AWS_SESSION_TOKEN"] == "token"
        assert variables["AWS_CONFIG_FILE"] == "/dev/null"


def test_projects_stand_side_by_side_in_one_run(opened: Open) -> None:
    """A second project of a run has another name, still the run's, and always the same."""
    with opened() as target:
        ecr = ROOT / "infrastructure/modules/ecr"
        names = [target.variables(ecr, {"project": name})["project"] for name in ("shop", "stack", "shop")]
        assert names == [target.project, f"{target.project}-1", target.project]
        assert naming.run_of_name(f"{names[1]}-dev") == target.run.id


def test_a_configured_base_image_reaches_builds(opened: Open) -> None:
    """Builds get BASE_IMAGE; without it they start from the public image."""
    with opened(base_image="registry.example.com/python:3") as target:
        assert target.build_environment() == {"BASE_IMAGE": "registry.example.com/python:3"}
    with opened() as target:
        assert target.build_environment() == {}


def test_no_client_leaves_the_allowed_regions(opened: Open) -> None:
    """Clients exist only for the regions to which the guard admitted the run."""
    with opened() as target:
        assert target.client("sns", target.region).meta.region_name == target.region
        with pytest.raises(TargetUnavailable, match="PUSHPROOF_SANDBOX_REGIONS allows eu-west-1"):
            target.client("sns", "us-east-1")


def test_plans_are_written_down_before_they_are_carried_out(opened: Open, journal: RunJournal) -> None:
    """Addresses, types and names, on disk when the plan may be applied."""
    with opened() as target:
        target.announce("stack", [created("aws_s3_bucket", bucket="b"), created("aws_vpc")])
        assert [(i.module, i.type, i.name) for i in journal.intents(target.run)] == [
            ("stack", "aws_s3_bucket", "b"),
            ("stack", "aws_vpc", None),
        ]


def test_a_plan_above_the_ceiling_is_not_carried_out(opened: Open, journal: RunJournal) -> None:
    """All plans of a run together count, and the one too many is not even written down."""
    with opened() as target:
        target.announce("one", [created("aws_nat_gateway")] * 10)
        with pytest.raises(TargetUnavailable, match="above the ceiling"):
            target.announce("two", [created("aws_nat_gateway")] * 30)
        assert {i.module for i in journal.intents(target.run)} == {"one"}


def test_leaving_sweeps_the_runs_own_leftovers(
    opened: Open, aws: Callable[[str], Any], journal: RunJournal, said: list[str]
) -> None:
    """Leftovers of Terraform go, others' resources stay, and the journal is empty."""
    aws("sns").create_topic(Name="acme")
    with opened() as target:
        aws("sns").create_topic(Name=f"{target.project}-dev-pipeline")
        assert target.leftovers() == [f"sns topic {target.project}-dev-pipeline"]
    assert [t["TopicArn"].rpartition(":")[2] for t in aws("sns").list_topics()["Topics"]] == ["acme"]
    assert journal.runs() == []
    assert target.remains() == []
    assert any("sweep: removed sns topic" in line for line in said)


def test_a_given_certificate_stays_and_an_imported_one_is_tagged(opened: Open, aws: Callable[[str], Any]) -> None:
    """A user's certificate is never deleted; an imported one is marked as the run's."""
    from pushproof.drill.certificate import self_signed

    made = self_signed("shop.example.test")
    with opened() as target:
        arn = target.certificate(made.certificate, made.private_key)
        tags = aws("acm").list_tags_for_certificate(CertificateArn=arn)["Tags"]
        assert {t["Key"] for t in tags} == {naming.RUN_TAG, naming.EXPIRES_TAG, naming.OWNER_TAG}
    assert aws("acm").list_certificates()["CertificateSummaryList"] == []
    given = aws("acm").import_certificate(Certificate=made.certificate.encode(), PrivateKey=made.private_key.encode())[
        "CertificateArn"
    ]
    with opened(certificate_arn=given) as target:
        assert target.certificate(made.certificate, made.private_key) == given
        target.forget_certificate(given)
    assert [c["CertificateArn"] for c in aws("acm").list_certificates()["CertificateSummaryList"]] == [given]


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        ("arn:aws:acm:us-east-1:123456789012:certificate/elsewhere", "of its own region, eu-west-1"),
        ("arn:aws:acm:eu-west-1:123456789012:certificate/0123abcd", "cannot be read"),
    ],
)
def test_a_given_certificate_must_be_usable(world: World, opened: Open, arn: str, why: str) -> None:
    """The run creates nothing when no listener could use the configured certificate."""
    with pytest.raises(TargetUnavailable, match=why):
        opened(certificate_arn=arn)
    assert writes(world) == []


def test_notifications_are_heard_through_a_queue(opened: Open, aws: Callable[[str], Any], journal: RunJournal) -> None:
    """Messages on the environment's topic arrive; the queue is announced, tagged, and deleted when it is closed."""
    with opened() as target:
        topic = aws("sns").create_topic(Name=f"{target.project}-dev-pipeline")["TopicArn"]
        assert target.notification_listener({}) is None
        listener = target.notification_listener({"topic_arn": topic})
        assert listener is not None
        assert ("aws_sqs_queue", f"{target.project}-heard") in [(i.type, i.name) for i in journal.intents(target.run)]
        assert f"sqs queue {target.project}-heard" in target.leftovers()
        aws("sns").publish(TopicArn=topic, Message="Pipeline shop changed state to STARTED at noon")
        assert listener.wait_for("shop", "STARTED", timeout=10) == "Pipeline shop changed state to STARTED at noon"
        assert listener.wait_for("shop", "FAILED", timeout=0) is None
        listener.close()
        listener.close()
        assert target.leftovers() == [f"sns topic {target.project}-dev-pipeline"]
        # A run that dies before it closes its queue leaves it to the sweep.
        target.notification_listener({"topic_arn": topic})
    assert "QueueUrls" not in aws("sqs").list_queues()


def test_a_run_is_kept_and_gone_on_with(opened: Open, journal: RunJournal, said: list[str]) -> None:
    """Kept, nothing is swept; the next process has the same names, tags and journal, and its end sweeps the run."""
    first = opened()
    first.client("sns").create_topic(Name=f"{first.project}-dev")
    first.keep()
    first.close()
    assert any(f"run {first.run.id} stays in the account until" in line for line in said)
    assert first.leftovers() == [f"sns topic {first.project}-dev"]
    with pytest.raises(TargetUnavailable, match=f"run {first.run.id} is at work in process {first.run.pid}"):
        opened(resumed=first.run)
    dead = replace(first.run, started="long ago")
    with opened(resumed=dead) as second:
        assert (second.project, second.tags) == (first.project, first.tags)
        assert [run.alive for run in journal.runs()] == [True]
        assert second.leftovers() == [f"sns topic {first.project}-dev"]
    assert second.remains() == []
    assert journal.runs() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"account_id": "210987654321"}, "is in account 210987654321"),
        ({"region": "eu-north-1"}, "eu-north-1; the credentials are for"),
        ({"expires_at": 1.0}, "is over.*pushproof sweep --run"),
    ],
)
def test_a_run_that_cannot_be_gone_on_with_is_refused(
    world: World, opened: Open, journal: RunJournal, change: dict[str, Any], why: str
) -> None:
    """Another account's or region's, or one whose time is over: nothing is changed, nor another run opened."""
    first = opened()
    first.keep()
    before = journal.runs()
    with pytest.raises(TargetUnavailable, match=why):
        opened(resumed=replace(first.run, started="long ago", **change))
    assert journal.runs() == before
    assert writes(world) == []


def test_only_what_terraform_does_not_know_is_tidied(opened: Open, aws: Callable[[str], Any]) -> None:
    """Revisions that deployments registered go; while anything else is left, nothing does: destroy is judged by it."""
    with opened() as target:
        family = f"{target.project}-dev"
        container = {"name": "app", "image": "app", "essential": True, "memory": 128}
        # Terraform deregisters its own revision; those of deployments stay.
        first, *_ = [
            aws("ecs").register_task_definition(family=family, containerDefinitions=[container]) for _ in range(3)
        ]
        aws("ecs").deregister_task_definition(taskDefinition=first["taskDefinition"]["taskDefinitionArn"])
        aws("sns").create_topic(Name=family)
        assert target.tidy() == []
        assert len(target.leftovers()) == 3
        aws("sns").delete_topic(TopicArn=f"arn:aws:sns:{target.region}:{target.account_id}:{family}")
        assert sorted(target.tidy()) == [f"ecs task-definition {family}:{number}" for number in (1, 2, 3)]
        assert target.leftovers() == []


def test_a_push_through_the_bucket_is_known_by_its_version(
    opened: Open, aws: Callable[[str], Any], tmp_path: Path
) -> None:
    """The checkout's zip is the push if there is no connection; an environment without a bucket is refused."""

    class Checkout:
        directory = tmp_path

    (tmp_path / "buildspec.yml").write_text("version: 0.2")
    aws("s3").create_bucket(Bucket="acme-source", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("s3").put_bucket_versioning(Bucket="acme-source", VersioningConfiguration={"Status": "Enabled"})
    with opened() as target:
        revision, _ = target.push(Checkout(), "0" * 40, {"source_bucket_name": "acme-source"})
        assert aws("s3").head_object(Bucket="acme-source", Key="source.zip")["VersionId"] == revision
        with pytest.raises(TargetUnavailable, match="source_bucket_name"):
            target.push(Checkout(), "0" * 40, {})


def dead(run: Run) -> None:
    """Make a run one whose process is gone."""
    file = Path(run.directory) / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "started": "another boot:1"}))


def test_a_fresh_sweep_takes_what_a_dead_run_left(
    opened: Open, world: World, settings: SandboxSettings, aws: Callable[[str], Any], journal: RunJournal
) -> None:
    """The sweep goes by the journal of the dead run's machine, without waiting for expiry; the journal drops the run afterwards."""
    target = opened()
    aws("sns").create_topic(Name=f"{target.project}-dev-pipeline")
    access = Access(settings, Session(world))
    assert sweep_account(settings, SweepScope(), act=True, journal=journal, access=access).removed == []
    dead(target.run)
    dry = sweep_account(settings, SweepScope(), act=False, journal=journal, access=access)
    assert len(dry.selection.removable) == 1
    assert len(aws("sns").list_topics()["Topics"]) == 1
    assert sweep_account(settings, SweepScope(), act=True, journal=journal, access=access, say=lambda _: None).clean
    assert aws("sns").list_topics()["Topics"] == []
    assert journal.runs() == []


def test_a_run_stays_in_the_journal_until_nothing_is_left(
    opened: Open, world: World, journal: RunJournal, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leftovers are reported with the command that tries again."""
    from pushproof.sandbox.sweep import Sweep

    target = opened()
    world.administrator("sns").create_topic(Name=f"{target.project}-dev-pipeline")

    def fault(context: RequestContext) -> None:
        if context.operation == "DeleteTopic":
            raise AwsError("AuthorizationError", "not allowed", 403)

    world.gateway.faults.append(fault)
    once = target._sweep()
    once.patience, once.pause = -1.0, lambda _: None
    monkeypatch.setattr(target, "_sweep", lambda: once)
    target.close()
    assert isinstance(once, Sweep)
    assert f"pushproof sweep --run {target.run.id} --yes" in said[-1]
    assert [run.id for run in journal.runs()] == [target.run.id]


def test_a_line_that_a_crash_cut_short_is_left_out(opened: Open, journal: RunJournal) -> None:
    """The journal is readable after any crash."""
    with opened() as target:
        target.announce("stack", [created("aws_vpc")])
        with (Path(target.run.directory) / "intents.jsonl").open("a") as stream:
            stream.write('{"module": "stack", "addr')
        assert len(journal.intents(target.run)) == 1
