"""`random_pet`, put into Terraform's own words: many examples need another provider for a random name and nothing else.

`terraform_data` keeps what matters: the name is known after the apply only, as a random one is. A world of its own has no names to
collide with.
"""

from __future__ import annotations

import re
from pathlib import Path

_PROVIDER = re.compile(r"^ *random = \{\n(?:.*\n)*?^ *\}\n", re.MULTILINE)
_RESOURCE = re.compile(r'^resource "random_pet" "(\w+)" \{\n(?:.*\n)*?^\}\n', re.MULTILINE)


def without_random_pets(directory: Path) -> None:
    """Rewrite the configuration in a directory, a working copy, so that it needs no `hashicorp/random` for its `random_pet`s."""
    for file in directory.glob("*.tf"):
        text = file.read_text()
        written = _RESOURCE.sub(r'resource "terraform_data" "pet_\1" {\n  input = "wise-otter-\1"\n}\n', text)
        written = re.sub(r"random_pet\.(\w+)\.id", r"terraform_data.pet_\1.output", written)
        written = _PROVIDER.sub("", written)
        if written != text:
            file.write_text(written)
