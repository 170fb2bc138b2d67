"""CPU and memory of a task in AWS's notations: units and MiB, or with `vCPU` and `GB`.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
"""

from __future__ import annotations

import re

# CPU units -> MiB: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
FARGATE_MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
_SIZE = re.compile(r"\s*(\d{1,9}|\d{0,9}\.\d{1,9})\s*(vcpus?|gb)?\s*", re.IGNORECASE | re.ASCII)


def cpu_units(size: str | None) -> int | None:
    """Parse CPU units: `"256"`, `".25 vCPU"` -> 256. None for text that is no size."""
    return _read(size, "vcpu")


def mebibytes(size: str | None) -> int | None:
    """Parse MiB: `"512"`, `"0.5 GB"` -> 512. None for text that is no size."""
    return _read(size, "gb")


def _read(size: str | None, unit: str) -> int | None:
    match = _SIZE.fullmatch(str(size or ""))
    if match is None:
        return None
    number, spelled = match.groups()
    if spelled is None:
        return int(number) if number.isdigit() and int(number) else None
    return round(float(number) * 1024) or None if spelled.lower().startswith(unit) else None
