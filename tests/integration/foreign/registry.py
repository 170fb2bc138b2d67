"""A module registry of the modules in a folder, so that `source = "terraform-aws-modules/vpc/aws"` stays unchanged.

A `host` block in Terraform's CLI configuration leads registry.terraform.io's modules here; Terraform still
chooses versions. Protocol: https://developer.hashicorp.com/terraform/internals/module-registry-protocol
"""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class ModuleRegistry:
    """Serves `<folder>/<owner>/terraform-<provider>-<name>/<version>` as `<owner>/<name>/<provider>`, until it is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def log_message(self, *_: object) -> None:
                """Keep the tests' output to the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="module registry", daemon=True)
        self._thread.start()

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        """Answer `/<owner>/<name>/<provider>/versions` and `/<owner>/<name>/<provider>/<version>/download`."""
        owner, name, provider, *rest = asked.path.strip("/").split("/")
        home = self.folder / owner / f"terraform-{provider}-{name}"
        if rest == ["versions"] and home.is_dir():
            versions = [{"version": place.name} for place in sorted(home.iterdir()) if not place.name.startswith(".")]
            body = json.dumps({"modules": [{"versions": versions}]}).encode()
            asked.send_response(HTTPStatus.OK)
            asked.send_header("Content-Type", "application/json")
        elif rest[1:] == ["download"] and (home / rest[0]).is_dir():
            body = b""
            asked.send_response(HTTPStatus.NO_CONTENT)
            asked.send_header("X-Terraform-Get", (home / rest[0]).as_uri())
        else:
            body = json.dumps({"errors": [f"{asked.path} is not among the pinned modules"]}).encode()
            asked.send_response(HTTPStatus.NOT_FOUND)
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body)

    def configuration(self) -> str:
        """The part of a Terraform CLI configuration that leads here."""
        url = f"http://127.0.0.1:{self._server.server_port}/"
        return f'host "registry.terraform.io" {{\n  services = {{\n    "modules.v1" = "{url}"\n  }}\n}}\n'

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
