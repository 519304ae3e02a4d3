"""Makes the one table of the system under trial."""

import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as link:
    link.execute("CREATE TABLE things (key text NOT NULL)")
