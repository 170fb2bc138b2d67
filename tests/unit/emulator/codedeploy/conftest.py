"""A scripted world with a service that CodeDeploy deploys to."""

from __future__ import annotations

import pytest
from tests.unit.emulator.codedeploy.bluegreen import BlueGreen
from tests.unit.emulator.ecs.conftest import code, stack

__all__ = ["code", "stack"]


@pytest.fixture
def blue_green(stack):  # type: ignore[no-untyped-def]
    return BlueGreen(stack)
