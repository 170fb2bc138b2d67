"""Edits, mutants and their diffs."""

from __future__ import annotations

import itertools
import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.mutation import Change, DoesNotFit, Edit, Operator, Project, mutants_of, operator
from pushproof.engines.mutation.model import applied

HARM = "It hurts."
PAGE = "https://docs.aws.amazon.com/"


def proposing(*changes: Change) -> Operator:
    """An operator that proposes these changes."""

    @operator("hcl.test", "A test.", HARM, PAGE)
    def proposal(project: Project) -> Iterator[Change]:
        yield from (change for change in changes if change.path in project.files)

    return proposal


@given(
    st.binary(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.text(max_size=4)), max_size=4)
)
def test_edits_that_fit_replace_and_others_are_refused(content: bytes, spans: list[tuple[int, int, str]]) -> None:
    """Edits replace exactly their bytes, whatever order they come in; what lies outside or overlaps is refused."""
    edits = [Edit(start, end, text) for start, end, text in spans]
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    fits = all(0 <= e.start <= e.end <= len(content) for e in edits) and all(
        first.end <= second.start for first, second in itertools.pairwise(ordered)
    )
    if not fits:
        with pytest.raises(DoesNotFit, match="does not fit"):
            applied(edits, content)
        return
    expected, at = b"", 0
    for edit in ordered:
        expected += content[at : edit.start] + edit.text.encode()
        at = edit.end
    assert applied(edits, content) == applied(list(reversed(edits)), content) or len({e.start for e in edits}) < len(
        edits
    )
    assert applied(edits, content) == expected + content[at:]


FILE = b'locals {\r\n  name = "caf\xc3\xa9" # \xe2\x80\xa8 a separator\r\n  port = 80\r\n}'


def test_a_diff_is_one_that_git_applies(tmp_path: Path) -> None:
    """The diff of a file with carriage returns, other separators, and no final line end is a patch for git."""
    at = FILE.index(b"80")
    project = Project({"a folder/main.tf": FILE})
    (mutant,) = mutants_of(
        project, [proposing(Change("a folder/main.tf", (Edit(at, at + 2, "81"),), "The port is 81."))]
    )
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "main.tf").write_bytes(FILE)
    diff = mutant.diff(FILE)
    assert diff.startswith("--- a/a folder/main.tf\n+++ b/a folder/main.tf\n@@ -1,4 +1,4 @@\n")
    done = subprocess.run(
        ["git", "apply", "-"], input=diff.encode(), cwd=tmp_path, capture_output=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a folder" / "main.tf").read_bytes() == mutant.apply(FILE) == FILE.replace(b"80", b"81")


def test_what_changes_nothing_or_comes_twice_is_no_mutant() -> None:
    """A change without effect makes no mutant, and two changes with the same result make one."""
    content = b"locals {\n  port = 80\n}\n"
    same = Change("main.tf", (Edit(18, 20, "80"),), "Nothing.")
    whole = Change("main.tf", (Edit(11, 20, "port = 81"),), "The line.")
    number = Change("main.tf", (Edit(18, 20, "81"), Edit(0, 6, "locals")), "The number.")
    mutants = mutants_of(Project({"main.tf": content}), [proposing(same, whole, number)])
    assert [mutant.apply(content) for mutant in mutants] == [content.replace(b"80", b"81")]
    assert [mutant.line for mutant in mutants] == [2]


def test_a_change_may_have_harm_of_its_own_and_a_mutant_travels() -> None:
    """A mutant has the change's harm and page, or the operator's; it can be pickled, as a cluster's tasks are."""
    content = b"locals {\n  port = 80\n}\n"
    own = Change("main.tf", (Edit(18, 20, "81"),), "Own.", "local.port", "It hurts here.", f"{PAGE}here")
    general = Change("main.tf", (Edit(18, 20, "82"),), "General.")
    mutants = mutants_of(Project({"main.tf": content}), [proposing(own, general)])
    assert {(m.summary, m.harm, m.page) for m in mutants} == {
        ("Own.", "It hurts here.", f"{PAGE}here"),
        ("General.", HARM, PAGE),
    }
    assert pickle.loads(pickle.dumps(mutants)) == mutants


def test_equal_places_have_ids_of_their_own() -> None:
    """Mutants of two places with the same surrounding have different ids, in the order of the file."""
    block = b"x {\n" + b"# padding\n" * 30 + b"  port = 80\n" + b"# padding\n" * 30 + b"}\n"
    content = block + block
    first, second = content.index(b"80"), content.rindex(b"80")
    changes = [Change("main.tf", (Edit(at, at + 2, "81"),), "") for at in (second, first)]
    one_way = mutants_of(Project({"main.tf": content}), [proposing(*changes)])
    other_way = mutants_of(Project({"main.tf": content}), [proposing(*reversed(changes))])
    assert [m.id for m in one_way] == [m.id for m in other_way]
    assert len({m.id for m in one_way}) == 2
    assert all(len(m.id) == 10 and int(m.id, 16) >= 0 for m in one_way)
