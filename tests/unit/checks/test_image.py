"""Dockerfiles with one thing wrong each, and the reference application's, which has nothing wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushproof.checks.image import ImageChecks

REFERENCE = Path(__file__).parents[3] / "app/Dockerfile"


def checks(tmp_path: Path, *lines: str) -> ImageChecks:
    file = tmp_path / "Dockerfile"
    file.write_text("\n".join(lines) + "\n")
    return ImageChecks(file)


def test_the_reference_gives_no_finding() -> None:
    """The application's Dockerfile passes every check."""
    image = ImageChecks(REFERENCE)
    assert image.runs_as_an_ordinary_user()
    assert image.ends_when_it_is_asked_to()
    assert image.holds_no_secret()
    assert image.bases_are_pinned()
    assert image.sets_its_directory()
    assert image.exposes(8080)
    assert image.copies_by_name()
    assert image.downloads_are_verified()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["FROM a:1", "USER 10001"], None),
        (["FROM a:1 AS base", "USER app", "FROM base", "CMD x"], None),
        (["FROM a:1", "CMD x"], "no USER"),
        (["FROM a:1", "USER root"], "USER root"),
        (["FROM a:1", "USER 0:0"], "USER 0"),
        (["FROM a:1", "USER app", "USER root"], "USER root"),
        (["FROM a:1 AS build", "USER app", "FROM b:1", "COPY --from=build /x /x"], "no USER"),
    ],
)
def test_root_is_found(tmp_path: Path, lines: list[str], says: str | None) -> None:
    """The user of the last stage counts, and of what it is made from."""
    assert (says or "holds") in str(checks(tmp_path, *lines).runs_as_an_ordinary_user())


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["FROM a:1", 'CMD ["a", "b"]'], None),
        (["FROM a:1", 'ENTRYPOINT ["a"]', "CMD b"], None),
        (["FROM a:1", "CMD exec a"], None),
        (["FROM a:1", "CMD a b"], "CMD a b"),
        (["FROM a:1", "ENTRYPOINT a", 'CMD ["b"]'], "ENTRYPOINT a"),
        (["FROM a:1"], "proves nothing"),
    ],
)
def test_a_shell_that_keeps_sigterm_is_found(tmp_path: Path, lines: list[str], says: str | None) -> None:
    """The exec form gets the signal; a shell keeps it."""
    assert (says or "holds") in str(checks(tmp_path, *lines).ends_when_it_is_asked_to())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ARG VERSION=1", None),
        ("ENV TOKEN_TTL=60", None),
        ("ARG NPM_TOKEN", "ARG NPM_TOKEN: its name says so"),
        ("ARG NPM_TOKEN=", "ARG NPM_TOKEN: its name says so"),
        ("ENV DB_PASSWORD=hunter2", "ENV DB_PASSWORD: its name says so"),
        ("ENV A=b \\\n    URL=postgres://u:p@db/x", "ENV URL: its value is a URL with a password in it"),
        ("COPY .env ./", "COPY .env"),
        ("COPY certs/server.key /etc/", "COPY certs/server.key"),
        ("COPY --from=build /app/id_rsa /x", None),
    ],
)
def test_a_secret_in_the_image_is_found(tmp_path: Path, line: str, says: str | None) -> None:
    """Arguments, variables and files; what another stage hands over is its own business."""
    verdict = checks(tmp_path, "FROM a:1", line).holds_no_secret()
    assert (says or "holds") in str(verdict)
    assert "hunter2" not in str(verdict)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["FROM python:3.13-slim"], None),
        (["FROM host:5000/a@sha256:0123"], None),
        (["ARG BASE=python:3.13", "FROM ${BASE} AS a", "FROM a"], None),
        (["FROM scratch"], None),
        (["ARG BASE", "FROM $BASE"], None),
        (["FROM python"], "found: python"),
        (["FROM host:5000/python"], "found: host:5000/python"),
        (["ARG BASE=python:latest", "FROM ${BASE}"], "found: python:latest"),
    ],
)
def test_a_base_that_moves_is_found(tmp_path: Path, lines: list[str], says: str | None) -> None:
    """Arguments are followed to their defaults; stages and scratch have no version."""
    assert (says or "holds") in str(checks(tmp_path, *lines).bases_are_pinned())


def test_findings_name_file_and_line(tmp_path: Path) -> None:
    """A finding is about a line of the Dockerfile."""
    (finding,) = checks(tmp_path, "FROM a:1", "# a remark", "USER root").runs_as_an_ordinary_user().findings
    assert str(finding.origin).endswith("Dockerfile:3)")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["FROM a:1", "WORKDIR /app", "COPY x ."], None),
        (["FROM a:1", "COPY x /app/x"], None),
        (["FROM a:1 AS base", "WORKDIR /app", "FROM base", "COPY x x/"], None),
        (["FROM a:1", "COPY x .", "WORKDIR /app"], "COPY to ., in the directory"),
        (["FROM a:1", "WORKDIR app", "COPY x ./"], "COPY to ./"),
        (["FROM a:1 AS other", "WORKDIR /app", "FROM b:1", "COPY x x/"], "COPY to x/"),
    ],
)
def test_a_directory_of_the_base_image_is_found(tmp_path: Path, lines: list[str], says: str | None) -> None:
    """A relative path needs an absolute WORKDIR before it, in the stage or in one that it builds on."""
    assert (says or "holds") in str(checks(tmp_path, *lines).sets_its_directory())


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["FROM a:1", "EXPOSE 8080"], None),
        (["FROM a:1", "EXPOSE 8080/tcp 53/udp"], None),
        (["FROM a:1", "ARG PORT", "EXPOSE ${PORT}"], None),
        (["FROM a:1 AS base", "EXPOSE 8080", "FROM base", "CMD x"], None),
        (["FROM a:1", "EXPOSE 80"], "EXPOSE 80"),
        (["FROM a:1", "EXPOSE 80 8080"], "EXPOSE 80 8080"),
        (["FROM a:1"], "no EXPOSE"),
    ],
)
def test_another_port_is_found(tmp_path: Path, lines: list[str], says: str | None) -> None:
    """The exposed port is the one that the container listens on."""
    assert (says or "holds") in str(checks(tmp_path, *lines).exposes(8080))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["FROM a:1", "COPY webapp/ webapp/"], None),
        (["FROM a:1 AS build", "FROM a:1", "COPY --from=build . ."], None),
        (["FROM a:1", "COPY . ."], "COPY . ."),
        (["FROM a:1", "COPY --chown=1:1 ./ /app"], "COPY --chown=1:1 ./ /app"),
        (["FROM a:1", 'COPY [".", "/app"]'], "COPY"),
    ],
)
def test_a_copy_of_everything_is_found(tmp_path: Path, lines: list[str], says: str | None) -> None:
    """The whole build context is copied only where a .dockerignore says what stays out."""
    assert (says or "holds") in str(checks(tmp_path, *lines).copies_by_name())
    (tmp_path / ".dockerignore").write_text("tests\n")
    assert checks(tmp_path, *lines).copies_by_name()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["FROM a:1", "ADD --checksum=sha256:00 https://example.test/x /x"], None),
        (["FROM a:1", "ADD x.tar /x"], None),
        (["FROM a:1", "ADD https://example.test/x /x"], "ADD https://example.test/x /x"),
    ],
)
def test_an_unverified_download_is_found(tmp_path: Path, lines: list[str], says: str | None) -> None:
    """A download from a URL has a checksum."""
    assert (says or "holds") in str(checks(tmp_path, *lines).downloads_are_verified())
