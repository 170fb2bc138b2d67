"""Runtimes that a build image offers to `runtime-versions`.

https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html and, for the messages, build logs: "Unknown runtime
named 'docker'. This build image has the following runtimes: dotnet, golang, java, nodejs, php, python, ruby"
"""

from __future__ import annotations

import re

from pushproof.engines.buildspec.errors import InvalidValue, MissingKey
from pushproof.engines.buildspec.model import Buildspec, Phase

_CURRENT = ("dotnet", "golang", "java", "nodejs", "php", "python", "ruby")
_FORMER = ("android", "docker", *_CURRENT)
_IMAGE = re.compile(
    r"aws/codebuild/(standard|amazonlinux2?-(x86_64|aarch64)-standard):[1-9](\.\d+)?(-\d\d\.\d\d\.\d\d)?"
)
_UBUNTU = re.compile(r"aws/codebuild/standard:(\d+)\.")
_AMAZON_LINUX = re.compile(r"aws/codebuild/amazonlinux2?-(?:x86_64|aarch64)-standard:(\d+)\.")


def is_linux_image(image: str) -> bool:
    """Return whether an image is one of CodeBuild's Linux images of today: Ubuntu's or Amazon Linux's standard images.

    https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
    """
    return _IMAGE.fullmatch(image) is not None


def runtimes_of(image: str) -> tuple[str, ...]:
    """The runtimes of an image; empty where runtimes cannot be selected."""
    if ubuntu := _UBUNTU.match(image):
        return () if int(ubuntu[1]) < 2 else _FORMER if int(ubuntu[1]) < 6 else _CURRENT
    if amazon := _AMAZON_LINUX.match(image):
        return _FORMER if int(amazon[1]) < 4 else _CURRENT
    return ()


def check_runtimes(spec: Buildspec, image: str) -> list[str]:
    """Return the log's lines about the selected runtimes.

    Which versions an image has changes with every release of it and is not checked.
    Raises BuildspecError for a runtime that the image does not have, or for none where one is needed.
    """
    install = spec.phases.get(Phase.INSTALL)
    selected = install.runtime_versions if install is not None else {}
    runtimes = runtimes_of(image)
    if not selected:
        # troubleshooting.html#troubleshooting-build-must-specify-runtime: the first images that had a choice.
        if image in ("aws/codebuild/standard:2.0", "aws/codebuild/amazonlinux2-x86_64-standard:1.0"):
            raise MissingKey(
                "This build image requires selecting at least one runtime version.",
                install.line if install is not None else 1,
                "add runtime-versions to the install phase",
            )
        return ["No runtime version selected in buildspec."] if runtimes else []
    if not runtimes:
        return ["Skipping install of runtimes. Runtime version selection is not supported by this build image."]
    assert install is not None
    lines = []
    for name, version in selected.items():
        if name not in runtimes:
            raise InvalidValue(
                f"Unknown runtime named '{name}'. This build image has the following runtimes: {', '.join(runtimes)}",
                install.line,
                "remove it from runtime-versions" if name == "docker" else "choose one of those",
            )
        lines.append(f"Selecting '{name}' runtime version '{version}' based on manual selections...")
    return lines
