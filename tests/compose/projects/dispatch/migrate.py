"""Makes the database and its tables."""

import os

import psycopg2

url = os.environ["DATABASE_URL"]
server = psycopg2.connect(url.rsplit("/", 1)[0] + "/postgres")
server.autocommit = True
with server.cursor() as cursor:
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'dispatch'")
    if cursor.fetchone() is None:
        cursor.execute("CREATE DATABASE dispatch")
with psycopg2.connect(url) as database, database.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, item text)")
