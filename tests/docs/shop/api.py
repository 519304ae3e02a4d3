"""The shop's API: takes orders, and tells what became of them."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg


def sql(statement: str, *params: object) -> tuple[object, ...]:
    with psycopg.connect(os.environ["DATABASE_URL"]) as link:
        row = link.execute(statement, params).fetchone()
        assert row is not None
        return row


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer({"status": "healthy", "version": "1.4.2"})
        else:
            number = int(self.path.rpartition("/")[2])
            (status,) = sql("SELECT status FROM orders WHERE id = %s", number)
            self.answer({"id": number, "status": status})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Idempotency-Key"]
        number, _ = sql(
            "INSERT INTO orders (key, product) VALUES (%s, %s) "
            "RETURNING id, pg_notify('orders', '')",
            key,
            asked["product"],
        )
        self.answer({"id": number, "status": "placed"})

    def answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Api).serve_forever()
