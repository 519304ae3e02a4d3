"""Makes the shop's only table."""

import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as link:
    link.execute(
        "CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, key text NOT NULL, "
        "product int NOT NULL, status text NOT NULL DEFAULT 'placed')"
    )
