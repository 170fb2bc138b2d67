"""The image repository's checks, on a registry that takes pushes and on lifecycle policies of every kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.checks.registry import RegistryChecks, push_small_image
from pushproof.emulator.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual() as made:
        yield made


@pytest.fixture
def ecr(world: World) -> Iterator[Any]:
    client = world.administrator("ecr")
    yield client
    client.delete_repository(repositoryName="shop", force=True)


def make(
    world: World, ecr: Any, *rules: dict[str, Any], mutability: str = "IMMUTABLE", scan: bool = True
) -> RegistryChecks:
    ecr.create_repository(
        repositoryName="shop", imageTagMutability=mutability, imageScanningConfiguration={"scanOnPush": scan}
    )
    if rules:
        numbered = [{"rulePriority": n, "action": {"type": "expire"}, "selection": r} for n, r in enumerate(rules, 1)]
        ecr.put_lifecycle_policy(repositoryName="shop", lifecyclePolicyText=json.dumps({"rules": numbered}))
    return RegistryChecks(world.administrator, repository="shop")


def tagged(count: int, **by: Any) -> dict[str, Any]:
    return {"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": count, **by}


UNTAGGED = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
AGE = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}


def test_an_immutable_repository_is_proven_so(world: World, ecr: Any) -> None:
    """The second push of a tag is refused, and neither probe stays."""
    checks = make(world, ecr)
    assert checks.refuses_a_second_push_of_a_tag()
    assert list(checks.images()) == []


def test_a_mutable_repository_is_found_and_left_clean(world: World, ecr: Any) -> None:
    """The tag moved: that is the finding; both probes are deleted, and what was there stays."""
    checks = make(world, ecr, mutability="MUTABLE")
    kept = push_small_image(ecr, "shop", "dev-1")
    assert "the second push moved the tag" in str(checks.refuses_a_second_push_of_a_tag())
    assert [image.digest for image in checks.images()] == [kept]


def test_a_second_push_fails_as_on_aws(world: World, ecr: Any) -> None:
    """The live symptom: ImageTagAlreadyExistsException, on the second :latest and not on the first."""
    make(world, ecr)
    push_small_image(ecr, "shop", "latest", b"first build")
    with pytest.raises(ClientError) as refused:
        push_small_image(ecr, "shop", "latest", b"second build")
    assert refused.value.response["Error"]["Code"] == "ImageTagAlreadyExistsException"


def test_scanning_that_is_off_is_found(world: World, ecr: Any) -> None:
    """Scanning that is off is reported, unless a rule of the registry scans the repository."""
    checks = make(world, ecr, scan=False)
    assert "scanOnPush is off" in str(checks.scans_on_push())
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "sho*", "filterType": "WILDCARD"}]}
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[rule])
    assert checks.scans_on_push()
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])


def test_encryption_is_there(world: World, ecr: Any) -> None:
    """A repository that says nothing is encrypted with AES256."""
    assert make(world, ecr).is_encrypted()


@pytest.mark.parametrize(
    ("rules", "selected"),
    [
        ([tagged(10, tagPrefixList=["dev-"])], True),
        ([tagged(5000, tagPrefixList=["dev-"])], True),
        ([tagged(10, tagPatternList=["dev-*"])], True),
        ([tagged(10, tagPatternList=["*-0123abc"])], True),
        ([AGE], True),
        ([tagged(10, tagPrefixList=["prod-"])], False),
        ([tagged(10, tagPatternList=["v*"])], False),
        ([UNTAGGED], False),
        ([], False),
    ],
)
def test_a_rule_that_no_tag_meets_is_found(world: World, ecr: Any, rules: list[dict[str, Any]], selected: bool) -> None:
    """A rule is a finding unless it selects the pushed tags, whatever it counts."""
    assert bool(make(world, ecr, *rules).lifecycle_selects(["dev-0123abc"])) is selected


def test_what_the_rules_select_is_told(world: World, ecr: Any) -> None:
    """The finding names the tag, the rule and its prefix."""
    found = str(make(world, ecr, UNTAGGED, tagged(10, tagPrefixList=["prod-"])).lifecycle_selects(["0123abc"]))
    assert "releases such as 0123abc" in found
    assert "the rules select the prefix prod- (rule 2)" in found


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([tagged(10, tagPrefixList=["dev-"])], None),
        ([], None),
        ([UNTAGGED, tagged(3, tagPrefixList=["dev-"])], "to outlive 5 further pushes"),
        ([AGE], "to outlive 90 days without a push"),
    ],
)
def test_a_policy_that_takes_what_runs_is_found(
    world: World, ecr: Any, rules: list[dict[str, Any]], says: str | None
) -> None:
    """Too few are kept for a busy day, or age alone decides in a quiet quarter."""
    checks = make(world, ecr, *rules)
    running = push_small_image(ecr, "shop", "dev-0123abc")
    found = str(checks.keeps_what_runs([running]))
    assert ("holds" if says is None else says) in found


def test_what_runs_and_is_gone_is_found(world: World, ecr: Any) -> None:
    """A missing image is reported with the error of the next task; an empty list proves nothing."""
    checks = make(world, ecr)
    assert "CannotPullContainerError" in str(checks.keeps_what_runs(["sha256:0"]))
    assert "An empty list proves nothing" in str(checks.keeps_what_runs([]))
    assert "An empty list proves nothing" in str(checks.lifecycle_selects([]))


def test_a_repository_that_is_not_there_is_told(world: World) -> None:
    """A LookupError names it."""
    with pytest.raises(LookupError, match="no repository nowhere"):
        RegistryChecks(world.administrator, repository="nowhere").scans_on_push()


def test_a_cache_whose_tags_stay_is_found(world: World, ecr: Any) -> None:
    """A repository of caches must let a tag move; the probe leaves nothing behind."""
    checks = make(world, ecr)
    assert "refused with ImageTagAlreadyExistsException" in str(checks.accepts_a_second_push_of_a_tag())
    assert list(checks.images()) == []


def test_a_cache_whose_tags_move_is_right(world: World, ecr: Any) -> None:
    """MUTABLE is what caches need."""
    assert make(world, ecr, mutability="MUTABLE").accepts_a_second_push_of_a_tag()


def test_untagged_images_that_stay_are_found(world: World, ecr: Any) -> None:
    """A rule for untagged images, or for any, counts when it acts in time."""
    assert make(world, ecr, UNTAGGED).untagged_images_expire()


def test_untagged_images_without_a_rule_are_found(world: World, ecr: Any) -> None:
    """A rule for releases is none for what has lost its tag."""
    checks = make(world, ecr, tagged(10, tagPrefixList=["dev-"]))
    assert "no rule for untagged images" in str(checks.untagged_images_expire())


def test_a_key_of_ones_own_is_encryption(world: World, ecr: Any) -> None:
    """A repository encrypted with a KMS key is as encrypted as one with AES256."""
    key = world.administrator("kms").create_key()["KeyMetadata"]["Arn"]
    ecr.create_repository(repositoryName="shop", encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key})
    assert RegistryChecks(world.administrator, repository="shop").is_encrypted()
