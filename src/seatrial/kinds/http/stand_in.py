"""`python -m seatrial.kinds.http.stand_in HOST PORT`: a program that answers in a service's place.

It gives one answer to everything. Drills put it where a service should be; it is no model of any.
"""

from __future__ import annotations

import argparse
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--body", default='{"status": "healthy"}')
    parser.add_argument("--after", type=float, default=0.0, help="seconds to the answer")
    options = parser.parse_args()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            threading.Event().wait(options.after)  # being late is what it is for
            body = str(options.body).encode()
            self.send_response(options.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  (names of its base)

        def log_message(self, format: str, *args: object) -> None:
            """What it is asked is nobody's concern."""

    ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
