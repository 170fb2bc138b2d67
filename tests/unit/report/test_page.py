"""The report shows what happened, and what comes from outside is text in it, whatever it holds."""

from __future__ import annotations

import io
import unicodedata
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from pushproof.drill.context import Result
from pushproof.drill.narration import Moment, Narrator, Step
from pushproof.drill.prober import Answer, ProbeReport
from pushproof.report.page import harmless, render, verdict, write_report

GOOD, BAD = "a" * 40, "b" * 40


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attributes
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.text += text


def narrated(
    title: str = "A good push deploys", claim: str = "it serves", text: str = "has started 2 tasks"
) -> Narrator:
    narrator = Narrator(Console(file=io.StringIO()), speed=20.0)
    narrator.steps = [
        Step("a", "A world is up", 0.0, 1.0, claims=["one endpoint"]),
        Step("d", title, 1.0, 61.0, claims=[claim]),
        Step("f", "A bad push", 61.0, 100.0, failed=True),
    ]
    narrator.moments = [Moment(30.0, "ecs", text), Moment(2.0, "push", "abc1234 to develop")]
    return narrator


def probed(*commits: str) -> Result:
    report = ProbeReport(sent=len(commits) + 1)
    for index, commit in enumerate(commits):
        report.answers.append(Answer(100.0 + index, 200, commit))
        report.commits[commit] += 1
    failed = Answer(101.0, 502, None)
    report.answers.append(failed)
    report.failed.append(failed)
    return Result(passed=True, probes={"e": report})


def test_the_page_shows_steps_claims_moments_and_requests() -> None:
    """Every step with its letter, in order; moments by time, real and AWS's; who answered, and what failed."""
    page = Page(render(narrated(), probed(GOOD, GOOD, BAD)))
    assert page.open == []
    words = " ".join(page.text.split())
    for expected in (
        "A push deploys, a bad push rolls back", "(a) A world is up", "(d) A good push deploys", "it serves",
        "60.0 s 20:00", "Requests during (e): 4 sent, 1 failed", "aaaaaaa (2)", "bbbbbbb (1)", "failed (1)",
    ):  # fmt: skip
        assert expected in words, words
    assert words.index("00:02 00:40 push") < words.index("00:30 10:00 ecs")
    assert page.elements.count("rect") == 4


def test_bars_stay_within_the_drawing() -> None:
    """A step of no length is seen, and none leaves the page."""
    narrator = narrated()
    narrator.steps.append(Step("g", "Slack was told", 100.0, 100.0))
    styles = [value or "" for name, value in Page(render(narrator, Result())).attributes if name == "style"]
    bars = [tuple(float(part.split(":")[1].rstrip("% ")) for part in style.split(";")) for style in styles]
    assert len(bars) == 4
    assert all(left >= 0 and width > 0 and left + width <= 100.01 for left, width in bars)


@pytest.mark.parametrize(
    ("result", "heading"),
    [
        (Result(), "Not proven"),
        (Result(passed=True), "A push deploys, a bad push rolls back"),
        (Result(passed=True, skipped=("destroy",)), "Shown, but for what was left out: destroy"),
    ],
)
def test_the_heading_says_no_more_than_was_shown(result: Result, heading: str) -> None:
    """A drill that left steps out has not proven everything."""
    assert verdict(result) == heading
    assert Page(render(narrated(), result)).text.strip().startswith(f"Pushproof: {heading}")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("</td></table><img src=x onerror=alert(1)>", "</td></table><img src=x onerror=alert(1)>"),
        ("\"' onmouseover='alert(1)", "\"' onmouseover='alert(1)"),
        ("&lt;b&gt; &amp;", "&lt;b&gt; &amp;"),
        ("{{ 7 * 7 }}{% raw %}", "{{ 7 * 7 }}{% raw %}"),
        ("\x1b[31mred\x1b[0m \x1b[2Jgone\x9b1mbold", "red gonebold"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;title without an end", "0;title without an end"),
        ("\x1bcreset\x1b", "reset[U+001B]"),
        ("a\x00b\x08c\x7f\r", "a[U+0000]b[U+0008]c[U+007F][U+000D]"),
        ("admin\u202egnp.exe", "admin[U+202E]gnp.exe"),
        ("\u2066left\u2069 \u200fmark \u200bnothing \ufeff", "[U+2066]left[U+2069] [U+200F]mark [U+200B]nothing [U+FEFF]"),
        ("\ud800 alone", "[U+D800] alone"),
        ("héllo ✓ 日本 שלום", "héllo ✓ 日本 שלום"),
    ],
    ids=["script", "tags", "attribute", "entities", "template", "colours", "links", "window-title", "reset", "controls",
         "right-to-left", "invisible", "surrogate", "other-scripts"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["title", "claim", "text"])
def test_hostile_text_is_text(hostile: str, shown: str, place: str, tmp_path: Path) -> None:
    """Titles, claims and moments hold what builds, commits and services say: shown, never obeyed; the page can be written."""
    plain = Page(render(narrated(**{place: "harmless"}), Result()))
    page = Page(render(narrated(**{place: hostile}), Result()))
    assert shown in page.text
    assert (page.elements, page.attributes, page.open) == (plain.elements, plain.attributes, [])
    write_report(tmp_path / "deep" / "report.html", narrated(**{place: hostile}), Result())
    assert shown in Page((tmp_path / "deep" / "report.html").read_text(encoding="utf-8")).text


def test_a_commit_is_as_hostile_as_any_text() -> None:
    """The text that `/version` answers is not trusted."""
    page = render(narrated(), probed("<b>\u202e", "x\x1b[31m"))
    assert "<b>" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


@settings(deadline=None)
@given(st.text())
def test_any_text_becomes_harmless(text: str) -> None:
    """Nothing that steers a terminal or turns the direction of writing is left, and what is left stays as it is."""
    result = harmless(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn") for c in result)
    assert harmless(result) == result
    result.encode()


def test_the_template_is_part_of_the_package() -> None:
    """The template is where the package's other files are; tests/unit/packaging finds all of them in the wheel."""
    assert (files("pushproof.report") / "drill.html.jinja").is_file()
