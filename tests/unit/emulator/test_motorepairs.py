"""What moto gets wrong and a stack meets."""

from __future__ import annotations

from pushproof.emulator.world import World


def test_a_versioned_bucket_with_delete_markers_can_be_emptied() -> None:
    """Deleting every version and marker empties the bucket, as `force_destroy` does it."""
    with World.virtual() as world:
        s3, bucket = world.administrator("s3"), "bucket-with-locks"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for _ in range(2):
            s3.put_object(Bucket=bucket, Key="lock", Body=b"")
            s3.delete_object(Bucket=bucket, Key="lock")
        for kind in ("Versions", "DeleteMarkers"):
            listed = s3.list_object_versions(Bucket=bucket).get(kind, [])
            if listed:
                objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in listed]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
        s3.delete_bucket(Bucket=bucket)
        assert s3.list_buckets()["Buckets"] == []
