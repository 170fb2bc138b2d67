"""The shop: /health while it is well, /version with the commit of its image."""

import http.server
import json
import os
import signal
import threading


class Shop(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        known = {"/": {"shop": "open"}, "/health": {"status": "ok"}, "/version": {"commit": os.environ["COMMIT"]}}
        body = json.dumps(known.get(self.path, {"error": "not found"})).encode()
        self.send_response(200 if self.path in known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Write nothing: health checks would fill the log."""


class Server(http.server.ThreadingHTTPServer):
    """All connections."""

    daemon_threads = True


if __name__ == "__main__":
    server = Server(("", 8000), Shop)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
