"""The shop's worker: completes the orders that are placed, as soon as it hears of them."""

import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as link:
    link.execute("LISTEN orders")
    print("waiting for orders", flush=True)
    while True:
        link.execute("UPDATE orders SET status = 'completed' WHERE status = 'placed'")
        for _ in link.notifies(stop_after=1):
            pass
