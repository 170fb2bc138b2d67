"""The content that an apply depends on, and what makes it depend on more."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushproof.terraform.content import read_content
from pushproof.terraform.working_copy import CACHES, copy_configuration


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a repository with a root module, a local module and files that both read."""
    for name, text in {
        "live/main.tf": 'module "a" {\n  source = "../modules/a"\n}\nresource "aws_sns_topic" "t" {\n  name = "t"\n}\n',
        "live/terraform.tfvars": 'size = "1"\n',
        "live/.terraform.lock.hcl": "",
        "modules/a/main.tf": (
            'locals {\n  policy = file("${path.module}/policies/p.json")\n'
            '  all = fileset("${path.module}/many", "*")\n}\n'
        ),
        "modules/a/policies/p.json": "{}",
        "modules/a/policies/unread.json": "{}",
        "modules/a/many/one.txt": "1",
        "docs/readme.md": "text",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "live/main.tf",
        "live/terraform.tfvars",
        "live/.terraform.lock.hcl",
        "modules/a/main.tf",
        "modules/a/policies/p.json",
        "modules/a/many/one.txt",
        "modules/a/many/two.txt",
        "live/more.auto.tfvars",
        "modules/a/new.tf.json",
    ],
)
def test_a_change_of_what_is_read_changes_the_digest(tree: Path, name: str) -> None:
    """Every file that Terraform reads counts, new ones included."""
    before = read_content(tree / "live", base=tree).digest()
    with (tree / name).open("a") as file:
        file.write(" ")
    assert read_content(tree / "live", base=tree).digest() != before


@pytest.mark.parametrize("name", sorted(CACHES - {".git"}))
def test_caches_of_tools_are_neither_copied_nor_content(
    tree: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """A copy and the key of a kept world leave out the same directories, also where everything else in a directory counts."""
    (tree / ".git").mkdir()
    before = read_content(tree / "live", base=tree).digest()
    cached = tree / "modules/a/many" / name / "text"
    cached.parent.mkdir()
    cached.write_text("cached")
    assert read_content(tree / "live", base=tree).digest() == before
    copy = copy_configuration(tree / "live", tmp_path_factory.mktemp("copy"))
    assert not (copy.root / cached.relative_to(tree)).exists()
    assert (copy.root / "modules/a/many/one.txt").exists()


@pytest.mark.parametrize("name", ["docs/readme.md", "modules/a/policies/unread.json"])
def test_other_files_do_not_count(tree: Path, name: str) -> None:
    """A file that nothing reads may change."""
    before = read_content(tree / "live", base=tree)
    assert before.reasons == []
    (tree / name).write_text("other")
    assert read_content(tree / "live", base=tree).digest() == before.digest()


def test_a_path_with_values_in_it_counts_everything(tree: Path) -> None:
    """All files of the repository count if only Terraform knows which of them is read."""
    (tree / "live/dynamic.tf").write_text('locals {\n  x = file("${path.module}/../docs/${var.name}.md")\n}\n')
    before = read_content(tree / "live", base=tree).digest()
    (tree / "docs/readme.md").write_text("other")
    assert read_content(tree / "live", base=tree).digest() != before


@pytest.mark.parametrize(
    "text",
    [
        'resource "aws_lambda_function" "f" {\n  filename = "${path.module}/../docs/readme.md"\n}\n',
        'resource "aws_s3_object" "o" {\n  source = "../docs/readme.md"\n}\n',
        'resource "aws_synthetics_canary" "c" {\n  zip_file = "${path.root}/../docs/readme.md"\n}\n',
        'locals {\n  all = fileset(path.module, "../docs/*.md")\n}\n',
    ],
)
def test_a_file_that_an_argument_names_counts(tree: Path, text: str) -> None:
    """The AWS provider reads some files itself, and a pattern may lead out of its directory."""
    (tree / "live/x.tf").write_text(text)
    before = read_content(tree / "live", base=tree)
    assert before.reasons == []
    (tree / "docs/readme.md").write_text("other")
    assert read_content(tree / "live", base=tree).digest() != before.digest()


def test_a_program_that_becomes_executable_is_a_change(tree: Path) -> None:
    """Files count with their modes."""
    before = read_content(tree / "live", base=tree).digest()
    (tree / "modules/a/policies/p.json").chmod(0o755)
    assert read_content(tree / "live", base=tree).digest() != before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("locals {\n  now = timestamp()\n}\n", r"x.tf:2: timestamp\(\) depends on the time"),
        ('locals {\n  id = "a-${uuid()}"\n}\n', r"x.tf:2: uuid\(\) differs each time"),
        ('locals {\n  h = bcrypt("x")\n}\n', r"bcrypt\(\) salts"),
        ("locals {\n  t = plantimestamp()\n}\n", r"plantimestamp\(\) depends on the time"),
        ('data "external" "x" {\n  program = ["date"]\n}\n', r"x.tf:1: data.external runs a program"),
        ('data "http" "x" {\n  url = "http://x"\n}\n', r"data.http reads from the network"),
        ('resource "null_resource" "x" {}\n', r"provider null may read or write outside"),
        ('resource "random_pet" "x" {}\n', r"provider random may"),
        (
            'resource "aws_sns_topic" "x" {\n  provisioner "local-exec" {\n    command = "date"\n  }\n}\n',
            r"a provisioner runs a program",
        ),
        ('module "x" {\n  source = "git::https://example.com/x.git"\n}\n', r"module x comes from git::https"),
        ('module "x" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n', r"module x comes from terraform-aws-modules"),
        ("locals {\n  x = file(var.path)\n}\n", r"file\(var.path\) names a file that only Terraform knows"),
        (
            'resource "aws_lambda_function" "f" {\n  filename = var.package\n}\n',
            r"x.tf:1: aws_lambda_function.filename\(var.package\) names a file that only Terraform knows",
        ),
        ('locals {\n  x = file("/etc/hostname")\n}\n', r"file\(\"/etc/hostname\"\) names a file"),
        (
            'data "terraform_remote_state" "net" {\n  backend = "local"\n  config = { path = "/x" }\n}\n',
            r"the state of another root is read from outside",
        ),
    ],
)
def test_what_cannot_be_kept_is_named(tree: Path, text: str, reason: str) -> None:
    """An apply that depends on more than content is recognised, with file and line."""
    import re

    (tree / "live/x.tf").write_text(text)
    reasons = read_content(tree / "live", base=tree).reasons
    assert len(reasons) == 1
    assert re.search(reason, reasons[0]), reasons


def test_states_that_the_caller_gives_are_no_reason(tree: Path) -> None:
    """A remote state whose outputs the caller says is read from nowhere else."""
    (tree / "live/x.tf").write_text('data "terraform_remote_state" "net" {\n  backend = "local"\n}\n')
    assert read_content(tree / "live", base=tree, remote_states={"net": {}}).reasons == []
