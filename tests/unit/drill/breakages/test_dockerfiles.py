"""Edits of a Dockerfile change what is meant and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.drill.breakages.dockerfiles import append_to_stages, base_images, instructions, map_images, stages

MULTI = """\
# syntax=docker/dockerfile:1
ARG BASE=golang:1.23
FROM ${BASE} AS build
RUN go build \\
    # FROM in a comment inside a continuation
    -o /out ./...
RUN <<EOF
FROM nowhere
EOF

FROM scratch
COPY --from=build /out /app
ENTRYPOINT ["/app"]"""


def test_every_stage_gets_what_is_added() -> None:
    """The lines are added before the next FROM and at the end, whatever heredocs and continued lines contain."""
    edited = append_to_stages(MULTI, ['ENTRYPOINT ["/x"]', "CMD []"])
    assert stages(MULTI) == 2
    assert edited.count('ENTRYPOINT ["/x"]\nCMD []\n') == 2
    assert edited.index('ENTRYPOINT ["/x"]') > edited.index("EOF\n\n")
    assert edited.endswith('ENTRYPOINT ["/app"]\nENTRYPOINT ["/x"]\nCMD []\n')


def test_a_file_without_a_stage_stays_as_it_is() -> None:
    """A file without a stage is unchanged."""
    assert append_to_stages("# nothing\n", ["CMD []"]) == "# nothing\n"


@given(
    st.lists(
        st.sampled_from(
            [
                "FROM a",
                "FROM --platform=linux/arm64 b AS c",
                "RUN x \\",
                "  y",
                "# c",
                "",
                "RUN <<EOF",
                "EOF",
                "COPY . /",
                "from d",
            ]
        )
    )
)
def test_instructions_cover_the_file(lines: list[str]) -> None:
    """Joined, the texts of the instructions are the file; each stage is counted once however it is edited."""
    text = "".join(f"{line}\n" for line in lines)
    assert "".join(instruction.text for instruction in instructions(text)) == text
    assert append_to_stages(text, ["LABEL added=yes"]).count("LABEL added=yes") == stages(text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("FROM golang:1.23 AS build\n", "FROM local/go:1 AS build\n"),
        ("FROM --platform=$BUILDPLATFORM golang:1.23\n", "FROM --platform=$BUILDPLATFORM local/go:1\n"),
        ("FROM golang:1.23-alpine\n", "FROM golang:1.23-alpine\n"),
        ('ARG BASE="golang:1.23"\n', 'ARG BASE="local/go:1"\n'),
        ("ARG VERSION=1.23\n", "ARG VERSION=1.23\n"),
        ("COPY --from=golang:1.23 /a /b\n", "COPY --from=local/go:1 /a /b\n"),
        ("RUN echo golang:1.23\n", "RUN echo golang:1.23\n"),
    ],
)
def test_base_images_are_replaced_where_an_image_is_meant(line: str, expected: str) -> None:
    """Base images are replaced in FROM, in defaults of ARG, and in COPY --from."""
    assert map_images(line, {"golang:1.23": "local/go:1"}) == expected


def test_base_images_are_listed_once() -> None:
    """The list leaves out stages' names and scratch; the default of an ARG is an image if it looks like one."""
    assert base_images(MULTI) == ["golang:1.23"]
    assert base_images("ARG N=5\nFROM a:1 AS one\nFROM one\nFROM a:1\n") == ["a:1"]
