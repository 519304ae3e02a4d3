"""What comes from files of others may be of any length, and closed to us."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.kinds.containers import content_of, port_of

_READ = """
import os, sys
from pathlib import Path
from seatrial.kinds.containers import content_of
os.seteuid(65534)
print(content_of(Path(sys.argv[1])))
"""


@pytest.mark.parametrize(
    ("text", "port"),
    [("80", 80), ("65535", 65535), ("65536", None), ("0", None), ("", None), ("9" * 5000, None),
     ("80a", None), ("٨٠", None), ("-1", None)],
)  # fmt: skip
def test_ports(text: str, port: int | None) -> None:
    assert port_of(text) == port


def test_a_name_that_is_too_long_is_no_file(tmp_path: Path) -> None:
    assert content_of(tmp_path / ("x" * 300)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="a folder that another user may not enter")
def test_a_folder_that_is_closed_to_us(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed" / "file").write_text("there")
    argv = (sys.executable, "-c", _READ, str(tmp_path / "closed" / "file"))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("None\n", 0), done.stderr
