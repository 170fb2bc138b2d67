"""ECR: repositories, images, layers and their policies, on a store of its own.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.registry.front import Registry
from pushproof.emulator.services.ecr.images import ImageOperations
from pushproof.emulator.services.ecr.layers import LayerOperations
from pushproof.emulator.services.ecr.lifecycle import LifecycleOperations
from pushproof.emulator.services.ecr.registrywide import RegistryOperations
from pushproof.emulator.services.ecr.repositories import RepositoryOperations
from pushproof.emulator.services.ecr.store import Store
from pushproof.emulator.services.ecr.tokens import Tokens

if TYPE_CHECKING:
    from pushproof.emulator.world import World


class EcrService(RegistryOperations, RepositoryOperations, ImageOperations, LayerOperations, LifecycleOperations):
    """The ECR API. Settings come from the world's `engines["ecr"]`, an `EcrSettings`."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.settings = world.settings.ecr
        self.store = Store(world, self.settings)
        self.tokens = Tokens()
        self.registries = {}
        world.registry = Registry(world, self)
        if self.settings.lifecycle_interval is not None:
            world.loop.call_later(self.settings.lifecycle_interval, self._daily, name="ecr lifecycle")

    def close(self) -> None:
        self.store.close()
