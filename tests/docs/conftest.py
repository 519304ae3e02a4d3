"""A small shop on a real PostgreSQL, with the documents' own trials, and what each command says."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.docs.documents import ROOT, blocks
from tests.kinds.harness import open_folder

SHOP = Path(__file__).parent / "shop"
WITH_TRIALS = (ROOT / "README.md", ROOT / "docs" / "trials.md", ROOT / "docs" / "faults.md")


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Shop:
    folder: Path
    home: Path

    def __call__(self, *words: str, folder: Path | None = None) -> Said:
        """`seatrial WORDS...` in the shop's folder, or another one."""
        env = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        env |= {"SEATRIAL_HOME": str(self.home), "SHOP_PYTHON": sys.executable}
        argv = [sys.executable, "-m", "seatrial", *words]
        done = subprocess.run(
            argv,
            cwd=folder or self.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    with open_folder() as folder:
        shutil.copytree(SHOP, folder / "shop")
        (folder / "home").mkdir(mode=0o711)
        for document in WITH_TRIALS:
            for block in blocks(document, "python"):
                name = block.text.split()[1].rstrip(":")
                file = folder / "shop" / "trials" / document.stem / Path(name).name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text)
        ini = next(blocks(ROOT / "docs" / "trials.md", "ini")).text
        settings = (
            "addopts = --import-mode=importlib -p no:cacheprovider -p no:hypothesispytest\n"
            "asyncio_default_fixture_loop_scope = function\n"
        )
        (folder / "shop" / "pytest.ini").write_text(ini + settings)
        yield Shop(folder / "shop", folder / "home")


@pytest.fixture(scope="session")
def said(shop: Shop) -> dict[str, Said]:
    """What each command says of the shop: up, asked in every way, taken through a run, and down."""
    try:
        told = {"up": shop("up", "--json")}
        for name in ("status", "check", "endpoints", "doctor", "provision"):
            told[name] = shop(name, "--json")
        told["usage"] = shop("status", "--usage", "--json")
        told["usage in words"] = shop("status", "--usage")
        told["dotenv"] = shop("endpoints", "--format", "dotenv")
        told["logs"] = shop("logs", "--json")
        told["restart"] = shop("restart", "api", "--json")
        fault = ("latency", "api", "db", "--by", "1ms", "--for", "50ms")
        told["fault"] = shop("fault", *fault, "--json")
        told["run"] = shop("run", "--json", "--report-dir", "reports")
        told["gate"] = shop("gate", "--json")
        (shop.folder.parent / "home" / "d" / "p0123456789ab").mkdir()  # as a crash leaves it
        told["sweep"] = shop("sweep", "--json", "--yes")
        told["bundle"] = shop("bundle", "last", "--json")
        told["report"] = shop("report", "last", "--json", "--report-dir", "again")
        told |= _said_of_what_ails(shop)
    finally:
        down = shop("down", "--json")
    return {**told, "down": down}


AILING = """
system: ailing
python: "${SHOP_PYTHON}"
components:
  api: {kind: http, health: /health}
  news: {kind: http, health: /health, priority: p2}
environments:
  there: {provider: remote, endpoints: {api: "http://HERE", news: "http://HERE"}}
expect: {api: {json: {status: healthy}}}
"""


def _said_of_what_ails(shop: Shop) -> dict[str, Said]:
    """The same of a system in reach of which nothing listens."""
    folder = shop.folder.parent / "ailing"
    (folder / "trials").mkdir(parents=True)
    (folder / "trials" / "test_p1_any.py").write_text("def test_any(api): pass\n")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        here = "{}:{}".format(*bound.getsockname())
        (folder / "seatrial.yaml").write_text(AILING.replace("HERE", here))
        commands = {"check": (), "run": (), "gate": (), "bundle": ("last",)}
        return {
            f"{name} of what ails": shop(name, *words, "--json", folder=folder)
            for name, words in commands.items()
        }
