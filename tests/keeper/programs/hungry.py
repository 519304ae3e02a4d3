"""Holds 64 MiB together with a child, has let another child compute for half a second, and computes
on and on; says READY once it does."""

import os
import runpy
import sys
import threading
import time
from pathlib import Path


def compute(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


held = b"\x01" * (64 << 20)
if os.fork() == 0:
    threading.Event().wait()
child = os.fork()
if child == 0:
    compute(0.5)
    os._exit(0)
os.waitpid(child, 0)
if "COMPUTES" in os.environ:
    threading.Thread(target=compute, args=(3600,), daemon=True).start()
runpy.run_path(str(Path(sys.argv[0]).with_name("sleeper.py")))
