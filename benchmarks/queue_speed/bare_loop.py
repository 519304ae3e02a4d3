"""The floor of the work: parse, run and count, in a loop on one core. Prints seconds for N."""

from __future__ import annotations

import os
import sys
from time import perf_counter

from quantum_queue.worker.frames import Order
from quantum_queue.worker.runner import Runner

number, circuit, shots = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
runner = Runner(24)
runner.warm_up()
began = perf_counter()
for _ in range(number):
    counts = runner.run(Order(circuit=circuit, shots=shots)).counts
    assert counts is not None
    assert sum(counts.values()) == shots
print(perf_counter() - began)
