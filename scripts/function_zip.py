"""Write the zips of functions in Terraform from their sources: `python scripts/function_zip.py`; `--check` exits 1 when it is old.

Terraform uploads a zip, and has no way to make one without another provider. The same source makes the same bytes.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT / "infrastructure/modules/ecs/functions", ROOT / "examples/codedeploy/infra/functions")


def zipped(source: Path) -> bytes:
    """Return a zip of one file, without anything that depends on the day or the machine."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo(source.name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16
        entry.create_system = 3
        archive.writestr(entry, source.read_bytes())
    return content.getvalue()


def main(check: bool) -> int:
    for source in sorted(path for folder in FOLDERS for path in folder.glob("*.py")):
        target = source.with_suffix(".zip")
        new = zipped(source)
        if check and (not target.exists() or target.read_bytes() != new):
            print(f"{target} is old: run python scripts/function_zip.py")
            return 1
        target.write_bytes(new)
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
