"""ECR: repositories, images, layers and their policies, on a store of its own.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pushproof.emulator.services.ecr.downloads import DownloadUrls
from pushproof.emulator.services.ecr.images import ImageOperations
from pushproof.emulator.services.ecr.layers import LayerOperations
from pushproof.emulator.services.ecr.lifecycle import LifecycleOperations
from pushproof.emulator.services.ecr.registrywide import RegistryOperations
from pushproof.emulator.services.ecr.repositories import RepositoryOperations
from pushproof.emulator.services.ecr.store import Store
from pushproof.emulator.services.ecr.tokens import Tokens

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site


class EcrService(RegistryOperations, RepositoryOperations, ImageOperations, LayerOperations, LifecycleOperations):
    """The ECR API; `WorldSettings.ecr` holds its settings."""

    kept: ClassVar[frozenset[str]] = frozenset({"PutReplicationConfiguration"})

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.settings = site.settings.ecr
        self.store = Store(site, self.settings)
        self.tokens = Tokens()
        self.registries = {}
        self.downloads = DownloadUrls(site)
        if self.settings.lifecycle_interval is not None:
            site.loop.call_later(self.settings.lifecycle_interval, self._daily, name="ecr lifecycle")

    def close(self) -> None:
        self.store.close()
