"""Leaves a grandchild behind in a session of its own, which ignores SIGTERM, then says READY."""

import os
import runpy
import signal
import sys
from pathlib import Path

left, right = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(right, b"%d" % os.getpid())
    signal.pause()
    os._exit(0)
print("grandchild", os.read(left, 20).decode(), flush=True)
runpy.run_path(str(Path(sys.argv[0]).with_name("sleeper.py")))
