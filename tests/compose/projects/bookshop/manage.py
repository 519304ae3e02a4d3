"""A bookshop with pages, a database and a cache, called as a Django project is."""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis


def database():
    return psycopg2.connect(
        host=os.environ["DB_HOST"],
        dbname=os.environ["DB_NAME"],
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        connect_timeout=2,
    )


def cache():
    return redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2)


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            self.page()
        except Exception as error:  # as Django does
            self.answer(500, f"<h1>Server Error (500)</h1><!-- {type(error).__name__} -->")

    def page(self):
        if self.path == "/":
            visits = cache().incr("visits")
            with database() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM books")
                books = cursor.fetchone()[0]
            self.answer(200, f"<h1>{books} books</h1><p>{visits} visits</p>")
        elif self.path == "/admin/":
            self.answer(302, "", location="/admin/login/")
        else:
            self.answer(404, "<h1>Not Found</h1>")

    def answer(self, status, text, location=None):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)


def runserver(address):
    with database() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS books (id serial PRIMARY KEY, title text)")
    host, _, port = address.partition(":")
    ThreadingHTTPServer((host, int(port)), Pages).serve_forever()


def send_mails():
    while True:
        cache().blpop("mails", timeout=1)


if __name__ == "__main__":
    try:
        {"runserver": runserver, "send_mails": send_mails}[sys.argv[1]](*sys.argv[2:])
    except (psycopg2.OperationalError, redis.ConnectionError) as error:
        time.sleep(0.5)  # compose starts it again
        sys.exit(f"not there yet: {error}")
