"""What tests of several rooms share."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# How long an example takes says nothing here: machines are busy, and no test of ours asserts times.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As a shell's background job, which hands this on: what tests start must take Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # likewise below nohup


@pytest.fixture(scope="session")
def seatrial_home() -> Iterator[Path]:
    """A base folder for deployments that meet nobody else's; for SEATRIAL_HOME.

    Below /var/tmp, since pytest's own folders let no other user through, and servers run as one.
    """
    folder = Path(tempfile.mkdtemp(prefix="seatrial-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
