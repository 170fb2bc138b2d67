"""The catalog service: answers every path below /catalog, and /ping for the load balancer."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        known = self.path == "/ping" or self.path.startswith("/catalog/")
        body = b"catalog\n" if known else b"no such page\n"
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def stop(*_: object) -> None:
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
