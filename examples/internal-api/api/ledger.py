"""The ledger: needs its credentials to start, and tells its build in a header of every answer."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = os.environ["LEDGER_USER"], os.environ["LEDGER_PASSWORD"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(204 if self.path == "/healthz" else 200)
        self.send_header("X-Build", os.environ["SHA"])
        if self.path != "/healthz":
            self.send_header("Content-Length", "3")
        self.end_headers()
        if self.path != "/healthz":
            self.wfile.write(b"ok\n")


def stop(*_: object) -> None:
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
ThreadingHTTPServer(("", 5000), Handler).serve_forever()
