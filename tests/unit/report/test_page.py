"""The page shows what a record has, and what comes from outside is text in it, whatever it holds."""

from __future__ import annotations

import hashlib
import re
import time
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.record.observed import rolled_back

from pushproof.record.codec import to_json
from pushproof.record.model import Finding, Kept, Moment, Mutation, Record, Skip, SourceLine, SuiteTest, Use
from pushproof.report.harmless import harmless, markdown
from pushproof.report.junit import junit
from pushproof.report.page import render
from pushproof.report.plain import explained, summary
from pushproof.report.summary import LONGEST
from pushproof.report.summary import markdown as as_markdown
from pushproof.report.timeline import LEFT, RIGHT, draw

_VOID = frozenset({"meta", "input", "br", "link", "img", "hr"})


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.text += text

    def values(self, name: str) -> list[str]:
        return [value or "" for _, attribute, value in self.attributes if attribute == name]


def finding(**changes: Any) -> Finding:
    return Finding(
        **{
            "check": "networking.every_private_subnet_leaves_by_its_own_zone", "resource": "rtb-1", "file": "routing.tf", "line": 2,
            "address": "aws_route_table.private", "expected": "its own zone", "found": "another zone", "why": "a lost zone",
            "change": "add a NAT gateway", "page": "https://docs.aws.amazon.com/x",
            "excerpt": (SourceLine(number=1, text="a"), SourceLine(number=2, text="nat = b")), **changes,
        }
    )  # fmt: skip


def thousand() -> Record:
    """A service of a thousand tasks, as a large deployment makes them."""
    record = rolled_back()
    pattern = [task for task in record.tasks if task.started is not None]
    tasks = []
    for index in range(1000):
        task = pattern[index % len(pattern)]
        identity = f"{index:032x}"
        tasks.append(replace(task, id=identity, arn=task.arn.rpartition("/")[0] + "/" + identity))
    events = tuple(
        replace(record.service_events[index % len(record.service_events)], at=index / 20.0) for index in range(6000)
    )
    return replace(record, tasks=tuple(tasks), service_events=events)


def test_every_part_of_a_drill_is_on_its_page() -> None:
    """The verdict, why, each step with real and AWS time, tasks, deployments, network, roles, and links that lead somewhere."""
    record = rolled_back()
    page = Page(render(record))
    assert page.open == []
    words = " ".join(page.text.split()).partition("Skip to the report")[2]
    assert (
        words.index("A push deploys, a bad push rolls back")
        < words.index("Why it rolled back")
        < words.index("Look closer")
    )
    assert record.verdict.why in words
    for step in record.steps:
        assert step.title in words
        assert all(claim in words for claim in step.claims)
    for expected in (
        "ROLLBACK_SUCCESSFUL", "TRIGGERED, 3 of 3 failed", "Task failed ELB health checks", "✗ rolled back, 3 of 3 tasks failed",
        "With every zone up: ✓ tasks reach everything", "While eu-west-1a is lost", "s3:GetBucketAcl", "27 used, 3 could go",
    ):  # fmt: skip
        assert expected in words, expected
    anchors = set(page.values("id"))
    assert len(anchors) == len(page.values("id"))
    links = [link for link in page.values("href") if link.startswith("#")]
    assert {link.removeprefix("#") for link in links} <= anchors
    assert len(links) > 30


def test_a_page_needs_nothing_from_outside() -> None:
    """No address is loaded, and the page's policy would stop one; the one script is the page's own."""
    page = Page(render(rolled_back()))
    assert [value for value in page.values("src") if value] == []
    assert all(value.startswith("#") for value in page.values("href"))
    policy = next(value for value in page.values("content") if value.startswith("default-src"))
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert page.elements.count("script") == 1
    # The policy lets no style attribute work: there is none.
    assert page.values("style") == []


def test_shapes_stay_within_the_drawing() -> None:
    """A step of no length is seen, and nothing leaves the timeline or stands on another."""
    drawing = draw(rolled_back())
    for lane in drawing.lanes:
        assert lane.height > 0
        for bar in lane.bars:
            assert bar.width > 0
            assert bar.x >= LEFT
            assert bar.x + bar.width <= RIGHT + 0.1
            assert bar.y >= 0
            assert bar.y + bar.height <= lane.height + 0.1
    for earlier, later in zip(drawing.lanes, drawing.lanes[1:], strict=False):
        assert earlier.y + earlier.height < later.y


