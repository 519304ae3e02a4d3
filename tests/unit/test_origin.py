"""The command that installs Seatrial once more, wherever it came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seatrial
from seatrial.origin import pip_install

GIT = {"vcs": "git", "commit_id": "0c1d"}


@pytest.mark.parametrize(
    ("origin", "given"),
    [
        (None, "'seatrial[servers]'"),
        ({"url": "file:///srv/sea%20trial", "dir_info": {}}, "'/srv/sea trial[servers]'"),
        (
            {"url": "https://example.test/s.git", "vcs_info": GIT},
            "'seatrial[servers] @ git+https://example.test/s.git@0c1d'",
        ),
        (
            {"url": "https://example.test/s.whl", "archive_info": {}},
            "'seatrial[servers] @ https://example.test/s.whl'",
        ),
    ],
)
def test_what_pip_is_given(
    origin: object, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "seatrial-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: seatrial\nVersion: 0.1.0\n")
    if origin is not None:
        (installed / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(tmp_path)
    assert pip_install("python3", "servers") == f"python3 -m pip install {given}"


def test_from_a_clone_it_is_the_clone() -> None:
    """As these tests run: the name alone would be looked for in an index."""
    folder = Path(seatrial.__file__).parents[2]
    assert (folder / "pyproject.toml").is_file()
    assert pip_install(".venv/bin/python") == f".venv/bin/python -m pip install {folder}"
