"""Terraform addresses, files and lines of AWS ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pushproof.terraform.addresses import StateUnreadable, TerraformAddresses

STATE = {
    "version": 4,
    "resources": [
        {
            "mode": "managed",
            "module": "module.net",
            "type": "aws_subnet",
            "name": "private",
            "instances": [
                {"index_key": "a", "attributes": {"id": "subnet-1", "arn": "arn:subnet-1"}},
                {"index_key": 1, "attributes": {"id": "subnet-2"}},
            ],
        },
        {
            "mode": "managed",
            "type": "aws_ecs_cluster",
            "name": "this",
            "instances": [{"attributes": {"id": "arn:cluster", "name": "shop"}}],
        },
        {"mode": "data", "type": "aws_vpc", "name": "other", "instances": [{"attributes": {"id": "vpc-9"}}]},
    ],
}
SHOWN = {
    "format_version": "1.0",
    "values": {
        "root_module": {
            "resources": [
                {"mode": "managed", "address": "aws_ecs_cluster.this", "values": {"id": "arn:cluster", "name": "shop"}}
            ],
            "child_modules": [
                {
                    "resources": [
                        {
                            "mode": "managed",
                            "address": 'module.net.aws_subnet.private["a"]',
                            "values": {"id": "subnet-1", "arn": "arn:subnet-1"},
                        }
                    ]
                }
            ],
        }
    },
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = tmp_path / "environments" / "dev"
    module = tmp_path / "modules" / "net"
    root.mkdir(parents=True)
    module.mkdir(parents=True)
    (root / "main.tf").write_text(
        '# the cluster\nresource "aws_ecs_cluster" "this" {\n}\n\nmodule "net" {\n  source = "../../modules/net"\n}\n'
    )
    (module / "subnets.tf").write_text('variable "x" {}\nresource "aws_subnet" "private" {\n  count = 2\n}\n')
    return root


@pytest.mark.parametrize("state", [STATE, SHOWN], ids=["state file", "terraform show"])
def test_ids_arns_and_names_lead_to_addresses(state: dict[str, object], directory: Path) -> None:
    """Both forms of a state lead from id, ARN or name to address, file and line, through local modules."""
    addresses = TerraformAddresses(state, directory, base=directory.parents[1])
    assert str(addresses.of("subnet-1")) == 'module.net.aws_subnet.private["a"] (modules/net/subnets.tf:2)'
    assert addresses.of("arn:subnet-1") == addresses.of("subnet-1")
    assert str(addresses.of("shop")) == "aws_ecs_cluster.this (environments/dev/main.tf:2)"


def test_files_are_named_as_a_reader_can_open_them(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where the process runs; absolute where the file is somewhere else."""
    monkeypatch.chdir(directory)
    addresses = TerraformAddresses(STATE, directory)
    assert str(addresses.of("shop")) == "aws_ecs_cluster.this (main.tf:2)"
    module = directory.parents[1] / "modules/net/subnets.tf"
    assert str(addresses.of("subnet-2")) == f"module.net.aws_subnet.private[1] ({module}:2)"


def test_keys_of_for_each_hold_anything(tmp_path: Path) -> None:
    """Dots, brackets and quotation marks in a key do not hide the block, nor its module."""
    (tmp_path / "main.tf").write_text('module "each" {\n  source = "./inner"\n}\n')
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/main.tf").write_text('\nresource "aws_subnet" "private" {}\n')
    for key in ("eu-west-1a", "a.b", "a]b", 'say "x"', 0):
        resource = {
            "mode": "managed",
            "module": f"module.each[{json.dumps(key)}]",
            "type": "aws_subnet",
            "name": "private",
            "instances": [{"index_key": key, "attributes": {"id": "subnet-1"}}],
        }
        origin = TerraformAddresses({"version": 4, "resources": [resource]}, tmp_path, base=tmp_path).of("subnet-1")
        assert origin is not None
        assert (origin.file, origin.line) == ("inner/main.tf", 2)


def test_regions_follow_the_providers_of_resources() -> None:
    """A resource's region is in its ARN; one without is taken to be where all the others are."""

    def resource(name: str, **attributes: str) -> dict[str, object]:
        return {"mode": "managed", "type": "aws_x", "name": name, "instances": [{"attributes": attributes}]}

    here = resource("a", id="a", arn="arn:aws:ecs:us-east-1:123456789012:cluster/a")
    there = resource("b", id="b", arn="arn:aws:ecs:eu-west-1:123456789012:cluster/b")
    nowhere = resource("role", id="role", arn="arn:aws:iam::123456789012:role/role")
    addresses = TerraformAddresses({"version": 4, "resources": [here, there, nowhere]})
    assert [addresses.region_of(name) for name in ("a", "b", "role")] == ["us-east-1", "eu-west-1", None]
    alone = TerraformAddresses({"version": 4, "resources": [here, nowhere]})
    assert alone.region_of("anything") == "us-east-1"


def test_what_terraform_does_not_manage_has_no_address() -> None:
    """Data sources and strangers have no address."""
    addresses = TerraformAddresses(STATE)
    assert addresses.of("vpc-9") is None
    assert addresses.of("subnet-404") is None
    assert str(addresses.of("subnet-2")) == "module.net.aws_subnet.private[1]"


def test_modules_that_include_each_other_end(tmp_path: Path) -> None:
    """A module that names itself as its source does not keep the scan from ending."""
    (tmp_path / "main.tf").write_text('module "me" {\n  source = "./"\n}\nresource "a" "b" {}\n')
    assert TerraformAddresses(STATE, tmp_path).where("a.b").line == 4


def test_states_are_read_from_files(tmp_path: Path) -> None:
    """A state file is read; one that is missing, broken or something else is named in the error."""
    path = tmp_path / "terraform.tfstate"
    path.write_text(json.dumps(STATE))
    assert TerraformAddresses.read(path).of("subnet-2") is not None
    path.write_text("{")
    with pytest.raises(StateUnreadable, match=r"terraform\.tfstate cannot be read"):
        TerraformAddresses.read(path)
    with pytest.raises(StateUnreadable, match="cannot be read"):
        TerraformAddresses.read(tmp_path / "nothing")
    with pytest.raises(StateUnreadable, match="it has greeting"):
        TerraformAddresses({"greeting": "hello"})


def test_the_whole_wins_over_its_parts() -> None:
    """An id that a resource's parts have for their own leads to the resource: the bucket, the repository, the topic."""

    def resource(kind: str, **attributes: str) -> dict[str, object]:
        return {"mode": "managed", "type": kind, "name": "it", "instances": [{"attributes": attributes}]}

    parts = [
        resource("aws_s3_bucket", id="artifacts", arn="arn:aws:s3:::artifacts"),
        resource("aws_s3_bucket_versioning", id="artifacts"),
        resource("aws_s3_bucket_public_access_block", id="artifacts"),
        resource("aws_ecr_lifecycle_policy", id="shop"),
        resource("aws_ecr_repository", id="shop", name="shop", arn="arn:repository"),
        resource("aws_sns_topic_policy", id="arn:topic", arn="arn:topic"),
        resource("aws_sns_topic", id="arn:topic", arn="arn:topic", name="shop"),
    ]
    for order in (parts, parts[::-1]):
        addresses = TerraformAddresses({"version": 4, "resources": order})
        origins = [addresses.of(name) for name in ("artifacts", "shop", "arn:topic")]
        assert [origin.address for origin in origins if origin] == [
            "aws_s3_bucket.it",
            "aws_ecr_repository.it",
            "aws_sns_topic.it",
        ]
