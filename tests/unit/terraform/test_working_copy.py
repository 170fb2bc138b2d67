"""Working copies: everything that an ordinary live root reads is there, and nothing is written into the tree."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pushproof.base.directories import remove_tree
from pushproof.terraform import working_copy
from pushproof.terraform.working_copy import copy_configuration


def tree(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def live(tmp_path: Path, *, git: bool) -> Path:
    """Make a repository with a live root that reads from all over it."""
    repository = tree(
        tmp_path / "repository",
        live__prod__main_DOT_tf='locals { a = templatefile("${path.module}/../../templates/a.json", {}) }\n'
        'locals { b = file("../../policies/${var.name}.json") }\n',
        live__prod__net_DOT_tf_DOT_json='{"module": {"net": {"source": "../../modules/net"}}}',
        modules__net__main_DOT_tf='resource "aws_vpc" "this" {}\n',
        templates__a_DOT_json="a",
        policies__shop_DOT_json="b",
        live__prod__terraform_DOT_tfstate="{}",
        unnamed__by__anyone_DOT_txt="c",
    )
    if git:
        (repository / ".git").mkdir()
        (repository / ".git" / "config").write_text("")
    return repository


@pytest.mark.parametrize("git", [True, False], ids=["repository", "no repository"])
@pytest.mark.parametrize("most", [5000, 3], ids=["small", "large"])
def test_what_a_root_reads_is_beside_its_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: bool, most: int
) -> None:
    """Templates, policies and modules are where the root's relative paths lead, in a large repository too."""
    monkeypatch.setattr(working_copy, "MOST_FILES", most)
    repository = live(tmp_path, git=git)
    copy = copy_configuration(repository / "live/prod", tmp_path / "copy")
    for path in ("../../templates/a.json", "../../policies/shop.json", "../../modules/net/main.tf"):
        assert (copy.directory / path).read_text() == (repository / "live/prod" / path).read_text()
    assert not (copy.directory / "terraform.tfstate").exists()
    assert not (copy.root / ".git").exists()
    # What is written beside a module stays in the copy.
    assert not (copy.directory / "../../modules/net").is_symlink()
    assert copy.base == repository
    assert copy.original(Path("../../modules/net/main.tf")) == repository / "modules/net/main.tf"


def test_a_repository_is_copied_as_a_whole(tmp_path: Path) -> None:
    """Paths that only Terraform can evaluate work: everything that git may hold is copied, not linked."""
    copy = copy_configuration(live(tmp_path, git=True) / "live/prod", tmp_path / "copy")
    text = copy.root / "unnamed/by/anyone.txt"
    assert text.read_text() == "c"
    assert not any(path.is_symlink() for path in (text, *text.parents) if path.is_relative_to(copy.root))


def test_a_copy_for_a_known_reader_links_what_it_does_not_read(tmp_path: Path) -> None:
    """Modules and the files that are read are copies that may be written; everything else leads to the tree, which stays."""
    repository = live(tmp_path, git=True)
    (repository / "unnamed/by/someone.txt").write_text("read")
    copy = copy_configuration(repository / "live/prod", tmp_path / "copy")
    copy.narrow({repository / "unnamed/by/someone.txt"})
    (copy.directory / "main.tf").write_text("written")
    (copy.root / "unnamed/by/someone.txt").write_text("written")
    assert (copy.root / "unnamed/by/anyone.txt").is_symlink()
    assert (copy.root / "unnamed/by/anyone.txt").read_text() == "c"
    assert (repository / "unnamed/by/someone.txt").read_text() == "read"
    assert "written" not in (repository / "live/prod/main.tf").read_text()
    assert not (copy.directory / "../../modules/net").is_symlink()
    remove_tree(copy.root)
    assert (repository / "unnamed/by/anyone.txt").read_text() == "c"


def test_symbolic_links_lead_to_what_they_led_to(tmp_path: Path) -> None:
    """Links within the tree stay links; those out of it are followed, files by a copy."""
    shared = tree(tmp_path / "shared", providers_DOT_tf='provider "aws" {}\n', module__main_DOT_tf="")
    repository = live(tmp_path, git=True)
    root = repository / "live/prod"
    (root / "inside.json").symlink_to("../../templates/a.json")
    (root / "providers.tf").symlink_to(shared / "providers.tf")
    (root / "module").symlink_to(os.path.relpath(shared / "module", root))
    (root / "dangling").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    copy = copy_configuration(root, tmp_path / "copy")
    assert os.readlink(copy.directory / "inside.json") == "../../templates/a.json"
    assert (copy.directory / "inside.json").read_text() == "a"
    assert not (copy.directory / "providers.tf").is_symlink()
    assert (copy.directory / "module/main.tf").exists()


def test_a_read_only_checkout_gives_a_copy_that_can_be_written_and_removed(tmp_path: Path) -> None:
    """Modes that keep an ordinary user from writing are not copied; a script stays executable."""
    repository = live(tmp_path, git=True)
    (repository / "live/prod/build.sh").write_text("#!/bin/sh\n")
    (repository / "live/prod/build.sh").chmod(0o555)
    for path in sorted(repository.rglob("*"), reverse=True):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    try:
        copy = copy_configuration(repository / "live/prod", tmp_path / "copy")
    finally:
        for path in (repository, *repository.rglob("*")):
            path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o200)
    assert stat.S_IMODE((copy.directory / "build.sh").stat().st_mode) == 0o755
    for path in (copy.directory, copy.root, copy.directory / "main.tf"):
        assert path.stat().st_mode & stat.S_IWUSR, path


def test_a_file_that_nobody_may_read_stops_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private file of another user is linked: reading it gets the system's own refusal."""
    repository = live(tmp_path, git=True)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "unnamed" not in str(path) and real(path, mode))
    copy = copy_configuration(repository / "live/prod", tmp_path / "copy")
    assert (copy.root / "unnamed").is_symlink()


def test_a_tree_is_removed_whatever_its_modes(tmp_path: Path) -> None:
    """Directories that cannot be written, such as caches of modules, do not keep a world's directory."""
    inner = tree(tmp_path / "world", a__b__c="x") / "a/b"
    inner.chmod(0o500)
    (tmp_path / "world/a").chmod(0o400)
    assert remove_tree(tmp_path / "world")
    assert not (tmp_path / "world").exists()
