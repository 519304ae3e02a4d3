"""Runs until it is told to end, or until the file END appears in its working folder."""

import pathlib
import time

print("worker: at work", flush=True)
while not pathlib.Path("END").exists():
    time.sleep(0.01)
raise SystemExit("worker: found END")
