"""Headless Chromium, asked about a page; pages run in it as they do for readers."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def axe() -> Path | None:
    """axe-core's script: of `npm install axe-core` beside the tests, or where PUSHPROOF_AXE says; None when it is not there."""
    named = os.environ.get("PUSHPROOF_AXE", "node_modules/axe-core/axe.min.js")
    return Path(named) if Path(named).is_file() else None


def ask(
    page: str, directory: Path, expression: str, *, width: int = 1440, dark: bool = False, scripts: str = ""
) -> Any:
    """Open a page of a width in a frame, and return what an expression of JavaScript (`page` is its window) comes to.

    The frame brings widths below a window's smallest. The page's policy is left out, since it would rightly stop `scripts`.
    """
    assert CHROMIUM is not None
    framed = _POLICY.sub("", page).replace("</body>", f"{scripts}</body>")
    if dark:
        framed = framed.replace('<html lang="en">', '<html lang="en" data-theme="dark">', 1)
    around = f"""<!doctype html><title>frame</title><body style="margin:0">
<iframe id="f" style="border:0" width="{width}" height="3000" srcdoc="{html.escape(framed)}"></iframe><script>
addEventListener("load", async function () {{
  var page = document.getElementById("f").contentWindow, answer;
  try {{ answer = await ({expression}); }} catch (error) {{ answer = "failed: " + error; }}
  document.body.innerHTML = "";
  document.title = JSON.stringify(answer);
}});</script>"""
    file = directory / "frame.html"
    file.write_text(around, encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={directory / 'profile'}",
         "--virtual-time-budget=60000", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None, done.stderr[-2000:]
    return json.loads(html.unescape(title[1]))
