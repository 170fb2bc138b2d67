"""Runs as JUnit XML with properties, as CI systems read it.

A drill is a suite whose cases are its steps; a pytest run has its tests. Jenkins, GitLab and others accept this format:
https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pushproof.record.model import Mutation, Record
from pushproof.report.harmless import harmless

# https://www.w3.org/TR/xml/#charsets
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(records: Sequence[Record]) -> str:
    """Return records as one XML text."""
    root = Element("testsuites", name="pushproof")
    for record in records:
        _suite(root, record)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, record: Record) -> None:
    run = record.run
    cases = [*((f"({s.letter}) {s.title}", s.seconds, s.failed, False) for s in record.steps),
             *((t.id, t.seconds, t.outcome == "failed", t.outcome == "skipped") for t in record.tests),
             *((_case_of(m), m.seconds, m.status in ("survived", "broken"), m.status == "equivalent")
               for m in record.mutations)]  # fmt: skip
    messages = {test.id: test.message for test in record.tests} | {
        _case_of(mutation): "\n".join([mutation.message, mutation.diff, *mutation.advice])
        for mutation in record.mutations
    }
    # A run that failed before its first step, or outside of any, is red all the same.
    if not record.verdict.passed and not any(failed for _, _, failed, _ in cases):
        cases.append((record.verdict.title, 0.0, True, False))
    suite = SubElement(
        root, "testsuite", name=_text(f"pushproof.{run.command}"), tests=str(len(cases)),
        failures=str(sum(failed for _, _, failed, _ in cases)), errors="0",
        skipped=str(sum(skipped for *_, skipped in cases)), time=f"{run.seconds:.3f}", timestamp=_text(run.began),
    )  # fmt: skip
    properties = SubElement(suite, "properties")
    for name, value in (
        ("verdict", record.verdict.title), ("why", record.verdict.why), ("run", run.id), ("target", run.target),
        ("environment", run.environment), ("variant", run.variant), ("pushproof", record.versions.pushproof),
        ("requests.sent", str(sum(r.sent for r in record.requests))),
        ("requests.failed", str(sum(r.failed for r in record.requests))), ("findings", str(len(record.findings))),
    ):  # fmt: skip
        SubElement(properties, "property", name=name, value=_text(value))
    for name, seconds, failed, skipped in cases:
        case = SubElement(
            suite, "testcase", classname=_text(f"pushproof.{run.command}"), name=_text(name), time=f"{seconds:.3f}"
        )
        if failed:
            message = messages.get(name) or record.verdict.error or record.verdict.why
            failure = SubElement(
                case, "failure", message=_text(message.splitlines()[0] if message else record.verdict.title)
            )
            failure.text = _text(f"{message}\n\n{record.verdict.why}".strip())
        elif skipped:
            SubElement(case, "skipped", message=_text(messages.get(name, "")))


def _case_of(mutation: Mutation) -> str:
    return f"{mutation.path}:{mutation.line} {mutation.operator} {mutation.id}" if mutation.id else mutation.name


def _text(text: str) -> str:
    return _NO_XML.sub("", str(harmless(text)))
