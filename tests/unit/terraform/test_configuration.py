"""The one reader of HCL: blocks with lines, local modules, declared variables, backends."""

from __future__ import annotations

from pathlib import Path

from pushproof.terraform.configuration import backend_settings, declared_variables, local_modules
from pushproof.terraform.hcl import read_directory

MAIN = """terraform {
  # backend "commented" {}
  backend "s3" {
    bucket = "state"
    key    = "dev/terraform.tfstate" # ours
    use_lockfile = true
    region = var.region
  }
}
/* module "out" { source = "../out" } */
module "network" { source = "../modules/network" }
module "far" {
  source = "terraform-aws-modules/vpc/aws"
}
variable "project" {}
locals { text = <<-EOT
  module "not" {
    source = "../not"
  }
EOT
}
resource "aws_vpc" "this" {
  tags = { Name = "a { brace" }
}
"""


def write(directory: Path, **files: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text)
    return directory


def test_blocks_have_labels_lines_and_plain_values(tmp_path: Path) -> None:
    """Comments, heredocs, one-line blocks and braces in strings do not confuse the reader."""
    blocks = read_directory(write(tmp_path, main__tf=MAIN))
    assert [(block.kind, block.labels, block.line) for block in blocks] == [
        ("terraform", (), 1),
        ("module", ("network",), 11),
        ("module", ("far",), 12),
        ("variable", ("project",), 15),
        ("locals", (), 16),
        ("resource", ("aws_vpc", "this"), 22),
    ]
    assert blocks[1].literal("source") == "../modules/network"


def test_local_modules_are_followed_in_hcl_and_json(tmp_path: Path) -> None:
    """A module with a local source counts, nested ones too; one from a registry or a comment does not."""
    root = write(tmp_path / "dev", main__tf=MAIN, more__tf__json='{"module": {"j": {"source": "./inner"}}}')
    network = write(tmp_path / "modules/network", main__tf='module "up" {\n  source = "../../dev"\n}\n')
    inner = write(root / "inner", main__tf="")
    assert local_modules(root) == {root, network, inner}


def test_declared_variables_are_those_of_both_syntaxes(tmp_path: Path) -> None:
    """Variables of `*.tf` and `*.tf.json` are declared ones."""
    root = write(tmp_path, main__tf=MAIN, more__tf__json='{"variable": {"size": {"default": 1}}}')
    assert declared_variables(root) == {"project", "size"}


def test_a_backend_is_its_block_completed_by_files(tmp_path: Path) -> None:
    """The block wins, what has to be evaluated is left out, and a root without a backend has none."""
    root = write(tmp_path / "a", main__tf=MAIN, backend__hcl='bucket = "other"\nencrypt = true\n')
    assert backend_settings(root) == {
        "bucket": "state",
        "key": "dev/terraform.tfstate",
        "use_lockfile": "true",
        "encrypt": "true",
    }
    assert backend_settings(write(tmp_path / "b", main__tf='variable "x" {}')) is None
    json_root = write(tmp_path / "c", main__tf__json='{"terraform": {"backend": {"s3": {"key": "k"}}}}')
    assert backend_settings(json_root) == {"key": "k"}


def test_what_cannot_be_parsed_is_left_to_terraform(tmp_path: Path) -> None:
    """A reader never raises on broken files: Terraform says what is wrong."""
    root = write(tmp_path, a__tf='resource {{{ "', b__tf__json="[1", c__tf='variable "ok" {}')
    assert "ok" in declared_variables(root)
