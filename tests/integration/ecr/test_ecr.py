"""The ecr module, applied: what its repositories do with pushes, and what their policies do with images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushproof import resources
from pushproof.checks.pipeline.buildspecs import tags_of
from pushproof.checks.registry import RegistryChecks
from pushproof.checks.state import StateChecks
from pushproof.engines.lifecycle import DAY, Image
from pushproof.terraform.resources import managed_resources

Applied = Callable[..., Any]


@pytest.fixture(scope="module")
def ecr(applied: Applied, target: Any) -> Any:
    # Anywhere but in an emulated world the repositories are destroyed afterwards.
    return applied(
        "infrastructure/modules/ecr", project="shop", environment="dev", force_delete=target.name != "embedded"
    )


@pytest.fixture(scope="module")
def deploy(registry_checks: Callable[..., RegistryChecks], ecr: Any) -> RegistryChecks:
    return registry_checks(ecr, repository=ecr["repository_name"])


@pytest.fixture(scope="module")
def cache(registry_checks: Callable[..., RegistryChecks], ecr: Any) -> RegistryChecks:
    return registry_checks(ecr, repository=ecr["cache_repository_name"])


BUILDSPEC = (Path(__file__).parents[3] / "app/buildspec.yml").read_text()


def release_tags(buildspec: str, *, environment: str) -> list[str]:
    """The tags under which the application's buildspec pushes releases of an environment."""
    variables = {"ECR_REGISTRY": "registry", "ECR_REPOSITORY_NAME": "shop-dev", "ENVIRONMENT": environment}
    return tags_of(buildspec, repository="shop-dev", variables=variables)


def release(number: int, age: float) -> Image:
    """Create a release of that age in days, on a clock at day 1000."""
    return Image(f"sha256:{number:064x}", (1000 - age) * DAY, (f"dev-{number:07x}",))


def test_the_stored_state_says_what_terraform_shows(ecr: Any) -> None:
    """Resources are read without a process, with the same addresses and attributes."""
    assert ecr.managed() == managed_resources(ecr.state())
    assert {resource.type for resource in ecr.managed()} >= {"aws_ecr_repository", "aws_ecr_lifecycle_policy"}


def test_outputs_are_about_one_repository(ecr: Any) -> None:
    """Name, ARN and URL of a repository belong together: permissions are granted on the ARN, and pushes go to the URL."""
    for prefix in ("", "cache_"):
        name = ecr[f"{prefix}repository_name"]
        assert ecr[f"{prefix}repository_arn"].endswith(f":repository/{name}")
    assert ecr["repository_url"] == f"{ecr['registry']}/{ecr['repository_name']}"
    assert ecr["repository_name"] != ecr["cache_repository_name"]


def test_a_tag_is_pushed_once(deploy: RegistryChecks) -> None:
    """The deploy repository refuses a tag that it has."""
    assert deploy.refuses_a_second_push_of_a_tag()


def test_the_cache_takes_a_tag_again(cache: RegistryChecks) -> None:
    """The cache repository must accept a repeated tag, which the deploy repository refuses; the check distinguishes them."""
    assert cache.accepts_a_second_push_of_a_tag()
    verdict = cache.refuses_a_second_push_of_a_tag()
    assert "moved the tag" in str(verdict)
    assert "aws_ecr_repository.cache (infrastructure/modules/ecr/cache-repository.tf:2)" in str(verdict)


def test_a_probe_leaves_nothing(deploy: RegistryChecks) -> None:
    """Proving immutability leaves no image behind."""
    assert deploy.refuses_a_second_push_of_a_tag()
    left = [tag for image in deploy.images() for tag in image.tags]
    assert left == [], f"the probe left images under {left}"


def test_images_are_scanned_and_encrypted(deploy: RegistryChecks) -> None:
    """Every image for deployment is scanned and encrypted."""
    assert deploy.scans_on_push()
    assert deploy.is_encrypted()


def test_untagged_images_do_not_pile_up(deploy: RegistryChecks, cache: RegistryChecks) -> None:
    """Images without a tag expire within a day in both repositories."""
    assert deploy.untagged_images_expire(within_days=1)
    assert cache.untagged_images_expire(within_days=1)
    assert cache.is_encrypted()


def test_the_rule_selects_releases(deploy: RegistryChecks) -> None:
    """The tags that the buildspec makes, with the environment's name, are the tags that the lifecycle rule counts."""
    (tag,) = release_tags(BUILDSPEC, environment="dev")
    assert deploy.lifecycle_selects([tag])


def test_ten_releases_stay(deploy: RegistryChecks) -> None:
    """The two oldest of twelve releases expire, by the second rule, however young they are."""
    images = [release(number, age=number / 100) for number in range(12)]
    expired = deploy.expires(images, now=1000 * DAY)
    assert expired == {images[10].digest: 2, images[11].digest: 2}, (
        "expected the ten youngest of twelve releases to stay, so that a rollback finds its image; these expire, each with the"
        f" priority of its rule: {[(image.tags, expired[image.digest]) for image in images if image.digest in expired]}"
    )


def test_age_alone_takes_no_release(deploy: RegistryChecks) -> None:
    """A release without a successor stays, however old it is."""
    expired = deploy.expires([release(1, age=900)], now=1000 * DAY)
    assert expired == {}, (
        f"a release that still runs expires by age, by the rule with priority {list(expired.values())}"
    )


def test_untagged_images_go_after_a_day(deploy: RegistryChecks) -> None:
    """An untagged image goes after a day, by the first rule; a younger one stays."""
    old, young = (Image(f"sha256:{n:064x}", (1000 - age) * DAY) for n, age in ((1, 1.1), (2, 0.9)))
    expired = deploy.expires([old, young], now=1000 * DAY)
    assert expired == {old.digest: 1}, (
        f"expected the image of 1.1 days to expire by rule 1 and that of 0.9 days to stay; expired, by rule: {expired}"
    )


def test_the_cache_stays_as_long_as_it_has_its_tag(cache: RegistryChecks) -> None:
    """The image that the next build reads its layers from stays, however old it is."""
    expired = cache.expires([Image(f"sha256:{1:064x}", 100 * DAY, ("cache",))], now=1000 * DAY)
    assert expired == {}, f"the layer cache expires by the rule with priority {list(expired.values())}"


def test_a_cache_stops_no_destroy(ecr: Any) -> None:
    """The cache repository is deleted with its images, whatever becomes of the releases."""
    repositories = {each["name"]: each["force_delete"] for each in resources(ecr, "aws_ecr_repository")}
    assert repositories[ecr["cache_repository_name"]] is True


def test_nothing_is_left_to_do(state_checks: Callable[..., StateChecks], ecr: Any) -> None:
    """A plan after the apply is empty."""
    assert state_checks(ecr).plan_is_empty(ecr)
