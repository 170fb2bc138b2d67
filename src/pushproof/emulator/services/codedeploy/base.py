"""Base of CodeDeploy's groups of operations: look-ups that raise AWS's errors, and paging."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from pushproof.aws.tags import broken_rule, tag_pairs
from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.paging import CamelMore, CamelToken, camel_page
from pushproof.emulator.services import Service
from pushproof.engines.codedeploy import PREDEFINED

from .model import Application, DeploymentConfig, DeploymentGroup, Record, Region

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,100}")
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html
_MOST_NAMES = 100


class CodeDeployBase(Service):
    """State of each region, and look-ups."""

    own_words = True

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.regions: dict[tuple[str, str], Region] = {}

    def region(self, context: RequestContext) -> Region:
        return self.regions.setdefault(context.scope, self._new_region(*context.scope))

    def _new_region(self, account_id: str, name: str) -> Region:
        region = Region(account_id, name)
        region.configs = {
            config: DeploymentConfig(config, routing, self.site.clock.now()) for config, routing in PREDEFINED.items()
        }
        return region

    def find_application(self, region: Region, name: str) -> Application:
        _check_name("Application", name)
        application = region.applications.get(name)
        if application is None:
            raise AwsError("ApplicationDoesNotExistException", f"No application found for name: {name}")
        return application

    def find_group(self, region: Region, application: str, name: str | None) -> DeploymentGroup:
        if not name:
            raise AwsError("DeploymentGroupNameRequiredException", "The deployment group name was not specified.")
        _check_name("DeploymentGroup", name)
        group = self.find_application(region, application).groups.get(name)
        if group is None:
            raise AwsError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}")
        return group

    def find_config(self, region: Region, name: str) -> DeploymentConfig:
        _check_name("DeploymentConfig", name)
        config = region.configs.get(name)
        if config is not None:
            return config
        if name.startswith("CodeDeployDefault."):
            raise AwsError(
                "InvalidDeploymentConfigNameException",
                f"The deployment configuration {name} is not one of the ECS compute platform: {', '.join(PREDEFINED)}.",
            )
        raise AwsError("DeploymentConfigDoesNotExistException", f"No Deployment Configuration found for name: {name}")

    def find_deployment(self, region: Region, identifier: str | None) -> Record:
        if not identifier:
            raise AwsError("DeploymentIdRequiredException", "At least one deployment ID must be specified.")
        if not re.fullmatch(r"d-[A-Z0-9]{9}", identifier):
            raise AwsError("InvalidDeploymentIdException", f"The deployment id {identifier} is not valid.")
        record = region.deployments.get(identifier)
        if record is None:
            raise AwsError("DeploymentDoesNotExistException", f"The deployment {identifier} could not be found")
        return record


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AwsError(
            f"Invalid{kind}NameException",
            f"{name} is not a valid name: 1 to 100 letters, digits and any of + = , . @ _ - are expected.",
        )


def check_new_name(kind: str, name: str) -> None:
    """Refuse a name that no resource may have."""
    _check_name(kind, name)
    if kind == "DeploymentConfig" and name.startswith("CodeDeployDefault"):
        raise AwsError(
            "InvalidDeploymentConfigNameException",
            "Deployment configuration names cannot begin with CodeDeployDefault.",
        )


def check_tags(tags: Iterable[Mapping[str, object]] | None, present: Mapping[str, str] | None = None) -> None:
    """Refuse what no tag may be."""
    broken = broken_rule(tag_pairs(tags), present=present or ())
    if broken is not None:
        raise AwsError("InvalidTagsToAddException", broken.text)


def check_batch(names: list[str]) -> None:
    """Refuse a request for more than a hundred things."""
    if len(names) > _MOST_NAMES:
        raise AwsError(
            "BatchLimitExceededException",
            "The maximum number of names or IDs allowed for this request (100) was exceeded.",
        )


def page(items: Iterable[T], request: CamelToken) -> tuple[list[T], CamelMore]:
    """Return one page of a list, and `{"nextToken": …}` if there are more."""
    refusal = AwsError("InvalidNextTokenException", "The next token was specified in an invalid format.")
    return camel_page(items, request, refusal)
