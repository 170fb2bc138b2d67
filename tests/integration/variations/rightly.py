"""Variations of the reference that are as right as the reference: each a list of edits of a copy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Edit = Callable[[Path], None]

_DEV, _PROD = "infrastructure/environments/dev", "infrastructure/environments/prod"
_ECR = "infrastructure/modules/ecr"
_KEY = """\
# Images are encrypted with a key of our own: who may use it is decided here, and each use is on record.
resource "aws_kms_key" "images" {
  description             = "Images of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
}
"""


@dataclass(frozen=True, slots=True)
class Variation:
    """A name, a reason why it is right, and the edits that make it."""

    name: str
    reason: str
    edits: tuple[Edit, ...] = field(repr=False)

    def apply(self, root: Path) -> None:
        """Edit a copy of the repository. Raises AssertionError when the text to be replaced is not there."""
        for edit in self.edits:
            edit(root)


def replace(path: str, old: str, new: str) -> Edit:
    """Return an edit that replaces a regular expression wherever it matches in a file, once at least."""

    def edit(root: Path) -> None:
        file = root / path
        text, count = re.subn(old, new, file.read_text(), flags=re.M)
        assert count, f"{path} has nothing that matches {old!r}: bring the variation up to date"
        file.write_text(text)

    return edit


def create(path: str, text: str) -> Edit:
    """Return an edit that creates a file."""

    def edit(root: Path) -> None:
        assert not (root / path).exists(), f"{path} exists"
        (root / path).write_text(text)

    return edit


THREE_ZONES = Variation(
    "three-zones",
    "A third zone costs a NAT gateway and outlives the loss of one better.",
    tuple(
        replace(f"{path}/terraform.tfvars", r"^zones( +)= .*$", r'zones\1= ["a", "b", "c"]') for path in (_DEV, _PROD)
    ),
)
ANOTHER_CIDR = Variation(
    "another-cidr",
    "Any private block does, as long as no other environment has it.",
    (
        replace(f"{_DEV}/terraform.tfvars", "10.0.0.0/16", "172.20.0.0/20"),
        replace(f"{_PROD}/terraform.tfvars", "10.1.0.0/16", "172.20.16.0/20"),
    ),
)
RENAMED = Variation(
    "renamed",
    "A project has a name of its own, and its application a port and a health path of its own.",
    (
        *(
            replace(f"{path}/variables.tf", r'^  default( +)= "pushproof"$', r'  default\1= "storefront"')
            for path in (_DEV, _PROD)
        ),
        *(
            replace(
                f"{path}/main.tf",
                r"^  container_name( +)= local\.container_name$",
                r"  container_name\1= local.container_name\n"
                r"  container_port\1= 9000\n"
                r'  health_check_path = "/ready"',
            )
            for path in (_DEV, _PROD)
        ),
        replace("app/Dockerfile", r"^EXPOSE 8080$", "EXPOSE 9000"),
        replace(
            "app/webapp/routes.py", r'^    "/health": healthz,$', '    "/health": healthz,\n    "/ready": healthz,'
        ),
    ),
)
SINGLE_NAT = Variation(
    "single-nat-in-dev",
    "Development may share a NAT gateway, where terraform.tfvars says what that saves and what it risks.",
    (
        replace(
            f"{_DEV}/terraform.tfvars",
            r"^single_nat_gateway = false$",
            "# Saves a gateway's price; when its zone fails, development waits.\nsingle_nat_gateway = true",
        ),
    ),
)
CUSTOMER_KEY = Variation(
    "customer-key",
    "A key of one's own says who may read images, and records each use.",
    (
        create(f"{_ECR}/key.tf", _KEY),
        *(
            replace(
                f"{_ECR}/{name}-repository.tf",
                r'^    encryption_type = "AES256"$',
                '    encryption_type = "KMS"\n    kms_key         = aws_kms_key.images.arn',
            )
            for name in ("deploy", "cache")
        ),
    ),
)
SINGLE = (THREE_ZONES, ANOTHER_CIDR, RENAMED, SINGLE_NAT, CUSTOMER_KEY)
ALL_AT_ONCE = Variation(
    "all-at-once",
    "Variations that are right are right together.",
    tuple(edit for variation in SINGLE for edit in variation.edits),
)
