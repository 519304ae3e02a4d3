"""Answers every GET with 200 and a JSON health; PORT says where, WITHOUT_REUSE how it binds."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/end":
            os._exit(3)
        body = b'{"status": "healthy"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer.allow_reuse_address = "WITHOUT_REUSE" not in os.environ
try:
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
except OSError as error:
    sys.exit(f"cannot listen: {error.strerror}")
