"""Documents that engines read: any text gives a result or the engine's own error, soon."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.inputs import bounded, campaign, damaged, damaged_text, mutated, text, value

from pushproof.drill import keeping
from pushproof.engines import buildspec, imagedefinitions, lifecycle, logpatterns
from pushproof.engines.events import filterpolicy, pattern, transform
from pushproof.engines.events.errors import EventError
from pushproof.engines.policy import Policies, PolicyError, decide, principal_of, request
from pushproof.engines.policy import parse as parse_policy
from pushproof.engines.policy.validation import BUCKET, IDENTITY, TRUST, examine
from pushproof.record.codec import Unreadable, from_json
from pushproof.terraform import hcl

BUILDSPEC = """version: 0.2
env:
  shell: bash
  variables: {A: b}
  parameter-store: {P: /p}
  exported-variables: [IMAGE]
phases:
  pre_build:
    on-failure: ABORT
    commands: [echo hello, 'docker build .']
    finally: [echo end]
  build: &build
    commands: ["make"]
artifacts:
  files: ['**/*', "out/[a-z]*.json"]
  base-directory: out
  discard-paths: yes
  secondary-artifacts:
    one: {files: [a]}
cache: {paths: ['/root/.cache/**/*']}
"""
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "One",
            "Effect": "Allow",
            "Action": ["s3:Get*", "ecs:*"],
            "Resource": ["arn:aws:s3:::bucket/${aws:username}/*", "*"],
            "Condition": {
                "StringLike": {"aws:PrincipalTag/team": ["a*", "?b"]},
                "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
                "DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
                "NumericLessThanIfExists": {"s3:max-keys": "10"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["a"]},
                "ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"},
            },
        },
        {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::other"},
    ],
}
PATTERN: dict[str, Any] = {
    "source": ["aws.ecs", {"prefix": "a"}, {"wildcard": "a*b*c"}, {"anything-but": {"suffix": "x"}}],
    "detail": {"n": [{"numeric": [">", 1, "<=", 5]}], "ip": [{"cidr": "10.0.0.0/8"}], "e": [{"exists": True}]},
    "$or": [{"a": ["b"]}, {"c": [{"equals-ignore-case": "D"}]}],
}
EVENT: dict[str, Any] = {"source": "aws.ecs", "detail": {"n": 3, "ip": "10.1.1.1", "l": ["a", {"b": "c"}]}, "a": "b"}
LIFECYCLE: dict[str, Any] = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "d",
            "selection": {
                "tagStatus": "tagged",
                "tagPatternList": ["v*", "*a*b"],
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 3,
            },
            "action": {"type": "expire"},
        }
    ]
}
LOG_PATTERNS = (
    "ERROR -DEBUG ?one ?two",
    '{ ($.level = "error") && ($.n > 5 || $.a[0].b IS NULL) }',
    "[ip, user, time = 1*, status = 4* || status = 5*, bytes > 1000, ...]",
    "%(GET|POST) /[a-z]+%",
    '"two words" third',
)
HCL = """
terraform {
  backend "s3" { bucket = "b" }
}
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
  tags       = { Name = "a${var.b}" }
  dynamic "x" {
    for_each = [1, 2]
    content { y = x.value }
  }
  text = <<-EOT
    hello
  EOT
}
"""
LOG_LINES = ("ERROR one two", '{"level": "error", "n": 7, "a": [{"b": null}]}', "1.2.3.4 me 12 404 2000 x", "a" * 4000)


def allowed(errors: tuple[type[Exception], ...], call: Callable[[], object]) -> None:
    """Make the call, whose only exceptions may be these."""
    with contextlib.suppress(errors):
        call()


@campaign
def test_buildspecs(random: Random) -> None:
    """A buildspec parses, or is a BuildspecError; its globs choose files in bounded time."""
    written = damaged_text(random, BUILDSPEC)
    glob = text(random)[:300] if random.random() < 0.5 else "**/" * random.randrange(8) + "*a" * random.randrange(30)
    with bounded((written, glob)):
        allowed((buildspec.BuildspecError,), lambda: buildspec.parse(written))
        paths = ["a" * 250, "a/" * 60 + "b", "out/x.json"]
        chosen = buildspec.Artifacts((glob,), base_directory=random.choice((None, glob)), exclude_paths=(glob,))
        allowed((buildspec.ArtifactError,), lambda: buildspec.select(paths, chosen))
        buildspec.expand(paths, [glob])


@campaign
def test_policies(random: Random) -> None:
    """A policy compiles and decides, or is a PolicyError; the validator finds what it finds."""
    changed = mutated(random, POLICY)
    written = json.dumps(changed) if random.random() < 0.7 else damaged_text(random, json.dumps(changed))
    with bounded(written):
        allowed((PolicyError,), lambda: _decided(written))
        for rules in (IDENTITY, BUCKET, TRUST):
            examine(written, rules)


def _decided(document: str) -> None:
    policy = parse_policy(document, name="p")
    alice = principal_of("arn:aws:iam::123456789012:user/alice")
    context = {"aws:SourceIp": "10.1.1.1", "aws:TagKeys": ["a", "b"], "aws:PrincipalTag/team": "a" * 400}
    for resource in ("*", "arn:aws:s3:::bucket/alice/" + "a" * 1000):
        decide(request(alice, "s3:GetObject", resource, context), Policies(identity=(policy,)))


@campaign
def test_filters(random: Random) -> None:
    """Event patterns, filter policies, log patterns, input transformers: each compiles and matches, or is refused."""
    kind = random.randrange(4)
    if kind == 0:
        written = json.dumps(mutated(random, PATTERN))
        with bounded(written):
            allowed((EventError,), lambda: pattern.compile_pattern(written).matches(mutated(random, EVENT) or {}))
    elif kind == 1:
        written = damaged_text(random, json.dumps(mutated(random, PATTERN)))
        attributes = {"source": filterpolicy.MessageAttribute("String", text(random)[:200])}
        with bounded(written):
            for scope in ("MessageAttributes", "MessageBody"):
                allowed(
                    (filterpolicy.InvalidFilterPolicy,),
                    lambda: filterpolicy.compile_filter_policy(written, scope).matches(attributes, json.dumps(EVENT)),  # type: ignore[arg-type]  # noqa: B023
                )
    elif kind == 2:
        written = damaged_text(random, random.choice(LOG_PATTERNS))[:1024]
        with bounded(written):
            allowed((logpatterns.InvalidFilterPattern,), lambda: _searched(written, random))
    else:
        paths = {"a": "$.detail.n", "b": damaged_text(random, "$.detail.l[0]")}
        template = damaged_text(random, '{"x": <a>, "y": "<b>", "z": <aws.events.event>}')
        with bounded((paths, template)):
            allowed(
                (EventError, transform.NoResult), lambda: transform.compile_transformer(paths, template).apply(EVENT)
            )


def _searched(written: str, random: Random) -> None:
    compiled = logpatterns.compile_pattern(written)
    for line in (*LOG_LINES, text(random)):
        compiled.match(line)


@campaign
def test_lifecycle_policies_and_image_definitions(random: Random) -> None:
    """A lifecycle policy parses or is refused with its place; so is an image definitions file, whatever bytes it has."""
    written = json.dumps(mutated(random, LIFECYCLE))
    content = damaged(random, b'[{"name": "web", "imageUri": "repo:tag"}]')
    with bounded(written):
        allowed((lifecycle.LifecyclePolicyError,), lambda: lifecycle.parse(written))
    with bounded(content):
        allowed(
            (imagedefinitions.ImageDefinitionsError,),
            lambda: imagedefinitions.read_image_definitions(content, "imagedefinitions.json"),
        )


def test_configuration(tmp_path: Path) -> None:
    """Terraform's files are read whatever is in them: what cannot be parsed is left out."""

    @campaign
    def run(random: Random) -> None:
        native, plain = tmp_path / "a.tf", tmp_path / "b.tf.json"
        native.write_bytes(damaged(random, HCL.encode()))
        described = {"resource": {"aws_vpc": {"main": {"tags": {"a": "${b}"}}}}, "terraform": {"backend": {"s3": {}}}}
        written = json.dumps(mutated(random, described)).encode()
        plain.write_bytes(written if random.random() < 0.6 else damaged(random, written))
        with bounded((native.read_bytes(), plain.read_bytes())):
            hcl.read_directory(tmp_path)
            hcl.read_settings(native)

    run()


