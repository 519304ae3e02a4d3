"""Takes orders."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
from broker import open_channel


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/health":
            return self.answer(404, {"detail": "Not Found"})
        try:
            psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=1).close()
            open_channel().connection.close()
        except Exception as error:
            return self.answer(503, {"status": "unhealthy", "error": type(error).__name__})
        return self.answer(200, {"status": "healthy"})

    def do_POST(self):
        item = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with psycopg2.connect(os.environ["DATABASE_URL"]) as db, db.cursor() as cursor:
            cursor.execute("INSERT INTO orders (item) VALUES (%s) RETURNING id", [item])
            number = cursor.fetchone()[0]
        channel = open_channel()
        channel.basic_publish("", "orders", json.dumps({"id": number}).encode())
        channel.connection.close()
        self.answer(201, {"id": number})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 8001), Api).serve_forever()
