"""A container is put back on its networks also when taking it off went wrong half-way."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.compose.engine import Container, EngineError
from seatrial.compose.unplug import Unplugged

from .test_targets import of

#: No engine, only what Seatrial calls of one: a file in `on` for each network that the container
#: hangs on, which holds how. What is in `lost` is done without an answer, in `refused` is not done.
DOCKER = """#!/bin/sh
cd {here}
case "$2" in
disconnect)
    test ! -e refused/"$3" || {{ echo "the engine is busy" >&2; exit 1; }}
    rm on/"$3" || exit 1
    test ! -e lost/"$3" || {{ echo "unexpected EOF" >&2; exit 1; }} ;;
connect)
    how=
    while test $# -gt 4; do how="$how $3"; shift; done
    test ! -e on/"$3" || {{ echo "endpoint web already exists in network $3" >&2; exit 1; }}
    echo $how > on/"$3" ;;
esac
"""
LINKS = {"back": ("--alias", "api"), "front": ("--alias", "web", "--ip", "172.20.0.9")}


@dataclass(frozen=True)
class Plugs:
    """What the stand-in for an engine knows of the one container."""

    folder: Path

    @property
    def on(self) -> dict[str, tuple[str, ...]]:
        return {
            file.name: tuple(file.read_text().split()) for file in (self.folder / "on").iterdir()
        }

    def goes_wrong(self, how: str, network: str) -> None:
        (self.folder / how / network).touch()


@pytest.fixture
def plugs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugs:
    for name in ("on", "lost", "refused", "bin"):
        (tmp_path / name).mkdir()
    for network, link in LINKS.items():
        (tmp_path / "on" / network).write_text(" ".join(link))
    program = tmp_path / "bin" / "docker"
    program.write_text(DOCKER.format(here=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return Plugs(tmp_path)


@pytest.fixture
def web() -> Container:
    return of("web", networks=dict.fromkeys(LINKS, "172.20.0.9"), links=LINKS)


def test_it_hangs_on_its_networks_again_as_before(plugs: Plugs, web: Container) -> None:
    unplugged = Unplugged()
    asyncio.run(unplugged.take_off([web]))
    assert (plugs.on, web in unplugged) == ({}, True)
    asyncio.run(unplugged.put_back([web]))
    assert (plugs.on, web in unplugged) == (LINKS, False)


@pytest.mark.parametrize("network", LINKS)
@pytest.mark.parametrize("how", ["lost", "refused"])
def test_also_when_taking_it_off_went_wrong(
    plugs: Plugs, web: Container, how: str, network: str
) -> None:
    """Whether it was done although the engine gave no answer is not known."""
    plugs.goes_wrong(how, network)
    unplugged = Unplugged()
    with pytest.raises(EngineError):
        asyncio.run(unplugged.take_off([web]))
    assert web in unplugged
    assert (network in plugs.on) == (how == "refused")
    asyncio.run(unplugged.put_back([web]))
    assert (plugs.on, web in unplugged) == (LINKS, False)
