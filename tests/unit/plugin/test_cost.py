"""The plugin costs a run that does not use it next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys

_ASK = """
import json, sys
import pytest, _pytest.pytester
before = set(sys.modules)
import pushproof.plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_importing_the_plugin_imports_little() -> None:
    """Beside what pytest has imported, only the plugin itself and the verdicts that its hooks look for."""
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == ["pushproof", "pushproof.checks", "pushproof.checks.verdict", "pushproof.plugin"]