def test_states_differ_by_more_than_colour() -> None:
    """Patterns and signs say the same as colours: waiting is hatched, unhealthy crossed, stopping dotted; failures have a cross."""
    page = render(rolled_back())
    assert all(f'id="{pattern}"' in page for pattern in ("hatch", "cross", "dots"))
    assert page.count("✗</text>") >= 3


def test_a_thousand_tasks_fit() -> None:
    """The page stays below a megabyte, has every task, and is made in well under a second's worth of patience."""
    record = thousand()
    began = time.perf_counter()
    page = render(record)
    spent = time.perf_counter() - began
    assert len(page.encode()) < 1_000_000
    assert page.count('<tr id="task-') == 1000
    assert "more are in the JSON" in page
    assert spent < 10
    assert Page(page).open == []


def test_findings_come_with_their_source() -> None:
    """A red suite: the finding, the line of code, the fix; a test's message is there too."""
    record = replace(
        rolled_back(),
        findings=(finding(),),
        tests=(SuiteTest(id="t.py::test", outcome="failed", seconds=1.0, message="AssertionError: no", checks=()),),
    )
    words = " ".join(Page(render(record)).text.split())
    for expected in ("rtb-1", "routing.tf:2", "2 ▸ nat = b", "add a NAT gateway", "t.py::test", "AssertionError: no"):
        assert expected in words, expected


HOSTILE = [
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("</td></table><img src=x onerror=alert(1)>", "</td></table><img src=x onerror=alert(1)>"),
    ("\"' onmouseover='alert(1)", "\"' onmouseover='alert(1)"),
    ("&lt;b&gt; &amp;", "&lt;b&gt; &amp;"),
    ("{{ 7 * 7 }}{% raw %}", "{{ 7 * 7 }}{% raw %}"),
    ("</script></style>]]>", "</script></style>]]>"),
    ("javascript:alert(1)", "javascript:alert(1)"),
    ("\x1b[31mred\x1b[0m \x1b[2Jgone\x9b1mbold", "red gonebold"),
    ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x07", "link"),
    ("\x1bcreset\x1b", "reset[U+001B]"),
    ("a\x00b\x08c\x7f\r", "a[U+0000]b[U+0008]c[U+007F][U+000D]"),
    ("admin\u202egnp.exe", "admin[U+202E]gnp.exe"),
    ("\u2066left\u2069 \u200fmark", "[U+2066]left[U+2069] [U+200F]mark"),
    ("héllo ✓ 日本 שלום", "héllo ✓ 日本 שלום"),
]


def planted(text: str) -> Record:
    """A short record with a text wherever something from outside stands."""
    record = rolled_back()
    execution, task, role, network = record.executions[-1], record.tasks[-1], record.roles[0], record.networks[0]
    action = replace(execution.actions[-1], error=text, name=text, stage=text)
    return replace(
        record,
        run=replace(record.run, environment=text, variant=text),
        verdict=replace(record.verdict, title=text, why=text),
        findings=(finding(found=text, resource=text, address=text, excerpt=(SourceLine(number=1, text=text),)),),
        tests=(SuiteTest(id=text, outcome="failed", seconds=0.0, message=text, checks=()),),
        mutations=(Mutation(name=text, module=text, caught=False, check=text, seconds=0.0),),
        steps=(replace(record.steps[0], title=text, claims=(text,)),),
        moments=(Moment(at=1.0, kind=text, text=text),),
        executions=(replace(execution, message=text, trigger=text, commit=text, actions=(action,)),),
        tasks=(replace(task, stop_reason=text, id=text, task_definition=text, address=text),),
        builds=(replace(record.builds[0], id=text, log_stream=text),),
        deployments=(
            replace(record.deployments[-1], reason=text, task_definition=text, arn=text, rollback_reason=text),
        ),
        service_events=(replace(record.service_events[-1], message=text),),
        events=(replace(record.events[0], text=text, type=text),),
        requests=(replace(record.requests[0], commits={text: 1}, step=text),),
        networks=(replace(network, vpc=text, subnets=tuple(replace(s, name=text) for s in network.subnets)),),
        roles=(
            replace(role, name=text, unused=(text,), refused=(Use(action=text, resource=text, count=1, message=text),)),
        ),
        skipped=(Skip(what=text, why=text),),
        kept=(Kept(id=text, kind="world"),),
    )


