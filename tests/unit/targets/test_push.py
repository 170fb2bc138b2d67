"""A push reaches the pipeline by git, or by a bucket where the source is one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.targets.embedded import EmbeddedSettings, EmbeddedTarget
from pushproof.targets.journal import Journal


class Checkout:
    """A checkout that notes whether git was asked to push."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pushes = 0

    def push(self) -> str:
        self.pushes += 1
        return "pushed"


def test_a_source_bucket_receives_the_checkout(tmp_path: Path) -> None:
    """The object's version is the revision; without a bucket, git pushes and the commit is the revision."""
    checkout = Checkout(tmp_path / "work")
    (checkout.directory / ".git").mkdir(parents=True)
    (checkout.directory / ".git/config").write_text("")
    (checkout.directory / "buildspec.yml").write_text("version: 0.2\n")
    settings = EmbeddedSettings(world=WorldSettings(), runtime="scripted")
    with EmbeddedTarget(settings, journal=Journal(tmp_path / "state")) as target:
        s3 = target.client("s3")
        s3.create_bucket(Bucket="source", CreateBucketConfiguration={"LocationConstraint": target.region})
        s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
        outputs = {"source_bucket_name": "source", "source_object_key": "app/code.zip"}
        version, answer = target.push(checkout, "a" * 40, outputs)
        stored = s3.get_object(Bucket="source", Key="app/code.zip")
        assert (stored["VersionId"], stored["Metadata"]) == (version, {"commit": "a" * 40})
        assert answer == f"s3://source/app/code.zip version {version}"
        with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
            assert archive.namelist() == ["buildspec.yml"]
        assert checkout.pushes == 0
        assert target.push(checkout, "b" * 40, {}) == ("b" * 40, "pushed")
        assert checkout.pushes == 1
