"""Sends N tasks from many threads and waits until all results are stored. Prints the seconds."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import psycopg
from celery_app import simulate

number, clients, circuit, shots = (
    int(sys.argv[1]),
    int(sys.argv[2]),
    sys.argv[3],
    int(sys.argv[4]),
)
simulate.apply_async((circuit, shots)).get(timeout=60)  # connected, and its tables made
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:

    def stored() -> int:
        row = database.execute("SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS'")
        found = row.fetchone()
        assert found is not None
        return int(found[0])

    before = stored()
    began = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        for sent in [pool.submit(simulate.delay, circuit, shots) for _ in range(number)]:
            sent.result()
    while stored() < before + number:
        time.sleep(0.02)
print(perf_counter() - began)
