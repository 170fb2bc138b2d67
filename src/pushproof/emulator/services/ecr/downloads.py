"""URLs that return layers without a login: the answers of GetDownloadUrlForLayer, valid for an hour.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from pushproof.base.clock import unshortened
from pushproof.emulator.services.ecr.model import Repository

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Ground

PREFIX = "/_ecr/"
_LIFETIME = 3600.0


class DownloadUrls:
    """Issues URLs of layers, and keeps those that are still valid."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._issued: dict[str, tuple[str, float]] = {}

    def url(self, repository: Repository, digest: str) -> str:
        """Return a URL of the gateway that returns the layer for an hour."""
        secret = secrets.token_urlsafe(32)
        self._issued[secret] = (digest, self._ground.clock.now() + unshortened(self._ground.clock, _LIFETIME))
        return f"{self._ground.endpoint.url}{PREFIX}{quote(repository.name)}/{digest}?{urlencode({'token': secret})}"

    def permits(self, secret: str, digest: str) -> bool:
        """Return whether a token was issued for the layer and has not expired."""
        issued, until = self._issued.get(secret, ("", 0.0))
        return issued == digest and self._ground.clock.now() <= until
