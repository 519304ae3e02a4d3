"""Runs until it is told to end, or until the file END appears in its working folder.

It leaves the file `started/ID` there, ID being its deployment's, which outlives the deployment.
"""

import os
import pathlib
import time

started = pathlib.Path("started")
started.mkdir(exist_ok=True)
(started / os.environ["SEATRIAL_DEPLOYMENT"]).touch()
print("worker: at work", flush=True)
while not pathlib.Path("END").exists():
    time.sleep(0.01)
raise SystemExit("worker: found END")
