"""One of the guide's services, told by SERVICE which."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2


def health():
    checks = {}
    if "DATABASE_URL" in os.environ:
        url = os.environ["DATABASE_URL"].replace("+psycopg2", "")
        try:
            psycopg2.connect(url, connect_timeout=1).close()
            checks["store"] = "up"
        except psycopg2.OperationalError:
            checks["store"] = "down"
    well = "down" not in checks.values()
    return (200 if well else 503), {"status": "ok" if well else "unavailable", **checks}


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        status, document = health() if self.path == "/healthz" else (200, [])
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("", 9000), Service).serve_forever()
