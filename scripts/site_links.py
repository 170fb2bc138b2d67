"""A hook of mkdocs: links that leave docs/ name their file in the site, and the pages of checks are in the navigation.

In the repository, pages link files beside docs/ by relative paths. The site has only docs/: it shows the path, or links it where
`repo_url` is set. A file that does not exist is a warning, which fails a strict build.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(((?:\.\./)+[^)#\s]*)(#[^)\s]*)?\)")
log = logging.getLogger("mkdocs.hooks.site_links")


def on_config(config: Any) -> Any:
    """Add the pages of checks to the navigation."""
    pages = sorted(f"checks/{path.name}" for path in (ROOT / "docs" / "checks").glob("*.md") if path.name != "index.md")
    for section in config["nav"]:
        if isinstance(section, dict) and "Checks" in section:
            section["Checks"] = ["checks/index.md", *pages]
    return config


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Rewrite the links of a page that leave docs/."""
    repository = config.get("repo_url")
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")

    def outside(match: re.Match[str]) -> str:
        text, link, anchor = match[1], match[2], match[3] or ""
        path = posixpath.normpath(posixpath.join(folder, link))
        if path.startswith("docs/"):
            return match[0]
        if path.startswith("..") or not (ROOT / path).exists():
            log.warning("%s links to %s, which is not in the repository", page.file.src_uri, link)
            return match[0]
        if repository:
            return f"[{text}]({repository.rstrip('/')}/blob/main/{path}{anchor})"
        return f"{text} (`{path}`)"

    return _LINK.sub(outside, markdown)