@pytest.mark.parametrize(("hostile", "shown"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_text(hostile: str, shown: str) -> None:
    """Wherever it stands: shown, never obeyed; no element and no attribute comes of it."""
    plain, page = Page(render(planted("harmless"))), Page(render(planted(hostile)))
    assert page.text.count(shown) >= 20
    assert page.open == []
    assert [e for e in page.elements if e in ("script", "img", "style", "iframe", "object")] == ["style", "script"]
    names = {(tag, name) for tag, name, _ in page.attributes}
    assert not [name for _, name in names if name.startswith("on")]
    assert names <= {(tag, name) for tag, name, _ in plain.attributes}
    values = "".join(value or "" for _, _, value in page.attributes)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", values)
    assert all(link.startswith("#") for link in page.values("href"))
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", identity) for identity in page.values("id"))


@pytest.mark.parametrize("hostile", [*(h for h, _ in HOSTILE), "a\n\n# b\n```\n", "@everyone ![x](http://e/x) <b>"])
def test_hostile_text_is_harmless_in_every_format(hostile: str) -> None:
    """Hostile text cannot steer a terminal, end a line, mention a person or load an image; XML stays XML."""
    from xml.etree import ElementTree

    record = planted(hostile)
    for text in (as_markdown(record), summary(record), explained(record), junit([record])):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)
    ElementTree.fromstring(junit([record]))
    told = as_markdown(record)
    # What is indented by four is code, which shows everything as it is.
    outside = "\n".join(line for line in told.splitlines() if not line.startswith("    "))
    elements = set(re.findall(r"(?<!\\)<[^\s>]+", outside))
    assert elements <= {"<details", "<summary", "</summary", "</details", "<sub", "</sub"}
    assert not re.search(r"(?<!\\)!\[|(?<!\\)\]\(", outside)
    assert "\n# b" not in told
    assert "@everyone" not in outside


@settings(deadline=None)
@given(st.text())
def test_any_text_becomes_harmless(text: str) -> None:
    """Characters that steer a terminal or turn the direction of writing are removed, and all others stay."""
    result = harmless(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn") for c in result)
    assert harmless(result) == result
    result.encode()
    assert "\n" not in markdown(text)


def test_text_fits_eighty_columns() -> None:
    """On a terminal and in a CI log; only commands are longer, since people copy them."""
    record = replace(rolled_back(), findings=(finding(found="x" * 300, change="word " * 60),))
    assert max(map(len, summary(record).splitlines())) <= 80
    assert "\x1b" not in summary(record)
    told = explained(record).splitlines()
    assert max(len(line) for line in told if not line.startswith("  ")) <= 80


def test_markdown_has_verdict_why_three_numbers_and_a_link() -> None:
    """The summary has the parts that a job summary and a comment need, and fits into a comment."""
    record = rolled_back()
    told = as_markdown(record, link="https://ci.example/run/1")
    assert told.startswith("### ✅ A push deploys, a bad push rolls back\n")
    assert told.count("| **") == 3
    assert "was rolled back" in told
    assert "[the whole report](<https://ci.example/run/1>)" in told
    long = replace(record, findings=tuple(finding(found="y" * 9000) for _ in range(20)))
    assert len(as_markdown(long)) < LONGEST + 200


def test_junit_has_the_steps_and_properties() -> None:
    """A CI system shows each step; a run that failed outside of any is red too."""
    from xml.etree import ElementTree

    suite = ElementTree.fromstring(junit([rolled_back()])).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("9", "0")
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["requests.failed"] == "0"
    assert "was rolled back" in (properties["why"] or "")
    record = rolled_back()
    broken = replace(
        record, steps=(), verdict=replace(record.verdict, passed=False, title="Not proven", error="no terraform")
    )
    suite = ElementTree.fromstring(junit([broken])).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "1"
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "no terraform"


def test_every_fact_of_the_page_is_in_the_record() -> None:
    """The page is made of the record alone: read back from its JSON, it is the same page."""
    from pushproof.record.codec import from_json

    text = to_json(rolled_back())
    assert render(from_json(text)) == render(from_json(to_json(from_json(text))))


def test_the_screenshots_show_todays_page() -> None:
    """README's pictures were taken of this page: run scripts/screenshots after a change."""
    digest = Path(__file__).resolve().parents[3] / "docs" / "screenshots" / "page.sha256"
    assert digest.read_text().strip() == hashlib.sha256(render(rolled_back()).encode()).hexdigest()


@pytest.mark.parametrize("name", ["page.html.jinja", "page.css", "page.js"])
def test_the_page_is_part_of_the_package(name: str) -> None:
    """The template is where the package's other files are; tests/unit/packaging finds all of them in the wheel."""
    assert (files("pushproof.report") / name).is_file()