def test_kept_evidence(tmp_path: Path) -> None:
    """Kept evidence is read, or refused with the way out."""
    path = tmp_path / "evidence.json"
    content = {"format": keeping.FORMAT, "version": keeping.VERSION, "stage": {}, "steps": [{"step": "apply"}]}

    @campaign
    def run(random: Random) -> None:
        written = json.dumps(mutated(random, content)).encode()
        path.write_bytes(written if random.random() < 0.5 else damaged(random, written))
        with bounded(path.read_bytes()):
            allowed((keeping.BadInput,), lambda: keeping.read(path))

    run()


@campaign
def test_any_json_value_is_no_document(random: Random) -> None:
    """A JSON value of any other kind is refused by each reader."""
    written = json.dumps(value(random))
    with bounded(written):
        allowed((PolicyError,), lambda: _decided(written))
        allowed((EventError,), lambda: pattern.compile_pattern(written))
        allowed((lifecycle.LifecyclePolicyError,), lambda: lifecycle.parse(written))
        allowed((buildspec.BuildspecError,), lambda: buildspec.parse(written))


RECORD: Any = json.loads(
    (Path(__file__).parents[1] / "unit" / "record" / "rolled_back.json").read_text(encoding="utf-8")
)


@campaign
def test_records(random: Random) -> None:
    """The record of a run is read, or refused with the place of the fault."""
    content = {name: value for name, value in RECORD.items() if random.random() < 0.9}
    names = [name for name in content if isinstance(content[name], list | dict)]
    # One part at a time: a whole record is long, and most damage ends at the first part.
    for name in names:
        content[name] = content[name][:2] if isinstance(content[name], list) else content[name]
    if names and random.random() < 0.8:
        name = random.choice(names)
        content[name] = mutated(random, content[name])
    written = json.dumps(content)
    if random.random() < 0.2:
        written = damaged_text(random, written)
    with bounded(written[:2000]):
        allowed((Unreadable,), lambda: from_json(written))
